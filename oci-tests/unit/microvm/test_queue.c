/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>

#include "base/auto.h"
#include "microvm/virtio/queue.h"
#include "oci-tests/unit/microvm/guest.h"

#define SIZE 8

struct fixture {
	struct guest_mem mem;
	struct ring ring;
	struct vq vq;
	struct vq_chain chain;
};

static void start(struct fixture *f, bool event_idx)
{
	struct vq_setup setup;

	ring_init(&f->ring, &f->mem, RING_AT(0), SIZE);
	setup = ring_setup(&f->ring);
	setup.event_idx = event_idx;
	setup.indirect = true;
	assert_int_equal(vq_enable(&f->vq, &f->mem, &setup), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->mem = (struct guest_mem)GUEST_MEM_INIT;
	if (mem_init(&f->mem, MEM_MIN_BYTES, NULL) < 0)
		return -1;
	start(f, false);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	mem_release(&f->mem);
	free(f);
	return 0;
}

static void test_enable(void **state)
{
	const uint64_t end = MEM_MIN_BYTES;
	const struct {
		struct vq_setup setup;
		int want;
	} cases[] = {
		{ { 0, 0, 4096, 8192 }, -EINVAL },
		{ { 1, 0, 4096, 8192 }, 0 },
		{ { 3, 0, 4096, 8192 }, -EINVAL },
		{ { 6, 0, 4096, 8192 }, -EINVAL },
		{ { 256, 0, 4096, 8192 }, 0 },
		{ { 257, 0, 4096, 8192 }, -EINVAL },
		{ { 512, 0, 8192, 16384 }, -EINVAL },
		{ { 0x8000, 0, 4096, 8192 }, -EINVAL },
		{ { 0xffff, 0, 4096, 8192 }, -EINVAL },
		{ { 8, 8, 4096, 8192 }, -EINVAL },
		{ { 8, 0, 4097, 8192 }, -EINVAL },
		{ { 8, 0, 4098, 8192 }, 0 },
		{ { 8, 0, 4096, 8194 }, -EINVAL },
		{ { 8, 0, 4096, 8196 }, 0 },
		/* whole in memory, to the last byte of the event field */
		{ { 8, end - 128, 0, 4096 }, 0 },
		{ { 8, end - 112, 0, 4096 }, -EINVAL },
		{ { 8, 0, end - 22, 4096 }, 0 },
		{ { 8, 0, end - 20, 4096 }, -EINVAL },
		{ { 8, 0, 4096, end - 72 }, 0 },
		{ { 8, 0, 4096, end - 68 }, -EINVAL },
		{ { 8, end, 4096, 8192 }, -EINVAL },
		{ { 8, 0xfffffffffffffff0ULL, 4096, 8192 }, -EINVAL },
		{ { 8, 0, 0xfffffffffffffffeULL, 8192 }, -EINVAL },
		{ { 8, 0, 4096, 0xfffffffffffffffcULL }, -EINVAL },
		{ { 8, MMIO_BASE, 4096, 8192 }, -EINVAL },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vq vq = { 0 };

		assert_int_equal(vq_enable(&vq, &f->mem, &cases[i].setup),
				 cases[i].want);
		assert_int_equal(vq.enabled, !cases[i].want);
	}
}

static void test_order_and_push(void **state)
{
	struct fixture *f = *state;
	const struct vring_desc bufs[] = {
		{ G_DATA, 16, G_OUT, 0 },
		{ G_DATA + 0x1000, 0, G_OUT, 0 }, /* no bytes: passed over */
		{ G_DATA + 0x2000, 10, G_IN, 0 },
		{ G_DATA + 0x3000, 20, G_IN, 0 },
	};
	struct vring_used_elem elem;

	assert_int_equal(vq_pop(&f->vq, &f->chain), 0);
	/* far over the wrap of the 16-bit index */
	for (unsigned int i = 0; i < 70000; i++) {
		ring_chain(&f->ring, (uint16_t)(4 * (i & 1)), bufs, 4);
		assert_true(vq_has_avail(&f->vq));
		assert_int_equal(vq_pop(&f->vq, &f->chain), 1);
		assert_int_equal(f->chain.head, 4 * (i & 1));
		assert_int_equal(f->chain.out_count, 1);
		assert_int_equal(f->chain.in_count, 2);
		assert_int_equal(f->chain.out_bytes, 16);
		assert_int_equal(f->chain.in_bytes, 30);
		assert_ptr_equal(f->chain.iov[2].iov_base,
				 mem_ptr(&f->mem, G_DATA + 0x3000, 20));
		vq_push(&f->vq, &f->chain, i);
		assert_true(ring_get(&f->ring, &elem));
		assert_int_equal(elem.id, f->chain.head);
		assert_int_equal(elem.len, i < 30 ? i : 30); /* capped */
		assert_false(ring_get(&f->ring, &elem));
	}
}

static void test_undo_pop(void **state)
{
	struct fixture *f = *state;
	const struct vring_desc buf = { G_DATA, 16, G_IN, 0 };

	ring_chain(&f->ring, 3, &buf, 1);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(vq_pop(&f->vq, &f->chain), 1);
		assert_false(vq_has_avail(&f->vq));
		vq_undo_pop(&f->vq, &f->chain);
		assert_true(vq_has_avail(&f->vq));
	}
	assert_int_equal(vq_pop(&f->vq, &f->chain), 1);
	vq_push(&f->vq, &f->chain, 1);
	assert_int_equal(ring_used_idx(&f->ring), 1);
}

