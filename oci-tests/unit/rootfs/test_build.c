/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <sys/statfs.h>
#include <linux/capability.h>
#include <linux/magic.h>

#include "base/sys.h"
#include "oci-tests/unit/base/deny.h"
#include "rig.h"

static bool is_device(const char *path, unsigned int maj, unsigned int min)
{
	struct stat st;

	return !lstat(path, &st) && S_ISCHR(st.st_mode) &&
	       st.st_rdev == makedev(maj, min) && (st.st_mode & 0777) == 0666;
}

static bool is_link(const char *path, const char *target)
{
	char text[256];
	ssize_t n = readlink(path, text, sizeof(text) - 1);

	if (n < 0)
		return false;
	text[n] = '\0';
	return !strcmp(text, target);
}

static bool has_fs(const char *path, unsigned long magic)
{
	struct statfs fs;

	return !statfs(path, &fs) && (unsigned long)fs.f_type == magic;
}

static int default_inside(struct rig *rig)
{
	int fd;

	RIG_CHECK(rig, is_device("/dev/null", 1, 3));
	RIG_CHECK(rig, is_device("/dev/zero", 1, 5));
	RIG_CHECK(rig, is_device("/dev/full", 1, 7));
	RIG_CHECK(rig, is_device("/dev/random", 1, 8));
	RIG_CHECK(rig, is_device("/dev/urandom", 1, 9));
	RIG_CHECK(rig, is_device("/dev/tty", 5, 0));
	RIG_CHECK(rig, is_link("/dev/ptmx", "pts/ptmx"));
	RIG_CHECK(rig, is_link("/dev/fd", "/proc/self/fd"));
	RIG_CHECK(rig, is_link("/dev/stdin", "/proc/self/fd/0"));
	RIG_CHECK(rig, is_link("/dev/stdout", "/proc/self/fd/1"));
	RIG_CHECK(rig, is_link("/dev/stderr", "/proc/self/fd/2"));
	RIG_CHECK(rig, has_fs("/proc", PROC_SUPER_MAGIC));
	RIG_CHECK(rig, has_fs("/dev", TMPFS_MAGIC));
	RIG_CHECK(rig, has_fs("/dev/pts", DEVPTS_SUPER_MAGIC));
	RIG_CHECK(rig, has_fs("/dev/shm", TMPFS_MAGIC));
	RIG_CHECK(rig, has_fs("/dev/mqueue", 0x19800202));
	RIG_CHECK(rig, has_fs("/sys", SYSFS_MAGIC));
	RIG_CHECK(rig, has_fs("/sys/fs/cgroup", CGROUP2_SUPER_MAGIC));
	RIG_CHECK(rig, strstr(rig_mountinfo("/"), "ro,") != NULL);
	RIG_CHECK(rig, !strncmp(rig_mountinfo("/dev"),
				"rw,nosuid - tmpfs tmpfs", 23));
	RIG_CHECK(rig, !strncmp(rig_mountinfo("/sys"),
				"ro,nosuid,nodev,noexec,relatime - sysfs sysfs",
				45));
	RIG_CHECK(rig, !strncmp(rig_mountinfo("/proc/sys"), "ro,", 3));
	RIG_CHECK(rig, access("/proc/sysrq-trigger", W_OK) < 0);
	fd = open("/new", O_CREAT | O_WRONLY, 0600);
	RIG_CHECK(rig, fd < 0 && errno == EROFS);
	fd = open("/proc/keys", O_RDONLY);
	if (fd >= 0) {
		char c;

		RIG_CHECK(rig, read(fd, &c, 1) == 0);
		RIG_CHECK(rig, is_device("/proc/keys", 1, 3));
	}
	RIG_CHECK(rig, access("/bundle", F_OK) < 0 && access("/usr", F_OK) < 0);
	fd = open("/proc/self/mountinfo", O_RDONLY);
	RIG_CHECK(rig, fd >= 0);
	RIG_CHECK(rig,
		  access("..", F_OK) == 0 && access("../marker", F_OK) < 0);
	return 0;
}

static void test_template(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = { .terminal = true, .inside = default_inside };
	char *json;

	RIG_ROOT_ONLY(state);
	assert_int_equal(spec_template(false, 0, 0, &json), 0);
	if (rig_run_json(rig, &run, json))
		fail_msg("%s", rig->out->err.msg);
	if (rig->out->inside)
		fail_msg("inside: %s", rig->out->note);
	run.no_pivot = true;
	if (rig_run_json(rig, &run, json))
		fail_msg("%s", rig->out->err.msg);
	if (rig->out->inside)
		fail_msg("inside: %s", rig->out->note);
	free(json);
}

/* What an old kernel lacks, or an outer container's filter denies. */
static long denied_call;
static int denied_errno;

static int deny_before(struct rig *rig)
{
	(void)rig;
	return deny_syscall(denied_call, denied_errno);
}

static void test_fallbacks(void **state)
{
	static const struct {
		long call;
		int error;
	} cases[] = {
		{ SYS_openat2, ENOSYS },
		{ SYS_openat2, EPERM },
		{ 467 /* open_tree_attr */, ENOSYS },
		{ 467, EPERM },
		{ SYS_close_range, ENOSYS },
	};
	struct rig *rig = *state;
	struct rig_run run = {
		.before = deny_before,
		.inside = default_inside,
	};
	char *json;

	RIG_ROOT_ONLY(state);
	assert_int_equal(spec_template(false, 0, 0, &json), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		denied_call = cases[i].call;
		denied_errno = cases[i].error;
		if (rig_run_json(rig, &run, json) || rig->out->inside)
			fail_msg("case %zu: %s %s", i, rig->out->err.msg,
				 rig->out->note);
	}
	free(json);
}

/* As in a nested container: then the host's devices are bound. */
static int drop_mknod(struct rig *rig)
{
	uint64_t e, p, i;

	(void)rig;
	if (sys_capget(&e, &p, &i))
		return 1;
	return sys_capset(e & ~(1ULL << CAP_MKNOD), p, i);
}

static int bound_inside(struct rig *rig)
{
	RIG_CHECK(rig, rig_mountinfo("/dev/null")[0]);
	return default_inside(rig);
}

static void test_without_mknod(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = { .before = drop_mknod, .inside = bound_inside };
	char *json;

	RIG_ROOT_ONLY(state);
	assert_int_equal(spec_template(false, 0, 0, &json), 0);
	if (rig_run_json(rig, &run, json) || rig->out->inside)
		fail_msg("%s %s", rig->out->err.msg, rig->out->note);
	free(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_template, rig_setup,
						rig_teardown),
		cmocka_unit_test_setup_teardown(test_fallbacks, rig_setup,
						rig_teardown),
		cmocka_unit_test_setup_teardown(test_without_mknod, rig_setup,
						rig_teardown),
	};

	return cmocka_run_group_tests(tests, rig_group_setup, NULL);
}
