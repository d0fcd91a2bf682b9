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
#include "rootfs/mount_api.h"
#include "rootfs/mount_opt.h"
#include "rootfs/rootfs.h"

#define A(name) MOUNT_ATTR_##name

/* Every name of runtime-spec config.md, "Linux mount options", written down
 * here once more, so that a row lost in the code is noticed. */
/* clang-format off */
static const struct {
	const char *name;
	struct mount_bits here, below;
	unsigned int sb_set, sb_clr, what, prop;
	bool prop_rec;
} rows[] = {
	{ "async",          .sb_clr = MOUNT_SB_SYNC },
	{ "atime",          .here = { 0, A(_ATIME) } },
	{ "bind",           .what = MOUNT_BIND },
	{ "defaults" },
	{ "dev",            .here = { 0, A(NODEV) } },
	{ "diratime",       .here = { 0, A(NODIRATIME) } },
	{ "dirsync",        .sb_set = MOUNT_SB_DIRSYNC },
	{ "exec",           .here = { 0, A(NOEXEC) } },
	{ "iversion",       .sb_set = MOUNT_SB_IVERSION },
	{ "lazytime",       .sb_set = MOUNT_SB_LAZYTIME },
	{ "loud",           .sb_clr = MOUNT_SB_SILENT },
	{ "mand",           .sb_set = MOUNT_SB_MAND },
	{ "noatime",        .here = { A(NOATIME), A(_ATIME) } },
	{ "nodev",          .here = { A(NODEV), 0 } },
	{ "nodiratime",     .here = { A(NODIRATIME), 0 } },
	{ "noexec",         .here = { A(NOEXEC), 0 } },
	{ "noiversion",     .sb_clr = MOUNT_SB_IVERSION },
	{ "nolazytime",     .sb_clr = MOUNT_SB_LAZYTIME },
	{ "nomand",         .sb_clr = MOUNT_SB_MAND },
	{ "norelatime",     .here = { 0, A(_ATIME) } },
	{ "nostrictatime",  .here = { 0, A(_ATIME) } },
	{ "nosuid",         .here = { A(NOSUID), 0 } },
	{ "nosymfollow",    .here = { A(NOSYMFOLLOW), 0 } },
	{ "private",        .prop = MS_PRIVATE },
	{ "ratime",         .below = { 0, A(_ATIME) } },
	{ "rbind",          .what = MOUNT_BIND | MOUNT_REC },
	{ "rdev",           .below = { 0, A(NODEV) } },
	{ "rdiratime",      .below = { 0, A(NODIRATIME) } },
	{ "relatime",       .here = { 0, A(_ATIME) } },
	{ "remount",        .what = MOUNT_REMOUNT },
	{ "rexec",          .below = { 0, A(NOEXEC) } },
	{ "rnoatime",       .below = { A(NOATIME), A(_ATIME) } },
	{ "rnodev",         .below = { A(NODEV), 0 } },
	{ "rnodiratime",    .below = { A(NODIRATIME), 0 } },
	{ "rnoexec",        .below = { A(NOEXEC), 0 } },
	{ "rnorelatime",    .below = { 0, A(_ATIME) } },
	{ "rnostrictatime", .below = { 0, A(_ATIME) } },
	{ "rnosuid",        .below = { A(NOSUID), 0 } },
	{ "rnosymfollow",   .below = { A(NOSYMFOLLOW), 0 } },
	{ "ro",             .here = { A(RDONLY), 0 } },
	{ "rprivate",       .prop = MS_PRIVATE, .prop_rec = true },
	{ "rrelatime",      .below = { 0, A(_ATIME) } },
	{ "rro",            .below = { A(RDONLY), 0 } },
	{ "rrw",            .below = { 0, A(RDONLY) } },
	{ "rshared",        .prop = MS_SHARED, .prop_rec = true },
	{ "rslave",         .prop = MS_SLAVE, .prop_rec = true },
	{ "rstrictatime",   .below = { A(STRICTATIME), A(_ATIME) } },
	{ "rsuid",          .below = { 0, A(NOSUID) } },
	{ "rsymfollow",     .below = { 0, A(NOSYMFOLLOW) } },
	{ "runbindable",    .prop = MS_UNBINDABLE, .prop_rec = true },
	{ "rw",             .here = { 0, A(RDONLY) } },
	{ "shared",         .prop = MS_SHARED },
	{ "silent",         .sb_set = MOUNT_SB_SILENT },
	{ "slave",          .prop = MS_SLAVE },
	{ "strictatime",    .here = { A(STRICTATIME), A(_ATIME) } },
	{ "suid",           .here = { 0, A(NOSUID) } },
	{ "symfollow",      .here = { 0, A(NOSYMFOLLOW) } },
	{ "sync",           .sb_set = MOUNT_SB_SYNC },
	{ "tmpcopyup",      .what = MOUNT_COPYUP },
	{ "unbindable",     .prop = MS_UNBINDABLE },
	{ "idmap",          .what = MOUNT_IDMAP },
	{ "ridmap",         .what = MOUNT_IDMAP | MOUNT_IDMAP_REC },
};
/* clang-format on */

