/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"

static void test_strbuf_grows(void **state)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;

	(void)state;
	assert_true(strbuf_ok(&b));
	assert_null(b.s);
	for (int i = 0; i < 1000; i++) {
		strbuf_add(&b, "ab");
		strbuf_addn(&b, "cd", 1);
		strbuf_addf(&b, "%d", i % 10);
	}
	assert_true(strbuf_ok(&b));
	assert_int_equal(b.len, 4000);
	assert_int_equal(strlen(b.s), b.len);
	assert_memory_equal(b.s + 3996, "abc9", 5);
}

static void test_strbuf_empty_and_nul(void **state)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;

	(void)state;
	strbuf_add(&b, "");
	assert_string_equal(b.s, "");
	strbuf_addn(&b, "a\0b", 3);
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.s, "a\0b", 4);
	strbuf_release(&b);
	assert_null(b.s);
	assert_int_equal(b.len, 0);
	strbuf_addf(&b, "%s", "again");
	assert_string_equal(b.s, "again");
}

static void test_strbuf_remembers_failure(void **state)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	const size_t too_much[] = { SIZE_MAX, SIZE_MAX - 2, SIZE_MAX / 2 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(too_much); i++) {
		strbuf_add(&b, "kept");
		assert_true(strbuf_ok(&b));
		b.failed = false;
		/* nothing is read: there is no room for it */
		strbuf_addn(&b, NULL, too_much[i] - b.len);
		assert_false(strbuf_ok(&b));
		strbuf_add(&b, "more");
		strbuf_addf(&b, "%d", 1);
		assert_string_equal(b.s, "kept");
		strbuf_release(&b);
		assert_true(strbuf_ok(&b));
	}
}

static void test_json_string(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "", "\"\"" },
		{ "plain", "\"plain\"" },
		{ "a\"b\\c", "\"a\\\"b\\\\c\"" },
		{ "\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"" },
		{ "\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\"" },
		{ "/", "\"/\"" },
		/* well-formed: the bounds of each length */
		{ "\xc2\x80\xdf\xbf", "\"\xc2\x80\xdf\xbf\"" },
		{ "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf",
		  "\"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\"" },
		{ "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
		  "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"" },
		/* ill-formed */
		{ "\x80", "\"\xef\xbf\xbd\"" },
		{ "\xff!", "\"\xef\xbf\xbd!\"" },
		{ "\xc3", "\"\xef\xbf\xbd\"" },
		{ "\xc3(", "\"\xef\xbf\xbd(\"" },
		{ "\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "\xe0\x9f\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "a\xf4\x90\x80\x80z",
		  "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\"" },
		{ "\xf0\x9f\x98", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "\xf5\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_strbuf struct strbuf b = STRBUF_INIT;

		strbuf_add_json_string(&b, cases[i].text);
		assert_true(strbuf_ok(&b));
		assert_string_equal(b.s, cases[i].want);
	}
}

static void test_starts_ends(void **state)
{
	(void)state;
	assert_true(str_starts("cgroup.procs", "cgroup."));
	assert_true(str_starts("a", ""));
	assert_true(str_starts("a", "a"));
	assert_false(str_starts("a", "ab"));
	assert_false(str_starts("", "a"));
	assert_true(str_ends("demo.slice", ".slice"));
	assert_true(str_ends("a", ""));
	assert_true(str_ends("a", "a"));
	assert_false(str_ends("a", "ba"));
	assert_false(str_ends("slice.", "slice"));
}

static void test_near(void **state)
{
	static const char *const words[] = { "create", "start",  "state",
					     "delete", "update", "ps",
					     "kill",   NULL };
	static const char *const none[] = { NULL };
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "create", "create" }, { "craete", "create" },
		{ "crate", "create" },  { "creates", "create" },
		{ "stat", "start" },    { "statr", "start" },
		{ "updaet", "update" }, { "kil", "kill" },
		{ "killl", "kill" },    { "klil", "kill" },
		{ "ps", "ps" },         { "px", NULL },
		{ "frobnicate", NULL }, { "", NULL },
		{ "k", NULL },
	};
	char longer[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *got = str_near(cases[i].text, words);

		if (cases[i].want) {
			assert_non_null(got);
			assert_string_equal(got, cases[i].want);
		} else {
			assert_null(got);
		}
	}
	memset(longer, 'k', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	assert_null(str_near(longer, words));
	assert_null(str_near("kill", none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strbuf_grows),
		cmocka_unit_test(test_strbuf_empty_and_nul),
		cmocka_unit_test(test_strbuf_remembers_failure),
		cmocka_unit_test(test_json_string),
		cmocka_unit_test(test_starts_ends),
		cmocka_unit_test(test_near),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
