/* SPDX-License-Identifier: Apache-2.0 */
#include "namespaces/ns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/helper.h"
#include "base/json/json.h"
#include "base/sys.h"

/*
 * hull is linked statically and libmnl comes as a shared library only. So the
 * one question that hull has for rtnetlink is asked by a program of its own,
 * hull-net, which also keeps hull itself out of the container's network
 * namespace.
 */

#define ANSWER_MAX (4 << 20)
#define NETNS_FD 3 /* hull-net's argument */

static char helper_name[] = "hull-net";

static void __attribute__((noreturn))
run_helper(int helper_fd, char *const argv[], int net_fd, int out_fd)
{
	char *const envp[] = { NULL };

	/* out of the way of 1 and 3 first; every copy is close-on-exec */
	helper_fd = fcntl(helper_fd, F_DUPFD_CLOEXEC, NETNS_FD + 1);
	net_fd = fcntl(net_fd, F_DUPFD_CLOEXEC, NETNS_FD + 1);
	if (helper_fd < 0 || net_fd < 0 || dup2(out_fd, 1) < 0 ||
	    dup2(net_fd, NETNS_FD) < 0)
		_exit(126);
	if (!sys_close_range(NETNS_FD + 1, ~0U, CLOSE_RANGE_CLOEXEC))
		sys_execveat(helper_fd, "", argv, envp, AT_EMPTY_PATH);
	_exit(127);
}

static int read_answer(int fd, struct strbuf *out)
{
	char buf[16384];

	for (;;) {
		ssize_t n = read(fd, buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return strbuf_ok(out) ? 0 : -ENOMEM;
		if (out->len + (size_t)n > ANSWER_MAX)
			return -EFBIG;
		strbuf_addn(out, buf, (size_t)n);
	}
}

/* Run it on @net_fd; its text in @out, its success as the result. */
static int ask_helper(char *const argv[], int net_fd, struct strbuf *out,
		      struct err *err)
{
	struct clone_args args = { .flags = CLONE_CLEAR_SIGHAND };
	auto_fd int helper_fd = helper_open(helper_name);
	auto_fd int read_fd = -1;
	int fds[2], status = -1, ret;
	pid_t pid;

	if (helper_fd < 0)
		return err_code(err, helper_fd,
				"cannot find 'hull-net' beside hull");
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, "cannot make a pipe");
	read_fd = fds[0];
	pid = sys_clone3(&args, sizeof(args));
	if (pid == 0)
		run_helper(helper_fd, argv, net_fd, fds[1]);
	ret = pid < 0 ? -errno : 0;
	close(fds[1]);
	if (ret)
		return err_code(err, ret, "cannot start 'hull-net'");
	ret = read_answer(read_fd, out);
	if (ret)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
		;
	if (!ret && status)
		ret = -EIO;
	return ret ? err_code(err, ret, "'hull-net' failed") : 0;
}

int ns_net_stats(pid_t pid, struct json_gen *gen, struct err *err)
{
	auto_strbuf struct strbuf answer = STRBUF_INIT;
	auto_arena struct arena arena = { 0 };
	const struct json *list = NULL;
	char *const argv[] = { helper_name, NULL };
	auto_fd int net_fd = -1;
	char path[48];
	int ret;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	net_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (net_fd < 0)
		return err_sys(err, "cannot open '%s'", path);
	ret = ask_helper(argv, net_fd, &answer, err);
	if (ret)
		return ret;
	list = json_parse(&arena, answer.s ? answer.s : "", answer.len, err);
	if (!list || list->type != JSON_ARRAY)
		return err_set(err, -EIO, "unexpected answer from 'hull-net'");
	json_gen_value(gen, "network_interfaces", list);
	return 0;
}

/* The name in the container: the spec's, or the same as outside. */
static int fill_names(const struct spec_net_device *devs, size_t count,
		      char **argv)
{
	size_t n = 0;
	static char move[] = "move";

	argv[n++] = helper_name;
	argv[n++] = move;
	for (size_t i = 0; i < count; i++) {
		const char *name = devs[i].name;

		argv[n++] = strdup(devs[i].from);
		argv[n++] = strdup(name && *name ? name : devs[i].from);
		if (!argv[n - 1] || !argv[n - 2])
			return -ENOMEM;
	}
	return 0;
}

int ns_move_devices(const struct ns_plan *plan, pid_t pid,
		    const struct spec_linux *linux_, struct err *err)
{
	size_t count = linux_->net_device_count;
	auto_strbuf struct strbuf answer = STRBUF_INIT;
	struct err why = { 0 };
	auto_free char **argv = NULL;
	auto_fd int own_fd = -1;
	char path[48];
	int net_fd = plan->join_fd[SPEC_NS_NETWORK], ret;

	if (!count)
		return 0;
	if (net_fd < 0) {
		snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
		own_fd = open(path, O_RDONLY | O_CLOEXEC);
		if (own_fd < 0)
			return err_sys(err, "cannot open '%s'", path);
		net_fd = own_fd;
	}
	argv = calloc(2 * count + 3, sizeof(*argv));
	if (!argv)
		return err_set(err, -ENOMEM, "out of memory");
	ret = fill_names(linux_->net_devices, count, argv);
	if (!ret)
		ret = ask_helper(argv, net_fd, &answer, &why);
	for (size_t i = 2; i < 2 * count + 2; i++)
		free(argv[i]);
	if (ret)
		return err_at(err, ret, "linux.netDevices", "%s",
			      answer.len ? answer.s : why.msg);
	return 0;
}