/* What is not in flight cannot be given back, and nothing to a dead queue. */
static void test_push_only_in_flight(void **state)
{
	struct fixture *f = *state;
	const struct vring_desc bufs[] = { { G_DATA, 16, G_OUT, 0 },
					   { G_DATA, 16, G_IN, 0 } };

	ring_chain(&f->ring, 2, bufs, 2);
	assert_int_equal(vq_pop(&f->vq, &f->chain), 1);
	vq_push_head(&f->vq, 0, 0);
	vq_push_head(&f->vq, 3, 0); /* in the chain, but not its head */
	vq_push_head(&f->vq, SIZE, 0);
	vq_push_head(&f->vq, 0xffff, 0);
	assert_int_equal(ring_used_idx(&f->ring), 0);
	vq_push_head(&f->vq, 2, 0);
	vq_push_head(&f->vq, 2, 0);
	assert_int_equal(ring_used_idx(&f->ring), 1);

	ring_chain(&f->ring, 2, bufs, 2);
	assert_int_equal(vq_pop(&f->vq, &f->chain), 1);
	vq_reset(&f->vq);
	vq_push(&f->vq, &f->chain, 16);
	assert_int_equal(ring_used_idx(&f->ring), 1);
	assert_int_equal(vq_pop(&f->vq, &f->chain), 0);
	assert_false(vq_should_signal(&f->vq));
	assert_false(vq_want_kicks(&f->vq, true));
}

/* V10: jumps of the available index; bounded by the size either way. */
static void test_index_jump(void **state)
{
	static const struct {
		uint16_t idx;
		int want;
	} cases[] = { { 0, 0 },           { 1, 1 },
		      { SIZE, 1 },        { SIZE + 1, -EPROTO },
		      { 32768, -EPROTO }, { 0xffff, -EPROTO } };
	struct fixture *f = *state;
	const struct vring_desc buf = { G_DATA, 16, G_IN, 0 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		start(f, false);
		ring_desc(&f->ring, 0, buf);
		ring_set_idx(&f->ring, cases[i].idx);
		assert_int_equal(vq_pop(&f->vq, &f->chain), cases[i].want);
		assert_int_equal(f->vq.broken, cases[i].want < 0);
		if (cases[i].want < 0)
			assert_int_equal(vq_pop(&f->vq, &f->chain), -EPROTO);
	}
}

