/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/magic.h>
#include <sys/statfs.h>

#include "rig.h"
#include "snap.h"

/* Hostile images and what hull makes in, or takes from, /dev. */

/* P06: masking never uses the container's /dev/null. */
static int masked_inside(struct rig *rig)
{
	struct stat st;
	int fd;

	RIG_CHECK(rig, !stat("/etc/secret", &st) && S_ISCHR(st.st_mode) &&
			       st.st_rdev == makedev(1, 3));
	RIG_CHECK(rig, !stat("/etc/more", &st) && S_ISCHR(st.st_mode) &&
			       st.st_rdev == makedev(1, 3));
	RIG_CHECK(rig,
		  !stat("/etc/linked", &st) && st.st_rdev == makedev(1, 3));
	RIG_CHECK(rig, access("/etc/dir/x", F_OK) < 0);
	RIG_CHECK(rig, mkdir("/etc/dir/y", 0700) < 0 && errno == EROFS);
	RIG_CHECK(rig, mkdir("/etc/dir2/y", 0700) < 0 && errno == EROFS);
	fd = open("/proc/sys/kernel/core_pattern", O_WRONLY);
	RIG_CHECK(rig, fd < 0 && errno == EROFS);
	/* it is the host's inode: not to be changed, and not even by this
	 * test should it be possible */
	RIG_CHECK(rig, chmod("/etc/secret", 0666) < 0 && errno == EROFS);
	RIG_CHECK(rig, chown("/etc/more", 0, 0) < 0 && errno == EROFS);
	fd = open("/etc/secret", O_RDWR);
	RIG_CHECK(rig, fd >= 0 && write(fd, "x", 1) == 1);
	return 0;
}

static void test_mask_with_hostile_null(void **state)
{
	static const char *const nulls[] = {
		"ln -s /proc/sys/kernel/core_pattern null",
		"echo x >null",
		"mknod null c 1 5",
		"mkfifo null",
		"true",
		"mkdir null",
	};
	struct rig *rig = *state;
	struct rig_run run = {
		.mounts = PROC_MOUNT
		",{\"destination\":\"/dev\",\"type\":\"bind\","
		"\"source\":\"../fakedev\",\"options\":[\"bind\"]}",
		.linux_ = ",\"maskedPaths\":[\"/etc/secret\",\"/etc/more\","
			  "\"/etc/dir\",\"/etc/link\",\"/etc/none\","
			  "\"/etc/secret\",\"/etc/dir2\",\"/etc/none/deeper\","
			  "\"/etc/file/deeper\"],"
			  "\"readonlyPaths\":[\"/proc/sys\",\"/none\"]",
		.inside = masked_inside,
	};

	RIG_ROOT_ONLY(state);
	rig_sh("cd %s/etc && mkdir dir dir2 && touch secret more linked file "
	       "dir/x && ln -s linked link",
	       rig->root);
	for (size_t i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++) {
		rig_sh("rm -rf %s/fakedev && mkdir %s/fakedev && "
		       "cd %s/fakedev && %s",
		       rig->base, rig->base, rig->base, nulls[i]);
		RIG_OK(rig, &run);
	}
}

