/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_TEST_MICROVM_GUEST_H
#define HULL_TEST_MICROVM_GUEST_H

/*
 * The driver's side of a virtqueue and of the virtio-mmio registers, for tests
 * and fuzz targets. It does what it is told, right or wrong.
 */

#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "microvm/loop/loop.h"
#include "microvm/mem/mem.h"
#include "microvm/virtio/mmio.h"

#define G_OUT 0U
#define G_IN VRING_DESC_F_WRITE
#define G_NEXT VRING_DESC_F_NEXT
#define G_INDIRECT VRING_DESC_F_INDIRECT
#define G_ALL_FEATURES UINT64_MAX

/* One page apart: descriptors, then avail, then used. */
#define RING_AT(n) (0x10000ULL + (n)*0x4000ULL)
#define G_DATA 0x100000ULL /* free for buffers from here */

struct ring {
	const struct guest_mem *mem;
	uint16_t size;
	uint64_t desc;
	uint64_t avail;
	uint64_t used;
	uint16_t added;
	uint16_t seen;
};

static inline void g_die(const char *what)
{
	fprintf(stderr, "guest.h: %s\n", what);
	abort();
}

static inline void g_put(const struct guest_mem *mem, uint64_t gpa,
			 const void *data, size_t len)
{
	if (mem_write(mem, gpa, data, len) < 0)
		g_die("write outside memory");
}

static inline void g_get(const struct guest_mem *mem, uint64_t gpa, void *data,
			 size_t len)
{
	if (mem_read(mem, gpa, data, len) < 0)
		g_die("read outside memory");
}

static inline uint16_t g_get16(const struct guest_mem *mem, uint64_t gpa)
{
	uint16_t v;

	g_get(mem, gpa, &v, sizeof(v));
	return v;
}

static inline void g_put16(const struct guest_mem *mem, uint64_t gpa,
			   uint16_t v)
{
	g_put(mem, gpa, &v, sizeof(v));
}

static inline void g_fill(const struct guest_mem *mem, uint64_t gpa,
			  uint8_t byte, size_t len)
{
	void *p = mem_ptr(mem, gpa, len);

	if (!p)
		g_die("fill outside memory");
	memset(p, byte, len);
}

static inline void ring_init(struct ring *ring, const struct guest_mem *mem,
			     uint64_t at, uint16_t size)
{
	*ring = (struct ring){ .mem = mem,
			       .size = size,
			       .desc = at,
			       .avail = at + 0x1000,
			       .used = at + 0x2000 };
	g_fill(mem, at, 0, 0x4000);
}

static inline struct vq_setup ring_setup(const struct ring *ring)
{
	return (struct vq_setup){ .size = ring->size,
				  .desc_gpa = ring->desc,
				  .avail_gpa = ring->avail,
				  .used_gpa = ring->used };
}

static inline void desc_at(const struct guest_mem *mem, uint64_t table,
			   unsigned int i, struct vring_desc desc)
{
	g_put(mem, table + 16ULL * i, &desc, sizeof(desc));
}

static inline void ring_desc(const struct ring *ring, unsigned int i,
			     struct vring_desc desc)
{
	desc_at(ring->mem, ring->desc, i, desc);
}

/* Make @head available. */
static inline void ring_add(struct ring *ring, uint16_t head)
{
	g_put16(ring->mem, ring->avail + 4 + 2U * (ring->added % ring->size),
		head);
	g_put16(ring->mem, ring->avail + 2, ++ring->added);
}

static inline void ring_set_idx(const struct ring *ring, uint16_t idx)
{
	g_put16(ring->mem, ring->avail + 2, idx);
}

static inline uint16_t ring_used_idx(const struct ring *ring)
{
	return g_get16(ring->mem, ring->used + 2);
}

/* The next used element, if there is one. */
static inline bool ring_get(struct ring *ring, struct vring_used_elem *elem)
{
	if (ring_used_idx(ring) == ring->seen)
		return false;
	g_get(ring->mem, ring->used + 4 + 8ULL * (ring->seen % ring->size),
	      elem, sizeof(*elem));
	ring->seen++;
	return true;
}

/* A chain of @n buffers in descriptors @head, @head + 1, ...; made available.
 */
static inline void ring_chain(struct ring *ring, uint16_t head,
			      const struct vring_desc *bufs, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct vring_desc d = bufs[i];

		if (i + 1 < n) {
			d.flags |= G_NEXT;
			d.next = (uint16_t)(head + i + 1);
		}
		ring_desc(ring, head + i, d);
	}
	ring_add(ring, head);
}

static inline uint32_t reg_read(struct mmio_slot *slot, uint32_t reg)
{
	uint32_t v = 0xdeadbeef;

	mmio_read(slot, reg, &v, sizeof(v));
	return v;
}

static inline void reg_write(struct mmio_slot *slot, uint32_t reg, uint32_t v)
{
	mmio_write(slot, reg, &v, sizeof(v));
}

