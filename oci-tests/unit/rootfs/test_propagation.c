/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "rig.h"

/* The host's mounts stay as they are, while the container is being built and
 * afterwards, even where every one of them is shared. (No cgroup namespace:
 * mountinfo shows the roots of cgroup mounts as the reader sees them.) */

static char before[131072];
static pid_t host_pid;

static void host_mounts(const struct rig *rig, char *buf, size_t size)
{
	rig_host_mounts(buf, size, host_pid, rig->base);
}

static int same_on_host(struct rig *rig, struct rootfs *r)
{
	static char now[sizeof(before)];

	(void)r;
	host_mounts(rig, now, sizeof(now));
	return strcmp(now, before) ? rig_fail(rig, "host changed:\n%.900s", now)
				   : 0;
}

static void share_host(struct rig *rig)
{
	rig_sh("mount --make-rshared / && mount -t tmpfs v %s/marker/sub",
	       rig->base);
	host_pid = getpid();
	host_mounts(rig, before, sizeof(before));
	assert_non_null(strstr(before, "shared:"));
}

#define FULL                                                            \
	PROC_MOUNT "," DEV_MOUNT "," PTS_MOUNT                          \
		   ",{\"destination\":\"/m\",\"type\":\"bind\","        \
		   "\"source\":\"../marker\",\"options\":[\"rbind\"]}," \
		   "{\"destination\":\"/s\",\"type\":\"bind\","         \
		   "\"source\":\"../marker\",\"options\":[\"rbind\","   \
		   "\"rslave\"]},"                                      \
		   "{\"destination\":\"/t\",\"type\":\"tmpfs\"}"

static const char *want_root, *want_not;
static bool want_slave; /* a volume of its own mount follows the host's */

static int tags_inside(struct rig *rig)
{
	const char *info = rig_mountinfo("/");

	if (want_root && !strstr(info, want_root))
		return rig_fail(rig, "/: %s", info);
	if (want_not && strstr(info, want_not))
		return rig_fail(rig, "/: %s", info);
	RIG_CHECK(rig,
		  !strstr(rig_mountinfo("/s/sub"), "master:") == !want_slave);
	return 0;
}

static const struct root_case {
	const char *value, *want, *absent;
	bool slave;
} root_cases[] = {
	{ NULL, NULL, ":", true },
	{ "shared", "shared:", NULL, true },
	{ "slave", "master:", "shared:", true },
	{ "private", NULL, "shared:", false },
	{ "unbindable", "unbindable", NULL, false },
};

static void try_root(struct rig *rig, const struct root_case *c, bool no_pivot,
		     bool userns)
{
	char linux_[128] = "";
	struct rig_run run = {
		.mounts = FULL,
		.linux_ = linux_,
		.terminal = !userns,
		.userns = userns,
		.no_pivot = no_pivot,
		.without = CLONE_NEWCGROUP,
		.between = same_on_host,
		.inside = userns ? NULL : tags_inside,
	};

	if (userns)
		run.mounts = PROC_MOUNT "," DEV_MOUNT "," PTS_MOUNT_USERNS;
	if (c->value)
		snprintf(linux_, sizeof(linux_),
			 ",\"rootfsPropagation\":\"%s\"", c->value);
	want_root = c->want;
	want_not = c->absent;
	want_slave = c->slave;
	if (rig_run(rig, &run) || rig->out->inside)
		fail_msg("%s%s%s: %s %s", c->value ? c->value : "unset",
			 no_pivot ? " no-pivot" : "", userns ? " userns" : "",
			 rig->out->err.msg, rig->out->note);
	assert_int_equal(same_on_host(rig, NULL), 0);
}

static void test_host_unchanged(void **state)
{
	struct rig *rig = *state;

	RIG_ROOT_ONLY(state);
	share_host(rig);
	for (size_t i = 0; i < sizeof(root_cases) / sizeof(root_cases[0]); i++)
		for (int mode = 0; mode < 4; mode++)
			try_root(rig, &root_cases[i], mode & 1, mode & 2);
}

/* What "shared" with a shared volume is for: mounts made inside appear on the
 * host, and only those. */
static int mounts_inside(struct rig *rig)
{
	RIG_CHECK(rig, !mount("inner", "/v/made", "tmpfs", 0, NULL));
	RIG_CHECK(rig, !mount("private", "/t", "tmpfs", 0, NULL));
	return 0;
}

static void test_bidirectional_volume(void **state)
{
	static char after[sizeof(before)];
	struct rig *rig = *state;
	struct rig_run run = {
		.mounts = "{\"destination\":\"/v\",\"type\":\"bind\","
			  "\"source\":\"../marker/sub\",\"options\":[\"rbind\","
			  "\"rshared\"]},"
			  "{\"destination\":\"/t\",\"type\":\"tmpfs\"}",
		.linux_ = ",\"rootfsPropagation\":\"shared\"",
		.without = CLONE_NEWCGROUP,
		.between = same_on_host,
		.inside = mounts_inside,
	};

	RIG_ROOT_ONLY(state);
	share_host(rig);
	rig_sh("mkdir %s/marker/sub/made", rig->base);
	/* root.path on a mount of its own, as engines have it */
	rig_sh("mount --bind %s %s", rig->root, rig->root);
	host_mounts(rig, before, sizeof(before));
	RIG_OK(rig, &run);
	host_mounts(rig, after, sizeof(after));
	assert_non_null(strstr(after, " - tmpfs inner "));
	assert_null(strstr(after, " - tmpfs private "));
}

