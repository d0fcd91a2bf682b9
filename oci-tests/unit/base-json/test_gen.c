/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/json/json.h"

static void gen_all(struct json_gen *g)
{
	json_gen_object(g, NULL);
	json_gen_str(g, "s", "a\"b");
	json_gen_u64(g, "u", UINT64_MAX);
	json_gen_i64(g, "i", INT64_MIN);
	json_gen_double(g, "d", 0.1);
	json_gen_bool(g, "t", true);
	json_gen_null(g, "n");
	json_gen_raw(g, "r", "[1]xx", 3);
	json_gen_object(g, "o");
	json_gen_end_object(g);
	json_gen_array(g, "a");
	json_gen_end_array(g);
	json_gen_array(g, "b");
	json_gen_u64(g, NULL, 1);
	json_gen_object(g, NULL);
	json_gen_bool(g, "f", false);
	json_gen_end_object(g);
	json_gen_array(g, NULL);
	json_gen_end_array(g);
	json_gen_end_array(g);
	json_gen_end_object(g);
}

static void test_compact(void **state)
{
	auto_strbuf struct strbuf out = STRBUF_INIT;
	struct json_gen g;

	(void)state;
	json_gen_init(&g, &out, false);
	gen_all(&g);
	assert_string_equal(out.s,
			    "{\"s\":\"a\\\"b\",\"u\":18446744073709551615,"
			    "\"i\":-9223372036854775808,\"d\":0.1,\"t\":true,"
			    "\"n\":null,\"r\":[1],\"o\":{},\"a\":[],"
			    "\"b\":[1,{\"f\":false},[]]}");
}

static void test_pretty(void **state)
{
	auto_strbuf struct strbuf out = STRBUF_INIT;
	struct json_gen g;

	(void)state;
	json_gen_init(&g, &out, true);
	gen_all(&g);
	assert_string_equal(out.s, "{\n"
				   "  \"s\": \"a\\\"b\",\n"
				   "  \"u\": 18446744073709551615,\n"
				   "  \"i\": -9223372036854775808,\n"
				   "  \"d\": 0.1,\n"
				   "  \"t\": true,\n"
				   "  \"n\": null,\n"
				   "  \"r\": [1],\n"
				   "  \"o\": {},\n"
				   "  \"a\": [],\n"
				   "  \"b\": [\n"
				   "    1,\n"
				   "    {\n"
				   "      \"f\": false\n"
				   "    },\n"
				   "    []\n"
				   "  ]\n"
				   "}");
}

static void test_doubles(void **state)
{
	static const double values[] = { 0,       1,       -1.5,    1e300,
					 DBL_MIN, DBL_MAX, 1.0 / 3, 0.1 + 0.2 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		auto_strbuf struct strbuf out = STRBUF_INIT;
		struct json_gen g;

		json_gen_init(&g, &out, false);
		json_gen_double(&g, NULL, values[i]);
		assert_true(strtod(out.s, NULL) == values[i]);
	}
	for (int i = 0; i < 2; i++) {
		auto_strbuf struct strbuf out = STRBUF_INIT;
		struct json_gen g;

		json_gen_init(&g, &out, false);
		json_gen_double(&g, NULL, i ? (double)NAN : -HUGE_VAL);
		assert_string_equal(out.s, "null");
	}
}

static void test_quote(void **state)
{
	static const struct {
		const char *text;
		const char *want;
	} cases[] = {
		{ "", "\"\"" },
		{ "a/b", "\"a/b\"" },
		{ "\"\\", "\"\\\"\\\\\"" },
		{ "\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"" },
		{ "\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\"" },
		{ "\xc3\xa9\xf0\x9f\x90\xb3", "\"\xc3\xa9\xf0\x9f\x90\xb3\"" },
		{ "a\xff\x62", "\"a\xef\xbf\xbd"
			       "b\"" },
		{ "\xc3", "\"\xef\xbf\xbd\"" },
		{ "\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_strbuf struct strbuf out = STRBUF_INIT;

		json_quote(&out, cases[i].text);
		assert_string_equal(out.s, cases[i].want);
	}
}

/* What is written can be read, whatever the bytes were. */
static void test_quote_is_always_json(void **state)
{
	unsigned int seed = 1;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		auto_strbuf struct strbuf out = STRBUF_INIT;
		auto_arena struct arena arena = { 0 };
		char text[24] = "";

		for (size_t i = 0; i < sizeof(text) - 1; i++)
			text[i] = (char)(rand_r(&seed) >> 7);
		json_quote(&out, text);
		assert_non_null(json_parse(&arena, out.s, out.len, NULL));
	}
}

static void test_value_round_trip(void **state)
{
	static const char text[] =
		"{\"a\":[1,-2.50,1e3,\"x\\ty\",null,true,false,{},[]],"
		"\"b\":{\"c\":{\"d\":18446744073709551615}}}";
	auto_strbuf struct strbuf out = STRBUF_INIT;
	auto_arena struct arena arena = { 0 };
	struct json_gen g;

	(void)state;
	json_gen_init(&g, &out, false);
	json_gen_value(&g, NULL, json_parse(&arena, text, strlen(text), NULL));
	assert_string_equal(out.s, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compact),
		cmocka_unit_test(test_pretty),
		cmocka_unit_test(test_doubles),
		cmocka_unit_test(test_quote),
		cmocka_unit_test(test_quote_is_always_json),
		cmocka_unit_test(test_value_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
