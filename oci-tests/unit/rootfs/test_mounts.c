/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "oci-tests/unit/base/deny.h"
#include "rig.h"

/* The kinds of mounts and their options, for real. */

#define BIND(dest, source, opts)                                               \
	"{\"destination\":\"" dest "\",\"type\":\"bind\",\"source\":\"" source \
	"\",\"options\":[" opts "]}"
#define TMPFS(dest, opts)          \
	"{\"destination\":\"" dest \
	"\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[" opts "]}"

/* ---- tmpfs and other filesystems */

static int tmpfs_inside(struct rig *rig)
{
	struct stat st;

	RIG_CHECK(rig, !stat("/etc", &st) && (st.st_mode & 07777) == 0710);
	RIG_CHECK(rig, !stat("/made", &st) && (st.st_mode & 07777) == 01777);
	RIG_CHECK(rig, !stat("/own", &st) && (st.st_mode & 07777) == 0700);
	RIG_CHECK(rig, rig_mount_is("/made", "rw,nosuid,nodev,noexec,relatime"
					     " - tmpfs tmpfs rw,sync,dirsync"));
	RIG_CHECK(rig, strstr(rig_mountinfo("/made"), "lazytime") != NULL);
	RIG_CHECK(rig, strstr(rig_mountinfo("/made"), "size=1024k") != NULL);
	RIG_CHECK(rig, rig_mount_is("/ro", "ro,relatime - tmpfs tmpfs rw"));
	RIG_CHECK(rig, mkdir("/ro/x", 0700) < 0 && errno == EROFS);
	RIG_CHECK(rig, rig_text("/ro/sub/deeper/file", "host\n"));
	RIG_CHECK(rig, rig_text("/ro/one", "host\n"));
	RIG_CHECK(rig, rig_mount_is("/strict", "rw,nodiratime - "));
	return 0;
}

static void test_tmpfs(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = {
		.mounts = PROC_MOUNT
		"," TMPFS("/etc", "\"size=64k\"") "," TMPFS(
			"/made",
			"\"nosuid,nodev\",\"noexec\",\"size=1m\",\"sync\","
			"\"dirsync\",\"lazytime\",\"iversion\",\"silent\","
			"\"loud\",\"nomand\",\"exec\",\"rnoexec\"") "," TMPFS("/own",
									      "\"mode=0700\"") "," TMPFS("/ro",
													 "\"ro\"") "," BIND("/ro/sub/deeper",
															    "../marker",
															    "\"bind\"") "," BIND("/ro/one",
																		 "../marker/file",
																		 "\"bind\"") "," TMPFS("/strict",
																				       "\"strictatime\",\"nodiratime\""),
		.inside = tmpfs_inside,
	};

	RIG_ROOT_ONLY(state);
	rig_sh("chmod 710 %s/etc", rig->root);
	RIG_OK(rig, &run);
}

static int ro_dev_inside(struct rig *rig)
{
	struct stat st;

	RIG_CHECK(rig, rig_mount_is("/dev", "ro,nosuid"));
	RIG_CHECK(rig, !lstat("/dev/null", &st) && S_ISCHR(st.st_mode));
	RIG_CHECK(rig, rig_mount_is("/dev/pts", "rw,nosuid,noexec"));
	RIG_CHECK(rig, rig_mount_is("/dev/console", "rw,nosuid,noexec"));
	RIG_CHECK(rig, mkdir("/dev/x", 0700) < 0 && errno == EROFS);
	return 0;
}

/* Linux before 6.15 does not clone a detached mount. */
static int no_detached_clone(struct rig *rig)
{
	(void)rig;
	return deny_syscall(467 /* open_tree_attr */, EINVAL);
}

static void test_read_only_dev(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = {
		.mounts = PROC_MOUNT "," TMPFS(
			"/dev", "\"nosuid\",\"ro\",\"mode=755\"") "," PTS_MOUNT,
		.terminal = true,
		.inside = ro_dev_inside,
	};

	RIG_ROOT_ONLY(state);
	RIG_OK(rig, &run);
	run.before = no_detached_clone;
	RIG_OK(rig, &run);
}

