/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/ready.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/path.h"
#include "base/sock.h"
#include "base/str.h"
#include "libcontainer/prepare.h"

#define SOCKET_NAME "notify.sock"
#define INSIDE "/run/notify"
#define DATAGRAM_MAX 4096
#define BARRIER_MS 30000

/* What concerns systemd's own bookkeeping (MAINPID, FDSTORE, BARRIER, ...) is
 * not the container's to say. */
static const char *const allowed[] = {
	"READY=",    "STATUS=",   "RELOADING=",           "MONOTONIC_USEC=",
	"STOPPING=", "WATCHDOG=", "EXTEND_TIMEOUT_USEC=",
};

/* ---- towards systemd */

static const char *host_socket(void)
{
	const char *path = getenv("NOTIFY_SOCKET");

	/* "@" is the abstract name space */
	return path && (*path == '/' || *path == '@') && path[1] ? path : NULL;
}

/* @pass_fd: goes along, or -1 */
static int tell(const char *text, int pass_fd)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const char *path = host_socket();
	size_t len = path ? strlen(path) : 0;
	auto_fd int fd = -1;

	if (!path || len >= sizeof(addr.sun_path))
		return -ENOENT;
	memcpy(addr.sun_path, path, len + 1);
	if (*path == '@')
		addr.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&addr,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len +
				(*path != '@'))) < 0)
		return -errno;
	return sock_send(fd, text, strlen(text), &pass_fd, pass_fd >= 0);
}

/*
 * systemd looks up who sent a message, and hull is about to end: wait until
 * everything has been read (sd_notify_barrier(3)). Older ones know no BARRIER=
 * and close the descriptor just the same.
 */
static void barrier(void)
{
	struct pollfd pfd = { .events = 0 };
	auto_fd int read_fd = -1;
	int fds[2], n;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return;
	read_fd = fds[0];
	n = tell("BARRIER=1", fds[1]);
	close(fds[1]);
	pfd.fd = read_fd;
	while (!n && (n = poll(&pfd, 1, BARRIER_MS)) < 0 && errno == EINTR)
		n = 0;
}

/* ---- towards the container */

static int bind_socket(int dir_fd)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	auto_fd int fd = -1;

	snprintf(addr.sun_path, sizeof(addr.sun_path),
		 "/proc/self/fd/%d/" SOCKET_NAME, dir_fd);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* of a start that failed before */
	if (unlinkat(dir_fd, SOCKET_NAME, 0) < 0 && errno != ENOENT)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	/* the workload may be anybody, and its ids are mapped */
	if (fchmodat(dir_fd, SOCKET_NAME, 0777, 0) < 0)
		return -errno;
	return take_fd(&fd);
}

int ready_listen(int state_dir_fd, struct err *err)
{
	auto_fd int dir_fd = -1;
	int fd;

	if (!host_socket())
		return -ENOENT;
	dir_fd = path_open_beneath(state_dir_fd, READY_DIR,
				   O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (dir_fd == -ENOENT)
		return -ENOENT;
	fd = dir_fd < 0 ? dir_fd : bind_socket(dir_fd);
	return fd < 0 ? err_code(err, fd == -ENOENT ? -EIO : fd,
				 "cannot make the socket for NOTIFY_SOCKET")
		      : fd;
}

/* By name: a mount of hull's mount namespace cannot be cloned in another. */
static const char *own_dir(struct launch *l)
{
	char link[64], path[PATH_MAX];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", l->ct.dir_fd);
	len = readlink(link, path, sizeof(path));
	if (len < 0 || (size_t)len == sizeof(path))
		return NULL;
	return arena_printf(&l->ct.arena, "%.*s/" READY_DIR, (int)len, path);
}

static const struct spec *with_mount(struct launch *l)
{
	static const char *const options[] = { "bind",  "nosuid", "noexec",
					       "nodev", "ro",     NULL };
	const struct spec *spec = l->in.spec;
	struct arena *arena = &l->ct.arena;
	struct spec_mount *mounts =
		arena_array(arena, spec->mount_count + 1, sizeof(*mounts));
	struct spec *copy = arena_alloc(arena, sizeof(*copy));

	if (!mounts || !copy)
		return NULL;
	if (spec->mount_count)
		memcpy(mounts, spec->mounts,
		       spec->mount_count * sizeof(*mounts));
	mounts[spec->mount_count] = (struct spec_mount){
		.destination = INSIDE,
		.type = "bind",
		.source = own_dir(l),
		.options = options,
		.option_count = ARRAY_SIZE(options) - 1,
	};
	if (!mounts[spec->mount_count].source)
		return NULL;
	*copy = *spec;
	copy->mounts = mounts;
	copy->mount_count++;
	return copy;
}

int ready_prepare(struct launch *l, const struct spec **spec, struct err *err)
{
	size_t n = 0;

	if (!host_socket())
		return 0;
	if (mkdirat(l->ct.dir_fd, READY_DIR, 0755) < 0 ||
	    fchmodat(l->ct.dir_fd, READY_DIR, 0755, 0) < 0)
		return err_sys(err, "cannot make a directory for "
				    "NOTIFY_SOCKET");
	*spec = with_mount(l);
	if (!*spec)
		return err_set(err, -ENOMEM, "out of memory");
	while (l->in.extra_env[n])
		n++;
	l->in.extra_env[n] = "NOTIFY_SOCKET=" INSIDE "/" SOCKET_NAME;
	return 0;
}

/* Return: 1 when READY=1 was in it, else 0. */
static int sift(char *text, struct strbuf *out)
{
	char *rest = NULL;
	int ready = 0;

	for (char *line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
			if (!str_starts(line, allowed[i]))
				continue;
			strbuf_addf(out, "%s\n", line);
			ready |= !strcmp(line, "READY=1");
		}
	}
	return ready;
}

int ready_relay(int fd, pid_t main_pid)
{
	auto_strbuf struct strbuf out = STRBUF_INIT;
	char text[DATAGRAM_MAX + 1];
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	int ready, ret;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	text[n] = '\0';
	ready = sift(text, &out);
	if (ready)
		strbuf_addf(&out, "MAINPID=%d\n", (int)main_pid);
	if (!strbuf_ok(&out))
		return -ENOMEM;
	if (!out.len)
		return 0;
	ret = tell(out.s, -1);
	if (ret)
		log_warn("cannot reach NOTIFY_SOCKET: %s", err_text(ret));
	return ready;
}

/* Messages that are still read after the end: more than the kernel queues
 * (net.unix.max_dgram_qlen), and others of the container may go on talking. */
#define LAST_WORDS 1024

int ready_wait(int fd, int pidfd, pid_t main_pid, struct err *err)
{
	unsigned int after_end = 0;
	struct pollfd fds[] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = pidfd, .events = POLLIN },
	};

	for (;;) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0) {
			if (errno == EINTR)
				continue;
			return err_sys(err, "waiting for the workload");
		}
		if (fds[1].revents && after_end++ > LAST_WORDS)
			return 0;
		/* what it said last counts, also if it has ended since */
		if (fds[0].revents) {
			int ready = ready_relay(fd, main_pid);

			if (ready > 0)
				break;
			if (ready < 0)
				return err_code(err, ready,
						"waiting for the workload");
		} else if (fds[1].revents) {
			return 0;
		}
	}
	barrier();
	return 0;
}
