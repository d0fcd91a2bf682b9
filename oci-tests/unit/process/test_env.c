/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/process/child.h"

#include <time.h>

#define VARS(...)                 \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

static size_t vars_count(const char *const *vars)
{
	size_t n = 0;

	while (vars && vars[n])
		n++;
	return n;
}

static int make(const char *const *vars, const char *const *extra, uid_t uid,
		char ***env, struct err *err)
{
	const struct spec_process process = {
		.env = vars,
		.env_count = vars_count(vars),
		.user = { .uid = uid },
	};

	return process_env(&process, extra, env, err);
}

static void expect(const char *const *vars, const char *const *extra,
		   const char *const *want)
{
	auto_free char **env = NULL;
	struct err err = { 0 };
	size_t i;

	assert_int_equal(make(vars, extra, 0, &env, &err), 0);
	for (i = 0; want[i]; i++) {
		assert_non_null(env[i]);
		assert_string_equal(env[i], want[i]);
	}
	assert_null(env[i]);
}

static void test_order_and_duplicates(void **state)
{
	(void)state;
	expect(VARS("A=1", "HOME=/h", "B=2"), NULL,
	       VARS("A=1", "HOME=/h", "B=2"));
	/* the last of several stays, where it stands */
	expect(VARS("A=1", "B=2", "A=3", "HOME=/h", "B=", "A=4"), NULL,
	       VARS("HOME=/h", "B=", "A=4"));
	/* a prefix is another name */
	expect(VARS("AB=1", "A=2", "ABC=3", "HOME=/h"), NULL,
	       VARS("AB=1", "A=2", "ABC=3", "HOME=/h"));
	expect(VARS("A==x=y", "HOME=/h"), NULL, VARS("A==x=y", "HOME=/h"));
	/* hull's own come last and win */
	expect(VARS("LISTEN_FDS=9", "HOME=/h"),
	       VARS("LISTEN_FDS=2", "LISTEN_PID=1"),
	       VARS("HOME=/h", "LISTEN_FDS=2", "LISTEN_PID=1"));
}

/* The test's own /etc/passwd says where root lives. */
static void test_home(void **state)
{
	static const char *const root = "HOME=/root";

	(void)state;
	if (system("grep -q '^root:[^:]*:0:[^:]*:[^:]*:/root:' /etc/passwd"))
		SKIP("root has an unusual home here");
	expect(VARS("A=1"), NULL, VARS("A=1", root));
	expect(VARS("HOME=", "A=1"), NULL, VARS("A=1", root));
	/* the last one counts, and it is empty */
	expect(VARS("HOME=/x", "A=1", "HOME="), NULL, VARS("A=1", root));
	expect(VARS("HOME=", "HOME=/x"), NULL, VARS("HOME=/x"));
	expect(VARS("HOMELESS=1"), NULL, VARS("HOMELESS=1", root));
	expect(NULL, NULL, VARS(root));
}

static void test_home_of_nobody(void **state)
{
	auto_free char **env = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(make(NULL, NULL, 3999999999u, &env, &err), 0);
	assert_string_equal(env[0], "HOME=/");
	assert_null(env[1]);
}

static void test_refused(void **state)
{
	char **env = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(make(VARS("A=1", "NOTHING"), NULL, 0, &env, &err),
			 -EINVAL);
	assert_string_equal(err.msg, "process.env: invalid environment "
				     "variable: missing '='");
	assert_int_equal(make(VARS("=1"), NULL, 0, &env, &err), -EINVAL);
	assert_string_equal(err.msg, "process.env: invalid environment "
				     "variable: name cannot be empty");
	assert_null(env);
}

/* As many as Kubernetes' service links can make of them, and more. */
static void test_many(void **state)
{
	enum { COUNT = 50000 };
	auto_free const char **vars = calloc(COUNT + 1, sizeof(*vars));
	auto_free char *text = calloc(COUNT, 16);
	auto_free char **env = NULL;
	struct timespec begin, end;
	struct err err = { 0 };

	(void)state;
	assert_non_null(vars);
	assert_non_null(text);
	for (int i = 0; i < COUNT; i++) {
		vars[i] = text + i * 16;
		snprintf(text + i * 16, 16, "V%d=%d", i % (COUNT / 2), i);
	}
	clock_gettime(CLOCK_MONOTONIC, &begin);
	assert_int_equal(make(vars, NULL, 0, &env, &err), 0);
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true(end.tv_sec - begin.tv_sec <= 1);
	for (int i = 0; i < COUNT / 2; i++)
		assert_ptr_equal(env[i], vars[COUNT / 2 + i]);
	assert_int_equal(strncmp(env[COUNT / 2], "HOME=", 5), 0);
	assert_null(env[COUNT / 2 + 1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_and_duplicates),
		cmocka_unit_test(test_home),
		cmocka_unit_test(test_home_of_nobody),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