/* One table of descriptors each; the chain begins at 0. */
struct table_case {
	const char *what;
	struct vring_desc desc[SIZE];
	int want;
	unsigned int bufs;
};

#define IND_AT (G_DATA + 0x100000)
#define END MEM_MIN_BYTES

/* clang-format off */
static const struct table_case table_cases[] = {
	{ "one", { { G_DATA, 1, G_OUT, 0 } }, 1, 1 },
	{ "next is not read without NEXT", { { G_DATA, 1, G_IN, 0x7777 } }, 1, 1 },
	{ "unknown flags", { { G_DATA, 1, 0xfff0, 0 } }, 1, 1 },
	{ "self loop", { { G_DATA, 1, G_NEXT, 0 } }, -EPROTO, 0 },
	{ "2-cycle", { { G_DATA, 1, G_NEXT, 1 }, { G_DATA, 1, G_NEXT, 0 } }, -EPROTO, 0 },
	{ "zero-length cycle", { { 0, 0, G_NEXT, 1 }, { 0, 0, G_NEXT, 0 } }, -EPROTO, 0 },
	{ "next is the size", { { G_DATA, 1, G_NEXT, SIZE } }, -EPROTO, 0 },
	{ "next is 65535", { { G_DATA, 1, G_NEXT, 0xffff } }, -EPROTO, 0 },
	{ "zero length anywhere", { { ~0ULL, 0, G_NEXT, 1 }, { G_DATA, 1, G_IN, 0 } }, 1, 1 },
	{ "all zero length", { { 0, 0, G_NEXT, 1 }, { 0, 0, G_NEXT | G_IN, 2 }, { 0, 0, G_IN, 0 } }, 1, 0 },
	{ "in before out", { { G_DATA, 1, G_IN | G_NEXT, 1 }, { G_DATA, 1, G_OUT, 0 } }, -EPROTO, 0 },
	{ "empty in before out", { { G_DATA, 0, G_IN | G_NEXT, 1 }, { G_DATA, 1, G_OUT, 0 } }, -EPROTO, 0 },
	{ "last byte", { { END - 1, 1, G_OUT, 0 } }, 1, 1 },
	{ "one past the end", { { END - 1, 2, G_OUT, 0 } }, -EPROTO, 0 },
	{ "the end", { { END, 1, G_OUT, 0 } }, -EPROTO, 0 },
	{ "wraps 2^64", { { ~0ULL, 2, G_OUT, 0 } }, -EPROTO, 0 },
	{ "wraps to memory", { { ~0ULL - 15, 0x10010, G_OUT, 0 } }, -EPROTO, 0 },
	{ "4 GiB - 1 long", { { 0, 0xffffffff, G_OUT, 0 } }, -EPROTO, 0 },
	{ "the MMIO window", { { MMIO_BASE, 4, G_OUT, 0 } }, -EPROTO, 0 },
	{ "the gap", { { MEM_GAP_START, 4, G_OUT, 0 } }, -EPROTO, 0 },
	{ "indirect", { { IND_AT, 32, G_INDIRECT, 0 } }, 1, 2 },
	{ "indirect with WRITE", { { IND_AT, 32, G_INDIRECT | G_IN, 0 } }, 1, 2 },
	{ "indirect at the end of a chain", { { G_DATA, 1, G_NEXT, 1 }, { IND_AT, 32, G_INDIRECT, 0 } }, 1, 3 },
	{ "indirect with NEXT", { { IND_AT, 32, G_INDIRECT | G_NEXT, 1 }, { G_DATA, 1, G_IN, 0 } }, -EPROTO, 0 },
	{ "indirect of 0 bytes", { { IND_AT, 0, G_INDIRECT, 0 } }, -EPROTO, 0 },
	{ "indirect of 8 bytes", { { IND_AT, 8, G_INDIRECT, 0 } }, -EPROTO, 0 },
	{ "indirect of 40 bytes", { { IND_AT, 40, G_INDIRECT, 0 } }, -EPROTO, 0 },
	{ "indirect of 33 bytes", { { IND_AT, 33, G_INDIRECT, 0 } }, -EPROTO, 0 },
	{ "indirect too short for its next", { { IND_AT, 16, G_INDIRECT, 0 } }, -EPROTO, 0 },
	{ "indirect outside", { { END - 16, 32, G_INDIRECT, 0 } }, -EPROTO, 0 },
	{ "nested indirect", { { IND_AT + 0x100, 16, G_INDIRECT, 0 } }, -EPROTO, 0 },
	{ "loop in indirect", { { IND_AT + 0x200, 32, G_INDIRECT, 0 } }, -EPROTO, 0 },
	{ "odd address of the table", { { IND_AT + 0x301, 16, G_INDIRECT, 0 } }, 1, 1 },
	{ "a huge table, a short chain", { { IND_AT, 0x100000, G_INDIRECT, 0 } }, 1, 2 },
	{ "out in indirect after in", { { G_DATA, 1, G_IN | G_NEXT, 1 }, { IND_AT, 32, G_INDIRECT, 0 } }, -EPROTO, 0 },
};
/* clang-format on */

