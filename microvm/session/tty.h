/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_MICROVM_SESSION_TTY_H
#define HULL_MICROVM_SESSION_TTY_H

#include <stdbool.h>
#include <termios.h>

struct err;

/**
 * struct tty - a terminal in raw mode, and how it was before.
 * @flags: of its open file; non-blocking meanwhile: a terminal that is stopped
 *         says that it is writable and then blocks. It is the session's own,
 *         so nobody is surprised.
 */
struct tty {
	int fd;
	int flags;
	bool raw;
	struct termios saved;
};

/** tty_raw() - Return: 0 or -errno, with nothing changed. */
int tty_raw(struct tty *tty, int fd, struct err *err);
/** tty_restore() - undo tty_raw(); a zeroed one is fine. */
void tty_restore(struct tty *tty);
/** tty_size() - rows and columns; 0 and 0 when it has none. */
void tty_size(int fd, unsigned short *rows, unsigned short *cols);
/** tty_plain_lines() - does it end lines with LF alone? Before tty_raw(). */
bool tty_plain_lines(int fd);

#endif
