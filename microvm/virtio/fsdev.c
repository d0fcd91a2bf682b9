/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/virtio/fsdev.h"

#include <linux/virtio_fs.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/sock.h"
#include "microvm/virtio/devices.h"

/**
 * struct fsdev - the front of virtio-fs: it negotiates, the server serves.
 * @server_watch: of @server_fd, while the server runs: unasked it says that a
 *                queue is broken, once, and its end
 * @started: it was told to serve, and not to stop
 * @dead: the server does not answer, or is gone: never asked again
 */
struct fsdev {
	struct virtio_dev dev;
	int server_fd;
	struct loop_watch server_watch;
	bool started;
	bool dead;
	struct virtio_fs_config config;
};

static struct fsdev *to_fsdev(struct virtio_dev *dev)
{
	return (struct fsdev *)dev;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Wait until the answer is there, but no longer than the server may take. */
static int await(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	const int64_t end = now_ms() + FSDEV_ANSWER_MS;

	for (;;) {
		int64_t left = end - now_ms();
		int ret = poll(&p, 1, left > 0 ? (int)left : 0);

		if (ret > 0)
			return 0;
		if (!ret)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

static int exchange(int fd, const struct fsdev_msg *msg, const int *fds,
		    size_t fd_count)
{
	struct fsdev_msg answer = { 0 };
	ssize_t got;
	int ret;

	ret = sock_send(fd, msg, sizeof(*msg), fds, fd_count);
	if (ret < 0)
		return ret;
	for (int i = 0; i < 2; i++) {
		ret = await(fd);
		if (ret < 0)
			return ret;
		got = sock_recv(fd, &answer, sizeof(answer), NULL, 0);
		/* said before it heard the question: no news any more */
		if (got != sizeof(answer) || answer.type != FSDEV_BROKEN)
			break;
	}
	if (got < 0)
		return (int)got;
	if (got != sizeof(answer) || answer.type != msg->type)
		return -EPROTO;
	return answer.status > 0 ? -EPROTO : answer.status;
}

/*
 * A server that may still touch guest memory on its own terms is not asked
 * again: without this socket it has no reason to go on.
 */
static void give_up(struct fsdev *fs, const char *what)
{
	fs->dead = true;
	virtio_watch(&fs->dev, &fs->server_watch, 0);
	auto_close_fd(&fs->server_fd);
	virtio_fail(&fs->dev, what);
}

static void fsdev_server_call(struct loop_watch *watch, uint32_t events)
{
	struct fsdev *fs = watch->arg;
	struct fsdev_msg msg = { 0 };

	(void)events;
	if (sock_recv(fs->server_fd, &msg, sizeof(msg), NULL, 0) ==
		    sizeof(msg) &&
	    msg.type == FSDEV_BROKEN && !fs->dev.needs_reset)
		virtio_fail(&fs->dev, "the guest broke a queue");
	else
		give_up(fs, "the file server is gone");
}

static int fsdev_activate(struct virtio_dev *dev)
{
	struct fsdev *fs = to_fsdev(dev);
	struct fsdev_msg msg = { .type = FSDEV_START };
	int fds[FSDEV_QUEUES + 1];
	int ret;

	if (fs->dead)
		return -EPIPE;
	for (unsigned int i = 0; i < FSDEV_QUEUES; i++) {
		if (!dev->vq[i].enabled)
			return -EINVAL;
		msg.queue[i] = dev->vq[i].setup;
		fds[i] = dev->kick_fd[i];
	}
	fds[FSDEV_QUEUES] = dev->irq_fd;
	ret = exchange(fs->server_fd, &msg, fds, ARRAY_SIZE(fds));
	if (ret < 0) {
		give_up(fs, "the file server does not start");
		return ret;
	}
	fs->started = true;
	return virtio_watch(dev, &fs->server_watch, EPOLLIN);
}

static void fsdev_reset(struct virtio_dev *dev)
{
	struct fsdev *fs = to_fsdev(dev);
	const struct fsdev_msg msg = { .type = FSDEV_STOP };

	if (fs->dead || !fs->started)
		return;
	fs->started = false;
	virtio_watch(dev, &fs->server_watch, 0);
	if (exchange(fs->server_fd, &msg, NULL, 0) < 0)
		give_up(fs, "the file server does not stop");
}

static void fsdev_config_read(struct virtio_dev *dev, unsigned int off,
			      void *to, unsigned int len)
{
	memcpy(to, (const uint8_t *)&to_fsdev(dev)->config + off, len);
}

static const struct virtio_ops fsdev_ops = {
	.id = VIRTIO_ID_FS,
	.name = "fs",
	.queue_count = FSDEV_QUEUES,
	.config_size = sizeof(struct virtio_fs_config),
	.config_read = fsdev_config_read,
	.activate = fsdev_activate,
	.reset = fsdev_reset,
};

struct virtio_dev *fsdev_new(const struct guest_mem *mem, struct loop *loop,
			     int server_fd, const char *tag, struct err *err)
{
	auto_fd int server = server_fd;
	auto_free struct fsdev *fs = calloc(1, sizeof(*fs));
	size_t len = strlen(tag);

	if (!fs) {
		err_set(err, -ENOMEM, "no memory for the fs device");
		return NULL;
	}
	if (!len || len > sizeof(fs->config.tag)) {
		err_set(err, -EINVAL, "mount tag '%s' is not of 1 to %zu bytes",
			tag, sizeof(fs->config.tag));
		return NULL;
	}
	memcpy(fs->config.tag, tag, len);
	fs->config.num_request_queues = FSDEV_QUEUES - 1;
	fs->server_watch = (struct loop_watch){ .fd = server,
						.call = fsdev_server_call,
						.arg = fs };
	if (virtio_dev_init(&fs->dev, &fsdev_ops, mem, loop, 0, err) < 0)
		return NULL;
	fs->dev.remote = true;
	fs->server_fd = take_fd(&server);
	return &take_ptr(&fs)->dev;
}

void fsdev_free(struct virtio_dev *dev)
{
	struct fsdev *fs = to_fsdev(dev);

	if (!dev)
		return;
	virtio_dev_release(dev);
	auto_close_fd(&fs->server_fd);
	free(fs);
}
