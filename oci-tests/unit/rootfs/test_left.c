/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "rootfs/internal.h"

/* What is mounted before, and where links of it lead. */
static const struct {
	const char *dest, *place;
	enum rootfs_left left;
	unsigned int what;
} before[] = {
	{ "/vol", "/vol", ROOTFS_MADE, 0 },
	{ "/run", "/run", ROOTFS_POINT, 0 },
	{ "/dev", "/dev", ROOTFS_BOTH, 0 },
	{ "/vol/tmp", "/tmp", ROOTFS_POINT, 0 },
	{ "/vol/tmp", "/vol/tmp", ROOTFS_NONE, MOUNT_REMOUNT },
	{ "/other", "/other", ROOTFS_MADE, 0 },
	{ "/run/bound", "/run/bound", ROOTFS_MADE, 0 },
};

#define COUNT (sizeof(before) / sizeof(*before))

static int check(const char *dest, const char *place, enum rootfs_left left,
		 bool vm)
{
	struct spec_mount mounts[COUNT + 1] = { 0 };
	struct mount_plan plans[COUNT + 1] = { 0 };
	enum rootfs_left all[COUNT + 1];
	const struct spec spec = { .mounts = mounts, .mount_count = COUNT + 1 };
	struct rootfs r = { .cfg = { .spec = &spec, .left = vm ? all : NULL },
			    .plans = plans };
	struct err err = { 0 };
	int ret;

	for (size_t i = 0; i < COUNT; i++) {
		plans[i].dest = before[i].dest;
		plans[i].place = before[i].place;
		plans[i].opts.what = before[i].what;
		all[i] = before[i].left;
	}
	plans[COUNT].dest = plans[COUNT].place = mounts[COUNT].destination =
		dest;
	all[COUNT] = left;
	ret = left_check(&r, COUNT, place, &err);
	assert_int_equal(err.code, ret);
	if (ret)
		assert_string_equal(err.field, "mounts[7].destination");
	else if (vm)
		assert_string_equal(plans[COUNT].place, place);
	arena_release(&r.arena);
	return ret;
}

static void test_all(void **state)
{
	static const struct {
		const char *dest, *place;
		int want;
	} rows[] = {
		{ "/a", "/a", 0 },
		{ "/dev/x", "/dev/x", 0 },
		{ "/run/bound/x", "/run/bound/x", 0 },
		/* among the host's */
		{ "/vol/l", "/elsewhere", 0 },
		{ "/vol/l", "/other/x", 0 },
		/* into one of the guest's, or out of it */
		{ "/vol/l", "/run", -ENOTSUP },
		{ "/vol/l", "/run/x", -ENOTSUP },
		{ "/vol/l", "/dev/x", -ENOTSUP },
		{ "/vol/l", "/runner", 0 },
		{ "/dev/l", "/x", -ENOTSUP },
		/* one that is itself somewhere else */
		{ "/vol/tmp/x", "/tmp/x", 0 },
		{ "/tmp/x", "/tmp/x", -ENOTSUP },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int ret = check(rows[i].dest, rows[i].place, ROOTFS_MADE, true);

		if (ret != rows[i].want)
			print_error("row %zu\n", i);
		assert_int_equal(ret, rows[i].want);
		/* the guest's own follow links by themselves */
		assert_int_equal(
			check(rows[i].dest, rows[i].place, ROOTFS_POINT, true),
			0);
		assert_int_equal(
			check(rows[i].dest, rows[i].place, ROOTFS_MADE, false),
			0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
