/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/sync.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/sock.h"
#include "base/sys.h"

static const char *const sync_names[SYNC_STEPS] = {
	[SYNC_ERROR] = "error",           [SYNC_PID] = "pid",
	[SYNC_MAPPED] = "mapped",         [SYNC_HOOKS] = "hooks",
	[SYNC_HOOKS_DONE] = "hooks done", [SYNC_CONSOLE] = "console",
	[SYNC_READY] = "ready",           [SYNC_GO] = "go",
};

#define SYNC_SHORT offsetof(struct sync_msg, err)

const char *sync_step_name(enum sync_step step)
{
	return (unsigned int)step < SYNC_STEPS ? sync_names[step] : "unknown";
}

int sync_pair(int *parent_fd, int *child_fd)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return -errno;
	*parent_fd = sv[0];
	*child_fd = sv[1];
	return 0;
}

int sync_send(int sock, enum sync_step step, pid_t pid, int fd)
{
	struct sync_msg msg = { .step = step, .pid = pid };

	return sock_send(sock, &msg, SYNC_SHORT, &fd, fd >= 0 ? 1 : 0);
}

int sync_send_go(int sock, pid_t pid, uint32_t ignored)
{
	struct sync_msg msg = {
		.step = SYNC_GO,
		.pid = pid,
		.ignored = ignored,
	};

	return sock_send(sock, &msg, SYNC_SHORT, NULL, 0);
}

void sync_send_error(int sock, const struct err *err)
{
	struct sync_msg msg = { .step = SYNC_ERROR, .err = *err };

	(void)sock_send(sock, &msg, sizeof(msg), NULL, 0);
}

static int sync_check(struct sync_msg *msg, ssize_t n)
{
	if (n < (ssize_t)SYNC_SHORT || (unsigned int)msg->step >= SYNC_STEPS)
		return -EPROTO;
	if (msg->step != SYNC_ERROR)
		return 1;
	if (n != sizeof(*msg) || msg->err.code >= 0)
		return -EPROTO;
	msg->err.stage[sizeof(msg->err.stage) - 1] = '\0';
	msg->err.field[sizeof(msg->err.field) - 1] = '\0';
	msg->err.msg[sizeof(msg->err.msg) - 1] = '\0';
	return 1;
}

int sync_recv(int sock, struct sync_msg *msg, int *fd)
{
	auto_fd int got = -1;
	ssize_t n;
	int ret;

	n = sock_recv(sock, msg, sizeof(*msg), &got, 1);
	/*
	 * A peer that ends with something of ours unread leaves ECONNRESET in
	 * front of what it said last. With nothing behind it stays an error: a
	 * child that never read "go" has not executed anything.
	 */
	if (n == -ECONNRESET) {
		n = sock_recv(sock, msg, sizeof(*msg), &got, 1);
		if (n == 0)
			n = -ECONNRESET;
	}
	if (n == 0)
		return 0;
	if (n < 0)
		return (int)n;
	ret = sync_check(msg, n);
	if (ret > 0 && fd)
		*fd = take_fd(&got);
	return ret;
}

static int expect(int sock, enum sync_step step, struct sync_msg *out, int *fd,
		  struct err *err)
{
	struct sync_msg msg;
	int ret = sync_recv(sock, &msg, fd);

	if (ret < 0)
		return err_code(err, ret, "waiting for step '%s'",
				sync_step_name(step));
	if (ret == 0)
		return err_set(err, -ESRCH,
			       "the other side ended before step '%s'",
			       sync_step_name(step));
	if (msg.step == SYNC_ERROR) {
		if (err)
			*err = msg.err;
		return msg.err.code;
	}
	if (msg.step != step)
		return err_set(err, -EPROTO, "step '%s' came before '%s'",
			       sync_step_name(msg.step), sync_step_name(step));
	*out = msg;
	return 0;
}

int sync_expect(int sock, enum sync_step step, pid_t *pid, int *fd,
		struct err *err)
{
	struct sync_msg msg;
	int ret = expect(sock, step, &msg, fd, err);

	if (!ret && pid)
		*pid = msg.pid;
	return ret;
}

static bool has_something(int sock)
{
	struct pollfd fd = { .fd = sock, .events = POLLIN };

	return poll(&fd, 1, 0) > 0;
}

int sync_expect_of(int pidfd, int sock, enum sync_step step, pid_t *pid,
		   int *fd, struct err *err)
{
	struct pollfd fds[] = {
		{ .fd = sock, .events = POLLIN },
		{ .fd = pidfd, .events = POLLIN },
	};

	while (poll(fds, ARRAY_SIZE(fds), -1) < 0) {
		if (errno != EINTR)
			return err_sys(err, "waiting for step '%s'",
				       sync_step_name(step));
	}
	/* what it said last may have come between the two looks */
	if (!fds[0].revents && !has_something(sock))
		return err_set(err, -ESRCH,
			       "the other side ended before step '%s'",
			       sync_step_name(step));
	return sync_expect(sock, step, pid, fd, err);
}

int sync_wait_go(int sock, pid_t *pid, struct err *err)
{
	struct sync_msg msg;
	int ret = expect(sock, SYNC_GO, &msg, NULL, err);

	for (int sig = 1; !ret && sig < 32; sig++) {
		if (msg.ignored & (1U << (sig - 1)))
			sys_signal_default(sig);
	}
	if (ret)
		return ret;
	if (pid)
		*pid = msg.pid;
	/* not in the caller's list, and known to come ignored from make(1) */
	sys_signal_default(32);
	sys_signal_default(33);
	return 0;
}

int sync_blame(int sock, int ret, struct err *err)
{
	struct sync_msg msg;

	while (has_something(sock) && sync_recv(sock, &msg, NULL) > 0) {
		if (msg.step != SYNC_ERROR)
			continue;
		if (err)
			*err = msg.err;
		return msg.err.code;
	}
	return ret;
}