static void test_every_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct mount_opts got = { 0 };

		print_message("%s\n", rows[i].name);
		assert_int_equal(mount_opt_apply(&got, rows[i].name), 0);
		assert_true(mount_opt_known(rows[i].name));
		assert_memory_equal(&got.here, &rows[i].here, sizeof(got.here));
		assert_memory_equal(&got.below, &rows[i].below,
				    sizeof(got.below));
		assert_int_equal(got.touched,
				 rows[i].here.set || rows[i].here.clr);
		assert_int_equal(got.sb_set, rows[i].sb_set);
		assert_int_equal(got.sb_clr, rows[i].sb_clr);
		assert_int_equal(got.what, rows[i].what);
		assert_int_equal(got.prop_count, !!rows[i].prop);
		assert_int_equal(got.props[0].type, rows[i].prop);
		assert_int_equal(got.props[0].recursive, rows[i].prop_rec);
		assert_false(got.has_data);
	}
}

static void test_names_are_the_rows(void **state)
{
	const char *const *names = rootfs_option_names();
	size_t count = 0;

	(void)state;
	for (; names[count]; count++) {
		size_t i = 0;

		while (i < ARRAY_SIZE(rows) &&
		       strcmp(rows[i].name, names[count]))
			i++;
		if (i == ARRAY_SIZE(rows))
			fail_msg("%s", names[count]);
	}
	assert_int_equal(count, ARRAY_SIZE(rows));
}

static void test_others_are_data(void **state)
{
	static const char *const names[] = {
		"",          "r",          "size=1k",    "rsync",      "rasync",
		"rdefaults", "rmand",      "rtmpcopyup", "ro ",        "RO",
		"rrro",      "rrelatimes", "acl",        "nsdelegate", "U",
		"mode=755",  "roo",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct mount_opts opts = { 0 };

		assert_int_equal(mount_opt_apply(&opts, names[i]), -ENOENT);
		assert_false(opts.what || opts.touched || opts.prop_count);
		assert_false(mount_opt_known(names[i]));
	}
}

