/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_TEST_FUZZ_DEVICE_H
#define HULL_TEST_FUZZ_DEVICE_H

/*
 * A hostile driver for one device: the input is a list of what it does to
 * memory and registers, and of what happens on the host's side.
 */

#include <sys/mman.h>

#include "base/log.h"
#include "oci-tests/fuzz/fuzz.h"
#include "oci-tests/unit/microvm/guest.h"

#define FUZZ_LOW 0x40000ULL
#define FUZZ_HIGH 0x10000ULL
#define FUZZ_GUARD 0x10000ULL
#define FUZZ_MOST_OPS 200

/* Two regions with nothing but inaccessible pages around them; made once. */
static inline const struct guest_mem *fuzz_mem(void)
{
	static struct guest_mem mem = GUEST_MEM_INIT;
	uint8_t *base;

	if (mem.fd >= 0) {
		memset(mem.region[0].host, 0, FUZZ_LOW);
		memset(mem.region[1].host, 0, FUZZ_HIGH);
		return &mem;
	}
	log_open("/dev/null", LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, NULL);
	mem.fd = memfd_create("fuzz", MFD_CLOEXEC);
	base = mmap(NULL, FUZZ_LOW + FUZZ_HIGH + 3 * FUZZ_GUARD, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem.fd < 0 || base == MAP_FAILED ||
	    ftruncate(mem.fd, (off_t)(FUZZ_LOW + FUZZ_HIGH)) < 0)
		g_die("no memory");
	mem.region_count = 2;
	mem.region[0] = (struct mem_region){ .gpa = 0,
					     .len = FUZZ_LOW,
					     .host = base + FUZZ_GUARD };
	mem.region[1] = (struct mem_region){
		.gpa = MEM_GAP_END,
		.len = FUZZ_HIGH,
		.offset = FUZZ_LOW,
		.host = base + FUZZ_LOW + 2 * FUZZ_GUARD,
	};
	for (int i = 0; i < 2; i++)
		if (mmap(mem.region[i].host, mem.region[i].len,
			 PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, mem.fd,
			 (off_t)mem.region[i].offset) == MAP_FAILED)
			g_die("no mapping");
	return &mem;
}

/* Mostly memory, sometimes its edges or nowhere. */
static inline uint64_t fuzz_gpa(struct tape *t)
{
	static const uint64_t edges[] = {
		FUZZ_LOW - 1,    FUZZ_LOW,
		MEM_GAP_END - 1, MEM_GAP_END + FUZZ_HIGH - 2,
		MMIO_BASE,       UINT64_MAX - 7,
	};
	uint8_t how = tape_u8(t);

	if (how < 200)
		return 0x20000 + (uint64_t)how * 0x200;
	if (how < 230)
		return MEM_GAP_END + (uint64_t)(how - 200) * 0x400;
	if (how < 250)
		return edges[how % (sizeof(edges) / sizeof(edges[0]))];
	return tape_u64(t);
}

static inline uint32_t fuzz_len(struct tape *t)
{
	uint8_t how = tape_u8(t);

	if (how < 160)
		return how;
	if (how < 200) /* what devices count in */
		return (how - 159U) * 512;
	return how < 240 ? tape_u16(t) : tape_u32(t);
}

static inline struct vring_desc fuzz_desc(struct tape *t)
{
	struct vring_desc d = { .addr = fuzz_gpa(t), .len = fuzz_len(t) };
	uint8_t flags = tape_u8(t);

	d.flags = flags & 7;
	d.next = flags & 8 ? tape_u16(t) : flags >> 4;
	return d;
}

/* A chain as a good driver makes it, with some bytes in its first buffer. */
static inline void fuzz_chain(struct guest *g, struct tape *t,
			      struct ring *ring)
{
	struct vring_desc bufs[4];
	unsigned int n = tape_u8(t) % 4 + 1, outs = tape_u8(t) % (n + 1);
	uint8_t data[64], count = tape_u8(t) % sizeof(data);
	void *to;

