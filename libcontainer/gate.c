/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/gate.h"

#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/proc.h"
#include "base/sock.h"

#define GATE_MAGIC 0x48474154u /* "HGAT" */
#define GO_WAIT_MS 2000
#define OPEN_TRIES 8
#define OVERFLOW_UID 65534

/*
 * One message each way: "go" has no payload; the answer, if there is one,
 * carries a struct err. Both ends are the same program of the same machine.
 */
struct gate_head {
	uint32_t magic;
	uint32_t len;
};

int gate_listen(int dir_fd, struct err *err)
{
	int fd = sock_listen_at(dir_fd, GATE_NAME);

	return fd < 0 ? err_code(err, fd, "cannot make the start gate") : fd;
}

/*
 * The directory keeps others out already. Seen from a user namespace hull's
 * own uid may have no number, and then shows as the overflow uid.
 */
static bool is_trusted(int conn)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(conn, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return false;
	return cred.uid == 0 || cred.uid == geteuid() ||
	       cred.uid == OVERFLOW_UID;
}

static ssize_t recv_all(int fd, void *buf, size_t len)
{
	ssize_t n;

	do
		n = recv(fd, buf, len, MSG_WAITALL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/*
 * A status probe connects and hangs up. One that was stopped in between must
 * not hold the gate for ever: who says nothing in time is dropped, and
 * gate_open() comes back.
 */
static bool says_go(int conn)
{
	struct pollfd pfd = { .fd = conn, .events = POLLIN };
	struct gate_head head;
	int n;

	if (!is_trusted(conn))
		return false;
	do
		n = poll(&pfd, 1, GO_WAIT_MS);
	while (n < 0 && errno == EINTR);
	if (n <= 0 || recv_all(conn, &head, sizeof(head)) != sizeof(head))
		return false;
	return head.magic == GATE_MAGIC && head.len == 0;
}

int gate_wait(int listen_fd, struct err *err)
{
	for (;;) {
		auto_fd int conn = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

		if (conn >= 0 && says_go(conn))
			return take_fd(&conn);
		if (conn < 0 && errno != EINTR && errno != ECONNABORTED)
			return err_sys(err, "waiting at the start gate");
	}
}

void gate_fail(int conn_fd, const struct err *err)
{
	struct {
		struct gate_head head;
		struct err err;
	} msg = {
		.head = { .magic = GATE_MAGIC, .len = sizeof(*err) },
		.err = *err,
	};

	sock_send(conn_fd, &msg, sizeof(msg), NULL, 0);
}

bool gate_is_waiting(int dir_fd)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	auto_fd int fd = -1;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	snprintf(addr.sun_path, sizeof(addr.sun_path),
		 "/proc/self/fd/%d/" GATE_NAME, dir_fd);
	if (!connect(fd, (const struct sockaddr *)&addr, sizeof(addr)))
		return true;
	return errno == EAGAIN; /* the queue is full: somebody listens */
}

/* What init said: 0 for the end of the stream, which is execve's work. */
static int read_answer(int conn, struct err *err)
{
	struct gate_head head;
	struct err told;
	ssize_t n = recv_all(conn, &head, sizeof(head));

	if (n <= 0)
		return (int)n;
	if (n != sizeof(head) || head.magic != GATE_MAGIC ||
	    head.len != sizeof(told) ||
	    recv_all(conn, &told, sizeof(told)) != sizeof(told))
		return err_set(err, -EPROTO, "garbled answer from init");
	told.stage[sizeof(told.stage) - 1] = '\0';
	told.field[sizeof(told.field) - 1] = '\0';
	told.msg[sizeof(told.msg) - 1] = '\0';
	if (told.code >= 0)
		told.code = -EIO;
	if (err)
		*err = told;
	return told.code;
}

/*
 * Init's death closes the connection too, except for a copy in a hook's child.
 */
static int wait_answer(int conn, int pidfd, struct err *err)
{
	struct pollfd fds[] = {
		{ .fd = conn, .events = POLLIN },
		{ .fd = pidfd, .events = POLLIN },
	};

	for (;;) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0) {
			if (errno == EINTR)
				continue;
			return err_sys(err, "waiting for init");
		}
		if (fds[0].revents)
			return read_answer(conn, err);
		if (fds[1].revents)
			return err_set(err, -ESRCH,
				       "init died before the start");
	}
}

static int try_open(int dir_fd, int pidfd, struct err *err)
{
	const struct gate_head go = { .magic = GATE_MAGIC };
	auto_fd int conn = sock_connect_at(dir_fd, GATE_NAME);
	int ret;

	if (conn == -ECONNREFUSED || conn == -ENOENT)
		return err_set(err, -ECONNREFUSED,
			       "the container does not wait to be started");
	if (conn < 0)
		return err_code(err, conn, "cannot reach the start gate");
	ret = sock_send(conn, &go, sizeof(go), NULL, 0);
	return ret ? ret : wait_answer(conn, pidfd, err);
}

int gate_open(int dir_fd, int pidfd, struct err *err)
{
	int ret = -EPIPE;

	for (int i = 0; i < OPEN_TRIES; i++) {
		ret = try_open(dir_fd, pidfd, err);
		/* dropped for being slow (see says_go()), or init has died */
		if ((ret != -EPIPE && ret != -ECONNRESET) ||
		    proc_is_dead(pidfd))
			break;
	}
	if (ret == -EPIPE || ret == -ECONNRESET)
		return err_code(err, ret, "the start gate was shut");
	return ret;
}
