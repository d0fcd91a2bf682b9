/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/virtio/queue.h"
#include "oci-tests/fuzz/device.h"

/* Every buffer of a chain lies in one region, and the sums are right. */
static void check_chain(const struct guest_mem *mem,
			const struct vq_chain *chain, unsigned int size)
{
	unsigned int n = chain->out_count + chain->in_count;
	uint64_t sums[2] = { 0, 0 };

	fuzz_check(n <= size && chain->head < size);
	for (unsigned int i = 0; i < n; i++) {
		const uint8_t *at = chain->iov[i].iov_base;
		bool inside = false;

		for (unsigned int r = 0; r < mem->region_count; r++) {
			const struct mem_region *region = &mem->region[r];

			inside |= at >= region->host &&
				  at + chain->iov[i].iov_len <=
					  region->host + region->len;
		}
		fuzz_check(inside && chain->iov[i].iov_len);
		sums[i >= chain->out_count] += chain->iov[i].iov_len;
	}
	fuzz_check(sums[0] == chain->out_bytes && sums[1] == chain->in_bytes);
}

static void use(struct vq *vq, struct vq_chain *chain, struct tape *t)
{
	uint8_t data[128], op = tape_u8(t);
	int ret = vq_pop(vq, chain);

	fuzz_check(ret == 0 || ret == 1 || (ret == -EPROTO && vq->broken));
	if (ret <= 0)
		return;
	check_chain(vq->mem, chain, vq->size);
	chain_copy_out(chain, tape_u8(t), data, sizeof(data));
	chain_copy_in(chain, tape_u8(t), data, tape_u8(t) % sizeof(data));
	switch (op % 4) {
	case 0:
		vq_undo_pop(vq, chain);
		break;
	case 1: /* kept in flight */
		break;
	default:
		vq_push(vq, chain, tape_u64(t));
		vq_should_signal(vq);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vq vq;
	static struct vq_chain chain;
	struct tape t = { data, size };
	const struct guest_mem *mem = fuzz_mem();
	struct vq_setup setup;
	struct ring ring;
	uint8_t how = tape_u8(&t);

	ring_init(&ring, mem, RING_AT(0), (uint16_t)(1U << how % 9));
	setup = ring_setup(&ring);
	setup.event_idx = how & 0x80;
	setup.indirect = how & 0x40;
	if (how & 0x20)
		tape_bytes(&t, &setup, sizeof(setup));
	if (vq_enable(&vq, mem, &setup) < 0)
		return 0;
	for (int i = 0; t.left && i < FUZZ_MOST_OPS; i++) {
		uint8_t op = tape_u8(&t);
		uint64_t gpa;

		switch (op % 6) {
		case 0:
			ring_desc(&ring, tape_u8(&t) % ring.size,
				  fuzz_desc(&t));
			break;
		case 1:
			ring_add(&ring, tape_u8(&t));
			break;
		case 2:
			gpa = fuzz_gpa(&t) & ~15ULL;
			if (mem_ptr(mem, gpa, 16))
				desc_at(mem, gpa, 0, fuzz_desc(&t));
			break;
		case 3:
			vq_want_kicks(&vq, op & 0x80);
			vq_push_head(&vq, tape_u16(&t), 1);
			break;
		case 4:
			if (op & 0x80)
				ring_set_idx(&ring, tape_u16(&t));
			break;
		default:
			use(&vq, &chain, &t);
		}
	}
	return 0;
}
