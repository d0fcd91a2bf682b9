/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "cgroups/cgroup.h"

#define OWNER 4711

static uid_t owner(int dir_fd, const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(dir_fd, name, &st, 0), 0);
	return st.st_uid;
}

/* A directory stands in for a cgroup; what is not there is passed over. */
static void test_give(void **state)
{
	static const char *const files[] = { "cgroup.procs",
					     "cgroup.subtree_control",
					     "memory.max", NULL };
	char dir[] = "/tmp/hull-give.XXXXXX";
	struct err err = { 0 };
	int fd;

	(void)state;
	if (geteuid())
		skip();
	assert_non_null(mkdtemp(dir));
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	for (const char *const *f = files; *f; f++)
		close(openat(fd, *f, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(cg_give(fd, OWNER, &err), 0);
	assert_int_equal(owner(fd, "."), OWNER);
	assert_int_equal(owner(fd, "cgroup.procs"), OWNER);
	assert_int_equal(owner(fd, "cgroup.subtree_control"), OWNER);
	assert_int_equal(owner(fd, "memory.max"), 0);
	for (const char *const *f = files; *f; f++)
		unlinkat(fd, *f, 0);
	close(fd);
	rmdir(dir);
	assert_true(cg_give(-1, OWNER, &err) < 0);
	assert_string_not_equal(err.msg, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_give) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
