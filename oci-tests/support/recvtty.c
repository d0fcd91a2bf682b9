/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recvtty SOCKET [OUTPUT]: listen on a unix stream socket as an engine does,
 * take one message with exactly one descriptor in exactly one control message,
 * print "data LEN" and "rows cols" of the terminal, then copy what comes out of
 * it to OUTPUT until it hangs up. Answers nothing. Exits 3 when the message is
 * not as engines demand it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char data[4096], ctl[CMSG_SPACE(4 * sizeof(int))];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = ctl,
			      .msg_controllen = sizeof(ctl) };
	struct cmsghdr *c;
	struct winsize w = { 0 };
	int sock, conn, fd, out = -1;
	ssize_t n;

	if (argc < 2)
		return 2;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", argv[1]);
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(sock, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(sock, 1))
		return 2;
	conn = accept4(sock, NULL, NULL, SOCK_CLOEXEC);
	n = recvmsg(conn, &msg, MSG_CMSG_CLOEXEC);
	c = CMSG_FIRSTHDR(&msg);
	if (n < 1 || n > 4095 || !c || msg.msg_controllen != CMSG_SPACE(4) ||
	    c->cmsg_len != CMSG_LEN(4) || c->cmsg_type != SCM_RIGHTS)
		return 3;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	ioctl(fd, TIOCGWINSZ, &w);
	printf("data %zd\nsize %d %d\ntty %d\n", n, w.ws_row, w.ws_col,
	       isatty(fd));
	fflush(stdout);
	if (argc > 2)
		out = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			   0600);
	while ((n = read(fd, data, sizeof(data))) > 0) {
		if (out >= 0 && write(out, data, (size_t)n) != n)
			return 4;
	}
	return 0;
}
