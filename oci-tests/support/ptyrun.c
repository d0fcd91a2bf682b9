/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ptyrun [-s ROWSxCOLS] [-r ROWSxCOLS] [-i TEXT] CMD...: run CMD on a terminal
 * of its own as a person at a shell would, of size -s; half a second after its
 * first output type TEXT; after a second resize it to -r: by then what CMD runs
 * is up, also where a machine boots first. Copies what CMD prints to stdout.
 * Prints "raw" or "cooked" to stderr: the state of the terminal after CMD, and
 * exits with CMD's status.
 */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static struct winsize size_of(const char *text)
{
	struct winsize w = { 24, 80, 0, 0 };

	sscanf(text, "%hux%hu", &w.ws_row, &w.ws_col);
	return w;
}

int main(int argc, char **argv)
{
	struct winsize first = size_of(""), later;
	const char *type = NULL;
	int opt, master, slave, status = 0, resize = 0;
	double begin = 0;
	struct termios t;
	char buf[4096];
	pid_t pid;

	while ((opt = getopt(argc, argv, "+s:r:i:")) != -1) {
		if (opt == 's')
			first = size_of(optarg);
		if (opt == 'r') {
			later = size_of(optarg);
			resize = 1;
		}
		if (opt == 'i')
			type = optarg;
	}
	if (openpty(&master, &slave, NULL, NULL, &first))
		return 2;
	pid = fork();
	if (pid == 0) {
		close(master);
		login_tty(slave);
		execvp(argv[optind], argv + optind);
		_exit(127);
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		struct pollfd p = { master, POLLIN, 0 };
		ssize_t n;

		if (type && begin > 0 && now() - begin > 0.5) {
			if (write(master, type, strlen(type)) < 0)
				return 3;
			type = NULL;
		}
		if (resize && begin > 0 && now() - begin > 1) {
			ioctl(master, TIOCSWINSZ, &later);
			resize = 0;
		}
		if (poll(&p, 1, 50) > 0 && (p.revents & POLLIN)) {
			n = read(master, buf, sizeof(buf));
			if (n > 0 && write(1, buf, (size_t)n) != n)
				return 3;
			if (n > 0 && begin == 0)
				begin = now();
		}
	}
	for (;;) {
		struct pollfd p = { master, POLLIN, 0 };
		ssize_t n;

		if (poll(&p, 1, 50) <= 0 || !(p.revents & POLLIN))
			break;
		n = read(master, buf, sizeof(buf));
		if (n <= 0 || write(1, buf, (size_t)n) != n)
			break;
	}
	tcgetattr(slave, &t);
	fprintf(stderr, "%s\n", t.c_lflag & ICANON ? "cooked" : "raw");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}