/* A volume out of the mapped root's reach is cloned by the parent, in the
 * host's own namespace: no peer of the host's mount may come of that. */
static int userns_mounts_inside(struct rig *rig)
{
	RIG_CHECK(rig, !mount("inner", "/v/made", "tmpfs", 0, NULL));
	return 0;
}

static void test_volume_of_a_user_namespace(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = {
		.mounts =
			"{\"destination\":\"/v\",\"type\":\"bind\","
			"\"source\":\"../marker/sub\",\"options\":[\"rbind\"]}," DEV_MOUNT,
		.userns = true,
		.without = CLONE_NEWCGROUP,
		.between = same_on_host,
		.inside = userns_mounts_inside,
	};

	RIG_ROOT_ONLY(state);
	share_host(rig);
	rig_sh("mkdir %s/marker/sub/made && chmod 700 %s/marker %s && "
	       "chown -R %d:%d %s",
	       rig->base, rig->base, rig->base, RIG_MAP_HOST, RIG_MAP_HOST,
	       rig->root);
	for (int shared = 0; shared < 2; shared++) {
		if (shared)
			run.linux_ = ",\"rootfsPropagation\":\"shared\"";
		RIG_OK(rig, &run);
		assert_int_equal(same_on_host(rig, NULL), 0);
	}
}

/* P22, and a joined namespace: nothing but chroot. */
static int chroot_inside(struct rig *rig)
{
	RIG_CHECK(rig, access("/etc", F_OK) == 0);
	RIG_CHECK(rig, access("/bundle", F_OK) < 0 && access("/tmp", F_OK) < 0);
	RIG_CHECK(rig, access("../marker", F_OK) < 0);
	return 0;
}

static void test_no_mount_namespace(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = {
		.without = CLONE_NEWNS | CLONE_NEWCGROUP,
		.linux_ = ",\"rootfsPropagation\":\"shared\"",
		.between = same_on_host,
		.inside = chroot_inside,
	};

	RIG_ROOT_ONLY(state);
	share_host(rig);
	RIG_OK(rig, &run);
	assert_int_equal(same_on_host(rig, NULL), 0);
	run.linux_ = "";
	run.root = ",\"readonly\":true";
	RIG_REFUSED(rig, &run, -EINVAL, "root.readonly: ");
}

static int joined_inside(struct rig *rig)
{
	RIG_CHECK(rig, rig_text("/m/file", "host\n"));
	RIG_CHECK(rig, mkdir("/m/x", 0700) < 0 && errno == EROFS);
	RIG_CHECK(rig, mkdir("/etc/x", 0700) < 0 && errno == EROFS);
	RIG_CHECK(rig, !access("/dev/null", F_OK));
	return chroot_inside(rig);
}

/* The mounts go into the namespace that was joined, whose propagation is its
 * own business. */
static void test_joined_namespace(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = {
		.mounts = PROC_MOUNT
		"," DEV_MOUNT ",{\"destination\":\"/m\",\"type\":\"bind\","
		"\"source\":\"../marker\",\"options\":[\"rbind\",\"ro\"]}",
		.linux_ = ",\"readonlyPaths\":[\"/etc\"]",
		.joined = true,
		.inside = joined_inside,
	};

	RIG_ROOT_ONLY(state);
	RIG_OK(rig, &run);
}

/* rbind of "/" shows the host's tree, not the container's own on top of it. */
static int host_root_inside(struct rig *rig)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/host%s/file", rig->marker);
	RIG_CHECK(rig, rig_text(path, "host\n"));
	RIG_CHECK(rig, !access("/host/proc/1/status", F_OK));
	return 0;
}

static void test_bind_of_the_host_root(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = {
		.mounts = PROC_MOUNT
		",{\"destination\":\"/host\",\"type\":\"bind\","
		"\"source\":\"/\",\"options\":[\"rbind\",\"rro\"]}",
		.without = CLONE_NEWCGROUP,
		.between = same_on_host,
		.inside = host_root_inside,
	};

	RIG_ROOT_ONLY(state);
	share_host(rig);
	RIG_OK(rig, &run);
}

/* The root may be a mount of any kind, also one on top of another. */
static void test_kinds_of_root(void **state)
{
	static const char *const how[] = {
		"mount -t tmpfs x %s && mkdir %s/etc",
		"mount --bind %s %s",
		"mount -t tmpfs x %s && mount -t tmpfs y %s",
		"mount -t overlay o -o lowerdir=/etc:%s %s",
	};
	struct rig *rig = *state;
	struct rig_run run = { .mounts = PROC_MOUNT "," DEV_MOUNT };
	char cmd[PATH_MAX * 2];

	RIG_ROOT_ONLY(state);
	for (size_t i = 0; i < sizeof(how) / sizeof(how[0]); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(cmd, sizeof(cmd), how[i], rig->root, rig->root);
#pragma GCC diagnostic pop
		rig_sh("%s", cmd);
		for (int no_pivot = 0; no_pivot < 2; no_pivot++) {
			run.no_pivot = no_pivot;
			RIG_OK(rig, &run);
		}
		while (!umount2(rig->root, MNT_DETACH))
			;
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_host_unchanged),
		T(test_bidirectional_volume),
		T(test_volume_of_a_user_namespace),
		T(test_no_mount_namespace),
		T(test_joined_namespace),
		T(test_bind_of_the_host_root),
		T(test_kinds_of_root),
	};

	return cmocka_run_group_tests(tests, rig_group_setup, NULL);
}
