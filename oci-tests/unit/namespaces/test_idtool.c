/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "base/err.h"
#include "namespaces/idmap.h"
#include "oci-tests/unit/base/tmp.h"

static const struct spec_id_map maps[] = { { 0, 1000, 1 },
					   { 1, 100000, 65536 } };
static const struct idmap map = { maps, 2, "linux.uidMappings" };

static void tool(struct tmp *tmp, const char *script)
{
	tmp_file(tmp->fd, "newxmap", script);
	assert_int_equal(fchmodat(tmp->fd, "newxmap", 0755, 0), 0);
}

static int run(struct tmp *tmp, struct err *err)
{
	const char *const dirs[] = { "/nonexistent", tmp->path, NULL };

	*err = (struct err){ 0 };
	return idtool_run(dirs, "newxmap", 42, &map, err);
}

static void test_arguments(void **state)
{
	struct tmp *tmp = *state;
	struct err err;

	/* the arguments come back as the reason of a refusal */
	tool(tmp, "#!/bin/sh\necho \"$@\" >&2\nexit 1\n");
	assert_int_equal(run(tmp, &err), -EPERM);
	assert_string_equal(err.field, "linux.uidMappings");
	assert_non_null(strstr(err.msg, "refused the mapping: 42 0 1000 1 1 "
					"100000 65536"));
	assert_null(strchr(err.msg, '\n'));
	/* a variable that was not handed on */
	setenv("HULL_TEST_SECRET", "told", 1);
	tool(tmp, "#!/bin/sh\necho \"<$HULL_TEST_SECRET>\"\nexit 1\n");
	assert_int_equal(run(tmp, &err), -EPERM);
	assert_non_null(strstr(err.msg, "<>"));
}

static void test_results(void **state)
{
	struct tmp *tmp = *state;
	struct err err;

	assert_int_equal(run(tmp, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "not installed"));
	tool(tmp, "#!/bin/sh\necho a word of warning\n");
	assert_int_equal(run(tmp, &err), 0);
	tool(tmp, "#!/bin/sh\nkill -9 $$\n");
	assert_int_equal(run(tmp, &err), -EPERM);
	/* more than is kept */
	tool(tmp, "#!/bin/sh\nhead -c 100000 /dev/zero | tr '\\0' x\nexit 1\n");
	assert_int_equal(run(tmp, &err), -EPERM);
	assert_true(strlen(err.msg) < 1000);
}

#define tmp_test(f) cmocka_unit_test_setup_teardown(f, tmp_setup, tmp_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		tmp_test(test_arguments),
		tmp_test(test_results),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
