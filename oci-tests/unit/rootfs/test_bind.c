/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "rig.h"

/* Bind mounts, their attributes and propagation, for real. */

#define BIND(dest, source, opts)                                               \
	"{\"destination\":\"" dest "\",\"type\":\"bind\",\"source\":\"" source \
	"\",\"options\":[" opts "]}"
#define TMPFS(dest, opts)          \
	"{\"destination\":\"" dest \
	"\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[" opts "]}"

/* ---- bind */

static int bind_inside(struct rig *rig)
{
	struct stat st;

	RIG_CHECK(rig, rig_text("/new/dir/file", "host\n"));
	RIG_CHECK(rig, rig_text("/new/one", "host\n"));
	RIG_CHECK(rig, rig_text("/etc/target/sub/deep", "deep\n"));
	RIG_CHECK(rig, !stat("/new/dir", &st) && S_ISDIR(st.st_mode));
	RIG_CHECK(rig, !stat("/new/one", &st) && S_ISREG(st.st_mode));
	return 0;
}

static void test_bind_targets(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = {
		.mounts = PROC_MOUNT
		"," BIND("/new/dir", "../marker", "\"bind\"") "," BIND(
			"/new/one", "../marker/file",
			"\"bind\"") "," BIND("/link/target", "../marker",
					     "\"rbind\""),
		.inside = bind_inside,
	};
	struct stat st;
	char path[PATH_MAX];

	RIG_ROOT_ONLY(state);
	rig_sh("ln -s /etc %s/link", rig->root);
	RIG_OK(rig, &run);
	snprintf(path, sizeof(path), "%s/new", rig->root);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
}

static void test_bind_mismatch(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = {
		.mounts = BIND("/etc", "../marker/file", "\"bind\""),
	};

	RIG_ROOT_ONLY(state);
	RIG_REFUSED(rig, &run, -ENOTDIR, "mounts[0]: ");
	assert_non_null(strstr(rig->out->err.msg, "not a directory"));
	run.mounts = BIND("/etc", "../nothing", "\"bind\"");
	RIG_REFUSED(rig, &run, -ENOENT, "mounts[0].source: ");
	assert_non_null(strstr(rig->out->err.msg, "no such file or directory"));
}

static int attrs_before(struct rig *rig)
{
	rig_sh("mount -t tmpfs -o nosuid,nodev,noatime top %s/sub",
	       rig->marker);
	rig_sh("mkdir %s/sub/below && mount -t tmpfs low %s/sub/below",
	       rig->marker, rig->marker);
	return 0;
}

static int attrs_inside(struct rig *rig)
{
	/* no option about attributes: as the source */
	RIG_CHECK(rig, rig_mount_is("/a", "rw,nosuid,nodev,noatime "));
	/* one: that and nothing else, but for the access time */
	RIG_CHECK(rig, rig_mount_is("/b", "ro,noatime "));
	RIG_CHECK(rig, rig_mount_is("/b/below", "rw,relatime "));
	RIG_CHECK(rig, rig_mount_is("/c", "ro,nosuid,nodev,noatime "));
	RIG_CHECK(rig, rig_mount_is("/c/below", "ro,relatime "));
	RIG_CHECK(rig, rig_mount_is("/d", "rw,noexec - "));
	RIG_CHECK(rig, rig_mount_is("/d/below", "rw,noexec,relatime "));
	RIG_CHECK(rig, !rig_mountinfo("/e/below")[0]);
	RIG_CHECK(rig,
		  rig_mount_is("/f", "rw,nodiratime,relatime,nosymfollow "));
	return 0;
}

static void test_bind_attributes(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = {
		.mounts = PROC_MOUNT
		"," BIND("/a", "../marker/sub", "\"rbind\",\"rprivate\"") "," BIND("/b", "../marker/sub", "\"rbind\",\"ro\"") "," BIND(
			"/c", "../marker/sub",
			"\"rbind\",\"rro\"") "," BIND("/d", "../marker/sub",
						      "\"rbind\",\"rro\",\"rw\",\"rnoexec\",\"noexec\","
						      "\"strictatime\",\"rrw\",\"sync\",\"lazytime\","
						      "\"silent\",\"iversion\",\"mand\",\"dirsync\"") "," BIND("/e",
													       "../marker/sub",
													       "\"bind\",\"defaults\"") "," BIND("/f",
																		 "../marker/sub",
																		 "\"bind\",\"relatime\",\"nodiratime\","
																		 "\"nosymfollow\""),
		.before = attrs_before,
		.inside = attrs_inside,
	};

	RIG_ROOT_ONLY(state);
	RIG_OK(rig, &run);
}

static int many_inside(struct rig *rig)
{
	char path[64];

	for (int i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "/m/%d/file", i);
		RIG_CHECK(rig, rig_text(path, "host\n"));
	}
	return 0;
}

static void test_a_thousand_binds(void **state)
{
	struct rig *rig = *state;
	size_t size = 1000 * 160, len = 0;
	char *mounts = malloc(size);
	struct rig_run run = { .mounts = mounts,
			       .nofile = 64,
			       .inside = many_inside };

	RIG_ROOT_ONLY(state);
	for (int i = 0; i < 1000; i++)
		len += (size_t)snprintf(
			mounts + len, size - len,
			"%s{\"destination\":\"/m/%d\",\"type\":\"bind\","
			"\"source\":\"%s\",\"options\":[\"rbind\",\"ro\"]}",
			i ? "," : "", i, rig->marker);
	RIG_OK(rig, &run);
	free(mounts);
}

/* ---- propagation of single mounts */

static int props_inside(struct rig *rig)
{
	RIG_CHECK(rig, strstr(rig_mountinfo("/a"), " shared:") != NULL);
	RIG_CHECK(rig, !strstr(rig_mountinfo("/a"), " master:"));
	RIG_CHECK(rig, strstr(rig_mountinfo("/b"), " unbindable - ") != NULL);
	RIG_CHECK(rig, !strstr(rig_mountinfo("/c"), "shared:") &&
			       !strstr(rig_mountinfo("/c"), "master:"));
	RIG_CHECK(rig, strstr(rig_mountinfo("/t"), " shared:") != NULL);
	return 0;
}

static void test_mount_propagation(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = {
		.mounts = PROC_MOUNT
		"," BIND("/a", "../marker", "\"rbind\",\"rshared\"") "," BIND(
			"/b", "../marker",
			"\"bind\",\"unbindable\"") "," BIND("/c", "../marker",
							    "\"rbind\",\"rprivate\"") "," TMPFS("/t",
												"\"shared\""),
		.inside = props_inside,
	};

	RIG_ROOT_ONLY(state);
	RIG_OK(rig, &run);
}

/* ---- lxcfs */

static int lxcfs_inside(struct rig *rig)
{
	RIG_CHECK(rig, rig_text("/proc/uptime", "host\n"));
	return 0;
}

static void test_emulated_proc_file(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = {
		.mounts = PROC_MOUNT
		"," BIND("/proc/uptime", "../marker/file", "\"bind\""),
		.inside = lxcfs_inside,
	};

	RIG_ROOT_ONLY(state);
	RIG_OK(rig, &run);
}

#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_bind_targets),      T(test_bind_mismatch),
		T(test_bind_attributes),   T(test_a_thousand_binds),
		T(test_mount_propagation), T(test_emulated_proc_file),
	};

	return cmocka_run_group_tests(tests, rig_group_setup, NULL);
}