static void test_refused_options(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = { .mounts = TMPFS("/t", "\"nosuch=1\"") };

	RIG_ROOT_ONLY(state);
	RIG_REFUSED(rig, &run, -EINVAL, "mounts[0].options: option 'nosuch=1'");
	assert_non_null(strstr(rig->out->err.msg, "Unknown parameter"));
	run.mounts = TMPFS("/t", "\"size=lots\"");
	RIG_REFUSED(rig, &run, -EINVAL,
		    "mounts[0].options: option 'size=lots'");
	run.mounts = TMPFS("/t", "\"flag\"");
	RIG_REFUSED(rig, &run, -EINVAL, "mounts[0].options: option 'flag'");
	run.mounts = "{\"destination\":\"/t\",\"type\":\"nosuchfs\"}";
	RIG_REFUSED(rig, &run, -ENODEV, "mounts[0].type: ");
}

static int overlay_inside(struct rig *rig)
{
	RIG_CHECK(rig, rig_text("/o/0/f", "0\n"));
	RIG_CHECK(rig, rig_text("/o/39/f", "39\n"));
	RIG_CHECK(rig, rig_text("/o/a:b/f", "colon\n"));
	RIG_CHECK(rig, rig_mount_is("/o", "ro,"));
	return 0;
}

static void test_overlay_with_many_layers(void **state)
{
	struct rig *rig = *state;
	char *mounts = NULL, dirs[8192];
	size_t len = 0;
	struct rig_run run = { .inside = overlay_inside };

	RIG_ROOT_ONLY(state);
	rig_sh("cd %s && for i in $(seq 0 39); do mkdir -p l/$i/$i && "
	       "echo $i >l/$i/$i/f; done; mkdir -p 'l/a:b/a:b' && "
	       "echo colon >'l/a:b/a:b/f'",
	       rig->base);
	for (int i = 0; i < 40; i++)
		len += (size_t)snprintf(dirs + len, sizeof(dirs) - len,
					"%s/l/%d:", rig->base, i);
	snprintf(dirs + len, sizeof(dirs) - len, "%s/l/a\\\\:b", rig->base);
	assert_true(asprintf(&mounts,
			     PROC_MOUNT
			     ",{\"destination\":\"/o\",\"type\":\"overlay\","
			     "\"source\":\"overlay\",\"options\":[\"ro\","
			     "\"lowerdir=%s\"]}",
			     dirs) > 0);
	run.mounts = mounts;
	RIG_OK(rig, &run);
	free(mounts);
}

static int shm_inside(struct rig *rig)
{
	RIG_CHECK(rig, rig_text("/dev/shm/file", "host\n"));
	RIG_CHECK(rig, rig_mount_is("/dev/shm", "ro,"));
	RIG_CHECK(rig, rig_text("/dev/afile", "host\n"));
	/* "/x" was covered after it had been made: "/x/sub" is below the new */
	RIG_CHECK(rig, rig_text("/x/file", "host\n"));
	RIG_CHECK(rig, rig_text("/x/sub/file", "host\n"));
	return 0;
}

/* CRI lists /dev/shm twice: the later mount wins. */
static void test_same_place_twice(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = {
		/* clang-format off */
		.mounts = PROC_MOUNT "," DEV_MOUNT
		"," TMPFS("/dev/shm", "")
		"," BIND("/dev/shm", "../marker", "\"rbind\",\"ro\"")
		"," BIND("/dev/afile", "../marker/file", "\"bind\"")
		"," TMPFS("/x", "\"ro\"")
		"," BIND("/x", "../marker", "\"bind\"")
		"," BIND("/x/sub", "../marker", "\"bind\""),
		/* clang-format on */
		.inside = shm_inside,
	};

	RIG_ROOT_ONLY(state);
	RIG_OK(rig, &run);
}

static int covered_inside(struct rig *rig)
{
	struct stat st;

	/* nodes and later mounts go to what is on top */
	RIG_CHECK(rig, !lstat("/dev/null", &st) && S_ISCHR(st.st_mode));
	RIG_CHECK(rig, rig_text("/dev/x/file", "host\n"));
	RIG_CHECK(rig, strstr(rig_mountinfo("/dev"), "size=128k") != NULL);
	return 0;
}

static void test_dev_covered(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = {
		.mounts = PROC_MOUNT
		"," DEV_MOUNT
		"," TMPFS("/dev", "\"size=128k\",\"mode=755\"") "," BIND(
			"/dev/x", "../marker", "\"bind\""),
		.inside = covered_inside,
	};

	RIG_ROOT_ONLY(state);
	RIG_OK(rig, &run);
}

