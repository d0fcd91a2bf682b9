/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "base/auto.h"
#include "microvm/virtio/queue.h"
#include "oci-tests/unit/microvm/guest.h"

/*
 * All rings of up to four descriptors, each field of which takes every value
 * that could matter, against a slow model: it first writes down where a chain
 * leads and then asks of the list, rule by rule, whether it is one.
 */
#define MOST 4
#define FAR 64 /* longer than any chain may be */
#define TABLE_AT (G_DATA + 0x1000)

enum kind { OUT, IN, OUT_EMPTY, IN_EMPTY, OUTSIDE, TABLE, TABLE_NEXT, KINDS };

/* @next -1: none; otherwise an index, valid or not. */
struct item {
	enum kind kind;
	int next;
};

/**
 * struct world - @ring of @size, and one indirect @table of @table_len.
 * @claimed: descriptors of the ring that are in flight
 */
struct world {
	struct item ring[MOST];
	struct item table[MOST];
	unsigned int size;
	unsigned int table_len;
	bool claimed[MOST];
};

struct place {
	const struct item *item; /* NULL: an index that is none */
	int index;
	bool in_table;
};

/* Where the chain leads, for FAR steps. */
static unsigned int follow(const struct world *w, unsigned int head,
			   struct place *path)
{
	const struct item *list = w->ring;
	unsigned int limit = w->size, n = 0;
	bool in_table = false;
	int at = (int)head;

	while (n < FAR) {
		struct place *p = &path[n++];

		*p = (struct place){ NULL, at, in_table };
		if (at < 0 || (unsigned int)at >= limit)
			break;
		p->item = &list[at];
		if (p->item->kind >= TABLE) {
			if (in_table)
				break; /* judged below */
			list = w->table;
			limit = w->table_len;
			in_table = true;
			at = 0;
			continue;
		}
		if (p->item->next < 0)
			break;
		at = p->item->next;
	}
	return n;
}

static bool is_in(const struct item *item)
{
	return item->kind == IN || item->kind == IN_EMPTY;
}

/* Number of buffers with bytes, or -1. Claims the chain's descriptors. */
static int model(struct world *w, unsigned int head, bool *in, bool indirect)
{
	struct place path[FAR];
	unsigned int n = follow(w, head, path), bufs = 0, steps = 0;
	bool writable = false;

	for (unsigned int i = 0; i < n; i++) {
		const struct place *p = &path[i];

		if (!p->item || p->item->kind == OUTSIDE)
			return -1;
		for (unsigned int j = 0; j < i; j++)
			if (path[j].in_table == p->in_table &&
			    path[j].index == p->index)
				return -1;
		if (!p->in_table && w->claimed[p->index])
			return -1;
		if (p->item->kind >= TABLE) {
			if (!indirect || p->in_table ||
			    p->item->kind == TABLE_NEXT || !w->table_len)
				return -1;
			continue;
		}
		steps++;
		if (writable && !is_in(p->item))
			return -1;
		writable = is_in(p->item);
		if (p->item->kind <= IN)
			in[bufs++] = writable;
	}
	if (steps > w->size)
		return -1;
	for (unsigned int i = 0; i < n; i++)
		if (!path[i].in_table)
			w->claimed[path[i].index] = true;
	return (int)bufs;
}

static struct vring_desc to_desc(const struct world *w, const struct item *item)
{
	static const struct vring_desc kinds[KINDS] = {
		[OUT] = { G_DATA, 8, G_OUT, 0 },
		[IN] = { G_DATA, 8, G_IN, 0 },
		[OUT_EMPTY] = { ~0ULL, 0, G_OUT, 0 },
		[IN_EMPTY] = { 0, 0, G_IN, 0 },
		[OUTSIDE] = { G_MEM_BYTES - 4, 8, G_OUT, 0 },
		[TABLE] = { TABLE_AT, 0, G_INDIRECT, 0 },
		[TABLE_NEXT] = { TABLE_AT, 0, G_INDIRECT | G_NEXT, 0 },
	};
	struct vring_desc desc = kinds[item->kind];

	if (item->kind >= TABLE)
		desc.len = 16 * w->table_len;
	else if (item->next >= 0)
		desc.flags |= G_NEXT;
	desc.next = (uint16_t)item->next;
	return desc;
}

struct fixture {
	struct guest_mem mem;
	struct ring ring;
	struct vq vq;
	struct vq_chain chain;
	struct world w;
	uint64_t checked;
	uint64_t good;
};

static void write_world(struct fixture *f)
{
	struct vring_desc *ring = mem_ptr(&f->mem, f->ring.desc, 16 * MOST);
	struct vring_desc *table = mem_ptr(&f->mem, TABLE_AT, 16 * MOST);

	for (unsigned int i = 0; i < f->w.size; i++)
		ring[i] = to_desc(&f->w, &f->w.ring[i]);
	for (unsigned int i = 0; i < f->w.table_len; i++)
		table[i] = to_desc(&f->w, &f->w.table[i]);
}

