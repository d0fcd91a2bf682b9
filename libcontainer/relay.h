/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_RELAY_H
#define HULL_LIBCONTAINER_RELAY_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

/*
 * Bytes between our standard input and output and the master of a container's
 * terminal. Bounded buffers: a reader that stalls makes the workload wait, and
 * memory does not grow.
 */

#define RELAY_BUF 16384
#define RELAY_POLLS 3

struct relay_buf {
	char data[RELAY_BUF];
	size_t start;
	size_t end;
};

/**
 * struct relay - @in: from our stdin to the master; @out: from it to stdout.
 */
struct relay {
	int master_fd;
	bool stdin_open;
	bool stdout_open;
	bool master_open;
	bool raw;
	struct termios saved;
	struct relay_buf in;
	struct relay_buf out;
};

/**
 * relay_prepare() - before anything writes to the terminal: a terminal of ours
 * wants CR LF at the end of a line, a file or a pipe plain LF.
 */
void relay_prepare(int master_fd);

/** relay_plain_lines() - plain LF it is. */
void relay_plain_lines(int master_fd);

/** relay_begin() - copy our terminal's size, put it into raw mode. */
void relay_begin(struct relay *r, int master_fd);

/** relay_polls() - what to wait for now. Return: entries used. */
nfds_t relay_polls(const struct relay *r, struct pollfd *fds);

/** relay_work() - move what can be moved. */
void relay_work(struct relay *r, const struct pollfd *fds, nfds_t count);

/** relay_resize() - our terminal's size changed. */
void relay_resize(const struct relay *r);

/** relay_end() - what the terminal still holds goes out; restore ours. */
void relay_end(struct relay *r);

#endif
