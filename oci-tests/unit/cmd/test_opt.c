/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "cmd/hull/opt.h"

struct values {
	bool detach;
	const char *bundle;
	struct opt_list env;
	uint32_t fds;
	uint64_t interval_ms;
	uint32_t format;
};

#define AT(member) offsetof(struct values, member)

/* clang-format off */
static const struct opt rows[] = {
	{ "detach", 'd', OPT_SWITCH, NULL, "", AT(detach) },
	{ "bundle", 'b', OPT_TEXT, "DIR", "", AT(bundle) },
	{ "env", 'e', OPT_LIST, "NAME=VALUE", "", AT(env) },
	{ "preserve-fds", 0, OPT_U32, "N", "", AT(fds) },
	{ "interval", 0, OPT_MS, "DURATION", "", AT(interval_ms) },
	{ "format", 'f', OPT_WORD, "table|json", "", AT(format) },
};
/* clang-format on */

static const struct opt_set ordered = { OPT_SET(rows), .ordered = true };
static const struct opt_set mixed = { OPT_SET(rows) };

#define ARGV(...) ((const char *const[]){ __VA_ARGS__, NULL })

static int parse(const struct opt_set *set, const char *const argv[],
		 struct values *v, struct opt_list *operands, struct err *err)
{
	*v = (struct values){ .format = 7 };
	*operands = (struct opt_list){ 0 };
	*err = (struct err){ 0 };
	return opt_parse(set, argv, v, operands, err);
}

static void release(const struct opt_set *set, struct values *v,
		    struct opt_list *operands)
{
	opt_release(set, v);
	opt_list_release(operands);
}

static void test_spellings(void **state)
{
	const char *const *const cases[] = {
		ARGV("--detach", "--bundle", "/b", "--preserve-fds=3",
		     "--interval", "1m", "--format", "json", "id"),
		ARGV("-detach", "-bundle=/b", "-preserve-fds", "3",
		     "-interval=60s", "-format=json", "id"),
		ARGV("-d", "-b", "/b", "--preserve-fds", "3", "--interval",
		     "60000ms", "-f", "json", "id"),
		ARGV("--d=true", "--b=/b", "--preserve-fds", "3", "--interval",
		     "1m", "--f=json", "--", "id"),
		ARGV("-b", "/x", "-d=false", "-b=/b", "-d=T", "-f", "table",
		     "-f=json", "-preserve-fds=3", "-interval=1m", "id"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct opt_list operands;
		struct values v;
		struct err err;

		assert_int_equal(parse(&ordered, cases[i], &v, &operands, &err),
				 0);
		assert_true(v.detach);
		assert_string_equal(v.bundle, "/b");
		assert_int_equal(v.fds, 3);
		assert_int_equal(v.interval_ms, 60000);
		assert_int_equal(v.format, 1);
		assert_int_equal(operands.count, 1);
		assert_string_equal(operands.texts[0], "id");
		release(&ordered, &v, &operands);
	}
}

static void test_lists(void **state)
{
	struct opt_list operands;
	struct values v;
	struct err err;

	(void)state;
	assert_int_equal(
		parse(&ordered,
		      ARGV("-e", "A=1", "--env=B=2,3", "-e", "--", "x"), &v,
		      &operands, &err),
		0);
	assert_int_equal(v.env.count, 3);
	assert_string_equal(v.env.texts[0], "A=1");
	assert_string_equal(v.env.texts[1], "B=2,3");
	assert_string_equal(v.env.texts[2], "--"); /* a value is a value */
	assert_null(v.env.texts[3]);
	assert_int_equal(operands.count, 1);
	release(&ordered, &v, &operands);
}

static void test_operands(void **state)
{
	const char *const *argv = ARGV("-d", "id", "-b", "x", "--", "-e", "y");
	struct opt_list operands;
	struct values v;
	struct err err;

	(void)state;
	/* what stands behind exec's id belongs to another program */
	assert_int_equal(parse(&ordered, argv, &v, &operands, &err), 0);
	assert_true(v.detach);
	assert_null(v.bundle);
	assert_int_equal(operands.count, 6);
	assert_string_equal(operands.texts[3], "--");
	assert_null(operands.texts[6]);
	release(&ordered, &v, &operands);

	/* "update ID --memory 1g" */
	assert_int_equal(parse(&mixed, argv, &v, &operands, &err), 0);
	assert_string_equal(v.bundle, "x");
	assert_int_equal(v.env.count, 0);
	assert_int_equal(operands.count, 3);
	assert_string_equal(operands.texts[1], "-e");
	release(&mixed, &v, &operands);

	/* "-" is an operand */
	assert_int_equal(parse(&mixed, ARGV("-", "-d"), &v, &operands, &err),
			 0);
	assert_int_equal(operands.count, 1);
	assert_true(v.detach);
	release(&mixed, &v, &operands);
}

static void test_refusals(void **state)
{
	const struct {
		const char *const *argv;
		const char *msg;
	} cases[] = {
		{ ARGV("--bogus"), "flag provided but not defined: -bogus" },
		{ ARGV("-x=1"), "flag provided but not defined: -x" },
		{ ARGV("-db", "x"), "flag provided but not defined: -db" },
		{ ARGV("--detac"), "flag provided but not defined: -detac" },
		{ ARGV("--bundle"), "flag needs an argument: -bundle" },
		{ ARGV("id", "-b"), "flag needs an argument: -b" },
		{ ARGV("---d"), "bad flag syntax: ---d" },
		{ ARGV("--=x"), "bad flag syntax: --=x" },
		{ ARGV("-=x"), "bad flag syntax: -=x" },
		{ ARGV("-d=yes"), "invalid value \"yes\" for flag -detach: "
				  "must be true or false" },
		{ ARGV("--preserve-fds", "-1"),
		  "invalid value \"-1\" for flag -preserve-fds: must be a "
		  "whole number" },
		{ ARGV("--preserve-fds", "4294967296"),
		  "invalid value \"4294967296\" for flag -preserve-fds: must "
		  "be a whole number" },
		{ ARGV("--interval", "5"), "invalid value \"5\" for flag "
					   "-interval: must be a duration "
					   "such as 5s" },
		{ ARGV("-f", "tab"), "invalid value \"tab\" for flag -format: "
				     "must be table|json" },
		{ ARGV("-f", ""), "invalid value \"\" for flag -format: must "
				  "be table|json" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct opt_list operands;
		struct values v;
		struct err err;

		assert_int_equal(
			parse(&mixed, cases[i].argv, &v, &operands, &err),
			-EINVAL);
		assert_string_equal(err.msg, cases[i].msg);
		release(&mixed, &v, &operands);
	}
}

static void test_help(void **state)
{
	const char *const *const cases[] = {
		ARGV("-h"),
		ARGV("--help"),
		ARGV("-help", "--bogus"),
		ARGV("-d", "-h", "id"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct opt_list operands;
		struct values v;
		struct err err;

		assert_int_equal(parse(&ordered, cases[i], &v, &operands, &err),
				 1);
		release(&ordered, &v, &operands);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spellings),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_operands),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
