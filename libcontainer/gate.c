/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/gate.h"

#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/proc.h"
#include "base/report.h"
#include "base/sock.h"
#include "namespaces/ns.h"

#define OPEN_TRIES 8
#define SHUT_TRIES 10000 /* of 0.1 ms */
#define WANT_NAMESPACES "namespaces"

int gate_listen(int dir_fd, struct err *err)
{
	int fd = sock_listen_at(dir_fd, GATE_NAME);

	return fd < 0 ? err_code(err, fd, "cannot make the start gate") : fd;
}

/* Its own: to itself /proc never denies them. Who asked learns from the end of
 * the stream that there are none for him. */
static void hand_namespaces(int conn, int ns_dir_fd)
{
	int fds[SPEC_NS_TYPES];
	uint32_t flags = 0;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(ns_types); i++) {
		int fd = openat(ns_dir_fd, ns_types[i].file,
				O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			continue;
		flags |= (uint32_t)ns_types[i].flag;
		fds[n++] = fd;
	}
	sock_send(conn, &flags, sizeof(flags), fds, n);
	while (n)
		auto_close_fd(&fds[--n]);
}

int gate_wait(int listen_fd, int ns_dir_fd, struct err *err)
{
	for (;;) {
		auto_free char *wish = NULL;
		auto_fd int conn = -1;
		size_t len;
		int ret;

		if (ns_dir_fd < 0)
			return report_wait_go(listen_fd, NULL, NULL, NULL, 0,
					      err);
		ret = report_wait_go(listen_fd, &wish, &len, NULL, 0, err);
		if (ret < 0 || !wish)
			return ret;
		conn = ret;
		if (!strcmp(wish, WANT_NAMESPACES))
			hand_namespaces(conn, ns_dir_fd);
	}
}

void gate_fail(int conn_fd, const struct err *err)
{
	/* start has died, if this fails: nobody is left to be told */
	report_send(conn_fd, err);
}

bool gate_is_waiting(int dir_fd)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	auto_fd int fd = -1;

	/* most containers are past it: no socket for them */
	if (faccessat(dir_fd, GATE_NAME, F_OK, 0) < 0 && errno == ENOENT)
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	snprintf(addr.sun_path, sizeof(addr.sun_path),
		 "/proc/self/fd/%d/" GATE_NAME, dir_fd);
	if (!connect(fd, (const struct sockaddr *)&addr, sizeof(addr)))
		return true;
	return errno == EAGAIN; /* the queue is full: somebody listens */
}

/*
 * Init's death closes the connection too, except for a copy in a hook's child.
 */
static int wait_readable(int conn, int pidfd, struct err *err)
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
			return 0;
		if (fds[1].revents)
			return err_set(err, -ESRCH,
				       "init died before the start");
	}
}

static int try_open(int dir_fd, int pidfd, const struct gate_go *go,
		    struct err *err)
{
	auto_fd int conn = sock_connect_at(dir_fd, GATE_NAME);
	int ret;

	if (conn == -ECONNREFUSED || conn == -ENOENT)
		return err_set(err, -ECONNREFUSED,
			       "the container does not wait to be started");
	if (conn < 0)
		return err_code(err, conn, "cannot reach the start gate");
	ret = report_go(conn, go->payload, go->len, go->fds, go->fd_count);
	if (!ret)
		ret = wait_readable(conn, pidfd, err);
	return ret ? ret : report_read(conn, err);
}

/*
 * Init's execve() closes the connection and the gate, in an order of the
 * kernel's choice. Who asks for the state next must not find the gate.
 */
static void wait_shut(int dir_fd, int pidfd)
{
	const struct timespec moment = { .tv_nsec = 100000 };

	for (int i = 0;
	     i < SHUT_TRIES && gate_is_waiting(dir_fd) && !proc_is_dead(pidfd);
	     i++)
		nanosleep(&moment, NULL);
}

int gate_open_with(int dir_fd, int pidfd, const struct gate_go *go,
		   struct err *err)
{
	int ret = -EPIPE;

	for (int i = 0; i < OPEN_TRIES; i++) {
		ret = try_open(dir_fd, pidfd, go, err);
		/* dropped for being slow (see report_wait_go()), or init has
		 * died */
		if ((ret != -EPIPE && ret != -ECONNRESET) ||
		    proc_is_dead(pidfd))
			break;
	}
	if (ret == -EPIPE || ret == -ECONNRESET)
		return err_code(err, ret, "the start gate was shut");
	if (!ret)
		wait_shut(dir_fd, pidfd);
	return ret;
}

int gate_open(int dir_fd, int pidfd, struct err *err)
{
	return gate_open_with(dir_fd, pidfd, &(struct gate_go){ 0 }, err);
}

static int try_namespaces(int dir_fd, int pidfd, struct ns_plan *out,
			  struct err *err)
{
	auto_fd int conn = sock_connect_at(dir_fd, GATE_NAME);
	int fds[SPEC_NS_TYPES];
	uint32_t flags = 0;
	size_t n = 0;
	int ret = conn < 0 ? conn : 0;

	if (!ret)
		ret = report_go(conn, WANT_NAMESPACES, strlen(WANT_NAMESPACES),
				NULL, 0);
	if (!ret)
		ret = wait_readable(conn, pidfd, err);
	if (ret)
		return ret;
	for (size_t i = 0; i < SPEC_NS_TYPES; i++)
		fds[i] = -1;
	if (sock_recv(conn, &flags, sizeof(flags), fds, SPEC_NS_TYPES) !=
	    sizeof(flags))
		ret = -EPIPE;
	for (size_t i = 0; !ret && i < ARRAY_SIZE(ns_types); i++)
		if (flags & (uint32_t)ns_types[i].flag)
			out->join_fd[ns_types[i].type] = fds[n++];
	return ret;
}

int gate_namespaces(int dir_fd, int pidfd, struct ns_plan *out, struct err *err)
{
	int ret = -EPIPE;

	*out = (struct ns_plan){ 0 };
	for (size_t i = 0; i < SPEC_NS_TYPES; i++)
		out->join_fd[i] = -1;
	for (int i = 0; i < OPEN_TRIES; i++) {
		ret = try_namespaces(dir_fd, pidfd, out, err);
		if ((ret != -EPIPE && ret != -ECONNRESET) ||
		    proc_is_dead(pidfd))
			break;
	}
	return ret;
}
