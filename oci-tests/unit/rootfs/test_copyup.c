/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/xattr.h>

#include "rig.h"

#define COPYUP(dest, opts)                            \
	"{\"destination\":\"" dest                    \
	"\",\"type\":\"tmpfs\",\"source\":\"tmpfs\"," \
	"\"options\":[\"tmpcopyup\"" opts "]}"

static bool is_like(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	struct stat st;

	return !lstat(path, &st) && st.st_mode == mode && st.st_uid == uid &&
	       st.st_gid == gid;
}

static int full_inside(struct rig *rig)
{
	struct stat a, b;
	char text[64];
	ssize_t n;

	RIG_CHECK(rig, rig_mount_is("/v", "rw,nosuid,relatime - tmpfs"));
	RIG_CHECK(rig, is_like("/v", S_IFDIR | 01750, 7, 8));
	RIG_CHECK(rig, is_like("/v/file", S_IFREG | 0640, 1000, 1001));
	RIG_CHECK(rig, rig_text("/v/file", "content\n"));
	RIG_CHECK(rig, is_like("/v/setid", S_IFREG | 06755, 5, 6));
	RIG_CHECK(rig, is_like("/v/d", S_IFDIR | 02700, 3, 4));
	RIG_CHECK(rig, is_like("/v/d/e/fifo", S_IFIFO | 0600, 0, 0));
	RIG_CHECK(rig, !lstat("/v/d/dev", &a) && S_ISCHR(a.st_mode) &&
			       a.st_rdev == makedev(1, 3));
	RIG_CHECK(rig, is_like("/v/d/sock", S_IFSOCK | 0755, 0, 0) ||
			       errno == ENOENT);
	n = readlink("/v/out", text, sizeof(text));
	RIG_CHECK(rig, n == 11 && !memcmp(text, "/etc/passwd", 11));
	RIG_CHECK(rig, !lstat("/v/out", &a) && a.st_uid == 9);
	RIG_CHECK(rig, !lstat("/v/hard1", &a) && !lstat("/v/d/hard2", &b));
	RIG_CHECK(rig, a.st_ino == b.st_ino && a.st_nlink == 2);
	n = getxattr("/v/file", "trusted.hull", text, sizeof(text));
	RIG_CHECK(rig, n == 5 && !memcmp(text, "value", 5));
	RIG_CHECK(rig, !stat("/v/file", &a) && a.st_mtim.tv_sec == 86400);
	RIG_CHECK(rig, !stat("/v/big", &a) && a.st_size == 3000000);
	/* a filesystem mounted below stays behind */
	RIG_CHECK(rig, !access("/v/m", F_OK) && access("/v/m/x", F_OK) &&
			       access("/v/m/sub", F_OK));
	/* nothing of it reached the image */
	return rig_write("/v/file", "changed") ? 1 : 0;
}

static int full_before(struct rig *rig)
{
	rig_sh("mkdir %s/v/m && mount -t tmpfs x %s/v/m && mkdir %s/v/m/sub",
	       rig->root, rig->root, rig->root);
	return 0;
}

static void test_everything_is_copied(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = {
		.mounts = PROC_MOUNT "," COPYUP("/v", ",\"nosuid\""),
		.before = full_before,
		.inside = full_inside,
	};
	char path[PATH_MAX];

	RIG_ROOT_ONLY(state);
	rig_sh("cd %s && mkdir -p v/d/e && echo content >v/file && "
	       "chown 1000:1001 v/file && chmod 640 v/file && "
	       "touch -d @86400 v/file && "
	       "echo x >v/setid && chown 5:6 v/setid && chmod 6755 v/setid && "
	       "mkfifo -m 600 v/d/e/fifo && mknod v/d/dev c 1 3 && "
	       "ln -s /etc/passwd v/out && chown -h 9 v/out && "
	       "echo h >v/hard1 && ln v/hard1 v/d/hard2 && "
	       "head -c 3000000 /dev/zero >v/big && "
	       "chown 3:4 v/d && chmod 2700 v/d && chown 7:8 v && "
	       "chmod 1750 v",
	       rig->root);
	snprintf(path, sizeof(path), "%s/v/file", rig->root);
	assert_int_equal(setxattr(path, "trusted.hull", "value", 5, 0), 0);
	RIG_OK(rig, &run);
	assert_true(rig_text(path, "content\n"));
}

static int ro_inside(struct rig *rig)
{
	RIG_CHECK(rig, rig_mount_is("/etc", "ro,relatime - tmpfs"));
	RIG_CHECK(rig, rig_text("/etc/x", "x\n"));
	RIG_CHECK(rig, mkdir("/etc/y", 0700) < 0 && errno == EROFS);
	RIG_CHECK(rig, is_like("/w", S_IFDIR | 0711, 0, 0));
	RIG_CHECK(rig, is_like("/new", S_IFDIR | 01777, 0, 0));
	return 0;
}

static void test_read_only_and_own_mode(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = {
		.mounts = PROC_MOUNT "," COPYUP("/etc", ",\"ro\"") "," COPYUP(
			"/w", ",\"mode=711\",\"uid=0\"") "," COPYUP("/new", ""),
		.inside = ro_inside,
	};

	RIG_ROOT_ONLY(state);
	rig_sh("cd %s && echo x >etc/x && mkdir -m 700 w && chown 5 w",
	       rig->root);
	RIG_OK(rig, &run);
}

static void test_too_much(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = { .mounts = COPYUP("/v", ",\"size=64k\"") };

	RIG_ROOT_ONLY(state);
	rig_sh("cd %s && mkdir v && head -c 1000000 /dev/zero >v/big",
	       rig->root);
	RIG_REFUSED(rig, &run, -ENOSPC, "mounts[0].options: tmpcopyup: ");
	assert_non_null(strstr(rig->out->err.msg, "'big'"));
	rig_sh("cd %s && rm v/big && cd v && for i in $(seq 70); do "
	       "mkdir d && cd d; done",
	       rig->root);
	run.mounts = COPYUP("/v", "");
	RIG_REFUSED(rig, &run, -ENAMETOOLONG, "tmpcopyup: ");
}

#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_everything_is_copied),
		T(test_read_only_and_own_mode),
		T(test_too_much),
	};

	return cmocka_run_group_tests(tests, rig_group_setup, NULL);
}