static inline uint64_t g_offered(struct mmio_slot *slot)
{
	uint64_t features;

	reg_write(slot, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	features = (uint64_t)reg_read(slot, VIRTIO_MMIO_DEVICE_FEATURES) << 32;
	reg_write(slot, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	return features | reg_read(slot, VIRTIO_MMIO_DEVICE_FEATURES);
}

/* As Linux does it, to FEATURES_OK; of @features those that are offered. */
static inline void g_negotiate(struct mmio_slot *slot, uint64_t features)
{
	features &= g_offered(slot);
	reg_write(slot, VIRTIO_MMIO_STATUS, 0);
	reg_write(slot, VIRTIO_MMIO_STATUS, 1);
	reg_write(slot, VIRTIO_MMIO_STATUS, 3);
	reg_write(slot, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	reg_write(slot, VIRTIO_MMIO_DRIVER_FEATURES,
		  (uint32_t)(features >> 32));
	reg_write(slot, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	reg_write(slot, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)features);
	reg_write(slot, VIRTIO_MMIO_STATUS, 11);
}

static inline void g_queue(struct mmio_slot *slot, unsigned int i,
			   const struct ring *ring)
{
	reg_write(slot, VIRTIO_MMIO_QUEUE_SEL, i);
	reg_write(slot, VIRTIO_MMIO_QUEUE_NUM, ring->size);
	reg_write(slot, VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t)ring->desc);
	reg_write(slot, VIRTIO_MMIO_QUEUE_DESC_HIGH,
		  (uint32_t)(ring->desc >> 32));
	reg_write(slot, VIRTIO_MMIO_QUEUE_AVAIL_LOW, (uint32_t)ring->avail);
	reg_write(slot, VIRTIO_MMIO_QUEUE_AVAIL_HIGH,
		  (uint32_t)(ring->avail >> 32));
	reg_write(slot, VIRTIO_MMIO_QUEUE_USED_LOW, (uint32_t)ring->used);
	reg_write(slot, VIRTIO_MMIO_QUEUE_USED_HIGH,
		  (uint32_t)(ring->used >> 32));
	reg_write(slot, VIRTIO_MMIO_QUEUE_READY, 1);
}

/**
 * struct guest - memory, a slot with a device, and its rings.
 */
struct guest {
	struct guest_mem mem;
	struct mmio_slot slot;
	struct ring ring[VIRTIO_MAX_QUEUES];
};

#define G_MEM_BYTES MEM_MIN_BYTES

static inline void guest_init(struct guest *g)
{
	*g = (struct guest){ .mem = GUEST_MEM_INIT };
	if (mem_init(&g->mem, G_MEM_BYTES, NULL) < 0)
		g_die("no memory");
}

/* Bring the device up as a good driver does, with rings of @size. */
static inline void guest_start(struct guest *g, struct virtio_dev *dev,
			       uint64_t features, uint16_t size)
{
	g->slot.dev = dev;
	g_negotiate(&g->slot, features);
	for (unsigned int i = 0; i < dev->ops->queue_count; i++) {
		ring_init(&g->ring[i], &g->mem, RING_AT(i), size);
		g_queue(&g->slot, i, &g->ring[i]);
	}
	reg_write(&g->slot, VIRTIO_MMIO_STATUS, 15);
}

static inline void guest_kick(struct guest *g, unsigned int index)
{
	reg_write(&g->slot, VIRTIO_MMIO_QUEUE_NOTIFY, index);
}

static inline bool guest_needs_reset(struct guest *g)
{
	return reg_read(&g->slot, VIRTIO_MMIO_STATUS) & VIRTIO_S_NEEDS_RESET;
}

/* One request of @n buffers in queue 0 .. @n: its used length, or -1. */
static inline int64_t guest_request(struct guest *g, unsigned int queue,
				    const struct vring_desc *bufs,
				    unsigned int n)
{
	struct vring_used_elem elem;

	ring_chain(&g->ring[queue], 0, bufs, n);
	guest_kick(g, queue);
	if (!ring_get(&g->ring[queue], &elem))
		return -1;
	if (elem.id)
		g_die("the wrong head came back");
	return elem.len;
}

static inline void stopper_call(struct loop_watch *watch, uint32_t events)
{
	struct loop *loop = watch->arg;

	(void)events;
	if (!--loop->status)
		loop_stop(loop, 0);
}

/*
 * Let the loop serve everything that is ready, a few times round. Being ready
 * all the time the stopper has its turn in each round.
 */
static inline void loop_rounds(struct loop *loop, int rounds)
{
	struct loop_watch stopper = { .call = stopper_call, .arg = loop };
	uint64_t count;

	stopper.fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	loop->status = rounds;
	if (stopper.fd < 0 || loop_watch(loop, &stopper, EPOLLIN) < 0)
		g_die("no stopper");
	loop_run(loop);
	loop_watch(loop, &stopper, 0);
	close(stopper.fd);
	/* as loop_init() left it */
	if (read(loop->wake_fd, &count, sizeof(count)) < 0)
		g_die("the loop did not stop");
	loop->stop = false;
	loop->stopping = false;
}

#endif
