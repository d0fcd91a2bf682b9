/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/sock.h"
#include "base/sys.h"
#include "libcontainer/gate.h"
#include "libcontainer/vm_net.h"

/*
 * At the start the interfaces of the container's network namespace are all
 * there: whoever made them had the time since create. hull-net enters it and
 * gives a tap for each; hull itself stays outside.
 */

#define NETNS_FD 3
#define REPORT_FD 4

struct network {
	struct vm_go go;
	int taps[VM_MAX_NETS];
	char *json;
};

static void release(struct network *net)
{
	for (size_t i = 0; i < VM_MAX_NETS; i++)
		auto_close_fd(&net->taps[i]);
	free(net->json);
}

/* @net: what there is becomes taps; NULL: what is left of taps goes. */
static void __attribute__((noreturn))
run_helper(int helper_fd, int net_fd, int sock, const struct network *net)
{
	char name[] = "hull-net", attach[] = "attach", detach[] = "detach";
	char first[16], slots[16];
	char *const argv_attach[] = { name, attach, first, slots, NULL };
	char *const argv_detach[] = { name, detach, NULL };
	char *const *argv = net ? argv_attach : argv_detach;
	char *const envp[] = { NULL };

	snprintf(first, sizeof(first), "%d", VM_NET_SLOT(VM_MAX_NETS, 0));
	snprintf(slots, sizeof(slots), "%d", VM_MAX_NETS);
	/* out of the way of 3 and 4 first; every copy is close-on-exec */
	helper_fd = fcntl(helper_fd, F_DUPFD_CLOEXEC, REPORT_FD + 1);
	net_fd = fcntl(net_fd, F_DUPFD_CLOEXEC, REPORT_FD + 1);
	sock = fcntl(sock, F_DUPFD_CLOEXEC, REPORT_FD + 1);
	if (helper_fd < 0 || net_fd < 0 || sock < 0 ||
	    dup2(net_fd, NETNS_FD) < 0 || dup2(sock, REPORT_FD) < 0)
		_exit(126);
	if (!sys_close_range(REPORT_FD + 1, ~0U, CLOSE_RANGE_CLOEXEC))
		sys_execveat(helper_fd, "", argv, envp, AT_EMPTY_PATH);
	_exit(127);
}

static int take_json(struct network *net, int fd, struct err *err)
{
	size_t len;
	int ret = io_load(fd, VM_NET_JSON_MAX, &net->json, &len);

	if (ret)
		return err_code(err, ret,
				"cannot read the description of the "
				"network");
	net->go.json_len = (uint32_t)len;
	return 0;
}

/* Return: 1 when all has been said, 0, or -errno. */
static int take_message(struct network *net, const struct vm_net_msg *msg,
			int *fd, struct err *err)
{
	switch (msg->kind) {
	case VM_NET_ERROR:
		if (err)
			*err = msg->err;
		return msg->err.code < 0 ? msg->err.code : -EIO;
	case VM_NET_TAP:
		if (!net || *fd < 0 || net->go.net_count == VM_MAX_NETS)
			break;
		net->taps[net->go.net_count] = take_fd(fd);
		net->go.net[net->go.net_count++] = msg->net;
		return 0;
	case VM_NET_END:
		if (!net)
			return 1;
		if (*fd >= 0)
			return take_json(net, *fd, err) ? err->code : 1;
		break;
	}
	return err_set(err, -EPROTO, "unexpected answer from 'hull-net'");
}

static int listen_to_helper(struct network *net, int sock, struct err *err)
{
	int ret = 0;

	while (!ret) {
		auto_fd int fd = -1;
		struct vm_net_msg msg;
		ssize_t n = sock_recv(sock, &msg, sizeof(msg), &fd, 1);

		if (n < 0)
			return err_code(err, (int)n, "waiting for 'hull-net'");
		if (n != sizeof(msg) || msg.magic != VM_NET_MAGIC)
			return err_set(err, -EIO,
				       "'hull-net' ended before its work was "
				       "done");
		ret = take_message(net, &msg, &fd, err);
	}
	return ret < 0 ? ret : 0;
}

static int ask_helper(int net_fd, struct network *net, struct err *err)
{
	struct clone_args args = { .flags = CLONE_CLEAR_SIGHAND };
	auto_fd int helper_fd = vm_open_file(VM_FILE_NET, err);
	auto_fd int ours = -1, theirs = -1;
	int sv[2], ret;
	pid_t pid;

	if (helper_fd < 0)
		return helper_fd;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return err_sys(err, "cannot make a socket pair");
	ours = sv[0];
	theirs = sv[1];
	pid = sys_clone3(&args, sizeof(args));
	if (pid < 0)
		return err_sys(err, "cannot start 'hull-net'");
	if (pid == 0)
		run_helper(helper_fd, net_fd, theirs, net);
	auto_close_fd(&theirs);
	ret = listen_to_helper(net, ours, err);
	if (ret)
		kill(pid, SIGKILL);
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	return ret;
}

/* Who is still alive afterwards had this number all the time: what has been
 * opened is not a later process's. */
static int open_netns(const struct ct *ct, int pidfd, struct err *err)
{
	auto_fd int fd = -1;
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)ct->st.pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "cannot open '%s'", path);
	if (proc_is_dead(pidfd))
		return err_set(err, -ESRCH, "init died before the start");
	return take_fd(&fd);
}

static int say_go(struct ct *ct, int pidfd, const struct network *net,
		  struct err *err)
{
	size_t len = sizeof(net->go) + net->go.json_len;
	auto_free char *payload = malloc(len);
	struct gate_go go = {
		.payload = payload,
		.len = len,
		.fds = net->taps,
		.fd_count = net->go.net_count,
	};

	if (!payload)
		return err_set(err, -ENOMEM, "out of memory");
	memcpy(payload, &net->go, sizeof(net->go));
	if (net->go.json_len)
		memcpy(payload + sizeof(net->go), net->json, net->go.json_len);
	return gate_open_with(ct->dir_fd, pidfd, &go, err);
}

int vm_start(struct ct *ct, int pidfd, struct err *err)
{
	struct network net = { .go = { .magic = VM_CONFIG_MAGIC } };
	auto_fd int net_fd = open_netns(ct, pidfd, err);
	struct err why = { 0 };
	int ret;

	if (net_fd < 0)
		return net_fd;
	for (size_t i = 0; i < VM_MAX_NETS; i++)
		net.taps[i] = -1;
	ret = ask_helper(net_fd, &net, &why);
	if (ret)
		err_stage(&why, "network");
	else
		ret = say_go(ct, pidfd, &net, &why);
	release(&net);
	if (ret && err)
		*err = why;
	return ret;
}

/*
 * A namespace of the container's own is gone with it. One that it has joined
 * keeps its interfaces, and the rules that lead their frames to no tap.
 */
void vm_leave_network(struct ct *ct)
{
	const struct spec_namespace *ns;
	struct err why = { 0 };
	auto_fd int net_fd = -1;
	int ret = ct_load_spec(ct, &why);

	ns = ret ? NULL : spec_namespace(ct->spec, SPEC_NS_NETWORK);
	if (!ret && (!ns || !ns->path))
		return;
	if (!ret) {
		net_fd = open(ns->path,
			      O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (net_fd < 0 && errno == ENOENT)
			return;
		ret = net_fd < 0 ? err_sys(&why, "cannot open '%s'", ns->path)
				 : ask_helper(net_fd, NULL, &why);
	}
	if (ret)
		log_warn("the interfaces of '%s' are not given back: %s",
			 ct->st.id, why.msg);
}
