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
#include "cgroups/systemd.h"

#define USER_ROOT "/user.slice/user-5.slice/user@5.service"

/* clang-format off */
static const struct {
	enum cg_manager manager;
	const char *root, *given, *id, *want;
} cases[] = {
	{ CG_MANAGER_SYSTEMD, "", NULL, "c1", "/system.slice/hull-c1.scope" },
	{ CG_MANAGER_SYSTEMD, "", "", "c1", "/system.slice/hull-c1.scope" },
	{ CG_MANAGER_SYSTEMD, "/", "::x", "c1", "/system.slice/x.scope" },
	{ CG_MANAGER_SYSTEMD, "", NULL, "a+b",
	  "/system.slice/hull-a\\x2bb.scope" },
	{ CG_MANAGER_SYSTEMD, "", "machine.slice:libpod:0a1", "c1",
	  "/machine.slice/libpod-0a1.scope" },
	{ CG_MANAGER_SYSTEMD, "", "a-b-c.slice:p:n", "c1",
	  "/a.slice/a-b.slice/a-b-c.slice/p-n.scope" },
	{ CG_MANAGER_SYSTEMD, "", "-.slice:p:n", "c1", "/p-n.scope" },
	{ CG_MANAGER_SYSTEMD, "", ":p:n/m o", "c1",
	  "/system.slice/p-n\\x2fm\\x20o.scope" },
	{ CG_MANAGER_SYSTEMD, "", "a\\x2db.slice:p:n", "c1",
	  "/a\\x2db.slice/p-n.scope" },
	{ CG_MANAGER_SYSTEMD_USER, USER_ROOT, NULL, "c1",
	  USER_ROOT "/user.slice/hull-c1.scope" },
	{ CG_MANAGER_SYSTEMD_USER, USER_ROOT, "-.slice:p:n", "c1",
	  USER_ROOT "/p-n.scope" },
	/* refused */
	{ CG_MANAGER_SYSTEMD, "", "a", "c1", NULL },
	{ CG_MANAGER_SYSTEMD, "", "a:b", "c1", NULL },
	{ CG_MANAGER_SYSTEMD, "", "a.slice:b:c:d", "c1", NULL },
	{ CG_MANAGER_SYSTEMD, "", "a.slice:b:c.slice", "c1", NULL },
	{ CG_MANAGER_SYSTEMD, "", "a.slice::", "c1", NULL },
	{ CG_MANAGER_SYSTEMD, "", "a.slice::_n", "c1", NULL },
	{ CG_MANAGER_SYSTEMD, "", "a.slice::cgroup.n", "c1", NULL },
	{ CG_MANAGER_SYSTEMD, "", "a:b:c", "c1", NULL },
	{ CG_MANAGER_SYSTEMD, "", ".slice:b:c", "c1", NULL },
	{ CG_MANAGER_SYSTEMD, "", "-a.slice:b:c", "c1", NULL },
	{ CG_MANAGER_SYSTEMD, "", "a-.slice:b:c", "c1", NULL },
	{ CG_MANAGER_SYSTEMD, "", "a--b.slice:b:c", "c1", NULL },
	{ CG_MANAGER_SYSTEMD, "", "../a.slice:b:c", "c1", NULL },
	{ CG_MANAGER_SYSTEMD, "", "a b.slice:b:c", "c1", NULL },
};
/* clang-format on */

static void test_places(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cg_place place = { .manager = cases[i].manager };
		struct err err = { 0 };
		int rc = sd_place(&place, cases[i].given, cases[i].id,
				  cases[i].root, &err);

		if (rc != (cases[i].want ? 0 : -EINVAL))
			fail_msg("case %zu: %d '%s'", i, rc, err.msg);
		if (rc)
			assert_string_equal(err.field, "linux.cgroupsPath");
		else
			assert_string_equal(place.path, cases[i].want);
	}
}

static void test_too_long(void **state)
{
	struct cg_place place = { .manager = CG_MANAGER_SYSTEMD };
	struct err err = { 0 };
	char path[2000];

	(void)state;
	memset(path, 'a', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	memcpy(path, "::", 2);
	assert_int_equal(sd_place(&place, path, "c", "", &err), -EINVAL);
	path[252] = '\0'; /* with ".scope" one too many */
	assert_int_equal(sd_place(&place, path, "c", "", &err), -EINVAL);
	path[251] = '\0';
	assert_int_equal(sd_place(&place, path, "c", "", &err), 0);
	assert_int_equal(strlen(sd_unit_of(&place)), 255);
}

static void test_names(void **state)
{
	struct cg_place place = { .path = "/a.slice/a-b.slice/x.scope" };
	char slice[SD_UNIT_MAX];

	(void)state;
	assert_string_equal(sd_unit_of(&place), "x.scope");
	assert_string_equal(sd_slice_of(&place, slice), "a-b.slice");
	strcpy(place.path, USER_ROOT "/x.scope");
	assert_string_equal(sd_slice_of(&place, slice), "-.slice");
	strcpy(place.path, "/x.scope");
	assert_string_equal(sd_slice_of(&place, slice), "-.slice");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
