/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "cmd/hull/print.h"

#define S INT64_C(1000000000)

static void test_time(void **state)
{
	static const struct {
		int64_t ns;
		const char *want;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00Z" },
		{ 1, "1970-01-01T00:00:00.000000001Z" },
		{ 1000000000 * S + S / 2, "2001-09-09T01:46:40.5Z" },
		{ 1000000000 * S + 120000, "2001-09-09T01:46:40.00012Z" },
		{ 951782400 * S, "2000-02-29T00:00:00Z" },
		{ -S / 4, "1969-12-31T23:59:59.75Z" },
		{ INT64_MAX, "2262-04-11T23:47:16.854775807Z" },
		{ INT64_MIN, "1677-09-21T00:12:43.145224192Z" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[TIME_TEXT_MAX];

		print_time(text, cases[i].ns);
		assert_string_equal(text, cases[i].want);
	}
}

static void test_table(void **state)
{
	static const char *const cells[] = {
		"ID",
		"PID",
		"OWNER", /* runc's own titles */
		"123456789",
		"1",
		"root",
		"1234567890",
		"22",
		"#1000",
		"\xc3\xa4\xc3\xb6\xc3\xbc",
		"",
		"x",
	};
	auto_strbuf struct strbuf out = STRBUF_INIT;

	(void)state;
	print_table(&out, cells, 3, 2);
	assert_string_equal(out.s, "ID          PID         OWNER\n"
				   "123456789   1           root\n");
	out.len = 0;
	print_table(&out, cells, 3, 4);
	assert_string_equal(
		out.s, "ID           PID         OWNER\n"
		       "123456789    1           root\n"
		       "1234567890   22          #1000\n"
		       "\xc3\xa4\xc3\xb6\xc3\xbc                      x\n");
}

static void test_owner(void **state)
{
	char owner[OWNER_TEXT_MAX];

	(void)state;
	print_owner(owner, 0);
	assert_string_equal(owner, "root");
	print_owner(owner, 4294967294U);
	assert_string_equal(owner, "#4294967294");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