/* ---- remount */

static int remount_inside(struct rig *rig)
{
	RIG_CHECK(rig, rig_mount_is("/t", "ro,nosuid,noexec,relatime - "));
	RIG_CHECK(rig, strstr(rig_mountinfo("/t"), "size=64k") != NULL);
	RIG_CHECK(rig, rig_mount_is("/", "rw,nosuid,"));
	return 0;
}

static void test_remount(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = {
		.mounts = PROC_MOUNT
		"," TMPFS("/t", "\"nosuid\",\"size=1m\"") "," TMPFS(
			"/t",
			"\"remount\",\"ro\",\"noexec\",\"size=64k\"") "," TMPFS("/",
										"\"remount\",\"nosuid\""),
		.inside = remount_inside,
	};

	RIG_ROOT_ONLY(state);
	RIG_OK(rig, &run);
	run.mounts = TMPFS("/etc", "\"remount\",\"ro\"");
	RIG_REFUSED(rig, &run, -EINVAL, "mounts[0].options: ");
	run.mounts = TMPFS("/none", "\"remount\",\"ro\"");
	RIG_REFUSED(rig, &run, -ENOENT, "mounts[0].destination: ");
}

/* ---- cgroup */

static int cgroup_twice(struct rig *rig)
{
	RIG_CHECK(rig, rig_mount_is("/a", "ro,nosuid"));
	RIG_CHECK(rig, rig_mount_is("/b", "rw,nodev"));
	/* the directory that the caller opened, whatever it is */
	RIG_CHECK(rig, rig_text("/a/file", "host\n"));
	RIG_CHECK(rig, rig_text("/b/file", "host\n"));
	return 0;
}

static int cgroup_inside(struct rig *rig)
{
	RIG_CHECK(rig, rig_mount_is("/sys/fs/cgroup",
				    "ro,nosuid,nodev,noexec,relatime"));
	RIG_CHECK(rig, strstr(rig_mountinfo("/sys/fs/cgroup"), " - cgroup2 ") !=
			       NULL);
	RIG_CHECK(rig, access("/sys/fs/cgroup/cgroup.procs", F_OK) == 0);
	return 0;
}

static void test_cgroup(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = {
		.mounts = PROC_MOUNT
		",{\"destination\":\"/sys\",\"type\":\"sysfs\"},"
		"{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\","
		"\"source\":\"cgroup\",\"options\":[\"nosuid\",\"noexec\","
		"\"nodev\",\"relatime\",\"ro\"]}",
		.inside = cgroup_inside,
	};

	RIG_ROOT_ONLY(state);
	RIG_OK(rig, &run);
	run.without = CLONE_NEWCGROUP;
	run.cgroup_fd = open("/sys/fs/cgroup/unified",
			     O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (run.cgroup_fd < 0)
		run.cgroup_fd = open("/sys/fs/cgroup",
				     O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(run.cgroup_fd >= 0);
	RIG_OK(rig, &run);
	run.mounts = PROC_MOUNT
		",{\"destination\":\"/a\",\"type\":\"cgroup\","
		"\"options\":[\"nosuid\",\"ro\"]},{\"destination\":\"/b\","
		"\"type\":\"cgroup2\",\"options\":[\"nodev\",\"rw\"]}";
	run.inside = cgroup_twice;
	close(run.cgroup_fd);
	run.cgroup_fd = open(rig->marker, O_PATH | O_DIRECTORY | O_CLOEXEC);
	RIG_OK(rig, &run);
	run.mounts = PROC_MOUNT
		",{\"destination\":\"/sys\",\"type\":\"sysfs\"},"
		"{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\","
		"\"options\":[\"memory\"]}";
	run.without = 0;
	RIG_REFUSED(rig, &run, -EINVAL, "mounts[2].options: option 'memory'");
	close(run.cgroup_fd);
}

#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_tmpfs),
		T(test_read_only_dev),
		T(test_refused_options),
		T(test_overlay_with_many_layers),
		T(test_same_place_twice),
		T(test_dev_covered),
		T(test_remount),
		T(test_cgroup),
	};

	return cmocka_run_group_tests(tests, rig_group_setup, NULL);
}
