/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <linux/virtio_balloon.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "microvm/virtio/devices.h"
#include "oci-tests/unit/microvm/guest.h"

enum { INFLATE, DEFLATE, REPORTING };
#define PAGE 4096U
#define LIST G_DATA
#define PAGES (G_DATA + 0x100000)

struct fixture {
	struct guest g;
	struct virtio_dev *dev;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	guest_init(&f->g);
	f->dev = balloon_new(&f->g.mem, NULL, NULL);
	guest_start(&f->g, f->dev, G_ALL_FEATURES, 16);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	balloon_free(f->dev);
	mem_release(&f->g.mem);
	free(f);
	return 0;
}

static uint64_t memfd_bytes(struct fixture *f)
{
	struct stat st;

	assert_int_equal(fstat(f->g.mem.fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

/* Inflate with the @n pages at @pfns. */
static int64_t inflate(struct fixture *f, const uint32_t *pfns, uint32_t n)
{
	const struct vring_desc buf = { LIST, 4 * n, G_OUT, 0 };

	g_put(&f->g.mem, LIST, pfns, 4UL * n);
	return guest_request(&f->g, INFLATE, &buf, 1);
}

static uint8_t byte_at(struct fixture *f, uint64_t gpa)
{
	uint8_t b;

	g_get(&f->g.mem, gpa, &b, 1);
	return b;
}

/* V23: what was given back is gone, and memory comes back as zeros. */
static void test_inflate(void **state)
{
	const uint32_t first = PAGES / PAGE;
	/* runs up and down, one page alone, one twice */
	const uint32_t pfns[] = { first,     first + 1, first + 2, first + 5,
				  first + 9, first + 8, first + 7, first + 5 };
	static const bool gone[] = { 1, 1, 1, 0, 0, 1, 0, 1, 1, 1, 0 };
	struct fixture *f = *state;
	uint64_t before;

	assert_int_equal(reg_read(&f->g.slot, VIRTIO_MMIO_DEVICE_ID), 5);
	g_fill(&f->g.mem, PAGES, 0xab, 11 * PAGE);
	g_fill(&f->g.mem, LIST, 0, PAGE);
	before = memfd_bytes(f);
	assert_int_equal(inflate(f, pfns, ARRAY_SIZE(pfns)), 0);
	assert_int_equal(memfd_bytes(f), before - 7 * PAGE);
	for (unsigned int i = 0; i < ARRAY_SIZE(gone); i++) {
		assert_int_equal(byte_at(f, PAGES + i * PAGE),
				 gone[i] ? 0 : 0xab);
		assert_int_equal(byte_at(f, PAGES + (i + 1) * PAGE - 1),
				 gone[i] ? 0 : 0xab);
	}
	/* deflated: used again */
	assert_int_equal(guest_request(&f->g, DEFLATE,
				       &(struct vring_desc){ LIST, 4, 0, 0 },
				       1),
			 0);
	g_fill(&f->g.mem, PAGES, 1, PAGE);
	assert_int_equal(byte_at(f, PAGES), 1);
}

/* Pages outside memory, in the gap, past every sum; lists of odd lengths. */
static void test_bad_lists(void **state)
{
	static const uint32_t pfns[] = { G_MEM_BYTES / PAGE,
					 MEM_GAP_START / PAGE, MMIO_BASE / PAGE,
					 0xffffffff, 0x80000000 };
	static const uint32_t lens[] = { 1, 3, 4097, 4100, 65536 };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(pfns); i++) {
		guest_start(&f->g, f->dev, G_ALL_FEATURES, 16);
		assert_int_equal(inflate(f, &pfns[i], 1), -1);
		assert_true(guest_needs_reset(&f->g));
	}
	g_fill(&f->g.mem, LIST, 0, 65536); /* page 0, over and over */
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		const struct vring_desc buf = { LIST, lens[i], G_OUT, 0 };

		guest_start(&f->g, f->dev, G_ALL_FEATURES, 16);
		assert_int_equal(guest_request(&f->g, INFLATE, &buf, 1), -1);
		assert_true(guest_needs_reset(&f->g));
	}
}

/* V12, and buffers that mean nothing to the queue */
static void test_odd(void **state)
{
	struct fixture *f = *state;

	g_fill(&f->g.mem, PAGES, 0xab, 2 * PAGE);
	for (unsigned int q = INFLATE; q <= REPORTING; q++) {
		const struct vring_desc none[] = { { PAGES, 0, G_OUT, 0 },
						   { PAGES, 0, G_IN, 0 } };
		const struct vring_desc other = { PAGES, PAGE,
						  q == REPORTING ? G_OUT : G_IN,
						  0 };

		assert_int_equal(guest_request(&f->g, q, none, 2), 0);
		assert_int_equal(guest_request(&f->g, q, &other, 1), 0);
	}
	assert_false(guest_needs_reset(&f->g));
	assert_int_equal(byte_at(f, PAGES), 0xab);
}

static void test_reporting(void **state)
{
	const struct vring_desc bufs[] = {
		{ PAGES, 2 * PAGE, G_IN, 0 },
		{ PAGES + 3 * PAGE + 1, 2 * PAGE, G_IN, 0 }, /* one page */
		{ PAGES + 6 * PAGE + 1, PAGE, G_IN, 0 },     /* none */
	};
	static const bool gone[] = { 1, 1, 0, 0, 1, 0, 0, 0 };
	struct fixture *f = *state;

	g_fill(&f->g.mem, PAGES, 0xab, 8 * PAGE);
	assert_int_equal(guest_request(&f->g, REPORTING, bufs, 3), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(gone); i++)
		assert_int_equal(byte_at(f, PAGES + i * PAGE),
				 gone[i] ? 0 : 0xab);
}

static void test_target(void **state)
{
	struct fixture *f = *state;
	uint64_t irqs = f->dev->irq_count;
	uint32_t pages = 100;

	assert_int_equal(balloon_actual(f->dev), 0);
	balloon_set(f->dev, 1 << 20);
	assert_int_equal(f->dev->irq_count, irqs + 1);
	assert_int_equal(reg_read(&f->g.slot, VIRTIO_MMIO_INTERRUPT_STATUS), 3);
	assert_int_equal(reg_read(&f->g.slot, 0x100), 256);
	balloon_set(f->dev, UINT64_MAX);
	assert_int_equal(reg_read(&f->g.slot, 0x100), G_MEM_BYTES / PAGE);
	/* the driver says how much; that is checked, the rest not taken */
	mmio_write(&f->g.slot, 0x104, &pages, 4);
	assert_int_equal(balloon_actual(f->dev), 100 * PAGE);
	mmio_write(&f->g.slot, 0x104, "\x01\x02", 2);
	mmio_write(&f->g.slot, 0x100, &pages, 4);
	assert_int_equal(balloon_actual(f->dev), 100 * PAGE);
	assert_int_equal(reg_read(&f->g.slot, 0x100), G_MEM_BYTES / PAGE);
	pages = 0xffffffff;
	mmio_write(&f->g.slot, 0x104, &pages, 4);
	assert_int_equal(balloon_actual(f->dev), G_MEM_BYTES);
	reg_write(&f->g.slot, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(balloon_actual(f->dev), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_inflate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_lists, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_odd, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reporting, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_target, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