static void indirect_tables(const struct guest_mem *mem)
{
	desc_at(mem, IND_AT, 0, (struct vring_desc){ G_DATA, 4, G_NEXT, 1 });
	desc_at(mem, IND_AT, 1, (struct vring_desc){ G_DATA, 4, G_IN, 0 });
	desc_at(mem, IND_AT + 0x100, 0,
		(struct vring_desc){ IND_AT, 32, G_INDIRECT, 0 });
	desc_at(mem, IND_AT + 0x200, 0,
		(struct vring_desc){ G_DATA, 4, G_NEXT, 1 });
	desc_at(mem, IND_AT + 0x200, 1,
		(struct vring_desc){ G_DATA, 4, G_NEXT, 0 });
	desc_at(mem, IND_AT + 0x301, 0,
		(struct vring_desc){ G_DATA, 4, G_IN, 0 });
}

/* V11, V12, V16 and the rules of 2.7.5. */
static void test_tables(void **state)
{
	struct fixture *f = *state;

	indirect_tables(&f->mem);
	for (size_t i = 0; i < ARRAY_SIZE(table_cases); i++) {
		const struct table_case *c = &table_cases[i];
		int ret;

		start(f, false);
		for (unsigned int d = 0; d < SIZE; d++)
			ring_desc(&f->ring, d, c->desc[d]);
		ring_add(&f->ring, 0);
		ret = vq_pop(&f->vq, &f->chain);
		if (ret != c->want)
			fail_msg("%s: %d instead of %d", c->what, ret, c->want);
		if (ret == 1 &&
		    f->chain.out_count + f->chain.in_count != c->bufs)
			fail_msg("%s: wrong number of buffers", c->what);
	}
}

/* Without the feature the flag is no indirect descriptor but an error. */
static void test_indirect_not_negotiated(void **state)
{
	struct fixture *f = *state;

	indirect_tables(&f->mem);
	f->vq.indirect = false;
	ring_desc(&f->ring, 0,
		  (struct vring_desc){ IND_AT, 32, G_INDIRECT, 0 });
	ring_add(&f->ring, 0);
	assert_int_equal(vq_pop(&f->vq, &f->chain), -EPROTO);
}

/* As long as the queue is allowed; by one more it is too long. */
static void test_longest(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i <= SIZE; i++)
		desc_at(&f->mem, IND_AT, i,
			(struct vring_desc){ G_DATA, 1, G_NEXT | G_IN,
					     (uint16_t)(i + 1) });
	for (unsigned int n = SIZE; n <= SIZE + 1; n++) {
		start(f, false);
		desc_at(&f->mem, IND_AT, n - 1,
			(struct vring_desc){ G_DATA, 1, G_IN, 0 });
		ring_desc(&f->ring, 0,
			  (struct vring_desc){ IND_AT, 16 * n, G_INDIRECT, 0 });
		ring_add(&f->ring, 0);
		assert_int_equal(vq_pop(&f->vq, &f->chain),
				 n == SIZE ? 1 : -EPROTO);
		desc_at(&f->mem, IND_AT, n - 1,
			(struct vring_desc){ G_DATA, 1, G_NEXT | G_IN,
					     (uint16_t)n });
	}
	/* nothing at a head that is no descriptor */
	for (unsigned int head = SIZE; head < 0x10000; head += 0x1111) {
		start(f, false);
		ring_add(&f->ring, (uint16_t)head);
		assert_int_equal(vq_pop(&f->vq, &f->chain), -EPROTO);
	}
}

