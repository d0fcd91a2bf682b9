/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "base/auto.h"
#include "base/num.h"

#define UNTOUCHED 4242

static void test_u64(void **state)
{
	static const struct {
		const char *text;
		int ret;
		uint64_t value;
	} cases[] = {
		{ "0", 0, 0 },
		{ "7", 0, 7 },
		{ "10", 0, 10 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "18446744073709551625", -ERANGE, 0 },
		{ "99999999999999999999999999", -ERANGE, 0 },
		{ "99999999999999999999999999x", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "00", -EINVAL, 0 },
		{ "01", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "-0", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "1\n", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
		{ "1.0", -EINVAL, 0 },
		{ "max", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t value = UNTOUCHED;

		assert_int_equal(num_u64(cases[i].text, &value), cases[i].ret);
		assert_true(value ==
			    (cases[i].ret ? UNTOUCHED : cases[i].value));
	}
}

static void test_i64(void **state)
{
	static const struct {
		const char *text;
		int ret;
		int64_t value;
	} cases[] = {
		{ "0", 0, 0 },
		{ "-1", 0, -1 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "9223372036854775808", -ERANGE, 0 },
		{ "-9223372036854775808", 0, INT64_MIN },
		{ "-9223372036854775809", -ERANGE, 0 },
		{ "-18446744073709551616", -ERANGE, 0 },
		{ "-0", -EINVAL, 0 },
		{ "-", -EINVAL, 0 },
		{ "--1", -EINVAL, 0 },
		{ "-01", -EINVAL, 0 },
		{ "- 1", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t value = UNTOUCHED;

		assert_int_equal(num_i64(cases[i].text, &value), cases[i].ret);
		assert_true(value ==
			    (cases[i].ret ? UNTOUCHED : cases[i].value));
	}
}

static void test_u32(void **state)
{
	uint32_t value = UNTOUCHED;

	(void)state;
	assert_int_equal(num_u32("4294967296", &value), -ERANGE);
	assert_int_equal(num_u32("18446744073709551616", &value), -ERANGE);
	assert_int_equal(num_u32("-1", &value), -EINVAL);
	assert_int_equal(value, UNTOUCHED);
	assert_int_equal(num_u32("4294967295", &value), 0);
	assert_true(value == UINT32_MAX);
}

static void test_size(void **state)
{
	static const struct {
		const char *text;
		int ret;
		int64_t value;
	} cases[] = {
		{ "-1", 0, -1 },
		{ "0", 0, 0 },
		{ "512", 0, 512 },
		{ "512b", 0, 512 },
		{ "1k", 0, 1024 },
		{ "1K", 0, 1024 },
		{ "1kb", 0, 1024 },
		{ "1KiB", 0, 1024 },
		{ "1kIb", 0, 1024 },
		{ "64m", 0, 64 << 20 },
		{ "2G", 0, 2LL << 30 },
		{ "3t", 0, 3LL << 40 },
		{ "1pib", 0, 1LL << 50 },
		{ "8191p", 0, 8191LL << 50 },
		{ "8192p", -ERANGE, 0 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "9223372036854775808", -ERANGE, 0 },
		{ "18446744073709551616k", -ERANGE, 0 },
		{ "18446744073709551616x", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "k", -EINVAL, 0 },
		{ "b", -EINVAL, 0 },
		{ "-2", -EINVAL, 0 },
		{ "-1k", -EINVAL, 0 },
		{ "1ki", -EINVAL, 0 },
		{ "1ib", -EINVAL, 0 },
		{ "1bb", -EINVAL, 0 },
		{ "1kbb", -EINVAL, 0 },
		{ "1mm", -EINVAL, 0 },
		{ "1e", -EINVAL, 0 },
		{ "1 k", -EINVAL, 0 },
		{ "1.5g", -EINVAL, 0 },
		{ "01k", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t value = UNTOUCHED;

		assert_int_equal(num_size(cases[i].text, &value), cases[i].ret);
		assert_true(value ==
			    (cases[i].ret ? UNTOUCHED : cases[i].value));
	}
}

static void test_duration(void **state)
{
	static const struct {
		const char *text;
		int ret;
		uint64_t ms;
	} cases[] = {
		{ "0", 0, 0 },
		{ "0s", 0, 0 },
		{ "5s", 0, 5000 },
		{ "100ms", 0, 100 },
		{ "1m30s", 0, 90000 },
		{ "1.5s", 0, 1500 },
		{ "1.5h", 0, 5400000 },
		{ "0.1m", 0, 6000 },
		{ ".5s", 0, 500 },
		{ "1.s", 0, 1000 },
		{ "1h1m1s1ms", 0, 3661001 },
		{ "1.0009s", 0, 1000 },
		{ "1ns", 0, 1 },
		{ "1us", 0, 1 },
		{ "1\xc2\xb5s", 0, 1 },
		{ "1\xce\xbcs", 0, 1 },
		{ "999999ns", 0, 1 },
		{ "1999999ns", 0, 1 },
		{ "0.99999999999999999999999s", 0, 999 },
		{ "05s", 0, 5000 },
		{ "9223372036854775807ns", 0, 9223372036854 },
		{ "9223372036854775808ns", -ERANGE, 0 },
		{ "2562048h", -ERANGE, 0 },
		{ "99999999999999999999s", -ERANGE, 0 },
		{ "99999999999999999999s1x", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "5", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ ".s", -EINVAL, 0 },
		{ ".", -EINVAL, 0 },
		{ "1.2.3s", -EINVAL, 0 },
		{ "-5s", -EINVAL, 0 },
		{ "+5s", -EINVAL, 0 },
		{ "5 s", -EINVAL, 0 },
		{ "5d", -EINVAL, 0 },
		{ "5S", -EINVAL, 0 },
		{ "5s3", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t ms = UNTOUCHED;

		assert_int_equal(num_duration_ms(cases[i].text, &ms),
				 cases[i].ret);
		assert_true(ms == (cases[i].ret ? UNTOUCHED : cases[i].ms));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_u64),      cmocka_unit_test(test_i64),
		cmocka_unit_test(test_u32),      cmocka_unit_test(test_size),
		cmocka_unit_test(test_duration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
