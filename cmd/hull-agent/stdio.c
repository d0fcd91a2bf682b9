/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull-agent/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"

/* More than a pipe holds (pipe(7): pipe-max-size). */
#define LATE_MAX (1U << 20)

static int set_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno
								       : 0;
}

/* ---- set-up */

static int add_chan(struct stdio *io, int *from, int *to, bool input)
{
	struct chan *c = &io->chans[io->count];

	*c = (struct chan){ .from = from, .to = to, .input = input };
	c->buf = malloc(STDIO_BUF);
	if (!c->buf)
		return -ENOMEM;
	io->count++;
	return 0;
}

static int open_pipe(struct stdio *io, int i)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	io->work[i] = ends[i ? 1 : 0];
	io->mine[i] = ends[i ? 0 : 1];
	/* one end has nothing to do with the mode of the other */
	return set_nonblock(io->mine[i]);
}

int stdio_open(struct stdio *io, bool tty, struct err *err)
{
	int ret = 0;

	*io = (struct stdio){ .tty = tty };
	for (int i = 0; i < STDIO_STREAMS; i++)
		io->work[i] = io->mine[i] = io->stream[i] = -1;
	for (int i = 0; !ret && !tty && i < STDIO_STREAMS; i++)
		ret = open_pipe(io, i);
	if (!ret)
		ret = add_chan(io, &io->stream[0], &io->mine[0], true);
	if (!ret && tty)
		ret = add_chan(io, &io->mine[0], &io->stream[0], false);
	for (int i = 1; !ret && !tty && i < STDIO_STREAMS; i++)
		ret = add_chan(io, &io->mine[i], &io->stream[i], false);
	if (ret)
		err_code(err, ret, "cannot make the workload's streams");
	return ret;
}

int stdio_enter(const struct stdio *io, struct err *err)
{
	for (int i = 0; !io->tty && i < STDIO_STREAMS; i++) {
		if (dup2(io->work[i], i) < 0)
			return err_sys(err, "cannot set descriptor %d", i);
	}
	return 0;
}

int stdio_leave(struct stdio *io, struct err *err)
{
	auto_fd int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null_fd < 0)
		return err_sys(err, "cannot open '/dev/null'");
	for (int i = 0; i < STDIO_STREAMS; i++) {
		if (dup2(null_fd, i) < 0)
			return err_sys(err, "cannot set descriptor %d", i);
		auto_close_fd(&io->work[i]);
	}
	return 0;
}

int stdio_terminal(struct stdio *io, int master_fd)
{
	io->mine[0] = master_fd;
	return set_nonblock(master_fd);
}

int stdio_attach(struct stdio *io, unsigned int number, int fd)
{
	auto_fd int conn_fd = fd;
	int ret;

	if (number >= (io->tty ? 1 : STDIO_STREAMS) || io->stream[number] >= 0)
		return -EINVAL;
	ret = set_nonblock(conn_fd);
	if (!ret)
		io->stream[number] = take_fd(&conn_fd);
	return ret;
}

void stdio_close(struct stdio *io)
{
	for (int i = 0; i < STDIO_STREAMS; i++) {
		auto_close_fd(&io->work[i]);
		auto_close_fd(&io->mine[i]);
		auto_close_fd(&io->stream[i]);
	}
	for (size_t i = 0; i < io->count; i++)
		free(io->chans[i].buf);
	io->count = 0;
}

/* ---- moving */

static bool is_empty(const struct chan *c)
{
	return c->start == c->end;
}

/* Bytes wait in the pipe, and not here, until there is somebody to take them.
 */
static bool wants_read(const struct chan *c)
{
	return !c->done && !c->over && is_empty(c) && *c->from >= 0 &&
	       *c->to >= 0;
}

static bool wants_write(const struct chan *c)
{
	return !c->over && !is_empty(c) && *c->to >= 0;
}

static void fill(struct chan *c, bool ending)
{
	ssize_t n = read(*c->from, c->buf, STDIO_BUF);

	if (n > 0) {
		c->start = 0;
		c->end = (size_t)n;
		if (ending)
			c->late += (size_t)n;
		c->done = c->late > LATE_MAX;
	} else if (n < 0 && errno == EAGAIN) {
		/* the processes that could have written are gone; others that
		 * hold the pipe open are not waited for */
		c->done = ending && !c->input;
	} else if (n == 0 || errno != EINTR) {
		c->done = true; /* EIO: the terminal's last user has left */
	}
}

/* Nobody reads any more: whoever writes shall learn it as from a pipe. */
static void give_up(const struct stdio *io, struct chan *c)
{
	c->over = true;
	c->start = c->end = 0;
	if (c->input)
		shutdown(*c->from, SHUT_RD);
	else
		auto_close_fd(c->from);
	if (c->input && !io->tty)
		auto_close_fd(c->to);
}

static void drain(const struct stdio *io, struct chan *c)
{
	ssize_t n = write(*c->to, c->buf + c->start, c->end - c->start);

	if (n >= 0)
		c->start += (size_t)n;
	else if (errno != EAGAIN && errno != EINTR)
		give_up(io, c);
}

/* All of it has arrived. A terminal has no end of input but its character. */
static void finish(const struct stdio *io, struct chan *c)
{
	c->over = true;
	if (!c->input)
		shutdown(*c->to, SHUT_WR);
	else if (!io->tty)
		auto_close_fd(c->to);
}

nfds_t stdio_polls(const struct stdio *io, struct pollfd *fds)
{
	nfds_t n = 0;

	for (size_t i = 0; i < io->count; i++) {
		const struct chan *c = &io->chans[i];

		if (wants_read(c))
			fds[n++] = (struct pollfd){ .fd = *c->from,
						    .events = POLLIN };
		else if (wants_write(c))
			fds[n++] = (struct pollfd){ .fd = *c->to,
						    .events = POLLOUT };
	}
	return n;
}

void stdio_work(struct stdio *io, bool ending)
{
	for (size_t i = 0; i < io->count; i++) {
		struct chan *c = &io->chans[i];

		do {
			if (wants_read(c))
				fill(c, ending);
			if (wants_write(c))
				drain(io, c);
		} while (ending && !c->input && wants_read(c));
		if (c->done && is_empty(c) && !c->over && *c->to >= 0)
			finish(io, c);
	}
}

bool stdio_drained(const struct stdio *io)
{
	for (size_t i = 0; i < io->count; i++) {
		if (!io->chans[i].input && !io->chans[i].over)
			return false;
	}
	return true;
}

bool stdio_attached(const struct stdio *io)
{
	for (size_t i = 0; i < io->count; i++) {
		const struct chan *c = &io->chans[i];

		if (!c->input && !c->over && *c->to < 0)
			return false;
	}
	return true;
}