/* V02: a descriptor belongs to one chain at a time. */
static void test_in_flight_twice(void **state)
{
	const struct vring_desc bufs[] = { { G_DATA, 4, G_IN, 0 },
					   { G_DATA, 4, G_IN, 0 },
					   { G_DATA, 4, G_IN, 0 } };
	const struct vring_desc into = { G_DATA, 4, G_IN | G_NEXT, 1 };
	struct fixture *f = *state;

	for (uint16_t again = 0; again < 4; again++) {
		start(f, false);
		ring_chain(&f->ring, 0, bufs, 3);
		ring_desc(&f->ring, 3, into); /* 3 leads into the chain */
		assert_int_equal(vq_pop(&f->vq, &f->chain), 1);
		ring_add(&f->ring, again);
		assert_int_equal(vq_pop(&f->vq, &f->chain), -EPROTO);
		assert_true(f->vq.broken);
	}
	/* after it came back it may come again */
	start(f, false);
	for (int i = 0; i < 3; i++) {
		ring_chain(&f->ring, 0, bufs, 3);
		assert_int_equal(vq_pop(&f->vq, &f->chain), 1);
		vq_push(&f->vq, &f->chain, 0);
	}
	/* what the driver writes into the links meanwhile changes nothing */
	ring_chain(&f->ring, 0, bufs, 3);
	assert_int_equal(vq_pop(&f->vq, &f->chain), 1);
	ring_desc(&f->ring, 0, into);
	ring_desc(&f->ring, 1, into);
	vq_push(&f->vq, &f->chain, 0);
	for (int i = 0; i < SIZE; i++)
		assert_int_equal(f->vq.link[i], 0);
}

/* V13: never more in flight than the queue has entries. */
static void test_in_flight_bound(void **state)
{
	const struct vring_desc buf = { G_DATA, 4, G_IN, 0 };
	struct fixture *f = *state;

	for (uint16_t i = 0; i < SIZE; i++) {
		ring_chain(&f->ring, i, &buf, 1);
		assert_int_equal(vq_pop(&f->vq, &f->chain), 1);
	}
	for (unsigned int i = 0; i < 1000; i++) {
		ring_chain(&f->ring, (uint16_t)(i % SIZE), &buf, 1);
		assert_int_equal(vq_pop(&f->vq, &f->chain), -EPROTO);
	}
}

static void test_signal(void **state)
{
	const struct vring_desc buf = { G_DATA, 4, G_IN, 0 };
	struct fixture *f = *state;
	uint64_t used_event = f->ring.avail + 4 + 2 * SIZE;
	unsigned int signals = 0;

	assert_false(vq_should_signal(&f->vq)); /* nothing was pushed */
	ring_chain(&f->ring, 0, &buf, 1);
	assert_int_equal(vq_pop(&f->vq, &f->chain), 1);
	vq_push(&f->vq, &f->chain, 4);
	assert_true(vq_should_signal(&f->vq));
	assert_false(vq_should_signal(&f->vq));
	g_put16(&f->mem, f->ring.avail, VRING_AVAIL_F_NO_INTERRUPT);
	ring_chain(&f->ring, 0, &buf, 1);
	assert_int_equal(vq_pop(&f->vq, &f->chain), 1);
	vq_push(&f->vq, &f->chain, 4);
	assert_false(vq_should_signal(&f->vq));

	/* one signal for every four, over the wrap of the index */
	start(f, true);
	g_put16(&f->mem, used_event, 3);
	for (unsigned int i = 1; i <= 80000; i++) {
		ring_chain(&f->ring, 0, &buf, 1);
		assert_int_equal(vq_pop(&f->vq, &f->chain), 1);
		vq_push(&f->vq, &f->chain, 4);
		assert_int_equal(vq_should_signal(&f->vq), i % 4 == 0);
		if (i % 4)
			continue;
		g_put16(&f->mem, used_event, (uint16_t)(i + 3));
		signals++;
	}
	assert_int_equal(signals, 20000);

	/* 65536 pushes unasked: the driver is told rather than forgotten */
	start(f, true);
	g_put16(&f->mem, used_event, 0x8000);
	for (unsigned int i = 0; i < 0x10000; i++) {
		ring_chain(&f->ring, 0, &buf, 1);
		assert_int_equal(vq_pop(&f->vq, &f->chain), 1);
		vq_push(&f->vq, &f->chain, 4);
	}
	assert_true(vq_should_signal(&f->vq));
}

