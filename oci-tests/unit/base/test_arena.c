/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"

static void test_zeroed_aligned_apart(void **state)
{
	auto_arena struct arena a = { 0 };
	static const size_t sizes[] = { 0,    1,    7,     16,    100,
					4096, 4097, 16384, 65536, 300000 };
	unsigned char *got[ARRAY_SIZE(sizes) * 20];
	size_t count = 0;

	(void)state;
	for (size_t round = 0; round < 20; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			unsigned char *p = arena_alloc(&a, sizes[i]);

			assert_non_null(p);
			assert_int_equal((uintptr_t)p % _Alignof(max_align_t),
					 0);
			for (size_t j = 0; j < sizes[i]; j++)
				assert_int_equal(p[j], 0);
			memset(p, (int)(i + 1), sizes[i]);
			got[count++] = p;
		}
	}
	/* nobody wrote into another's memory */
	for (size_t n = 0; n < count; n++)
		for (size_t j = 0; j < sizes[n % ARRAY_SIZE(sizes)]; j++)
			assert_int_equal(got[n][j], n % ARRAY_SIZE(sizes) + 1);
}

static void test_overflow_is_null(void **state)
{
	auto_arena struct arena a = { 0 };

	(void)state;
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_null(arena_alloc(&a, SIZE_MAX - 15));
	assert_null(arena_alloc(&a, SIZE_MAX - 40));
	assert_null(arena_array(&a, SIZE_MAX / 2, 3));
	assert_null(arena_array(&a, 3, SIZE_MAX / 2));
	assert_null(arena_strndup(&a, "x", SIZE_MAX));
	assert_non_null(arena_array(&a, 0, 8));
	assert_non_null(arena_array(&a, 1000, 8));
}

static void test_strings(void **state)
{
	auto_arena struct arena a = { 0 };
	char *long_text;

	(void)state;
	assert_string_equal(arena_strndup(&a, "hello world", 5), "hello");
	assert_string_equal(arena_strndup(&a, NULL, 0), "");
	assert_string_equal(arena_printf(&a, "%s-%d", "x", 42), "x-42");
	assert_string_equal(arena_printf(&a, "%s", ""), "");
	long_text = arena_printf(&a, "%50000d", 1);
	assert_non_null(long_text);
	assert_int_equal(strlen(long_text), 50000);
}

static void test_release_and_reuse(void **state)
{
	struct arena a = { 0 };

	(void)state;
	arena_release(&a);
	assert_non_null(arena_alloc(&a, 10));
	assert_non_null(arena_alloc(&a, 100000));
	arena_release(&a);
	assert_null(a.chunks);
	assert_non_null(arena_alloc(&a, 100000)); /* a large one first */
	assert_non_null(arena_alloc(&a, 10));
	arena_release(&a);
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zeroed_aligned_apart),
		cmocka_unit_test(test_overflow_is_null),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_release_and_reuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
