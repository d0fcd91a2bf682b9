/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/virtio/devices.h"
#include "oci-tests/fuzz/device.h"

/*
 * Register accesses alone, in any order and at any width, in front of each
 * device. The rings lie where the driver says, over anything.
 */
static struct virtio_dev *make(const struct guest_mem *mem, uint8_t which)
{
	static const uint8_t mac[6];

	switch (which) {
	case 0:
		return rng_new(mem, NULL, NULL);
	case 1:
		return console_new(mem, NULL, -1, -1, 0, NULL);
	case 2:
		return blk_new(mem, NULL, memfd_create("", MFD_CLOEXEC), false,
			       "", NULL);
	case 3:
		return net_new(mem, NULL, -1, mac, 0, NULL);
	case 4:
		return balloon_new(mem, NULL, NULL);
	default:
		return NULL; /* an empty slot */
	}
}

static void release(struct virtio_dev *dev, uint8_t which)
{
	static void (*const release[])(struct virtio_dev *) = {
		rng_free, console_free, blk_free, net_free, balloon_free,
	};

	if (dev)
		release[which](dev);
}

#define V1 (1ULL << VIRTIO_F_VERSION_1)

static void fill(const struct guest_mem *mem, struct tape *t)
{
	uint8_t page[256];

	tape_bytes(t, page, tape_u8(t));
	g_put(mem, (uint64_t)tape_u8(t) << 8, page, sizeof(page));
}

/* One queue, somewhere, and on to DRIVER_OK if @t says so. */
static void set_queue(struct guest *g, const struct virtio_dev *dev,
		      struct tape *t)
{
	uint8_t how = tape_u8(t);
	struct ring ring = {
		.mem = &g->mem,
		.size = (uint16_t)(1U << how % 9),
		.desc = (uint64_t)tape_u8(t) << 8,
		.avail = (uint64_t)tape_u8(t) << 8,
		.used = (uint64_t)tape_u8(t) << 8,
	};

	g_queue(&g->slot, dev ? (how >> 4) % dev->ops->queue_count : 0, &ring);
	if (mem_ptr(&g->mem, ring.avail, 4))
		ring_set_idx(&ring, tape_u8(t) & 15);
	if (how & 0x80)
		reg_write(&g->slot, VIRTIO_MMIO_STATUS, 15);
}

/* What DRIVER_OK latched stays as it was until the device is reset. */
static void check_latch(const struct virtio_dev *dev, struct vq_setup *seen)
{
	for (unsigned int i = 0; i < dev->ops->queue_count; i++) {
		if (dev->active && seen[i].size)
			fuzz_check(!memcmp(&seen[i], &dev->vq[i].setup,
					   sizeof(seen[i])));
		if (dev->active)
			memcpy(&seen[i], &dev->vq[i].setup, sizeof(seen[i]));
		else
			memset(&seen[i], 0, sizeof(seen[i]));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vq_setup seen[VIRTIO_MAX_QUEUES] = { 0 };
	struct tape t = { data, size };
	const struct guest_mem *mem = fuzz_mem();
	uint8_t which = tape_u8(&t) % 6;
	struct virtio_dev *dev = make(mem, which);
	struct guest g = { .mem = *mem, .slot = { .dev = dev } };

	for (int i = 0; t.left && i < FUZZ_MOST_OPS; i++) {
		uint8_t op = tape_u8(&t) % 16;

		if (!op)
			fill(mem, &t);
		else if (op == 1)
			g_negotiate(&g.slot, tape_u64(&t) | V1);
		else if (op == 2)
			reg_write(&g.slot, VIRTIO_MMIO_STATUS, 0);
		else if (op == 3)
			reg_write(&g.slot, VIRTIO_MMIO_STATUS, tape_u8(&t) | 1);
		else if (op == 4)
			set_queue(&g, dev, &t);
		else if (op < 8)
			guest_kick(&g, op - 5U);
		else
			fuzz_register(&g, &t);
		if (!dev)
			continue;
		check_latch(dev, seen);
		fuzz_invariants(dev);
	}
	release(dev, which);
	return 0;
}
