/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "cgroups/resctrl.h"
#include "oci-tests/unit/cgroups/fake.h"
#include "oci-tests/unit/cgroups/fakerdt.h"

/* struct rig - the tree, with a class "gold" that the administrator made. */
struct rig {
	char path[64];
	int fd;
};

static void put(const struct rig *r, const char *name, const char *text)
{
	int fd = openat(r->fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static int set_up(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	snprintf(r->path, sizeof(r->path), "/tmp/hull-resctrl.XXXXXX");
	assert_non_null(mkdtemp(r->path));
	r->fd = open(r->path, O_RDONLY | O_DIRECTORY);
	assert_true(r->fd >= 0);
	mkdir_error = 0;
	fill_dir(r->fd, ".");
	assert_int_equal(syscall(SYS_mkdirat, r->fd, "info", 0755), 0);
	put(r, "info/last_cmd_status", "ok\n");
	assert_int_equal(mkdirat(r->fd, "gold", 0755), 0);
	put(r, "gold/schemata", "    MB:0=  20;1=  70\n    L3:0=07f;1=010\n");
	*state = r;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int tear_down(void **state)
{
	struct rig *r = *state;

	close(r->fd);
	nftw(r->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(r);
	return 0;
}

static bool is_there(const struct rig *r, const char *name)
{
	return !faccessat(r->fd, name, F_OK, 0);
}

static void expect_text(const struct rig *r, const char *name, const char *want)
{
	char text[256];

	assert_true(io_read_text(r->fd, name, text, sizeof(text)) >= 0);
	assert_string_equal(text, want);
}

static void expect_begin(const struct rig *r, const char *name,
			 const char *want)
{
	char text[256];

	assert_true(io_read_text(r->fd, name, text, sizeof(text)) >= 0);
	text[strlen(want)] = '\0';
	assert_string_equal(text, want);
}

/* Return: what went wrong, or 0 with all of it done for process 77. */
static int begin(const struct rig *r, const struct spec_rdt *rdt,
		 struct rdt_place *place, struct err *err)
{
	int ret;

	rdt_place_of(rdt, "c1", place);
	ret = rdt_check(r->fd, rdt, place, err);
	if (!ret)
		ret = rdt_make(r->fd, rdt, "c1", place, err);
	return ret ? ret : rdt_attach(r->fd, place, "c1", 77, err);
}

static const char *const no_lines[] = { NULL };
static const char *const lines[] = { "L3:0=f", "L2:0=3", NULL };

static void test_own_class(void **state)
{
	const struct spec_rdt rdt = { .set = true,
				      .schemata = no_lines,
				      .l3_schema = "L3:0=f",
				      .monitoring = true };
	const struct rig *r = *state;
	struct rdt_place place;

	assert_int_equal(begin(r, &rdt, &place, NULL), 0);
	assert_true(place.own && place.mon);
	assert_string_equal(place.group, "c1");
	expect_text(r, "c1/tasks", "77");
	expect_text(r, "c1/mon_groups/c1/tasks", "77");
	expect_begin(r, "c1/schemata", "L3:0=f\n");
	assert_int_equal(rdt_remove(r->fd, &place, "c1", NULL), 0);
	assert_false(is_there(r, "c1"));
	assert_true(is_there(r, "gold"));
	assert_int_equal(rdt_remove(r->fd, &place, "c1", NULL), 0);
}

/* Nobody's limits are changed, nobody's directory is removed. */
static void test_own_class_is_there(void **state)
{
	const struct spec_rdt rdt = { .set = true, .schemata = no_lines };
	const struct rig *r = *state;
	struct rdt_place place;
	struct err err = { 0 };

	assert_int_equal(mkdirat(r->fd, "c1", 0755), 0);
	assert_int_equal(begin(r, &rdt, &place, &err), -EEXIST);
	assert_string_equal(err.field, "linux.intelRdt");
	/* also when it came between the look and the deed */
	assert_int_equal(rdt_make(r->fd, &rdt, "c1", &place, &err), -EEXIST);
	assert_string_equal(place.group, "");
	assert_false(place.own);
	assert_true(is_there(r, "c1"));
}

static void test_named_class(void **state)
{
	const struct spec_rdt rdt = { .set = true,
				      .schemata = no_lines,
				      .clos_id = "gold",
				      .monitoring = true };
	const struct rig *r = *state;
	struct rdt_place place;

	assert_int_equal(begin(r, &rdt, &place, NULL), 0);
	assert_false(place.own);
	expect_text(r, "gold/tasks", "77");
	expect_text(r, "gold/mon_groups/c1/tasks", "77");
	expect_text(r, "gold/schemata",
		    "    MB:0=  20;1=  70\n    L3:0=07f;1=010");
	assert_int_equal(rdt_remove(r->fd, &place, "c1", NULL), 0);
	assert_true(is_there(r, "gold/tasks"));
	assert_false(is_there(r, "gold/mon_groups/c1"));
}

static void test_mon_group_is_there(void **state)
{
	const struct spec_rdt rdt = { .set = true,
				      .schemata = no_lines,
				      .clos_id = "gold",
				      .monitoring = true };
	const struct rig *r = *state;
	struct rdt_place place;
	struct err err = { 0 };

	assert_int_equal(mkdirat(r->fd, "gold/mon_groups/c1", 0755), 0);
	assert_int_equal(begin(r, &rdt, &place, &err), -EEXIST);
	assert_string_equal(err.field, "linux.intelRdt.enableMonitoring");
	assert_int_equal(rdt_remove(r->fd, &place, "c1", NULL), 0);
	assert_true(is_there(r, "gold/mon_groups/c1"));
}

static void test_root_class(void **state)
{
	const struct spec_rdt rdt = { .set = true,
				      .schemata = no_lines,
				      .clos_id = "/",
				      .l3_schema = "L3:1=7ff" };
	const struct rig *r = *state;
	struct rdt_place place;

	assert_int_equal(begin(r, &rdt, &place, NULL), 0);
	assert_string_equal(place.group, ".");
	expect_text(r, "tasks", "77");
	assert_int_equal(rdt_remove(r->fd, &place, "c1", NULL), 0);
	assert_true(is_there(r, "tasks"));
}

static void test_named_class_made(void **state)
{
	const struct spec_rdt rdt = { .set = true,
				      .clos_id = "new",
				      .schemata = lines,
				      .schemata_count = 2,
				      .mb_schema = "MB:0=20" };
	const struct spec_rdt nothing = { .set = true,
					  .schemata = no_lines,
					  .clos_id = "none" };
	const struct rig *r = *state;
	struct rdt_place place;
	struct err err = { 0 };

	assert_int_equal(begin(r, &rdt, &place, NULL), 0);
	expect_text(r, "new/tasks", "77");
	/* a plain file keeps what a shorter text does not overwrite: the last
	 * write is the list's last line */
	expect_begin(r, "new/schemata", "L2:0=3\n");
	assert_int_equal(rdt_remove(r->fd, &place, "c1", NULL), 0);
	assert_true(is_there(r, "new"));
	assert_int_equal(begin(r, &nothing, &place, &err), -ENOENT);
	assert_string_equal(err.field, "linux.intelRdt.closID");
	assert_false(is_there(r, "none"));
}

static void test_comparison(void **state)
{
	static const struct {
		const char *l3, *mb;
		int want;
		const char *field;
	} rows[] = {
		{ "L3:0=7f;1=10", "MB:0=20;1=70", 0, "" },
		{ "L3:1=0010", NULL, 0, "" },
		{ "L3: 0 = 7F", "MB:1=70;0=20", 0, "" },
		{ "L3:0=7", NULL, -EINVAL, "linux.intelRdt.l3CacheSchema" },
		{ "L3:2=7f", NULL, -EINVAL, "linux.intelRdt.l3CacheSchema" },
		{ "L3:0=7f;1=1", NULL, -EINVAL,
		  "linux.intelRdt.l3CacheSchema" },
		{ "L2:0=7f", NULL, -EINVAL, "linux.intelRdt.l3CacheSchema" },
		{ NULL, "MB:0=2", -EINVAL, "linux.intelRdt.memBwSchema" },
		{ "L3:0=7f", "MB:0=200", -EINVAL,
		  "linux.intelRdt.memBwSchema" },
	};
	const struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct spec_rdt rdt = { .set = true,
					      .clos_id = "gold",
					      .schemata = no_lines,
					      .l3_schema = rows[i].l3,
					      .mb_schema = rows[i].mb };
		struct rdt_place place;
		struct err err = { 0 };

		assert_int_equal(begin(r, &rdt, &place, &err), rows[i].want);
		assert_string_equal(err.field, rows[i].field);
	}
}

/* A class that was made for nothing goes again. */
static void test_failures(void **state)
{
	const struct spec_rdt named = { .set = true,
					.clos_id = "new",
					.schemata = lines,
					.schemata_count = 2 };
	const struct spec_rdt own = { .set = true, .schemata = no_lines };
	const struct rig *r = *state;
	struct rdt_place place;
	struct err err = { 0 };

	mkdir_error = ENOSPC;
	assert_int_equal(begin(r, &own, &place, &err), -ENOSPC);
	assert_int_equal(begin(r, &named, &place, &err), -ENOSPC);
	mkdir_error = 0;
	files[0] = "other";
	assert_int_equal(begin(r, &named, &place, &err), -ENOENT);
	files[0] = "schemata";
	assert_string_equal(err.field, "linux.intelRdt.schemata[0]");
	assert_non_null(strstr(err.msg, ": ok"));
	assert_false(is_there(r, "new/tasks"));
	put(r, "file", "");
	rdt_place_of(&(struct spec_rdt){ .clos_id = "file" }, "c1", &place);
	assert_int_equal(rdt_attach(r->fd, &place, "c1", 1, &err), -ENOTDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_own_class, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_own_class_is_there, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_named_class, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_mon_group_is_there, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_root_class, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_named_class_made, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_comparison, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_failures, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
