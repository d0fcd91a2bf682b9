/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/libcontainer/lab.h"

#include <sys/vfs.h>

#include "libcontainer/rdt.h"
#include "libcontainer/state.h"
#include "oci-tests/unit/cgroups/fakerdt.h"
#include "spec/spec.h"

/*
 * The way of linux.intelRdt through a container's life, with a directory that
 * passes for a resctrl mount: this program's fopen() and fstatfs() say so.
 */

#define MAGIC 0x7655821

static char dir[] = "/tmp/hull-rdt.XXXXXX";
static char mounts[256];
static int magic;

FILE *fopen(const char *path, const char *mode)
{
	if (strcmp(path, "/proc/self/mountinfo"))
		return NULL;
	return fmemopen(mounts, strlen(mounts), mode);
}

int fstatfs(int fd, struct statfs *st)
{
	int ret = (int)syscall(SYS_fstatfs, fd, st);

	st->f_type = magic;
	return ret;
}

static bool has(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return !access(path, F_OK);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/hull-rdt.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(mounts, sizeof(mounts),
		 "20 1 0:1 / / rw - ext4 /dev/x rw\n"
		 "21 20 0:2 / %s rw,relatime shared:1 - resctrl resctrl rw\n",
		 dir);
	magic = MAGIC;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return rmdir(dir);
}

static void test_life(void **state)
{
	const struct spec spec = {
		.linux_ = { .rdt = { .set = true, .monitoring = true } }
	};
	struct ct ct = CT_INIT;
	struct err err = { 0 };
	char id[] = "c1";

	(void)state;
	assert_int_equal(rdt_plan(&ct, &spec, id, &err), 0);
	assert_false(has("c1"));
	assert_true(ct.st.rdt.own && ct.st.rdt.mon);
	ct.st.id = id;
	assert_int_equal(rdt_begin(&ct, &spec, &err), 0);
	assert_int_equal(rdt_join(&ct, 7, &err), 0);
	assert_true(has("c1/mon_groups/c1/tasks"));
	assert_int_equal(rdt_plan(&ct, &spec, id, &err), -EEXIST);
	assert_int_equal(rdt_end(&ct, &err), 0);
	assert_false(has("c1"));
	assert_int_equal(rdt_end(&ct, &err), 0);
}

/* Nothing is asked: nothing is looked for. */
static void test_unset(void **state)
{
	const struct spec spec = { 0 };
	struct ct ct = CT_INIT;

	(void)state;
	strcpy(mounts, "\n");
	magic = 0;
	assert_int_equal(rdt_plan(&ct, &spec, "c1", NULL), 0);
	assert_int_equal(rdt_begin(&ct, &spec, NULL), 0);
	assert_int_equal(rdt_join(&ct, 7, NULL), 0);
	assert_int_equal(rdt_end(&ct, NULL), 0);
}

static void test_no_mount(void **state)
{
	const struct spec spec = { .linux_ = { .rdt = { .set = true } } };
	struct ct ct = CT_INIT;
	struct err err = { 0 };

	(void)state;
	magic = 0; /* something else is mounted over it */
	assert_int_equal(rdt_plan(&ct, &spec, "c1", &err), -ENOTSUP);
	assert_string_equal(err.msg, "linux.intelRdt: no resctrl file system "
				     "is mounted");
	assert_string_equal(ct.st.rdt.group, "");
	/* unmounted meanwhile: its classes are gone, delete goes on */
	ct.st.rdt = (struct rdt_place){ .group = "c1", .own = true };
	assert_int_equal(rdt_end(&ct, &err), 0);
	magic = MAGIC;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unset, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_mount, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
