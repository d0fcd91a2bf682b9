/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sock.h"

#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/auto.h"
#include "base/sabotage.h"

#define BACKLOG 16

static int unix_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

/* sun_path without the directory: that part is as long as it likes. */
static int address_at(int dir_fd, const char *name, struct sockaddr_un *addr)
{
	int len;

	if (!*name || strchr(name, '/'))
		return -EINVAL;
	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (dir_fd == AT_FDCWD)
		len = snprintf(addr->sun_path, sizeof(addr->sun_path), "./%s",
			       name);
	else
		len = snprintf(addr->sun_path, sizeof(addr->sun_path),
			       "/proc/self/fd/%d/%s", dir_fd, name);
	if (len < 0 || ((size_t)len >= sizeof(addr->sun_path) &&
			!SABOTAGED("sock_length")))
		return -ENAMETOOLONG;
	return 0;
}

static int connect_address(const struct sockaddr_un *addr)
{
	auto_fd int fd = unix_socket();
	int ret;

	if (fd < 0)
		return fd;
	do /* a full backlog makes connect(2) sleep; it may be begun again */
		ret = connect(fd, (const struct sockaddr *)addr, sizeof(*addr));
	while (ret < 0 && errno == EINTR);
	if (ret < 0)
		return -errno;
	return take_fd(&fd);
}

int sock_connect_at(int dir_fd, const char *name)
{
	struct sockaddr_un addr;
	int ret = address_at(dir_fd, name, &addr);

	return ret < 0 ? ret : connect_address(&addr);
}

int sock_connect(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];
	auto_fd int dir_fd = -1;
	size_t dir_len;

	if (!len) /* would be an abstract address */
		return -ENOENT;
	if (len < sizeof(addr.sun_path)) {
		memcpy(addr.sun_path, path, len + 1);
		return connect_address(&addr);
	}
	if (!slash)
		return sock_connect_at(AT_FDCWD, path);
	dir_len = slash == path ? 1 : (size_t)(slash - path);
	if (dir_len >= sizeof(dir))
		return -ENAMETOOLONG;
	memcpy(dir, path, dir_len);
	dir[dir_len] = '\0';
	dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return -errno;
	return sock_connect_at(dir_fd, slash + 1);
}

int sock_listen_at(int dir_fd, const char *name)
{
	struct sockaddr_un addr;
	int ret = address_at(dir_fd, name, &addr);
	auto_fd int fd = -1;

	if (ret < 0)
		return ret;
	fd = unix_socket();
	if (fd < 0)
		return fd;
	/*
	 * bind(2) gives the new inode the mode of the socket's own, so that
	 * there is no moment when others can connect.
	 */
	if ((!SABOTAGED("sock_mode") && fchmod(fd, S_IRUSR | S_IWUSR) < 0) ||
	    bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(fd, BACKLOG) < 0)
		return -errno;
	return take_fd(&fd);
}

union fd_control {
	struct cmsghdr align;
	char room[CMSG_SPACE(SOCK_MAX_FDS * sizeof(int))];
};

static void attach_fds(struct msghdr *msg, union fd_control *control,
		       const int *fds, size_t count)
{
	struct cmsghdr *head;

	memset(control, 0, sizeof(*control));
	msg->msg_control = control->room;
	msg->msg_controllen = CMSG_SPACE(count * sizeof(int));
	head = CMSG_FIRSTHDR(msg);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(head), fds, count * sizeof(int));
}

int sock_send(int fd, const void *data, size_t len, const int *fds,
	      size_t fd_count)
{
	const char *p = data;
	union fd_control control;

	if (!len || fd_count > SOCK_MAX_FDS)
		return -EINVAL;
	while (len) {
		struct iovec iov = { (void *)(uintptr_t)p, len };
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
		ssize_t n;

		if (fd_count)
			attach_fds(&msg, &control, fds, fd_count);
		n = sendmsg(fd, &msg, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		/* a stream may take less; the descriptors went with it */
		p += n;
		len -= (size_t)n;
		fd_count = 0;
	}
	return 0;
}

/* Hand over what the caller has room for; @got counts what it has already. */
static void take_fds(struct cmsghdr *head, int *fds, size_t fd_count,
		     size_t *got)
{
	size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < count; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(head) + i * sizeof(int), sizeof(int));
		if (*got < fd_count)
			fds[(*got)++] = fd;
		else
			close(fd);
	}
}

ssize_t sock_recv(int fd, void *data, size_t size, int *fds, size_t fd_count)
{
	struct iovec iov = { data, size };
	union fd_control control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room),
	};
	size_t got = 0;
	ssize_t n;

	for (size_t i = 0; i < fd_count; i++)
		fds[i] = -1;
	do
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	/* what does not fit into the control buffer, the kernel drops itself */
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c;
	     c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			take_fds(c, fds, fd_count, &got);
	if (!(msg.msg_flags & MSG_TRUNC))
		return n;
	for (size_t i = 0; i < got; i++)
		auto_close_fd(&fds[i]);
	return -EMSGSIZE;
}
