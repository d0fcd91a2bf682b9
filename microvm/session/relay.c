/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/session/relay.h"

#include <limits.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/auto.h"

int relay_init(struct relay *relay, int from, int to, bool to_stream)
{
	*relay = (struct relay){
		.from = from,
		.to = to,
		.to_stream = to_stream,
		.buf = malloc(RELAY_BYTES),
	};
	return relay->buf ? 0 : -ENOMEM;
}

void relay_release(struct relay *relay)
{
	free(relay->buf);
	*relay = (struct relay){ .from = -1, .to = -1, .ended = true };
}

void relay_poll(const struct relay *relay, struct pollfd *pfd)
{
	*pfd = (struct pollfd){ .fd = -1 };
	if (relay->ended)
		return;
	pfd->fd = relay->len ? relay->to : relay->from;
	pfd->events = relay->len ? POLLOUT : POLLIN;
}

/*
 * Both are asked for as little as cannot block. poll(2) of the moment before
 * counts: what two relays share may be full after the first.
 */
static bool is_ready(int fd, short events)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	return poll(&pfd, 1, 0) > 0;
}

static ssize_t read_once(int fd, void *buf, size_t len)
{
	ssize_t n = recv(fd, buf, len, MSG_DONTWAIT);

	if (n < 0 && errno == ENOTSOCK)
		n = is_ready(fd, POLLIN) ? read(fd, buf, len)
					 : (errno = EAGAIN, -1);
	return n < 0 ? -errno : n;
}

static ssize_t write_once(int fd, const void *buf, size_t len, bool plain)
{
	struct iovec iov = { (void *)(uintptr_t)buf, len };
	const struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n >= 0 || errno != ENOTSOCK)
		return n < 0 ? -errno : n;
	if (!is_ready(fd, POLLOUT))
		return -EAGAIN;
	/* a pipe that is writable has room for PIPE_BUF; others as well as one
	 * can tell */
	if (!plain && len > PIPE_BUF)
		len = PIPE_BUF;
	n = write(fd, buf, len);
	return n < 0 ? -errno : n;
}

static bool is_for_later(ssize_t ret)
{
	return ret == -EAGAIN || ret == -EINTR;
}

static void end(struct relay *relay)
{
	if (relay->to_stream)
		shutdown(relay->to, SHUT_WR);
	else
		shutdown(relay->from, SHUT_RD);
	relay->ended = true;
}

void relay_step(struct relay *relay)
{
	ssize_t n;

	if (relay->len) {
		n = write_once(relay->to, relay->buf + relay->off, relay->len,
			       relay->to_plain);
		if (n >= 0) {
			relay->off += (size_t)n;
			relay->len -= (size_t)n;
		} else if (!is_for_later(n)) {
			relay->len = 0;
			end(relay);
		}
		return;
	}
	n = read_once(relay->from, relay->buf, RELAY_BYTES);
	if (n > 0) {
		relay->off = 0;
		relay->len = (size_t)n;
	} else if (!is_for_later(n)) {
		/* an error of reading ends it as its end does: EBADF of a
		 * closed descriptor, EIO of a terminal that has hung up */
		end(relay);
	}
}
