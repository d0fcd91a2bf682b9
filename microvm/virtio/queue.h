/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_MICROVM_VIRTIO_QUEUE_H
#define HULL_MICROVM_VIRTIO_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "microvm/mem/mem.h"

#define VQ_MAX_SIZE 256
#define VQ_MAX_IOV VQ_MAX_SIZE
#define VQ_LINK_END 0xffffU

/**
 * struct vq_setup - what the driver wrote into the queue registers.
 * @event_idx, @indirect: features, 0 or not; no bool, because the struct also
 *                        comes in a message from another process
 */
struct vq_setup {
	uint16_t size;
	uint64_t desc_gpa;
	uint64_t avail_gpa;
	uint64_t used_gpa;
	uint8_t event_idx;
	uint8_t indirect;
};

/**
 * struct vq - a split virtqueue (virtio 1.2, section 2.7) as the device sees
 * it. Addresses are host pointers, taken and checked once by vq_enable(): what
 * the guest does to the registers afterwards changes nothing.
 * @size: entries, a power of two, at most VQ_MAX_SIZE
 * @setup: as latched, for who hands the queue to another process
 * @next_avail, @next_used: our own indices; the guest's are only compared
 * @event_idx: VIRTIO_F_EVENT_IDX was negotiated
 * @indirect: VIRTIO_F_INDIRECT_DESC was negotiated
 * @broken: the guest broke the protocol; nothing is served any more
 * @in_flight: by head: popped and not given back
 * @link: by descriptor: 0 while in no chain that is in flight, else one more
 *        than the next of its chain, or VQ_LINK_END
 */
struct vq {
	const struct guest_mem *mem;
	const void *desc;
	const uint16_t *avail;
	uint16_t *used;
	uint16_t size;
	uint16_t next_avail;
	uint16_t next_used;
	uint16_t signalled_used;
	bool signalled_valid;
	bool event_idx;
	bool indirect;
	bool enabled;
	bool broken;
	bool in_flight[VQ_MAX_SIZE];
	uint16_t link[VQ_MAX_SIZE];
	struct vq_setup setup;
};

/**
 * struct vq_chain - one request: each descriptor read once, each buffer checked
 * to lie in guest memory. First @out buffers that the device reads, then @in
 * buffers that it writes. The bytes behind them still change under us.
 * @head: gives it back with vq_push()
 */
struct vq_chain {
	uint16_t head;
	unsigned int out_count;
	unsigned int in_count;
	uint64_t out_bytes;
	uint64_t in_bytes;
	struct iovec iov[VQ_MAX_IOV]; /* out_count, then in_count */
};

/**
 * vq_enable() - latch the setup.
 *
 * Return: 0, or -EINVAL: size 0, not a power of two or over VQ_MAX_SIZE; ring
 * misaligned (16, 2, 4) or not whole in guest memory.
 */
int vq_enable(struct vq *vq, const struct guest_mem *mem,
	      const struct vq_setup *setup);
void vq_reset(struct vq *vq);

/**
 * vq_pop() - take the next available chain.
 *
 * Return: 1, 0 (nothing there), or -EPROTO: the queue is broken from now on
 * (index out of range or jumped, loop, too long, nested or odd indirect table,
 * address outside memory, writable before readable, descriptor in two chains
 * that are in flight).
 */
int vq_pop(struct vq *vq, struct vq_chain *chain);

/** vq_undo_pop() - the chain popped last is available again. */
void vq_undo_pop(struct vq *vq, const struct vq_chain *chain);

/**
 * vq_push() - give a chain back.
 * @written: bytes really written to its in buffers; capped to their size
 */
void vq_push(struct vq *vq, const struct vq_chain *chain, uint64_t written);
/** vq_push_head() - as vq_push(), for devices that keep heads only. */
void vq_push_head(struct vq *vq, uint16_t head, uint32_t written);

/** vq_should_signal() - does the driver want an interrupt for what was pushed?
 */
bool vq_should_signal(struct vq *vq);

/**
 * vq_want_kicks() - ask for (or decline) notifications.
 *
 * Return: true when chains arrived meanwhile: look again.
 */
bool vq_want_kicks(struct vq *vq, bool want);

/** vq_has_avail() - is there something to pop? */
bool vq_has_avail(const struct vq *vq);

/**
 * chain_copy_out() - copy @len bytes from offset @from of the out buffers.
 * chain_copy_in() - copy into the in buffers.
 *
 * Return: bytes copied: less than @len at the end of the buffers.
 */
size_t chain_copy_out(const struct vq_chain *chain, size_t from, void *to,
		      size_t len);
size_t chain_copy_in(const struct vq_chain *chain, size_t at, const void *from,
		     size_t len);
/**
 * chain_iov() - the part [from, from + len) of the out (or in) buffers as an
 * iovec, for readv(2) and friends.
 * @out: room for VQ_MAX_IOV
 *
 * Return: number of entries.
 */
unsigned int chain_iov(const struct vq_chain *chain, bool in, size_t from,
		       size_t len, struct iovec *out);

#endif