static void test_kicks(void **state)
{
	const struct vring_desc buf = { G_DATA, 4, G_IN, 0 };
	struct fixture *f = *state;
	uint64_t avail_event = f->ring.used + 4 + 8 * SIZE;

	assert_false(vq_want_kicks(&f->vq, false));
	assert_int_equal(g_get16(&f->mem, f->ring.used), 1);
	assert_false(vq_want_kicks(&f->vq, true));
	assert_int_equal(g_get16(&f->mem, f->ring.used), 0);
	ring_chain(&f->ring, 0, &buf, 1);
	assert_true(vq_want_kicks(&f->vq, true));

	start(f, true);
	ring_chain(&f->ring, 0, &buf, 1);
	ring_chain(&f->ring, 1, &buf, 1);
	assert_int_equal(vq_pop(&f->vq, &f->chain), 1);
	assert_true(vq_want_kicks(&f->vq, true));
	assert_int_equal(g_get16(&f->mem, avail_event), 1);
	assert_int_equal(vq_pop(&f->vq, &f->chain), 1);
	assert_false(vq_want_kicks(&f->vq, false));
	assert_int_equal(g_get16(&f->mem, avail_event), 1);
	assert_false(vq_want_kicks(&f->vq, true));
	assert_int_equal(g_get16(&f->mem, avail_event), 2);
	assert_int_equal(g_get16(&f->mem, f->ring.used), 0);
}

static void test_copies(void **state)
{
	const struct vring_desc bufs[] = { { G_DATA, 3, G_OUT, 0 },
					   { G_DATA + 100, 5, G_OUT, 0 },
					   { G_DATA + 200, 2, G_IN, 0 },
					   { G_DATA + 300, 4, G_IN, 0 } };
	struct fixture *f = *state;
	struct iovec iov[VQ_MAX_IOV];
	char buf[16];

	g_put(&f->mem, G_DATA, "abc", 3);
	g_put(&f->mem, G_DATA + 100, "defgh", 5);
	g_fill(&f->mem, G_DATA + 200, '-', 200);
	ring_chain(&f->ring, 0, bufs, 4);
	assert_int_equal(vq_pop(&f->vq, &f->chain), 1);
	for (size_t from = 0; from <= 9; from++) {
		for (size_t len = 0; len <= 9; len++) {
			size_t want = from > 8 ? 0 : 8 - from;

			if (want > len)
				want = len;
			assert_int_equal(
				chain_copy_out(&f->chain, from, buf, len),
				want);
			assert_memory_equal(buf, "abcdefgh" + from % 9, want);
		}
	}
	assert_int_equal(chain_copy_in(&f->chain, 1, "XYZ", 3), 3);
	g_get(&f->mem, G_DATA + 200, buf, 3);
	assert_memory_equal(buf, "-X-", 3);
	g_get(&f->mem, G_DATA + 300, buf, 4);
	assert_memory_equal(buf, "YZ--", 4);
	assert_int_equal(chain_copy_in(&f->chain, 5, "123", 3), 1);
	assert_int_equal(chain_copy_in(&f->chain, 6, "123", 3), 0);
	assert_int_equal(chain_copy_in(&f->chain, SIZE_MAX, "1", 1), 0);
	assert_int_equal(chain_iov(&f->chain, true, 2, SIZE_MAX, iov), 1);
	assert_ptr_equal(iov[0].iov_base, mem_ptr(&f->mem, G_DATA + 300, 4));
	assert_int_equal(chain_iov(&f->chain, true, 0, 0, iov), 0);
}

