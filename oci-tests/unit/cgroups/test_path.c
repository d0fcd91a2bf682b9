/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "oci-tests/unit/cgroups/fake.h"

static void test_paths(void **state)
{
	static const struct {
		const char *own, *given, *want;
		int rc;
	} cases[] = {
		/* relative to the parent of hull's own */
		{ "0::/a/b\n", NULL, "/a/id", 0 },
		{ "0::/a/b\n", "", "/a/id", 0 },
		{ "0::/a\n", NULL, "/id", 0 },
		{ "0::/\n", NULL, "/id", 0 },
		{ "3:cpu:/x\n0::/a/b\n", "x/y", "/a/x/y", 0 },
		{ "0::/a/b\n", "./x//y/", "/a/x/y", 0 },
		{ "0::/a/b\n", "system.slice:docker:1",
		  "/a/system.slice:docker:1", 0 },
		/* absolute */
		{ "0::/a/b\n", "/x", "/x", 0 },
		{ "0::/a/b\n", "//x/./y//", "/x/y", 0 },
		{ "", "/x", "/x", 0 },
		/* refused */
		{ "0::/a/b\n", "/", NULL, -EINVAL },
		{ "0::/\n", ".", NULL, -EINVAL },
		{ "0::/a/b\n", "/x/../y", NULL, -EINVAL },
		{ "0::/a/b\n", "..", NULL, -EINVAL },
		{ "0::/a/b\n", "x/..", NULL, -EINVAL },
		{ "0::/../b/c\n", NULL, NULL, -EINVAL },
		{ "1:cpu:/a\n", NULL, NULL, -ENOENT },
	};
	struct fake *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cg_place place = { 0 };
		struct err err = { 0 };
		int rc;

		fake_file(f, "self", cases[i].own);
		rc = cg_place_init(&place, CG_MANAGER_CGROUPFS, cases[i].given,
				   "id", NULL, &err);
		if (rc != cases[i].rc)
			fail_msg("case %zu: %d '%s'", i, rc, err.msg);
		if (rc)
			assert_true(*err.msg);
		else
			assert_string_equal(place.path, cases[i].want);
	}
}

static void test_long(void **state)
{
	char path[2048];
	struct cg_place place = { 0 };

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	path[0] = '/';
	assert_int_equal(cg_place_init(&place, CG_MANAGER_CGROUPFS, path, "id",
				       NULL, NULL),
			 -ENAMETOOLONG);
	path[CG_PATH_MAX - 1] = '\0';
	assert_int_equal(cg_place_init(&place, CG_MANAGER_CGROUPFS, path, "id",
				       NULL, NULL),
			 0);
	assert_int_equal(strlen(place.path), CG_PATH_MAX - 1);
}

static const struct spec_resources no_limits = { .devices_set = true };
static const struct spec_resources pids = { .pids_limit = SET_I64(1) };
static const struct spec_resources memory = { .memory.limit = SET_I64(1) };
static const struct spec_rdma rdma_list[] = { { "x", true, 1, false, 0 } };
static const struct spec_resources rdma = { .rdma = rdma_list,
					    .rdma_count = 1 };
static const struct spec_unified unified_list[] = { { "memory.high", "1" } };
static const struct spec_resources unified = { .unified = unified_list,
					       .unified_count = 1 };

static int place_with(const struct spec_resources *res, struct cg_place *place,
		      struct err *err)
{
	*err = (struct err){ 0 };
	return cg_place_init(place, CG_MANAGER_CGROUPFS, "/x", "id", res, err);
}

static void test_controllers_unified(void **state)
{
	struct fake *f = *state;
	struct cg_place place;
	struct err err;
	char text[64];

	fake_file(f, "cgroup.controllers", "cpu memory\n");
	assert_int_equal(place_with(&no_limits, &place, &err), 0);
	assert_int_equal(place_with(&memory, &place, &err), 0);
	assert_int_equal(place.v1_mask, 0);
	assert_int_equal(place_with(&unified, &place, &err), 0);
	assert_int_equal(place_with(&pids, &place, &err), -ENOTSUP);
	assert_string_equal(err.msg,
			    "linux.resources.pids.limit: this host has "
			    "no 'pids' cgroup controller");
	assert_string_equal(err.field, "linux.resources.pids.limit");
	assert_int_equal(cg_controllers(text, sizeof(text)), 0);
	assert_string_equal(text, "cpu memory");
}

static void test_controllers_hybrid(void **state)
{
	struct fake *f = *state;
	struct cg_place place;
	struct err err;

	fake_file(f, "unified/cgroup.controllers", "hugetlb\n");
	fake_dir(f, "memory");
	assert_int_equal(place_with(&no_limits, &place, &err), 0);
	assert_int_equal(place.v1_mask, 0);
	assert_int_equal(place_with(&memory, &place, &err), 0);
	assert_int_equal(place.v1_mask, CG_V1_MEMORY);
	assert_int_equal(place_with(&pids, &place, &err), -ENOTSUP);
	assert_int_equal(place_with(&rdma, &place, &err), -ENOTSUP);
	assert_string_equal(err.field, "linux.resources.rdma");
	/* a v2 file cannot come from a v1 hierarchy */
	assert_int_equal(place_with(&unified, &place, &err), -ENOTSUP);
	assert_string_equal(err.msg,
			    "linux.resources.unified[\"memory.high\"]: "
			    "controller 'memory' is a cgroup v1 hierarchy on "
			    "this host");
}

static void test_managers(void **state)
{
	struct cg_place place;
	struct err err = { 0 };
	struct fake *f = *state;

	assert_int_equal(cg_place_init(&place, CG_MANAGER_SYSTEMD, NULL, "id",
				       NULL, &err),
			 0);
	assert_int_equal(place.manager, CG_MANAGER_SYSTEMD);
	assert_string_equal(place.path, "/system.slice/hull-id.scope");
	/* a cgroup that somebody else has made */
	assert_int_equal(cg_place_init(&place, CG_MANAGER_SYSTEMD, "/x/y", "id",
				       NULL, &err),
			 0);
	assert_int_equal(place.manager, CG_MANAGER_CGROUPFS);
	assert_string_equal(place.path, "/x/y");
	f->roots.mode = CG_MODE_HYBRID;
	cg_roots_override(&f->roots);
	assert_int_equal(cg_place_init(&place, CG_MANAGER_SYSTEMD, NULL, "id",
				       NULL, &err),
			 -ENOTSUP);
	assert_int_equal(cg_place_init(&place, CG_MANAGER_DISABLED, "/x", "id",
				       &no_limits, &err),
			 0);
	assert_string_equal(place.path, "");
	assert_int_equal(cg_create(&place, &err), -ENOTSUP);
	assert_int_equal(cg_open(&place), -ENOENT);
	assert_int_equal(cg_destroy(&place, &err), 0);
	assert_int_equal(cg_place_init(&place, CG_MANAGER_DISABLED, "/x", "id",
				       &pids, &err),
			 -ENOTSUP);
	assert_string_equal(err.field, "linux.resources.pids.limit");
	f->roots.mode = CG_MODE_NONE;
	cg_roots_override(&f->roots);
	assert_int_equal(cg_place_init(&place, CG_MANAGER_CGROUPFS, "/x", "id",
				       NULL, &err),
			 -ENOTSUP);
}

#define TEST(name, setup) \
	cmocka_unit_test_setup_teardown(name, setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_paths, fake_setup),
		TEST(test_long, fake_setup),
		TEST(test_controllers_unified, fake_setup),
		TEST(test_controllers_hybrid, fake_setup_hybrid),
		TEST(test_managers, fake_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
