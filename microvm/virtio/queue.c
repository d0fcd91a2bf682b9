/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/virtio/queue.h"

#include <errno.h>
#include <linux/virtio_ring.h>
#include <string.h>

#include "base/sabotage.h"

/* The rings are little-endian; so is every host that hull-vmm runs on. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "little-endian host");
_Static_assert(sizeof(struct vring_desc) == 16, "virtio 1.2, 2.7.5");
_Static_assert(sizeof(struct vring_used_elem) == 8, "virtio 1.2, 2.7.8");

/* Rings as arrays of 16 bits: flags, index, entries, event (2.7.6, 2.7.8). */
#define RING_FLAGS 0
#define RING_IDX 1
#define RING_ENTRIES 2
#define USED_ELEM_U16 (sizeof(struct vring_used_elem) / 2)

static uint16_t load_acquire(const uint16_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static uint16_t load_relaxed(const uint16_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static const uint16_t *used_event(const struct vq *vq)
{
	return &vq->avail[RING_ENTRIES + vq->size];
}

static uint16_t *avail_event(const struct vq *vq)
{
	return &vq->used[RING_ENTRIES + vq->size * USED_ELEM_U16];
}

int vq_enable(struct vq *vq, const struct guest_mem *mem,
	      const struct vq_setup *setup)
{
	const uint64_t size = setup->size;
	const void *desc, *avail;
	void *used;

	if ((!size || size > VQ_MAX_SIZE || (size & (size - 1))) &&
	    !SABOTAGED("queue_size"))
		return -EINVAL;
	if (setup->desc_gpa % 16 || setup->avail_gpa % 2 || setup->used_gpa % 4)
		return -EINVAL;
	/* the event fields have their place even where they are not used */
	desc = mem_ptr(mem, setup->desc_gpa, 16 * size);
	avail = mem_ptr(mem, setup->avail_gpa, 6 + 2 * size);
	used = mem_ptr(mem, setup->used_gpa, 6 + 8 * size);
	if (!desc || !avail || !used)
		return -EINVAL;

	*vq = (struct vq){
		.mem = mem,
		.desc = desc,
		.avail = avail,
		.used = used,
		.size = setup->size,
		.signalled_valid = true,
		.event_idx = setup->event_idx,
		.indirect = setup->indirect,
		.enabled = true,
		.setup = *setup,
	};
	return 0;
}

void vq_reset(struct vq *vq)
{
	*vq = (struct vq){ 0 };
}

/**
 * struct walk - where a walk along a chain has come to.
 * @table: descriptors, @count of them: the queue's own, or an indirect table
 * @steps: buffers seen, whatever their length
 */
struct walk {
	const uint8_t *table;
	uint32_t count;
	bool in_indirect;
	uint16_t index;
	unsigned int steps;
};

/*
 * The copy is what is judged and used. The barrier keeps the compiler from
 * reading the guest's memory again in its place.
 */
static struct vring_desc read_desc(const struct walk *walk)
{
	struct vring_desc desc;

	memcpy(&desc, walk->table + 16UL * walk->index, sizeof(desc));
	__asm__ volatile("" ::: "memory");
	return desc;
}

/* Follow an indirect descriptor (2.7.5.3); its WRITE flag means nothing. */
static int enter_table(const struct vq *vq, struct walk *walk,
		       const struct vring_desc *desc)
{
	if ((!vq->indirect || walk->in_indirect ||
	     (desc->flags & VRING_DESC_F_NEXT) || !desc->len ||
	     desc->len % 16) &&
	    !SABOTAGED("queue_indirect"))
		return -EPROTO;
	walk->table = mem_ptr(vq->mem, desc->addr, desc->len);
	if (!walk->table)
		return -EPROTO;
	walk->count = desc->len / 16;
	walk->in_indirect = true;
	walk->index = 0;
	return 0;
}

/* One buffer; one without bytes is passed over, wherever it points. */
static int add_buffer(const struct vq *vq, struct vq_chain *chain,
		      const struct vring_desc *desc)
{
	const bool in = desc->flags & VRING_DESC_F_WRITE;
	unsigned int n = chain->out_count + chain->in_count;
	void *host;

	if (!desc->len && !SABOTAGED("queue_empty"))
		return 0;
	host = mem_ptr(vq->mem, desc->addr, desc->len);
	if (!host)
		return -EPROTO;
	chain->iov[n] = (struct iovec){ host, desc->len };
	if (in) {
		chain->in_count++;
		chain->in_bytes += desc->len;
	} else {
		chain->out_count++;
		chain->out_bytes += desc->len;
	}
	return 0;
}

/*
 * Each descriptor of the queue's own table is claimed as it is met: one that
 * is met again, in this chain or while another has it, is a loop or a buffer
 * that the driver gave away twice.
 */
static int walk_chain(struct vq *vq, struct vq_chain *chain)
{
	struct walk walk = { .table = vq->desc,
			     .count = vq->size,
			     .index = chain->head };
	bool seen_in = false;

	for (;;) {
		struct vring_desc desc;
		uint16_t *link = NULL;
		int ret;

		if (walk.index >= walk.count || walk.steps++ >= vq->size)
			return -EPROTO;
		if (!walk.in_indirect) {
			link = &vq->link[walk.index];
			if (*link && !SABOTAGED("queue_twice"))
				return -EPROTO;
			*link = VQ_LINK_END;
		}
		desc = read_desc(&walk);
		if (desc.flags & VRING_DESC_F_INDIRECT) {
			ret = enter_table(vq, &walk, &desc);
			if (ret < 0)
				return ret;
			walk.steps--; /* holds no buffer itself */
			continue;
		}
		if (seen_in && !(desc.flags & VRING_DESC_F_WRITE))
			return -EPROTO;
		seen_in = desc.flags & VRING_DESC_F_WRITE;
		ret = add_buffer(vq, chain, &desc);
		if (ret < 0)
			return ret;
		if (!(desc.flags & VRING_DESC_F_NEXT))
			return 0;
		walk.index = desc.next;
		if (link)
			*link = (uint16_t)(desc.next + 1);
	}
}

/* Give the descriptors of a chain back, by our own record of its links. */
static void unlink_chain(struct vq *vq, uint16_t head)
{
	uint32_t i = head;

	vq->in_flight[head] = false;
	while (i < vq->size && vq->link[i]) {
		uint16_t link = vq->link[i];

		vq->link[i] = 0;
		i = link - 1U; /* after VQ_LINK_END past every size */
	}
}

static int broken(struct vq *vq)
{
	vq->broken = true;
	return -EPROTO;
}

int vq_pop(struct vq *vq, struct vq_chain *chain)
{
	uint16_t waiting, slot;

	if (!vq->enabled)
		return 0;
	if (vq->broken)
		return -EPROTO;
	/* pairs with the driver's barrier between the entry and the index */
	waiting =
		(uint16_t)(load_acquire(&vq->avail[RING_IDX]) - vq->next_avail);
	if (!waiting)
		return 0;
	if (waiting > vq->size && !SABOTAGED("queue_jump"))
		return broken(vq);
	slot = vq->next_avail & (vq->size - 1);
	chain->head = load_relaxed(&vq->avail[RING_ENTRIES + slot]);
	chain->out_count = 0;
	chain->in_count = 0;
	chain->out_bytes = 0;
	chain->in_bytes = 0;
	if (walk_chain(vq, chain) < 0)
		return broken(vq);
	vq->in_flight[chain->head] = true;
	vq->next_avail++;
	return 1;
}

void vq_undo_pop(struct vq *vq, const struct vq_chain *chain)
{
	if (!vq->enabled || chain->head >= vq->size ||
	    !vq->in_flight[chain->head])
		return;
	unlink_chain(vq, chain->head);
	vq->next_avail--;
}

void vq_push_head(struct vq *vq, uint16_t head, uint32_t written)
{
	uint16_t *entry;

	if (!vq->enabled || vq->broken || head >= vq->size ||
	    (!vq->in_flight[head] && !SABOTAGED("queue_in_flight")))
		return;
	unlink_chain(vq, head);
	entry = &vq->used[RING_ENTRIES +
			  (vq->next_used & (vq->size - 1)) * USED_ELEM_U16];
	memcpy(entry, &(struct vring_used_elem){ .id = head, .len = written },
	       sizeof(struct vring_used_elem));
	vq->next_used++;
	/* after 65536 of them the difference tells nothing any more */
	if (vq->next_used == vq->signalled_used)
		vq->signalled_valid = false;
	/* pairs with the driver's read barrier: the entry comes first */
	__atomic_store_n(&vq->used[RING_IDX], vq->next_used, __ATOMIC_RELEASE);
}

void vq_push(struct vq *vq, const struct vq_chain *chain, uint64_t written)
{
	if (written > chain->in_bytes && !SABOTAGED("queue_written"))
		written = chain->in_bytes;
	/* the field has 32 bits, buffers may overlap and sum up to more */
	vq_push_head(vq, chain->head,
		     written > UINT32_MAX ? UINT32_MAX : (uint32_t)written);
}

bool vq_should_signal(struct vq *vq)
{
	const uint16_t new = vq->next_used, old = vq->signalled_used;
	const bool valid = vq->signalled_valid;

	if (!vq->enabled || vq->broken || (valid && new == old))
		return false;
	vq->signalled_used = new;
	vq->signalled_valid = true;
	/*
	 * Our index is stored before the driver's wish is loaded; the driver
	 * stores its wish before it loads our index. One of the two sees the
	 * other (2.7.7.2).
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!vq->event_idx)
		return !(load_relaxed(&vq->avail[RING_FLAGS]) &
			 VRING_AVAIL_F_NO_INTERRUPT);
	return !valid ||
	       vring_need_event(load_relaxed(used_event(vq)), new, old);
}

bool vq_want_kicks(struct vq *vq, bool want)
{
	if (!vq->enabled || vq->broken)
		return false;
	if (!vq->event_idx)
		__atomic_store_n(&vq->used[RING_FLAGS],
				 want ? 0 : VRING_USED_F_NO_NOTIFY,
				 __ATOMIC_RELAXED);
	else if (want) /* declining: an event that is passed does not return */
		__atomic_store_n(avail_event(vq), vq->next_avail,
				 __ATOMIC_RELAXED);
	/* the same pairing as in vq_should_signal(), the other way round */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return vq_has_avail(vq);
}

bool vq_has_avail(const struct vq *vq)
{
	return vq->enabled && !vq->broken &&
	       load_acquire(&vq->avail[RING_IDX]) != vq->next_avail;
}

unsigned int chain_iov(const struct vq_chain *chain, bool in, size_t from,
		       size_t len, struct iovec *out)
{
	const struct iovec *iov = chain->iov + (in ? chain->out_count : 0);
	unsigned int count = in ? chain->in_count : chain->out_count;
	unsigned int n = 0;

	for (unsigned int i = 0; i < count && len; i++) {
		size_t part = iov[i].iov_len;

		if (from >= part) {
			from -= part;
			continue;
		}
		part -= from;
		if (part > len)
			part = len;
		out[n++] = (struct iovec){ (uint8_t *)iov[i].iov_base + from,
					   part };
		from = 0;
		len -= part;
	}
	return n;
}

size_t chain_copy_out(const struct vq_chain *chain, size_t from, void *to,
		      size_t len)
{
	struct iovec part[VQ_MAX_IOV];
	unsigned int n = chain_iov(chain, false, from, len, part);
	uint8_t *at = to;

	for (unsigned int i = 0; i < n; i++) {
		memcpy(at, part[i].iov_base, part[i].iov_len);
		at += part[i].iov_len;
	}
	/* what was copied is not read again from where the guest can write */
	__asm__ volatile("" ::: "memory");
	return (size_t)(at - (uint8_t *)to);
}

size_t chain_copy_in(const struct vq_chain *chain, size_t at, const void *from,
		     size_t len)
{
	struct iovec part[VQ_MAX_IOV];
	unsigned int n = chain_iov(chain, true, at, len, part);
	const uint8_t *bytes = from;

	for (unsigned int i = 0; i < n; i++) {
		memcpy(part[i].iov_base, bytes, part[i].iov_len);
		bytes += part[i].iov_len;
	}
	return (size_t)(bytes - (const uint8_t *)from);
}
