/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/auto.h"
#include "microvm/virtio/devices.h"
#include "oci-tests/unit/microvm/guest.h"

struct fixture {
	struct guest g;
	struct virtio_dev *dev;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	guest_init(&f->g);
	f->dev = rng_new(&f->g.mem, NULL, NULL);
	guest_start(&f->g, f->dev, G_ALL_FEATURES, 16);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	rng_free(f->dev);
	rng_free(NULL);
	mem_release(&f->g.mem);
	free(f);
	return 0;
}

static size_t zeros(const struct guest_mem *mem, uint64_t gpa, size_t len)
{
	const uint8_t *p = mem_ptr(mem, gpa, len);
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += !p[i];
	return n;
}

static void test_fills(void **state)
{
	struct fixture *f = *state;
	const struct vring_desc bufs[] = { { G_DATA, 1000, G_IN, 0 },
					   { G_DATA + 2000, 3000, G_IN, 0 } };

	assert_int_equal(reg_read(&f->g.slot, VIRTIO_MMIO_DEVICE_ID), 4);
	assert_int_equal(guest_request(&f->g, 0, bufs, 2), 4000);
	assert_in_range(zeros(&f->g.mem, G_DATA, 1000), 0, 60);
	assert_in_range(zeros(&f->g.mem, G_DATA + 2000, 3000), 0, 100);
	/* and nothing beside them */
	assert_int_equal(zeros(&f->g.mem, G_DATA + 1000, 1000), 1000);
	assert_int_equal(zeros(&f->g.mem, G_DATA + 5000, 1000), 1000);
}

/* V06: however much is asked for, at most 64 KiB are made. */
static void test_bounded(void **state)
{
	struct fixture *f = *state;
	struct vring_desc bufs[16];

	bufs[0] = (struct vring_desc){ G_DATA, 40000, G_IN, 0 };
	for (int i = 1; i < 16; i++)
		bufs[i] = (struct vring_desc){ G_DATA + 0x100000,
					       G_MEM_BYTES - G_DATA - 0x100000,
					       G_IN, 0 };
	assert_int_equal(guest_request(&f->g, 0, bufs, 16), 65536);
	assert_int_equal(zeros(&f->g.mem, G_DATA + 40000, 4096), 4096);
	assert_int_equal(zeros(&f->g.mem, G_DATA + 0x100000 + 25536, 4096),
			 4096);
}

/* V12, and what the specification forbids */
static void test_odd(void **state)
{
	struct fixture *f = *state;
	const struct vring_desc none[] = { { G_DATA, 0, G_IN, 0 },
					   { G_DATA, 0, G_IN, 0 } };
	const struct vring_desc out = { G_DATA, 4, G_OUT, 0 };

	assert_int_equal(guest_request(&f->g, 0, none, 2), 0);
	assert_int_equal(guest_request(&f->g, 0, &out, 1), -1);
	assert_true(guest_needs_reset(&f->g));
	guest_start(&f->g, f->dev, G_ALL_FEATURES, 16);
	assert_int_equal(guest_request(&f->g, 0, none, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_fills, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_odd, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
