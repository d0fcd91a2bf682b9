/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/virtio/device.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/sabotage.h"
#include "microvm/virtio/mmio.h"

#define LOG_PERIOD_S 60

static void kick_call(struct loop_watch *watch, uint32_t events)
{
	struct virtio_dev *dev = watch->arg;
	unsigned int index = (unsigned int)(watch - dev->kick_watch);
	uint64_t count;

	(void)events;
	/* drained first: what is written from now on is another notification */
	if (read(watch->fd, &count, sizeof(count)) < 0)
		return;
	if (dev->active && !dev->needs_reset && dev->vq[index].enabled &&
	    dev->ops->kick)
		dev->ops->kick(dev, index);
}

int virtio_dev_init(struct virtio_dev *dev, const struct virtio_ops *ops,
		    const struct guest_mem *mem, struct loop *loop,
		    uint64_t features, struct err *err)
{
	int *fds[VIRTIO_MAX_QUEUES + 1];
	unsigned int n = ops->queue_count;

	dev->ops = ops;
	dev->mem = mem;
	dev->loop = loop;
	dev->features = features | 1ULL << VIRTIO_F_VERSION_1 |
			1ULL << VIRTIO_F_INDIRECT_DESC |
			1ULL << VIRTIO_F_EVENT_IDX;
	for (unsigned int i = 0; i < VIRTIO_MAX_QUEUES; i++) {
		dev->kick_fd[i] = -1;
		fds[i] = &dev->kick_fd[i];
	}
	dev->irq_fd = -1;
	fds[n] = &dev->irq_fd;
	for (unsigned int i = 0; i <= n; i++) {
		*fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (*fds[i] < 0) {
			int ret = err_sys(err, "cannot make an eventfd for %s",
					  ops->name);

			virtio_dev_release(dev);
			return ret;
		}
	}
	for (unsigned int i = 0; i < n; i++)
		dev->kick_watch[i] = (struct loop_watch){
			.fd = dev->kick_fd[i],
			.call = kick_call,
			.arg = dev,
		};
	return 0;
}

void virtio_dev_release(struct virtio_dev *dev)
{
	if (!dev->ops)
		return;
	virtio_dev_reset(dev);
	for (unsigned int i = 0; i < dev->ops->queue_count; i++)
		auto_close_fd(&dev->kick_fd[i]);
	auto_close_fd(&dev->irq_fd);
	dev->ops = NULL;
}

int virtio_watch(struct virtio_dev *dev, struct loop_watch *watch,
		 uint32_t events)
{
	if (dev->loop)
		return loop_watch(dev->loop, watch, events);
	watch->events = events;
	return 0;
}

/* A notification that nobody took must not be the next driver's. */
static void drain(int fd)
{
	uint64_t count;

	if (fd >= 0 && read(fd, &count, sizeof(count)) < 0)
		return; /* EAGAIN: none */
}

static void unwatch_kicks(struct virtio_dev *dev)
{
	for (unsigned int i = 0; i < dev->ops->queue_count; i++)
		if (dev->kick_watch[i].events)
			virtio_watch(dev, &dev->kick_watch[i], 0);
}

void virtio_dev_reset(struct virtio_dev *dev)
{
	if (dev->active && dev->ops->reset)
		dev->ops->reset(dev);
	unwatch_kicks(dev);
	for (unsigned int i = 0; i < dev->ops->queue_count; i++) {
		vq_reset(&dev->vq[i]);
		drain(dev->kick_fd[i]);
	}
	dev->active = false;
	dev->needs_reset = false;
	dev->config_changed = false;
	dev->acked = 0;
	dev->status = 0;
}

static int watch_kicks(struct virtio_dev *dev)
{
	for (unsigned int i = 0; i < dev->ops->queue_count; i++) {
		int ret;

		if (!dev->vq[i].enabled)
			continue;
		ret = virtio_watch(dev, &dev->kick_watch[i], EPOLLIN);
		if (ret < 0)
			return ret;
	}
	return 0;
}

void virtio_dev_activate(struct virtio_dev *dev, const struct vq_setup *setup,
			 const bool *ready)
{
	for (unsigned int i = 0; i < dev->ops->queue_count; i++) {
		struct vq_setup latched = setup[i];

		if (!ready[i])
			continue;
		latched.event_idx = virtio_has(dev, VIRTIO_F_EVENT_IDX);
		latched.indirect = virtio_has(dev, VIRTIO_F_INDIRECT_DESC);
		if (vq_enable(&dev->vq[i], dev->mem, &latched) < 0) {
			virtio_fail(dev, "a queue is not in guest memory");
			return;
		}
	}
	/* from here on a reset undoes it, also when it fails half-way */
	dev->active = true;
	if (dev->ops->activate && dev->ops->activate(dev) < 0)
		virtio_fail(dev, "the device cannot be started");
	else if (!dev->remote && watch_kicks(dev) < 0)
		virtio_fail(dev, "notifications cannot be watched");
}