static void start(struct fixture *f, bool indirect)
{
	struct vq_setup setup = ring_setup(&f->ring);

	setup.size = (uint16_t)f->w.size;
	setup.indirect = indirect;
	f->ring.size = setup.size;
	f->ring.added = 0;
	assert_int_equal(vq_enable(&f->vq, &f->mem, &setup), 0);
	memset(f->w.claimed, 0, sizeof(f->w.claimed));
}

/* Pop once and compare. */
static bool check_pop(struct fixture *f, unsigned int head)
{
	bool in[FAR];
	int want = model(&f->w, head, in, f->vq.indirect);
	unsigned int count;
	int ret;

	ring_add(&f->ring, (uint16_t)head);
	ret = vq_pop(&f->vq, &f->chain);
	f->checked++;
	if (ret != (want < 0 ? -EPROTO : 1))
		fail_msg("head %u of %u: %d, the model says %d", head,
			 f->w.size, ret, want);
	assert_int_equal(f->vq.broken, want < 0);
	if (want < 0)
		return false;
	f->good++;
	count = f->chain.out_count + f->chain.in_count;
	assert_int_equal(count, want);
	for (unsigned int i = 0; i < count; i++) {
		assert_int_equal(i >= f->chain.out_count, in[i]);
		assert_ptr_equal(f->chain.iov[i].iov_base,
				 f->mem.region[0].host + G_DATA);
	}
	assert_int_equal(f->chain.out_bytes, 8 * f->chain.out_count);
	assert_int_equal(f->chain.in_bytes, 8 * f->chain.in_count);
	for (unsigned int i = 0; i < f->w.size; i++)
		assert_int_equal(!!f->vq.link[i], f->w.claimed[i]);
	return true;
}

/* The next of all lists of @n items, of @kinds kinds; false after the last. */
static bool advance(struct item *list, unsigned int n, unsigned int kinds,
		    int limit)
{
	for (unsigned int i = 0; i < n; i++) {
		if (++list[i].next <= limit)
			return true;
		list[i].next = -1;
		if (++list[i].kind < kinds)
			return true;
		list[i].kind = 0;
	}
	return false;
}

static void first(struct item *list)
{
	for (int i = 0; i < MOST; i++)
		list[i] = (struct item){ 0, -1 };
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->mem = (struct guest_mem)GUEST_MEM_INIT;
	if (mem_init(&f->mem, MEM_MIN_BYTES, NULL) < 0)
		return -1;
	ring_init(&f->ring, &f->mem, RING_AT(0), MOST);
	first(f->w.ring);
	first(f->w.table);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	print_message("%llu rings, %llu of them good\n",
		      (unsigned long long)f->checked,
		      (unsigned long long)f->good);
	mem_release(&f->mem);
	free(f);
	return 0;
}

/*
 * Every ring. The head is 0: any other is the same ring with the descriptors
 * renamed. The table is one good buffer of each sort.
 */
static void test_rings(void **state)
{
	struct fixture *f = *state;

	f->w.table[0] = (struct item){ OUT, 1 };
	f->w.table[1] = (struct item){ IN, -1 };
	f->w.table_len = 2;
	for (f->w.size = 1; f->w.size <= MOST; f->w.size *= 2) {
		first(f->w.ring);
		do {
			write_world(f);
			start(f, true);
			check_pop(f, 0);
		} while (advance(f->w.ring, f->w.size, KINDS, (int)f->w.size));
	}
	assert_true(f->good > 1000);
}

/* Every indirect table, behind every sort of beginning. */
static void test_tables(void **state)
{
	static const struct item begin[] = {
		{ OUT, 1 }, { IN, 1 }, { OUT_EMPTY, 1 }, { TABLE, -1 }
	};
	struct fixture *f = *state;

	for (size_t b = 0; b < ARRAY_SIZE(begin); b++) {
		for (f->w.size = 1; f->w.size <= MOST; f->w.size *= 2) {
			first(f->w.ring);
			f->w.ring[0] = begin[b];
			f->w.ring[1] = (struct item){ TABLE, -1 };
			for (f->w.table_len = 0; f->w.table_len < MOST;
			     f->w.table_len++) {
				first(f->w.table);
				do {
					write_world(f);
					start(f, true);
					check_pop(f, 0);
				} while (advance(f->w.table, f->w.table_len,
						 KINDS, (int)f->w.table_len));
			}
		}
	}
	f->w.size = 2;
	f->w.table_len = 1;
	write_world(f);
	start(f, false);
	assert_false(check_pop(f, 1));
}

/* Every pair of chains at once, every head; then again after a push. */
static void test_pairs(void **state)
{
	struct fixture *f = *state;

	for (f->w.size = 1; f->w.size <= MOST; f->w.size *= 2) {
		unsigned int heads = f->w.size + 1;

		first(f->w.ring);
		do {
			write_world(f);
			for (unsigned int h = 0; h < heads * heads; h++) {
				start(f, true);
				if (!check_pop(f, h % heads))
					continue;
				if (check_pop(f, h / heads))
					continue;
				start(f, true);
				check_pop(f, h % heads);
				vq_push(&f->vq, &f->chain, 0);
				memset(f->w.claimed, 0, sizeof(f->w.claimed));
				check_pop(f, h / heads);
			}
		} while (advance(f->w.ring, f->w.size, IN + 1, (int)f->w.size));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tables, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pairs, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
