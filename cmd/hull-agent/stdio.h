/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CMD_HULL_AGENT_STDIO_H
#define HULL_CMD_HULL_AGENT_STDIO_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

struct err;

/*
 * The workload's standard streams and the host's streams that belong to them.
 * Pipes, not sockets: /dev/stdin has to be a file that can be opened. Bounded
 * buffers: whoever does not read makes the other side wait.
 */
#define STDIO_STREAMS 3
#define STDIO_BUF 65536
#define STDIO_POLLS STDIO_STREAMS

/**
 * struct chan - bytes in one direction.
 * @from, @to: places of the descriptors (-1: not there (yet))
 * @input: towards the workload
 * @done:  nothing more comes from @from
 * @over:  nothing more goes to @to
 * @late:  bytes that came after the workload's end
 */
struct chan {
	int *from;
	int *to;
	bool input;
	bool done;
	bool over;
	size_t late;
	size_t start;
	size_t end;
	char *buf;
};

/**
 * struct stdio
 * @work:   the workload's ends of the pipes, until stdio_leave()
 * @mine:   our ends, or the terminal's master at 0
 * @stream: of the host, -1 until it has attached them
 */
struct stdio {
	bool tty;
	int work[STDIO_STREAMS];
	int mine[STDIO_STREAMS];
	int stream[STDIO_STREAMS];
	struct chan chans[STDIO_STREAMS];
	size_t count;
};

/** stdio_open() - make the pipes; with @tty there are none. */
int stdio_open(struct stdio *io, bool tty, struct err *err);

/** stdio_enter() - 0, 1 and 2 become the workload's ends of the pipes. */
int stdio_enter(const struct stdio *io, struct err *err);

/** stdio_leave() - they become /dev/null; the workload's ends are closed. */
int stdio_leave(struct stdio *io, struct err *err);

/** stdio_terminal() - @master_fd (taken) is the other end of the streams. */
int stdio_terminal(struct stdio *io, int master_fd);

/**
 * stdio_attach() - the host's stream @number has come.
 * @fd: taken
 *
 * Return: 0, -EINVAL (no such stream here, or it is there already).
 */
int stdio_attach(struct stdio *io, unsigned int number, int fd);

/** stdio_polls() - what to wait for. Return: entries used. */
nfds_t stdio_polls(const struct stdio *io, struct pollfd *fds);

/**
 * stdio_work() - move what can be moved.
 * @ending: the workload is gone: what its pipes hold now is all there is
 */
void stdio_work(struct stdio *io, bool ending);

/** stdio_drained() - all output is written, and its ends are told. */
bool stdio_drained(const struct stdio *io);

/** stdio_attached() - every stream that output waits for is there. */
bool stdio_attached(const struct stdio *io);

void stdio_close(struct stdio *io);

#endif