/* P07: a false devpts. */
static void test_false_devpts(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = {
		.mounts = PROC_MOUNT
		"," DEV_MOUNT
		",{\"destination\":\"/dev/pts\",\"type\":\"bind\","
		"\"source\":\"../pts\",\"options\":[\"bind\"]}",
		.terminal = true,
	};
	struct snap before;

	RIG_ROOT_ONLY(state);
	rig_sh("mkdir %s/pts && cd %s/pts && ln -s %s/file 0 && "
	       "ln -s %s/file 1 && mknod ptmx c 5 2",
	       rig->base, rig->base, rig->marker, rig->marker);
	snap(rig, &before);
	expect_untouched(rig, &run, &before, "ptmx on tmpfs");
	assert_int_equal(rig->out->code, -EINVAL);
	assert_string_equal(rig->out->err.field, "process.terminal");
	rig_sh("cd %s/pts && rm ptmx && ln -s %s/ptmx ptmx", rig->base,
	       rig->marker);
	expect_untouched(rig, &run, &before, "ptmx a link");
	assert_int_equal(rig->out->code, -EINVAL);
	/* the kernel would find the host's devpts behind this one */
	rig_sh("cd %s/pts && rm ptmx && mknod ptmx c 5 2 && mkdir pts && "
	       "mount --bind /dev/pts pts",
	       rig->base);
	run.mounts =
		PROC_MOUNT "," DEV_MOUNT
			   ",{\"destination\":\"/dev/pts\",\"type\":\"bind\","
			   "\"source\":\"../pts\",\"options\":[\"rbind\"]}";
	assert_int_equal(rig_run(rig, &run), -EINVAL);
	rig_sh("umount %s/pts/pts", rig->base);
	/* a real devpts with the host's ptmx mounted over its own */
	run.mounts = PROC_MOUNT
		"," DEV_MOUNT "," PTS_MOUNT
		",{\"destination\":\"/dev/pts/ptmx\",\"type\":\"bind\","
		"\"source\":\"/dev/pts/ptmx\",\"options\":[\"bind\"]}";
	assert_int_equal(rig_run(rig, &run), -EINVAL);
	assert_string_equal(rig->out->err.field, "process.terminal");
	/* or just anything */
	run.mounts = PROC_MOUNT
		"," DEV_MOUNT "," PTS_MOUNT
		",{\"destination\":\"/dev/pts/ptmx\",\"type\":\"bind\","
		"\"source\":\"../marker/file\",\"options\":[\"bind\"]}";
	expect_untouched(rig, &run, &before, "mounted over");
	assert_int_equal(rig->out->code, -EINVAL);
	/* no devpts at all */
	run.mounts = PROC_MOUNT "," DEV_MOUNT;
	expect_untouched(rig, &run, &before, "none");
	assert_string_equal(rig->out->err.field, "process.terminal");
}

/* P11: the image's /dev/console is a link to a new file of the host. */
static void test_console_link(void **state)
{
	static const char *const targets[] = { "new", "file", "sub" };
	struct rig *rig = *state;
	struct rig_run run = {
		.mounts = PROC_MOUNT
		",{\"destination\":\"/dev/pts\",\"type\":\"devpts\","
		"\"options\":[\"newinstance\",\"ptmxmode=0666\"]}",
	};
	struct snap before;

	RIG_ROOT_ONLY(state);
	snap(rig, &before);
	for (size_t i = 0; i < 3; i++) {
		rig_sh("rm -rf %s/dev && mkdir %s/dev && "
		       "ln -s %s/%s %s/dev/console",
		       rig->root, rig->root, rig->marker, targets[i],
		       rig->root);
		run.terminal = false;
		expect_untouched(rig, &run, &before, "without terminal");
		assert_int_equal(rig->out->code, 0);
		run.terminal = true;
		expect_untouched(rig, &run, &before, "with terminal");
		assert_int_equal(rig->out->code, -ELOOP);
		assert_string_equal(rig->out->err.field, "process.terminal");
	}
	rig_sh("cd %s/dev && rm -f console && mkdir console", rig->root);
	expect_untouched(rig, &run, &before, "a directory");
	assert_int_equal(rig->out->code, -EISDIR);
}

/* P14: read-only is what was asked for, whatever the image pretends to be. */
static int ro_inside(struct rig *rig)
{
	RIG_CHECK(rig, mkdir("/x", 0700) < 0 && errno == EROFS);
	RIG_CHECK(rig, mkdir("/b/x", 0700) < 0 && errno == EROFS);
	return 0;
}

static void test_read_only_with_false_proc(void **state)
{
	static const char json[] =
		"{\"ociVersion\":\"1.2.0\","
		"\"root\":{\"path\":\"rootfs\",\"readonly\":true},"
		"\"process\":{\"args\":[\"x\"],\"cwd\":\"/\"},"
		"\"mounts\":[{\"destination\":\"/b\",\"type\":\"bind\","
		"\"source\":\"../marker\",\"options\":[\"bind\",\"ro\"]}],"
		"\"linux\":{\"namespaces\":[{\"type\":\"mount\"}]}}";
	struct rig *rig = *state;
	struct rig_run run = { .inside = ro_inside };
	struct snap before;
	struct snap after;

	RIG_ROOT_ONLY(state);
	rig_sh("for i in $(seq 0 40); do mkdir -p %s/proc/self/fd/$i; done",
	       rig->root);
	snap(rig, &before);
	assert_int_equal(rig_run_json(rig, &run, json), 0);
	assert_int_equal(rig->out->inside, 0);
	snap(rig, &after);
	assert_true(snap_equal(&before, &after));
}

#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_mask_with_hostile_null),
		T(test_false_devpts),
		T(test_console_link),
		T(test_read_only_with_false_proc),
	};

	return cmocka_run_group_tests(tests, rig_group_setup, NULL);
}
