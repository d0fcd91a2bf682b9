/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "rootfs/internal.h"
#include "rootfs/mountinfo.h"

/* What rootfs_open() refuses before anything is done, and the pure rules. */

static void test_proc_check(void **state)
{
	static const struct {
		const char *path, *type;
		bool ok;
	} cases[] = {
		{ "/", "tmpfs", false },
		{ "/", NULL, false },
		{ "/proc", "proc", true },
		{ "/proc", "tmpfs", false },
		{ "/proc", "sysfs", false },
		{ "/proc", NULL, false }, /* no source to look at */
		{ "/proc/self", "proc", false },
		{ "/proc/self/attr", NULL, false },
		{ "/proc/sys", "tmpfs", false },
		{ "/proc/cpuinfo", NULL, true },
		{ "/proc/cpuinfo/x", NULL, false },
		{ "/proc/diskstats", NULL, true },
		{ "/proc/meminfo", NULL, true },
		{ "/proc/stat", NULL, true },
		{ "/proc/swaps", NULL, true },
		{ "/proc/uptime", NULL, true },
		{ "/proc/loadavg", NULL, true },
		{ "/proc/slabinfo", NULL, true },
		{ "/proc/sys/kernel/ns_last_pid", NULL, true },
		{ "/proc/sys/crypto/fips_enabled", NULL, true },
		{ "/proc/version", NULL, false },
		{ "/process", "tmpfs", true },
		{ "/sys", "sysfs", true },
		{ "/foo/proc", "tmpfs", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (!proc_check(cases[i].path, cases[i].type, -1) !=
		    cases[i].ok)
			fail_msg("%s %s", cases[i].path,
				 cases[i].type ? cases[i].type : "bind");
}

static void test_proc_bind_source(void **state)
{
	auto_fd int proc_fd = open("/proc", O_PATH | O_CLOEXEC);
	auto_fd int other_fd = open("/", O_PATH | O_CLOEXEC);

	(void)state;
	assert_true(proc_fd >= 0 && other_fd >= 0);
	assert_null(proc_check("/proc", NULL, proc_fd));
	assert_non_null(proc_check("/proc", NULL, other_fd));
}

static void test_device_name(void **state)
{
	(void)state;
	assert_string_equal(device_node_name("/dev/null"), "null");
	assert_null(device_node_name("/dev/net/tun"));
	assert_null(device_node_name("/dev/"));
	assert_null(device_node_name("/dev/.."));
	assert_null(device_node_name("/dev/."));
	assert_null(device_node_name("/device"));
	assert_null(device_node_name("dev/null"));
}

static void test_mountinfo(void **state)
{
	char good[] =
		"36 35 98:0 /mnt1 /a\\040b\\134 rw,noatime master:1 - ext3 /dev/root rw";
	char plain[] = "22 27 0:21 / /proc rw - proc proc rw\n";
	char cut[] = "22 27 0:21 / /proc rw";
	char cut2[] = "22 27 0:21 / /proc rw shared:1 -";
	char empty[] = "";
	struct mountinfo m;

	(void)state;
	assert_true(mountinfo_parse(good, &m));
	assert_string_equal(m.root, "/mnt1");
	assert_string_equal(m.path, "/a b\\");
	assert_string_equal(m.type, "ext3");
	assert_true(mountinfo_parse(plain, &m));
	assert_string_equal(m.path, "/proc");
	assert_string_equal(m.type, "proc");
	assert_false(mountinfo_parse(cut, &m));
	assert_false(mountinfo_parse(cut2, &m));
	assert_false(mountinfo_parse(empty, &m));
}

struct refusal {
	const char *mounts;
	const char *linux_;
	int code;
	const char *text;
};

static const struct refusal refusals[] = {
	{ "{\"destination\":\"/a\",\"type\":\"bind\"}", "", -EINVAL,
	  "mounts[0].source: " },
	{ "{\"destination\":\"/a\",\"type\":\"none\",\"source\":\"/\","
	  "\"options\":[\"rbind\",\"size=1\"]}",
	  "", -EINVAL, "mounts[0].options: unknown option 'size=1'" },
	{ "{\"destination\":\"/a\",\"source\":\"/x\"}", "", -EINVAL,
	  "mounts[0].type: " },
	{ "{\"destination\":\"/a\",\"type\":\"tmpfs\",\"options\":[\"idmap\"],"
	  "\"uidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":1}],"
	  "\"gidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":1}]}",
	  "", -EINVAL, "mounts[0].options: idmap needs uidMappings" },
	/* the mappings are there, but nobody made a user namespace of them */
	{ "{\"destination\":\"/a\",\"type\":\"bind\",\"source\":\"/\","
	  "\"options\":[\"bind\",\"idmap\"],"
	  "\"uidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":1}],"
	  "\"gidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":1}]}",
	  "", -EINVAL, "mounts[0].options: idmap needs" },
	{ "{\"destination\":\"/a\",\"type\":\"proc\","
	  "\"options\":[\"tmpcopyup\"]}",
	  "", -EINVAL, "mounts[0].options: tmpcopyup" },
	{ "{\"destination\":\"/\",\"type\":\"tmpfs\"}", "", -EPERM,
	  "mounts[0].destination: '/': " },
	{ "{\"destination\":\"/a/..\",\"type\":\"tmpfs\"}", "", -EPERM,
	  "mounts[0].destination: '/a/..': " },
	{ "{\"destination\":\"/proc\",\"type\":\"tmpfs\"}", "", -EPERM,
	  "mounts[0].destination: '/proc': " },
	{ "{\"destination\":\"//proc/./sys/\",\"type\":\"tmpfs\"}", "", -EPERM,
	  "inside /proc" },
	{ "{\"destination\":\"/a\",\"type\":\"tmpfs\"},"
	  "{\"destination\":\"/proc/1\",\"type\":\"tmpfs\"},"
	  "{\"destination\":\"/b\",\"type\":\"bind\"}",
	  "", -EPERM, "\nmounts[2].source: " },
	{ "", ",\"mountLabel\":\"system_u:object_r:x:s0\"", -EINVAL,
	  "linux.mountLabel: " },
};

