/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/session/tty.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#include "base/err.h"

int tty_raw(struct tty *tty, int fd, struct err *err)
{
	struct termios raw;

	*tty = (struct tty){ .fd = fd, .flags = fcntl(fd, F_GETFL) };
	if (tty->flags < 0 || tcgetattr(fd, &tty->saved) < 0)
		return err_sys(err, "standard input is no terminal");
	raw = tty->saved;
	cfmakeraw(&raw);
	if (tcsetattr(fd, TCSANOW, &raw) < 0)
		return err_sys(err, "cannot put the terminal into raw mode");
	tty->raw = true;
	if (fcntl(fd, F_SETFL, tty->flags | O_NONBLOCK) < 0) {
		int ret = err_sys(err, "cannot make the terminal non-blocking");

		tty_restore(tty);
		return ret;
	}
	return 0;
}

void tty_restore(struct tty *tty)
{
	if (!tty->raw)
		return;
	/* it may have hung up: then there is nothing to restore */
	fcntl(tty->fd, F_SETFL, tty->flags);
	tcsetattr(tty->fd, TCSANOW, &tty->saved);
	tty->raw = false;
}

void tty_size(int fd, unsigned short *rows, unsigned short *cols)
{
	struct winsize ws = { 0 };

	if (ioctl(fd, TIOCGWINSZ, &ws) < 0)
		ws = (struct winsize){ 0 };
	*rows = ws.ws_row;
	*cols = ws.ws_col;
}

bool tty_plain_lines(int fd)
{
	const tcflag_t both = OPOST | ONLCR;
	struct termios now;

	return !tcgetattr(fd, &now) && (now.c_oflag & both) != both;
}