	for (unsigned int i = 0; i < n; i++)
		bufs[i] = (struct vring_desc){ fuzz_gpa(t), fuzz_len(t),
					       i < outs ? G_OUT : G_IN, 0 };
	tape_bytes(t, data, count);
	to = mem_ptr(&g->mem, bufs[0].addr, count);
	if (to)
		memcpy(to, data, count);
	ring_chain(ring, (uint16_t)(4 * (tape_u8(t) % 16) % ring->size), bufs,
		   ring->size < 4 ? 1 : n);
}

static inline void fuzz_register(struct guest *g, struct tape *t)
{
	uint16_t off = tape_u16(t) % 0x140;
	uint64_t value = tape_u32(t);
	uint8_t how = tape_u8(t);
	unsigned int len = how & 0x80 ? 1U + (how & 7) : 4;

	/* mostly a register, as a driver would */
	if (!(how & 0x40))
		off &= 0xfffc;
	if (how & 0x20)
		mmio_read(&g->slot, off, &value, len);
	else
		mmio_write(&g->slot, off, &value, len);
}

static inline void fuzz_start(struct guest *g, struct tape *t,
			      struct virtio_dev *dev)
{
	uint8_t how = tape_u8(t);
	uint64_t features = how & 0x80 ? tape_u64(t) : UINT64_MAX;

	guest_start(g, dev, features | 1ULL << VIRTIO_F_VERSION_1,
		    (uint16_t)(1U << how % 9));
}

/* What cannot be so, whatever the driver did. */
static inline void fuzz_invariants(const struct virtio_dev *dev)
{
	for (unsigned int i = 0; i < dev->ops->queue_count; i++) {
		const struct vq *vq = &dev->vq[i];
		unsigned int in_flight = 0;

		for (unsigned int d = 0; d < VQ_MAX_SIZE; d++)
			in_flight += vq->in_flight[d];
		fuzz_check(in_flight <= vq->size);
		fuzz_check(!vq->enabled || vq->size);
		fuzz_check(!dev->needs_reset || vq->broken);
	}
	fuzz_check(!dev->active || (dev->status & VIRTIO_S_DRIVER_OK));
}

/* What happens on the other side of the device. */
typedef void fuzz_host(void *arg, struct guest *g, struct tape *t);

/* One thing that the driver does. @host: what happens on the other side. */
static inline void fuzz_step(struct guest *g, struct tape *t,
			     struct virtio_dev *dev, fuzz_host *host, void *arg)
{
	uint8_t op = tape_u8(t);
	unsigned int index = (op >> 4) % dev->ops->queue_count;
	struct ring *ring = &g->ring[index];
	uint64_t gpa;

	switch (op & 15) {
	case 0:
		fuzz_start(g, t, dev);
		break;
	case 1:
		fuzz_register(g, t);
		break;
	case 2:
		host(arg, g, t);
		break;
	case 3:
		if (ring->size)
			ring_desc(ring, tape_u8(t) % ring->size, fuzz_desc(t));
		break;
	case 4: /* somewhere: an indirect table, or a device's own data */
		gpa = fuzz_gpa(t) & ~15ULL;
		if (mem_ptr(&g->mem, gpa, 16))
			desc_at(&g->mem, gpa, 0, fuzz_desc(t));
		break;
	case 5:
		if (ring->size)
			ring_add(ring, tape_u8(t));
		break;
	case 6:
		if (ring->size)
			ring_set_idx(ring, tape_u16(t));
		break;
	case 7:
	case 8:
	case 9:
		if (ring->size)
			fuzz_chain(g, t, ring);
		break;
	default:
		guest_kick(g, index);
		break;
	}
}

static inline void fuzz_device(struct tape *t, struct virtio_dev *dev,
			       fuzz_host *host, void *arg)
{
	struct guest g = { .mem = *dev->mem, .slot = { .dev = dev } };

	fuzz_start(&g, t, dev);
	for (int i = 0; t->left && i < FUZZ_MOST_OPS; i++) {
		fuzz_step(&g, t, dev, host, arg);
		fuzz_invariants(dev);
	}
}

#endif
