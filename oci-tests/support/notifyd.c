/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notifyd SOCKET ERRNO: a seccomp agent. Takes one listener after the other,
 * writes each container process state to SOCKET.json (one a line), and answers
 * every system call it is asked about with ERRNO; with 0 it lets it pass.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTENERS_MAX 16

static int take(int conn, char *text, size_t size)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { .iov_base = text, .iov_len = size - 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(conn, &msg, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int fd;

	if (n <= 0 || !c || c->cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	for (size_t len = (size_t)n; n > 0 && len < size - 1;
	     len += (size_t)n) {
		text[len] = '\0';
		n = read(conn, text + len, size - 1 - len);
		if (n <= 0)
			break;
	}
	return fd;
}

static void answer(int fd, int error)
{
	struct seccomp_notif ask;
	struct seccomp_notif_resp reply;

	memset(&ask, 0, sizeof(ask));
	if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &ask) < 0)
		return;
	memset(&reply, 0, sizeof(reply));
	reply.id = ask.id;
	reply.error = -error;
	reply.flags = error ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &reply);
}

static void welcome(int listen_fd, const char *path, struct pollfd *fds,
		    nfds_t *count)
{
	static char text[65536];
	char name[sizeof(((struct sockaddr_un *)0)->sun_path) + 8];
	int conn = accept(listen_fd, NULL, NULL);
	FILE *out;
	int fd;

	memset(text, 0, sizeof(text));
	fd = take(conn, text, sizeof(text));
	close(conn);
	if (fd < 0 || *count == LISTENERS_MAX + 1)
		return;
	snprintf(name, sizeof(name), "%s.json", path);
	out = fopen(name, "a");
	if (out) {
		fprintf(out, "%s\n", text);
		fclose(out);
	}
	fds[(*count)++] = (struct pollfd){ .fd = fd, .events = POLLIN };
}

int main(int argc, char **argv)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct pollfd fds[LISTENERS_MAX + 1] = { { .events = POLLIN } };
	nfds_t count = 1;

	if (argc != 3)
		return 2;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", argv[1]);
	fds[0].fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(fds[0].fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(fds[0].fd, 8) < 0) {
		perror(argv[1]);
		return 1;
	}
	while (poll(fds, count, -1) > 0 || errno == EINTR) {
		for (nfds_t i = count - 1; i > 0; i--) {
			if (fds[i].revents & POLLIN) {
				answer(fds[i].fd, atoi(argv[2]));
			} else if (fds[i].revents) {
				close(fds[i].fd);
				fds[i] = fds[--count];
			}
		}
		if (fds[0].revents)
			welcome(fds[0].fd, argv[1], fds, &count);
	}
	return 1;
}