/*
 * V21: a driver in another thread, event index and all: nothing is lost, torn
 * or left waiting. Both sides sleep when they find nothing, so that a missing
 * notification shows as a hang, which the time limit ends.
 */
#define PASSES 20000

struct race {
	struct fixture *f;
	int kick;
	int call;
};

static void wait_event(int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };
	auto_fd int ep = epoll_create1(EPOLL_CLOEXEC);
	uint64_t n;

	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
	if (epoll_wait(ep, &ev, 1, 10000) != 1)
		g_die("a notification was lost");
	if (read(fd, &n, sizeof(n)) < 0)
		g_die("eventfd");
}

static void *race_driver(void *arg)
{
	struct race *r = arg;
	struct ring *ring = &r->f->ring;
	uint16_t *avail = mem_ptr(ring->mem, ring->avail, 6 + 2 * SIZE);
	uint16_t *used = mem_ptr(ring->mem, ring->used, 6 + 8 * SIZE);
	const uint64_t one = 1;
	unsigned int sent = 0, got = 0;

	while (got < PASSES) {
		uint16_t old = (uint16_t)sent, idx;

		while (sent < PASSES && sent - got < SIZE) {
			avail[2 + sent % SIZE] = (uint16_t)(sent % SIZE);
			sent++;
		}
		__atomic_store_n(&avail[1], (uint16_t)sent, __ATOMIC_RELEASE);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (vring_need_event(__atomic_load_n(&used[2 + 4 * SIZE],
						     __ATOMIC_RELAXED),
				     (uint16_t)sent, old) &&
		    write(r->kick, &one, 8) != 8)
			g_die("eventfd");
		__atomic_store_n(&avail[2 + SIZE], (uint16_t)got,
				 __ATOMIC_RELAXED);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		idx = __atomic_load_n(&used[1], __ATOMIC_ACQUIRE);
		if (idx == (uint16_t)got)
			wait_event(r->call);
		for (; idx != (uint16_t)got; got++)
			if (used[2 + 4 * (got % SIZE)] != got % SIZE)
				g_die("the wrong chain came back");
	}
	return NULL;
}

static void test_race(void **state)
{
	struct fixture *f = *state;
	struct race r = { .f = f,
			  .kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
			  .call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	const uint64_t one = 1;
	unsigned int done = 0;
	pthread_t thread;

	start(f, true);
	for (unsigned int i = 0; i < SIZE; i++)
		ring_desc(&f->ring, i,
			  (struct vring_desc){ G_DATA, 4, G_IN, 0 });
	assert_int_equal(pthread_create(&thread, NULL, race_driver, &r), 0);
	while (done < PASSES) {
		int ret = vq_pop(&f->vq, &f->chain);

		assert_true(ret >= 0);
		if (ret) {
			vq_push(&f->vq, &f->chain, 4);
			done++;
			if (vq_should_signal(&f->vq))
				assert_int_equal(write(r.call, &one, 8), 8);
		} else if (!vq_want_kicks(&f->vq, true)) {
			wait_event(r.kick);
		}
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	close(r.kick);
	close(r.call);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_enable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order_and_push, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_undo_pop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_push_only_in_flight, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_index_jump, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_tables, setup, teardown),
		cmocka_unit_test_setup_teardown(test_indirect_not_negotiated,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_longest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_in_flight_twice, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_in_flight_bound, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_signal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kicks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_race, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
