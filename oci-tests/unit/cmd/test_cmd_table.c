/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "cmd/hull/cmd.h"
#include "cmd/hull/globals.h"

static size_t size_of(enum opt_kind kind)
{
	switch (kind) {
	case OPT_SWITCH:
		return sizeof(bool);
	case OPT_TEXT:
		return sizeof(char *);
	case OPT_LIST:
		return sizeof(struct opt_list);
	case OPT_MS:
		return sizeof(uint64_t);
	case OPT_U32:
	case OPT_WORD:
		return sizeof(uint32_t);
	}
	return SIZE_MAX;
}

static void check_row(const struct opt *opt)
{
	assert_true(strlen(opt->name) > 1);
	assert_string_not_equal(opt->name, "help");
	assert_int_not_equal(opt->alias, 'h');
	assert_true(!opt->alias || isalnum((unsigned char)opt->alias));
	for (const char *s = opt->name; *s; s++)
		assert_true(islower((unsigned char)*s) ||
			    isdigit((unsigned char)*s) || *s == '-');
	assert_true(opt->help && *opt->help && !strchr(opt->help, '\n'));
	assert_int_equal(opt->kind == OPT_SWITCH, opt->value == NULL);
	if (opt->kind == OPT_WORD)
		assert_non_null(strchr(opt->value, '|'));
}

/* Names and aliases are given once, and no two rows share a variable. */
static void check_set(const struct opt_set *set, size_t values_size)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct opt *a = &set->rows[i];

		check_row(a);
		assert_true(a->at + size_of(a->kind) <= values_size);
		for (size_t j = 0; j < i; j++) {
			const struct opt *b = &set->rows[j];

			assert_string_not_equal(a->name, b->name);
			if (a->alias)
				assert_int_not_equal(a->alias, b->alias);
			assert_true(a->at + size_of(a->kind) <= b->at ||
				    b->at + size_of(b->kind) <= a->at);
		}
	}
}

static void test_rows(void **state)
{
	(void)state;
	check_set(&global_opts, sizeof(struct globals));
	for (const struct cmd *const *cmd = cmd_table; *cmd; cmd++) {
		assert_ptr_equal(cmd_find((*cmd)->name), *cmd);
		assert_non_null((*cmd)->args);
		assert_non_null((*cmd)->run);
		assert_true((*cmd)->min_args <= (*cmd)->max_args);
		if (cmd != cmd_table)
			assert_true(strcmp(cmd[-1]->name, (*cmd)->name) < 0);
		check_set(&(*cmd)->opts, (*cmd)->values_size);
	}
}

static void test_unknown(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_null(cmd_find("checkpoint"));
	assert_null(cmd_find(""));
	cmd_unknown("foo", &err);
	assert_string_equal(err.msg, "No help topic for 'foo'");
	cmd_unknown("pasue", &err);
	assert_string_equal(err.msg,
			    "No help topic for 'pasue'; did you mean 'pause'?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
