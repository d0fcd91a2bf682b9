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
#include "cmd/hull/exec_cgroup.h"

#define TEXTS(...) ((const char *[]){ __VA_ARGS__, NULL })

static void test_table(void **state)
{
	static const char twice[] = "invalid --cgroup argument(s): controller "
				    "cpu specified multiple times";
	static const char empty[] = "invalid --cgroup argument: ,cpu:/x (empty "
				    "<controller> prefix)";
	static const char bare[] = "invalid --cgroup argument: /x (missing "
				   "<controller>: prefix)";
	const struct {
		const char **given;
		const char **want;
		const char *msg;
	} cases[] = {
		{ TEXTS("sub"), TEXTS("sub"), NULL },
		{ TEXTS("/"), TEXTS("/"), NULL },
		{ TEXTS("cpu:/x"), TEXTS("cpu:/x"), NULL },
		{ TEXTS("memory:m", "cpu,cpuacct:a/b:c"),
		  TEXTS("memory:m", "cpu:a/b:c", "cpuacct:a/b:c"), NULL },
		{ TEXTS("cpuacct:a", "cpu:b"), TEXTS("cpuacct:a", "cpu:b"),
		  NULL },
		{ TEXTS("cpu:a", "cpu:b"), NULL, twice },
		{ TEXTS("cpu,cpu:a"), NULL, twice },
		{ TEXTS(",cpu:/x"), NULL, empty },
		{ TEXTS("cpu:/y", "/x"), NULL, bare },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct opt_list given = { .texts = cases[i].given };
		struct exec_cgroups out = { 0 };
		struct err err = { 0 };
		int rc;

		while (given.texts[given.count])
			given.count++;
		rc = exec_cgroups_parse(&given, &out, &err);
		assert_int_equal(rc, cases[i].msg ? -EINVAL : 0);
		if (cases[i].msg)
			assert_string_equal(err.msg, cases[i].msg);
		for (size_t j = 0; cases[i].want && cases[i].want[j]; j++) {
			assert_true(j < out.paths.count);
			assert_string_equal(out.paths.texts[j],
					    cases[i].want[j]);
		}
		exec_cgroups_release(&out);
	}
}

static void test_none(void **state)
{
	struct opt_list given = { 0 };
	struct exec_cgroups out = { 0 };

	(void)state;
	assert_int_equal(exec_cgroups_parse(&given, &out, NULL), 0);
	assert_null(out.paths.texts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
