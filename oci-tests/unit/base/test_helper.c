/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "base/auto.h"
#include "base/helper.h"
#include "oci-tests/unit/base/tmp.h"

static void check(const char *program, const char *want)
{
	auto_fd int fd = helper_open_from(program, "hull-x");
	char link[64], got[PATH_MAX] = "";

	if (!want) {
		assert_int_equal(fd, -ENOENT);
		return;
	}
	assert_true(fd >= 0);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	assert_true(readlink(link, got, sizeof(got) - 1) > 0);
	if (!strstr(got, want))
		fail_msg("found '%s', not '%s'", got, want);
}

static void test_places(void **state)
{
	struct tmp *tmp = *state;
	char program[PATH_MAX + 16];

	snprintf(program, sizeof(program), "%s/bin/hull", tmp->path);
	check(program, NULL);
	mkdirat(tmp->fd, "bin", 0755);
	check(program, NULL);
	mkdirat(tmp->fd, "libexec", 0755);
	mkdirat(tmp->fd, "libexec/hull", 0755);
	tmp_file(tmp->fd, "libexec/hull/hull-x", "");
	check(program, "/libexec/hull/hull-x");
	/* the build tree's own comes first */
	tmp_file(tmp->fd, "bin/hull-x", "");
	check(program, "/bin/hull-x");
	check("hull", NULL);
}

static void test_missing(void **state)
{
	(void)state;
	assert_int_equal(helper_open("hull-no-such-helper"), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_places, tmp_setup,
						tmp_teardown),
		cmocka_unit_test(test_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
