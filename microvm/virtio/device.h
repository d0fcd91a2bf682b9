/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_MICROVM_VIRTIO_DEVICE_H
#define HULL_MICROVM_VIRTIO_DEVICE_H

#include <errno.h>
#include <linux/virtio_ids.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "microvm/loop/loop.h"
#include "microvm/virtio/queue.h"

#define VIRTIO_ID_NONE 0 /* an empty slot: the driver passes it over */
#define VIRTIO_MAX_QUEUES 8
#define VIRTIO_F_INDIRECT_DESC 28
#define VIRTIO_F_EVENT_IDX 29
#define VIRTIO_F_VERSION_1 32

/* device status register, section 2.1 */
#define VIRTIO_S_ACKNOWLEDGE 1U
#define VIRTIO_S_DRIVER 2U
#define VIRTIO_S_DRIVER_OK 4U
#define VIRTIO_S_FEATURES_OK 8U
#define VIRTIO_S_NEEDS_RESET 64U
#define VIRTIO_S_FAILED 128U

struct err;
struct mmio_slot;
struct virtio_dev;

/**
 * struct virtio_ops - what makes a device. All are called with the loop's lock
 * held; any may be NULL.
 * @config_read: @off + @len is inside @config_size already
 * @activate: DRIVER_OK: the queues in use are latched and enabled. Failure
 *            makes the device NEEDS_RESET.
 * @reset: everything in flight is dropped; the queues are reset afterwards
 * @kick: the driver notified queue @index (which is enabled)
 */
struct virtio_ops {
	uint32_t id; /* VIRTIO_ID_... */
	const char *name;
	unsigned int queue_count;
	unsigned int config_size;
	void (*config_read)(struct virtio_dev *dev, unsigned int off, void *to,
			    unsigned int len);
	void (*config_write)(struct virtio_dev *dev, unsigned int off,
			     const void *from, unsigned int len);
	int (*activate)(struct virtio_dev *dev);
	void (*reset)(struct virtio_dev *dev);
	void (*kick)(struct virtio_dev *dev, unsigned int index);
};

/**
 * struct virtio_dev - one device: its own state is a struct that embeds this.
 * @features: offered; VERSION_1, INDIRECT_DESC and EVENT_IDX included
 * @acked: what the driver accepted, valid from FEATURES_OK on
 * @kick_fd: eventfd per queue, signalled by the kernel (ioeventfd) or by
 *           mmio.c; the loop reads it and calls @ops->kick. A device that is
 *           served by another process hands it over in @activate (and then
 *           @remote is true: nobody here reads it).
 * @kick_watch: those of @kick_fd, while active and not remote
 * @irq_fd: eventfd that raises the interrupt (irqfd)
 * @config_changed: the interrupt is (also) for a changed configuration
 * @slot: where its registers are shown, or NULL
 * @irq_count: interrupts raised, for tests and statistics
 * @log_count, @log_since: see virtio_log()
 */
struct virtio_dev {
	const struct virtio_ops *ops;
	const struct guest_mem *mem;
	struct loop *loop;
	uint64_t features;
	uint64_t acked;
	struct vq vq[VIRTIO_MAX_QUEUES];
	int kick_fd[VIRTIO_MAX_QUEUES];
	struct loop_watch kick_watch[VIRTIO_MAX_QUEUES];
	int irq_fd;
	bool remote;
	bool active;
	bool needs_reset;
	bool config_changed;
	const struct mmio_slot *slot;
	uint64_t irq_count;
	uint32_t config_generation;
	uint8_t status;
	unsigned int log_count;
	uint64_t log_since;
};

/**
 * virtio_dev_init() - @dev is zeroed but for what its owner has set. Makes the
 * eventfds.
 * @loop: NULL (in tests): a written notification calls @ops->kick at once
 * @features: of the device; VERSION_1, INDIRECT_DESC and EVENT_IDX are added
 *
 * Return: 0, or -errno of eventfd(2), with nothing open; virtio_dev_release()
 * is fine then, too.
 */
int virtio_dev_init(struct virtio_dev *dev, const struct virtio_ops *ops,
		    const struct guest_mem *mem, struct loop *loop,
		    uint64_t features, struct err *err);
/** virtio_dev_release() - reset, and close the eventfds. */
void virtio_dev_release(struct virtio_dev *dev);

/**
 * virtio_dev_activate() - DRIVER_OK: what is in @setup is latched.
 * @setup, @ready: one per queue of the device
 *
 * A queue that cannot be enabled, or @ops->activate failing, is virtio_fail().
 */
void virtio_dev_activate(struct virtio_dev *dev, const struct vq_setup *setup,
			 const bool *ready);
/** virtio_dev_reset() - back to status 0; @ops->reset if it was active. */
void virtio_dev_reset(struct virtio_dev *dev);
/** virtio_notify() - the driver wrote @index to the notification register;
 * -EINVAL when there is no such queue in use. */
int virtio_notify(struct virtio_dev *dev, uint32_t index);

/* What a handler of virtio_serve() returns when the request has to wait: it is
 * put back, and the queue is left alone until the device serves it again. */
#define VIRTIO_LATER (-EAGAIN)
/**
 * virtio_serve() - hand the requests of a queue, one after the other, to
 * @handle; then ask for notifications again and signal. After as many requests
 * as the queue has entries the other devices get their turn.
 * @handle: returns bytes written into the in buffers, VIRTIO_LATER, or another
 *          negative number when it has called virtio_fail()
 */
void virtio_serve(struct virtio_dev *dev, struct vq *vq,
		  int64_t (*handle)(struct virtio_dev *dev,
				    const struct vq_chain *chain));
/** virtio_watch() - loop_watch() on the device's loop; without one the wish is
 * only recorded in @watch. */
int virtio_watch(struct virtio_dev *dev, struct loop_watch *watch,
		 uint32_t events);
/** virtio_log() - a line about the guest's or a backend's misbehaviour: at
 * most VIRTIO_LOG_LINES per device and minute. */
void virtio_log(struct virtio_dev *dev, const char *what);
#define VIRTIO_LOG_LINES 5

/** virtio_signal() - raise the interrupt if the driver wants one for @vq. */
void virtio_signal(struct virtio_dev *dev, struct vq *vq);
/** virtio_config_changed() - tell the driver to read the configuration again.
 */
void virtio_config_changed(struct virtio_dev *dev);
/**
 * virtio_fail() - the driver broke the protocol: NEEDS_RESET, and an interrupt.
 * Nothing is served until the driver resets the device. Logged by
 * virtio_log().
 */
void virtio_fail(struct virtio_dev *dev, const char *what);
static inline bool virtio_has(const struct virtio_dev *dev, unsigned int bit)
{
	return (dev->acked >> bit) & 1;
}

#endif
