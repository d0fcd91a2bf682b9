/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/virtio_console.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/sabotage.h"
#include "microvm/virtio/devices.h"

#define RX 0
#define TX 1
#define NS_PER_S 1000000000ULL
#define CHAIN_MAX 65536U /* of one request is looked at */
#define PIECE 4096U      /* PIPE_BUF: a pipe that polls writable takes it */
#define READS_PER_CALL 16

/**
 * struct console - one port.
 * @in_watch: of @in_fd; its descriptor becomes -1 at the end of input
 * @limit: bytes per second that may go out, @sent of them in the second that
 *         began at @since_ns
 * @dropped: bytes of the guest that went nowhere
 */
struct console {
	struct virtio_dev dev;
	struct loop_watch in_watch;
	int in_fd;
	int out_fd;
	uint64_t limit;
	uint64_t sent;
	uint64_t since_ns;
	uint64_t dropped;
};

static struct console *to_console(struct virtio_dev *dev)
{
	return (struct console *)dev;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* How much of @want may be written now. */
static size_t allowance(struct console *con, uint64_t want)
{
	uint64_t now = now_ns(), left;

	if (now - con->since_ns >= NS_PER_S) {
		con->since_ns = now;
		con->sent = 0;
	}
	left = con->limit - con->sent;
	if (want > left)
		want = left;
	return want > CHAIN_MAX ? CHAIN_MAX : (size_t)want;
}

/*
 * The loop never waits for who reads the console: what does not go out at
 * once is dropped. The descriptor may be shared, so that it is not made
 * non-blocking; it is asked first, and takes a piece after a yes.
 */
static size_t write_out(int fd, const uint8_t *data, size_t len)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	size_t done = 0;

	while (done < len) {
		ssize_t n;

		/* with POLLERR nobody is left who could read a pipe */
		if (poll(&p, 1, 0) != 1 || p.revents != POLLOUT)
			break;
		n = write(fd, data + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return done;
}

static int64_t console_out(struct virtio_dev *dev, const struct vq_chain *chain)
{
	struct console *con = to_console(dev);
	uint8_t piece[PIECE];
	size_t at = 0, may;

	if (con->out_fd < 0)
		return 0;
	may = allowance(con, chain->out_bytes);
	while (at < may) {
		size_t want = may - at < PIECE ? may - at : PIECE;
		size_t len = chain_copy_out(chain, at, piece, want);
		size_t done = write_out(con->out_fd, piece, len);

		at += done;
		if (done < len)
			break;
	}
	con->sent += at;
	if (at < chain->out_bytes) {
		con->dropped += chain->out_bytes - at;
		virtio_log(dev, "output of the guest is dropped");
	}
	return 0;
}

/*
 * One read for one request. VIRTIO_LATER: there is nothing to read now.
 * Nothing is ever kept here: what the guest has no room for stays in the pipe.
 */
static int64_t console_in(struct virtio_dev *dev, const struct vq_chain *chain)
{
	struct console *con = to_console(dev);
	struct iovec part[VQ_MAX_IOV];
	unsigned int count = chain_iov(chain, true, 0, PIECE, part);
	struct pollfd p = { .fd = con->in_watch.fd, .events = POLLIN };
	ssize_t n;

	if (!count)
		return 0; /* no room in it: back it goes */
	if (poll(&p, 1, 0) != 1)
		return VIRTIO_LATER;
	n = readv(p.fd, part, (int)count);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return VIRTIO_LATER;
	if (n > 0)
		return n;
	/* end of input, for good: the port has no way to say so */
	virtio_watch(dev, &con->in_watch, 0);
	con->in_watch.fd = -1;
	return VIRTIO_LATER;
}

/*
 * Input is watched only while the guest has room for it: then no kick is
 * needed; without room a kick tells of it, and nothing spins.
 */
static void console_read(struct console *con)
{
	struct virtio_dev *dev = &con->dev;
	struct vq *vq = &dev->vq[RX];

	if (con->in_watch.fd < 0 || !vq->enabled)
		return;
	virtio_serve(dev, vq, console_in);
	if (dev->needs_reset || con->in_watch.fd < 0)
		return;
	if (virtio_watch(dev, &con->in_watch,
			 vq_has_avail(vq) || SABOTAGED("console_room") ? EPOLLIN
								       : 0) < 0)
		virtio_fail(dev, "the console's input cannot be watched");
}

static void console_in_call(struct loop_watch *watch, uint32_t events)
{
	(void)events;
	console_read(watch->arg);
}

static void console_kick(struct virtio_dev *dev, unsigned int index)
{
	if (index == TX)
		virtio_serve(dev, &dev->vq[TX], console_out);
	else
		console_read(to_console(dev));
}

static void console_reset(struct virtio_dev *dev)
{
	struct console *con = to_console(dev);

	if (con->in_watch.fd >= 0)
		virtio_watch(dev, &con->in_watch, 0);
}

/* One port, no size, no emergency write: none of these features is offered. */
static void console_config_read(struct virtio_dev *dev, unsigned int off,
				void *to, unsigned int len)
{
	static const struct virtio_console_config config = { .max_nr_ports =
								     1 };

	(void)dev;
	memcpy(to, (const uint8_t *)&config + off, len);
}

static const struct virtio_ops console_ops = {
	.id = VIRTIO_ID_CONSOLE,
	.name = "console",
	.queue_count = 2,
	.config_size = sizeof(struct virtio_console_config),
	.config_read = console_config_read,
	.reset = console_reset,
	.kick = console_kick,
};

struct virtio_dev *console_new(const struct guest_mem *mem, struct loop *loop,
			       int in_fd, int out_fd, uint64_t limit_bytes,
			       struct err *err)
{
	struct console *con = calloc(1, sizeof(*con));
	auto_fd int in = in_fd, out = out_fd;

	if (!con) {
		err_set(err, -ENOMEM, "no memory for the console");
		return NULL;
	}
	con->in_watch = (struct loop_watch){ .fd = in_fd,
					     .call = console_in_call,
					     .arg = con };
	con->limit = limit_bytes;
	if (virtio_dev_init(&con->dev, &console_ops, mem, loop, 0, err) < 0) {
		free(con);
		return NULL;
	}
	con->in_fd = take_fd(&in);
	con->out_fd = take_fd(&out);
	return &con->dev;
}

void console_free(struct virtio_dev *dev)
{
	struct console *con = to_console(dev);

	if (!dev)
		return;
	virtio_dev_release(dev);
	if (con->dropped)
		log_info("console: %llu bytes of output were dropped",
			 (unsigned long long)con->dropped);
	auto_close_fd(&con->in_fd);
	auto_close_fd(&con->out_fd);
	free(con);
}