static int try_open(const char *mounts, const char *linux_, bool mount_ns,
		    struct err *err)
{
	struct arena arena = { 0 };
	struct rootfs_config cfg = {
		.bundle = "/",
		.root_path = "/",
		.new_mount_ns = mount_ns,
		.userns_fd = -1,
		.cgroup_fd = -1,
	};
	struct rootfs *r = NULL;
	char json[4096];
	int ret;

	snprintf(json, sizeof(json),
		 "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"/\"},"
		 "\"process\":{\"args\":[\"x\"],\"cwd\":\"/\"},"
		 "\"mounts\":[%s],\"linux\":{\"namespaces\":[%s]%s}}",
		 mounts, mount_ns ? "{\"type\":\"mount\"}" : "", linux_);
	cfg.spec = spec_parse(&arena, json, strlen(json), NULL, err);
	if (!cfg.spec) {
		print_message("%s\n", err->msg);
		arena_release(&arena);
		return -EBADMSG;
	}
	ret = rootfs_open(&cfg, &r, err);
	rootfs_free(r);
	arena_release(&arena);
	return ret;
}

static void test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		const struct refusal *c = &refusals[i];
		struct err err = { 0 };
		int ret = try_open(c->mounts, c->linux_, true, &err);

		if (ret != c->code || !strstr(err.msg, c->text))
			fail_msg("case %zu: %d: %s", i, ret, err.msg);
		assert_true(err.field[0]);
	}
}

static void test_no_mount_namespace(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_int_equal(try_open("", "", false, &err), 0);
	assert_int_equal(try_open("{\"destination\":\"/a\",\"type\":\"tmpfs\"}",
				  "", false, &err),
			 -EINVAL);
	assert_string_equal(err.field, "mounts");
}

static void test_root_must_be_a_directory(void **state)
{
	struct spec spec = { 0 };
	struct rootfs_config cfg = {
		.spec = &spec,
		.bundle = "/",
		.new_mount_ns = true,
		.userns_fd = -1,
		.cgroup_fd = -1,
	};
	struct rootfs *r = NULL;
	struct err err = { 0 };

	(void)state;
	cfg.root_path = "/proc/self"; /* a link to a directory */
	assert_int_equal(rootfs_open(&cfg, &r, &err), -ENOTDIR);
	assert_string_equal(err.field, "root.path");
	cfg.root_path = "/proc/version";
	assert_int_equal(rootfs_open(&cfg, &r, &err), -ENOTDIR);
	cfg.root_path = "/nonexistent";
	assert_int_equal(rootfs_open(&cfg, &r, &err), -ENOENT);
	assert_null(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_proc_check),
		cmocka_unit_test(test_proc_bind_source),
		cmocka_unit_test(test_device_name),
		cmocka_unit_test(test_mountinfo),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_no_mount_namespace),
		cmocka_unit_test(test_root_must_be_a_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
