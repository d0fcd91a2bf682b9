/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool buf_empty(const struct relay_buf *b)
{
	return b->start == b->end;
}

/* One read(2) into an empty buffer. Return: false at the end of the stream. */
static bool buf_fill(struct relay_buf *b, int fd)
{
	ssize_t n = read(fd, b->data, sizeof(b->data));

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	b->start = 0;
	b->end = (size_t)n;
	return n > 0;
}

/* One write(2). Return: false when nobody reads any more. */
static bool buf_drain(struct relay_buf *b, int fd)
{
	ssize_t n = write(fd, b->data + b->start, b->end - b->start);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	b->start += (size_t)n;
	return true;
}

void relay_resize(const struct relay *r)
{
	struct winsize size;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0 ||
	    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		ioctl(r->master_fd, TIOCSWINSZ, &size);
}

static void set_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0)
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

void relay_prepare(int master_fd)
{
	if (!isatty(STDOUT_FILENO))
		relay_plain_lines(master_fd);
}

void relay_plain_lines(int master_fd)
{
	struct termios tio;

	if (tcgetattr(master_fd, &tio) < 0)
		return;
	tio.c_oflag &= ~(tcflag_t)ONLCR;
	tcsetattr(master_fd, TCSANOW, &tio);
}

void relay_begin(struct relay *r, int master_fd)
{
	struct termios raw;

	r->master_fd = master_fd;
	r->stdin_open = r->stdout_open = r->master_open = true;
	r->in.start = r->in.end = 0;
	r->out.start = r->out.end = 0;
	r->raw = false;
	/*
	 * Only the master is made non-blocking: it is ours alone. 0 and 1 are
	 * shared with whoever started us, so they are polled before each call.
	 */
	set_nonblock(master_fd);
	relay_resize(r);
	if (tcgetattr(STDIN_FILENO, &r->saved) < 0)
		return;
	raw = r->saved;
	cfmakeraw(&raw);
	r->raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

nfds_t relay_polls(const struct relay *r, struct pollfd *fds)
{
	short master = 0;

	if (r->master_open && buf_empty(&r->out) && r->stdout_open)
		master |= POLLIN;
	if (r->master_open && !buf_empty(&r->in))
		master |= POLLOUT;
	/* a negative descriptor is passed over by poll(2); a master without
	 * events would still report its hang-up again and again */
	fds[0] = (struct pollfd){ .fd = master ? r->master_fd : -1,
				  .events = master };
	fds[1] = (struct pollfd){
		.fd = r->stdin_open && r->master_open && buf_empty(&r->in)
			      ? STDIN_FILENO
			      : -1,
		.events = POLLIN,
	};
	fds[2] = (struct pollfd){
		.fd = r->stdout_open && !buf_empty(&r->out) ? STDOUT_FILENO
							    : -1,
		.events = POLLOUT,
	};
	return RELAY_POLLS;
}

void relay_work(struct relay *r, const struct pollfd *fds, nfds_t count)
{
	if (count < RELAY_POLLS)
		return;
	if (fds[0].revents && (fds[0].events & POLLIN) && buf_empty(&r->out))
		r->master_open = buf_fill(&r->out, r->master_fd);
	if ((fds[0].revents & POLLOUT) && !buf_empty(&r->in))
		buf_drain(&r->in, r->master_fd);
	if (fds[1].revents)
		r->stdin_open = buf_fill(&r->in, STDIN_FILENO);
	if (fds[2].revents)
		r->stdout_open = buf_drain(&r->out, STDOUT_FILENO);
}

void relay_end(struct relay *r)
{
	/* The workload has ended; what it wrote last is still in the master.
	 * Descendants may hold the slave open: only what is there now. */
	while (r->stdout_open) {
		if (buf_empty(&r->out) &&
		    (!buf_fill(&r->out, r->master_fd) || buf_empty(&r->out)))
			break;
		r->stdout_open = buf_drain(&r->out, STDOUT_FILENO);
	}
	if (r->raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &r->saved);
}