int virtio_notify(struct virtio_dev *dev, uint32_t index)
{
	static const uint64_t one = 1;

	if (!dev->active || index >= dev->ops->queue_count ||
	    !dev->vq[index].enabled)
		return -EINVAL;
	if (dev->needs_reset)
		return 0;
	if (!dev->loop && !dev->remote) {
		if (dev->ops->kick)
			dev->ops->kick(dev, index);
		return 0;
	}
	if (write(dev->kick_fd[index], &one, sizeof(one)) < 0)
		return 0; /* EAGAIN: 2^64 - 1 notifications already wait */
	return 0;
}

static void raise_irq(struct virtio_dev *dev)
{
	static const uint64_t one = 1;

	dev->irq_count++;
	if (write(dev->irq_fd, &one, sizeof(one)) < 0)
		return; /* EAGAIN: it is raised */
}

void virtio_signal(struct virtio_dev *dev, struct vq *vq)
{
	if (dev->active && !dev->needs_reset && vq_should_signal(vq))
		raise_irq(dev);
}

/* Before the interrupt, whose handler looks there. */
static void show(const struct virtio_dev *dev)
{
	if (dev->slot)
		mmio_show(dev->slot);
}

void virtio_config_changed(struct virtio_dev *dev)
{
	/* no interrupt before DRIVER_OK (virtio 1.2, 3.1.1) */
	const bool tell = dev->status & VIRTIO_S_DRIVER_OK;

	dev->config_generation++;
	if (tell)
		dev->config_changed = true;
	show(dev);
	if (tell)
		raise_irq(dev);
}

void virtio_fail(struct virtio_dev *dev, const char *what)
{
	if (dev->needs_reset)
		return;
	dev->needs_reset = !SABOTAGED("device_fail");
	dev->status |= VIRTIO_S_NEEDS_RESET;
	unwatch_kicks(dev);
	for (unsigned int i = 0; i < dev->ops->queue_count; i++)
		dev->vq[i].broken = true;
	if (dev->status & VIRTIO_S_DRIVER_OK)
		dev->config_changed = true;
	show(dev);
	if (dev->status & VIRTIO_S_DRIVER_OK)
		raise_irq(dev);
	virtio_log(dev, what);
}

void virtio_log(struct virtio_dev *dev, const char *what)
{
	struct timespec ts;
	uint64_t now;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = (uint64_t)ts.tv_sec;
	if (!dev->log_count || now - dev->log_since >= LOG_PERIOD_S) {
		if (dev->log_count > VIRTIO_LOG_LINES)
			log_warn("virtio %s: %u more of such lines",
				 dev->ops->name,
				 dev->log_count - VIRTIO_LOG_LINES);
		dev->log_since = now;
		dev->log_count = 0;
	}
	if (dev->log_count < UINT32_MAX)
		dev->log_count++;
	if (dev->log_count <= VIRTIO_LOG_LINES || SABOTAGED("device_log"))
		log_warn("virtio %s: %s", dev->ops->name, what);
}

/* Let the other devices have their turn, then come back. */
static void serve_later(struct virtio_dev *dev, const struct vq *vq)
{
	static const uint64_t one = 1;

	if (write(dev->kick_fd[vq - dev->vq], &one, sizeof(one)) < 0)
		return; /* EAGAIN: it is due anyhow */
}

void virtio_serve(struct virtio_dev *dev, struct vq *vq,
		  int64_t (*handle)(struct virtio_dev *dev,
				    const struct vq_chain *chain))
{
	unsigned int left = vq->size;
	struct vq_chain chain;
	int64_t written = 0;
	int ret = 0;

	if (!dev->active || dev->needs_reset || !vq->enabled)
		return;
	vq_want_kicks(vq, false);
	do {
		while (left && (ret = vq_pop(vq, &chain)) > 0) {
			left--;
			written = handle(dev, &chain);
			if (written < 0)
				break;
			vq_push(vq, &chain, (uint64_t)written);
		}
		if (ret < 0)
			virtio_fail(dev, "the driver broke the queue's rules");
		if (written == VIRTIO_LATER)
			vq_undo_pop(vq, &chain);
		if (written < 0 || ret < 0 || dev->needs_reset)
			break;
	} while (left && vq_want_kicks(vq, true));
	if (!left && written >= 0)
		serve_later(dev, vq);
	virtio_signal(dev, vq);
}
