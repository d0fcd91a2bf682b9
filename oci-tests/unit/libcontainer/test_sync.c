/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "base/auto.h"
#include "base/err.h"
#include "libcontainer/sync.h"

/* What the child said before it ended is the reason, whatever came of it. */
static void test_blame(void **state)
{
	struct err theirs = { 0 }, ours = { 0 };
	auto_fd int here = -1;
	auto_fd int there = -1;

	(void)state;
	err_set(&theirs, -ENOENT, "no such program");
	err_set(&ours, -EIO, "its cgroup is gone");
	assert_int_equal(sync_pair(&here, &there), 0);
	assert_int_equal(sync_blame(here, -EIO, &ours), -EIO);
	assert_int_equal(sync_send(there, SYNC_READY, 0, -1), 0);
	assert_int_equal(sync_blame(here, -EIO, &ours), -EIO);
	assert_string_equal(ours.msg, "its cgroup is gone");
	assert_int_equal(sync_send(there, SYNC_READY, 0, -1), 0);
	sync_send_error(there, &theirs);
	auto_close_fd(&there);
	assert_int_equal(sync_blame(here, -EIO, &ours), -ENOENT);
	assert_string_equal(ours.msg, "no such program");
	assert_int_equal(sync_blame(here, -EIO, &ours), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
