/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/auto.h"
#include "cgroups/convert.h"

/* Golden values: what runc 1.3.2 and crun 1.23 write. */
static void test_weight(void **state)
{
	static const struct {
		uint64_t shares, weight;
	} cases[] = {
		{ 0, 0 },
		{ 1, 1 },
		{ 2, 1 },
		{ 10, 4 },
		{ 100, 17 },
		{ 128, 21 },
		{ 256, 35 },
		{ 512, 59 },
		{ 1000, 99 },
		{ 1024, 100 },
		{ 2048, 174 },
		{ 4096, 303 },
		{ 10240, 639 },
		{ 262143, 10000 },
		{ 262144, 10000 },
		{ 262145, 10000 },
		{ UINT64_MAX, 10000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(cg_weight_from_shares(cases[i].shares),
				 cases[i].weight);
}

static void test_weight_never_falls(void **state)
{
	uint64_t last = 0;

	(void)state;
	for (uint64_t s = 0; s <= 262145; s++) {
		uint64_t w = cg_weight_from_shares(s);

		assert_true(w >= last && w <= 10000);
		last = w;
	}
}

static void test_io_weight(void **state)
{
	static const struct {
		uint64_t blkio, io;
	} cases[] = {
		{ 0, 0 },        { 1, 1 },         { 10, 1 },     { 11, 11 },
		{ 100, 910 },    { 500, 4950 },    { 750, 7475 }, { 999, 9989 },
		{ 1000, 10000 }, { 65535, 10000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(cg_io_weight_from_blkio(cases[i].blkio),
				 cases[i].io);
}

static void test_swap(void **state)
{
	static const struct {
		int64_t swap, limit;
		int rc;
		bool write, unlimited;
		int64_t bytes;
	} cases[] = {
		{ 0, 0, 0, false, false, 0 },
		{ 0, 100, 0, false, false, 0 },
		{ 0, -1, 0, true, true, 0 },
		{ -1, 0, 0, true, true, 0 },
		{ -1, 100, 0, true, true, 0 },
		{ -1, -1, 0, true, true, 0 },
		{ 100, 100, 0, true, false, 0 },
		{ 300, 100, 0, true, false, 200 },
		{ 300, -1, 0, true, false, 300 },
		{ INT64_MAX, 1, 0, true, false, INT64_MAX - 1 },
		{ 300, 0, -EINVAL, false, false, 0 },
		{ 99, 100, -EINVAL, false, false, 0 },
		{ -2, 100, -EINVAL, false, false, 0 },
		{ 100, -2, -EINVAL, false, false, 0 },
		{ INT64_MIN, INT64_MIN, -EINVAL, false, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cg_swap swap;
		const char *why;
		int rc = cg_swap_from_memsw(cases[i].swap, cases[i].limit,
					    &swap, &why);

		assert_int_equal(rc, cases[i].rc);
		assert_true(!rc == !*why);
		if (rc)
			continue;
		assert_int_equal(swap.write, cases[i].write);
		assert_int_equal(swap.unlimited, cases[i].unlimited);
		assert_int_equal(swap.bytes, cases[i].bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_weight),
		cmocka_unit_test(test_weight_never_falls),
		cmocka_unit_test(test_io_weight),
		cmocka_unit_test(test_swap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
