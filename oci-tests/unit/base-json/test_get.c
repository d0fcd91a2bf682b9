/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/json/json.h"

static void test_get(void **state)
{
	static const char text[] = "{\"a\":1,\"b\":{\"a\":2},\"c\":[3]}";
	auto_arena struct arena arena = { 0 };
	const struct json *root;

	(void)state;
	root = json_parse(&arena, text, strlen(text), NULL);
	assert_string_equal(json_get(root, "a")->text, "1");
	assert_string_equal(json_get(json_get(root, "b"), "a")->text, "2");
	assert_null(json_get(root, "x"));
	assert_null(json_get(json_get(root, "c"), "a"));
	assert_null(json_get(json_get(root, "a"), "a"));
	assert_null(json_get(NULL, "a"));
}

static void test_type_names(void **state)
{
	(void)state;
	assert_string_equal(json_type_name(JSON_NULL), "null");
	assert_string_equal(json_type_name(JSON_BOOL), "boolean");
	assert_string_equal(json_type_name(JSON_NUMBER), "number");
	assert_string_equal(json_type_name(JSON_STRING), "string");
	assert_string_equal(json_type_name(JSON_ARRAY), "array");
	assert_string_equal(json_type_name(JSON_OBJECT), "object");
}

static void test_numbers(void **state)
{
	static const struct {
		const char *text;
		int u64_ret;
		uint64_t u64;
		int i64_ret;
		int64_t i64;
	} cases[] = {
		{ "0", 0, 0, 0, 0 },
		{ "42", 0, 42, 0, 42 },
		{ "-1", -ERANGE, 0, 0, -1 },
		{ "9223372036854775807", 0, INT64_MAX, 0, INT64_MAX },
		{ "9223372036854775808", 0, 9223372036854775808U, -ERANGE, 0 },
		{ "-9223372036854775808", -ERANGE, 0, 0, INT64_MIN },
		{ "-9223372036854775809", -ERANGE, 0, -ERANGE, 0 },
		{ "18446744073709551615", 0, UINT64_MAX, -ERANGE, 0 },
		{ "18446744073709551616", -ERANGE, 0, -ERANGE, 0 },
		{ "1.0", -EINVAL, 0, -EINVAL, 0 },
		{ "1e3", -EINVAL, 0, -EINVAL, 0 },
		{ "-1.5", -EINVAL, 0, -EINVAL, 0 },
		{ "\"1\"", -EINVAL, 0, -EINVAL, 0 },
		{ "null", -EINVAL, 0, -EINVAL, 0 },
		{ "true", -EINVAL, 0, -EINVAL, 0 },
		{ "[1]", -EINVAL, 0, -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_arena struct arena arena = { 0 };
		uint64_t u = 99;
		int64_t n = 99;
		const struct json *v;

		v = json_parse(&arena, cases[i].text, strlen(cases[i].text),
			       NULL);
		assert_non_null(v);
		assert_int_equal(json_u64(v, &u), cases[i].u64_ret);
		assert_int_equal(json_i64(v, &n), cases[i].i64_ret);
		assert_true(u == (cases[i].u64_ret ? 99 : cases[i].u64));
		assert_true(n == (cases[i].i64_ret ? 99 : cases[i].i64));
	}
	assert_int_equal(json_u64(NULL, NULL), -EINVAL);
	assert_int_equal(json_i64(NULL, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_type_names),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