static void test_last_one_wins(void **state)
{
	static const struct {
		const char *names[4];
		struct mount_bits here, below;
	} cases[] = {
		{ { "ro", "rw" }, .here = { 0, A(RDONLY) } },
		{ { "rw", "ro" }, .here = { A(RDONLY), 0 } },
		{ { "rro", "rw" },
		  .here = { 0, A(RDONLY) },
		  .below = { A(RDONLY), 0 } },
		{ { "noatime", "strictatime" },
		  .here = { A(STRICTATIME), A(_ATIME) } },
		{ { "strictatime", "relatime" }, .here = { 0, A(_ATIME) } },
		{ { "noatime", "nodev", "suid" },
		  .here = { A(NOATIME) | A(NODEV), A(_ATIME) | A(NOSUID) } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mount_opts got = { 0 };

		for (const char *const *name = cases[i].names; *name; name++)
			assert_int_equal(mount_opt_apply(&got, *name), 0);
		assert_memory_equal(&got.here, &cases[i].here,
				    sizeof(got.here));
		assert_memory_equal(&got.below, &cases[i].below,
				    sizeof(got.below));
	}
}

static void test_sb_flags(void **state)
{
	struct mount_opts opts = { 0 };

	(void)state;
	assert_int_equal(mount_opt_apply(&opts, "sync"), 0);
	assert_int_equal(mount_opt_apply(&opts, "lazytime"), 0);
	assert_int_equal(mount_opt_apply(&opts, "async"), 0);
	assert_int_equal(opts.sb_set, MOUNT_SB_LAZYTIME);
	assert_int_equal(opts.sb_clr, MOUNT_SB_SYNC);
	assert_false(opts.touched);
	assert_string_equal(mount_sb_name(MOUNT_SB_SYNC, true), "sync");
	assert_string_equal(mount_sb_name(MOUNT_SB_SYNC, false), "async");
	assert_null(mount_sb_name(MOUNT_SB_SILENT, true));
}

static void test_propagation_list(void **state)
{
	struct mount_opts opts = { 0 };

	(void)state;
	assert_int_equal(mount_opt_apply(&opts, "slave"), 0);
	assert_int_equal(mount_opt_apply(&opts, "rshared"), 0);
	assert_int_equal(opts.prop_count, 2);
	assert_int_equal(opts.props[0].type, MS_SLAVE);
	assert_int_equal(opts.props[1].type, MS_SHARED);
	assert_true(opts.props[1].recursive);
	for (size_t i = 2; i < MOUNT_PROP_MAX; i++)
		assert_int_equal(mount_opt_apply(&opts, "private"), 0);
	assert_int_equal(mount_opt_apply(&opts, "private"), -E2BIG);
}

static void test_tokens(void **state)
{
	static const struct {
		const char *text;
		const char *want[5];
	} cases[] = {
		{ "", { NULL } },
		{ ",,", { NULL } },
		{ "ro", { "ro" } },
		{ "nosuid,mode=755", { "nosuid", "mode=755" } },
		{ ",a,,b,", { "a", "b" } },
		{ "context=\"u:r:t:s0:c1,c2\",ro",
		  { "context=u:r:t:s0:c1,c2", "ro" } },
		{ "lowerdir=/a\\,b,upperdir=/c",
		  { "lowerdir=/a,b", "upperdir=/c" } },
		{ "lowerdir=/a\\:b:/c", { "lowerdir=/a\\:b:/c" } },
		{ "lowerdir=/a\"b,ro", { "lowerdir=/a\"b", "ro" } },
	};
	char token[MOUNT_TOKEN_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *cursor = cases[i].text;

		for (const char *const *want = cases[i].want; *want; want++) {
			assert_int_equal(mount_opt_next(&cursor, token), 1);
			assert_string_equal(token, *want);
		}
		assert_int_equal(mount_opt_next(&cursor, token), 0);
	}
}

static void test_token_too_long(void **state)
{
	char text[MOUNT_TOKEN_MAX + 2], token[MOUNT_TOKEN_MAX];
	const char *const list[] = { text, NULL };
	struct mount_opts opts;
	const char *cursor = text;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[MOUNT_TOKEN_MAX - 1] = '\0';
	assert_int_equal(mount_opt_next(&cursor, token), 1);
	assert_int_equal(strlen(token), MOUNT_TOKEN_MAX - 1);
	text[MOUNT_TOKEN_MAX - 1] = 'x';
	text[MOUNT_TOKEN_MAX] = '\0';
	cursor = text;
	assert_int_equal(mount_opt_next(&cursor, token), -E2BIG);
	assert_int_equal(mount_opts_parse(list, &opts), -E2BIG);
}

static void test_parse(void **state)
{
	static const char *const list[] = { "nosuid,noexec", "size=1m", "rbind",
					    NULL };
	struct mount_opts opts;

	(void)state;
	assert_int_equal(mount_opts_parse(list, &opts), 0);
	assert_int_equal(opts.here.set, A(NOSUID) | A(NOEXEC));
	assert_true(opts.touched && opts.has_data);
	assert_int_equal(opts.what, MOUNT_BIND | MOUNT_REC);
	assert_int_equal(mount_opts_parse(NULL, &opts), 0);
	assert_false(opts.touched || opts.has_data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row),
		cmocka_unit_test(test_names_are_the_rows),
		cmocka_unit_test(test_others_are_data),
		cmocka_unit_test(test_last_one_wins),
		cmocka_unit_test(test_sb_flags),
		cmocka_unit_test(test_propagation_list),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_token_too_long),
		cmocka_unit_test(test_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
