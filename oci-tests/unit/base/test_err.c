/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"

static void test_text(void **state)
{
	static const struct {
		int code;
		const char *want;
	} cases[] = {
		{ ENOENT, "no such file or directory" },
		{ -ENOENT, "no such file or directory" },
		{ EACCES, "permission denied" },
		{ EPERM, "operation not permitted" },
		{ EISDIR, "is a directory" },
		{ ENOTDIR, "not a directory" },
		{ ESRCH, "no such process" },
		{ EIO, "input/output error" },
		{ 0, "success" },
		{ 12345, "unknown error 12345" },
		{ -12345, "unknown error 12345" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(err_text(cases[i].code), cases[i].want);
	/* each errno has a text, and none begins in upper case but names */
	for (int i = 1; i < 134; i++) {
		const char *text = err_text(i);

		assert_true(*text);
		if (*text >= 'A' && *text <= 'Z')
			assert_true(text[1] >= 'A' && text[1] <= 'Z');
	}
}

static void test_set(void **state)
{
	struct err err = { .stage = "old", .field = "old" };

	(void)state;
	assert_int_equal(err_set(&err, -EINVAL, "bad id '%s'", "x y"), -EINVAL);
	assert_int_equal(err.code, -EINVAL);
	assert_string_equal(err.msg, "bad id 'x y'");
	assert_string_equal(err.stage, "");
	assert_string_equal(err.field, "");
	/* the message may be its own argument */
	err_set(&err, -EIO, "outer: %s", err.msg);
	assert_string_equal(err.msg, "outer: bad id 'x y'");
}

static void test_sys_and_code(void **state)
{
	struct err err = { 0 };

	(void)state;
	errno = ENOENT;
	assert_int_equal(err_sys(&err, "cannot open '%s'", "/x"), -ENOENT);
	assert_int_equal(err.code, -ENOENT);
	assert_string_equal(err.msg,
			    "cannot open '/x': no such file or directory");
	errno = 0; /* a caller's mistake must still be a failure */
	assert_int_equal(err_sys(&err, "odd"), -EIO);
	errno = EBUSY;
	assert_int_equal(err_code(&err, -EACCES, "cannot exec '%s'", "a"),
			 -EACCES);
	assert_string_equal(err.msg, "cannot exec 'a': permission denied");
}

static void test_null_err(void **state)
{
	(void)state;
	errno = EPERM;
	assert_int_equal(err_sys(NULL, "x"), -EPERM);
	assert_int_equal(err_set(NULL, -EINVAL, "x"), -EINVAL);
	assert_int_equal(err_code(NULL, -ENOMEM, "x"), -ENOMEM);
	assert_int_equal(err_at(NULL, -ERANGE, "f", "x"), -ERANGE);
	assert_int_equal(err_add(NULL, -ERANGE, "f", "x"), -ERANGE);
	assert_int_equal(err_wrap(NULL, "x"), -EIO);
	assert_int_equal(err_stage(NULL, "x"), -EIO);
}

static void test_at(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_int_equal(err_at(&err, -EINVAL, "process.args", "is empty"),
			 -EINVAL);
	assert_string_equal(err.field, "process.args");
	assert_string_equal(err.msg, "process.args: is empty");
	err_at(&err, -EINVAL, "", "is empty");
	assert_string_equal(err.msg, "is empty");
	err_at(&err, -EINVAL, NULL, "%d", 5);
	assert_string_equal(err.msg, "5");
	assert_string_equal(err.field, "");
}

static void test_add(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_int_equal(err_add(&err, -EINVAL, "root.path", "is empty"),
			 -EINVAL);
	assert_int_equal(err_add(&err, -ERANGE, "linux.x", "too large"),
			 -ERANGE);
	assert_int_equal(err_add(&err, -ERANGE, "", "third"), -ERANGE);
	assert_int_equal(err.code, -EINVAL);
	assert_string_equal(err.field, "root.path");
	assert_string_equal(err.msg,
			    "root.path: is empty\nlinux.x: too large\nthird");
}

static void test_add_counts_the_rest(void **state)
{
	struct err err = { 0 };
	char want[64];
	size_t lines = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		err_add(&err, -EINVAL, "f", "problem %04d", i);
	for (const char *p = err.msg; (p = strchr(p, '\n')); p++)
		lines++;
	assert_true(lines > 100); /* in lines: one less than problems shown */
	snprintf(want, sizeof(want), "\n... and %zu more", 1000 - lines);
	assert_string_equal(strrchr(err.msg, '\n'), want);

	/* a first problem that fills the message */
	memset(&err, 0, sizeof(err));
	err_add(&err, -EINVAL, "f", "%3000d", 1);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	err_add(&err, -EINVAL, "f", "second");
	err_add(&err, -EINVAL, "f", "third");
	assert_string_equal(strrchr(err.msg, '\n'), "\n... and 2 more");
}

static void test_wrap(void **state)
{
	struct err err = { 0 };

	(void)state;
	err_set(&err, -ENOENT, "inner");
	assert_int_equal(err_wrap(&err, "hook %d", 3), -ENOENT);
	assert_string_equal(err.msg, "hook 3: inner");

	err_set(&err, -ENOENT, "%3000d", 1);
	assert_int_equal(err_wrap(&err, "hook"), -ENOENT);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	assert_memory_equal(err.msg, "hook:   ", 8);
	assert_int_equal(err_wrap(&err, "%3000s", "x"), -ENOENT);

	memset(&err, 0, sizeof(err));
	assert_int_equal(err_wrap(&err, "nothing set"), -EIO);
	assert_int_equal(err.code, -EIO);
	assert_string_equal(err.msg, "nothing set");
}

static void test_stage(void **state)
{
	struct err err = { 0 };

	(void)state;
	err_set(&err, -EPERM, "x");
	assert_int_equal(err_stage(&err, "mount"), -EPERM);
	assert_int_equal(err_stage(&err, "create"), -EPERM);
	assert_string_equal(err.stage, "mount");
	memset(&err, 0, sizeof(err));
	err_set(&err, -EPERM, "x");
	err_stage(&err, "a name that is far too long for the field");
	assert_int_equal(strlen(err.stage), sizeof(err.stage) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_sys_and_code),
		cmocka_unit_test(test_null_err),
		cmocka_unit_test(test_at),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_add_counts_the_rest),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_stage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
