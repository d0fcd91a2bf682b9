/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "libcontainer/guest.h"

static const struct hull_guest guest = {
	.root = "/run/root",
	.binds = "/run/binds",
	.cgroup = "/container",
	.terminal = true,
	.rows = 24,
	.cols = 80,
};

/* A spec with these members in place of the empty ones. */
static const struct spec *parse(struct arena *arena, const char *mounts,
				const char *linux_, const char *more)
{
	struct err err = { 0 };
	const char *text = arena_printf(
		arena,
		"{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},"
		"\"process\":{\"cwd\":\"/\",\"args\":[\"x\"],"
		"\"user\":{\"uid\":0,\"gid\":0},"
		"\"apparmorProfile\":\"p\"},"
		"\"mounts\":[%s],\"linux\":{%s}%s}",
		mounts, linux_, more);
	const struct spec *spec =
		spec_parse(arena, text, strlen(text), NULL, &err);

	if (!spec)
		fail_msg("%s", err.msg);
	return spec;
}

static const struct spec *amend(struct arena *arena, const char *mounts,
				const char *linux_, const char *more)
{
	const struct spec *out = NULL;
	struct err err = { 0 };

	if (guest_spec(arena, &guest, parse(arena, mounts, linux_, more), &out,
		       &err))
		fail_msg("%s", err.msg);
	return out;
}

#define BIND(dest, ...)                                               \
	"{\"destination\":\"" dest "\",\"type\":\"bind\",\"source\":" \
	"\"/h\",\"options\":[" __VA_ARGS__ "]}"
#define FS(type, dest) \
	"{\"destination\":\"" dest "\",\"type\":\"" type "\",\"source\":\"x\"}"

static void test_mounts(void **state)
{
	static const struct {
		const char *mounts;
		const char *want; /* "destination type source options;" ... */
	} cases[] = {
		{ FS("proc", "/proc") "," FS("cgroup", "/sys/fs/cgroup"),
		  "/proc proc x;/sys/fs/cgroup cgroup x;" },
		/* seen through the served tree */
		{ BIND("/data", "\"rbind\",\"rprivate\""), "" },
		{ FS("overlay", "/merged") "," FS("ext4", "/disk"), "" },
		/* attributes are the workload's kernel's to enforce */
		{ BIND("/data", "\"rbind\",\"ro\",\"nosuid\",\"rslave\""),
		  "/data - /run/binds/0 rbind ro nosuid;" },
		{ BIND("/data", "\"bind\",\"rw\""), "" },
		/* but not this one */
		{ BIND("/data", "\"rbind\",\"ro\""), "" },
		{ BIND("/data", "\"rbind\",\"rro\""),
		  "/data - /run/binds/0 rbind rro;" },
		{ BIND("/data", "\"bind\",\"sync\",\"ro,noexec\""),
		  "/data - /run/binds/0 rbind ro noexec;" },
		/* covered by one of the guest's */
		{ FS("tmpfs", "/dev") "," BIND("/dev/../dev/shm", "\"bind\""),
		  "/dev tmpfs x;/dev/../dev/shm - /run/binds/1 rbind;" },
		{ FS("tmpfs", "/dev") "," BIND("/device", "\"bind\""),
		  "/dev tmpfs x;" },
		/* before it: hidden by it, as it would be without a VM */
		{ BIND("/run/x", "\"bind\"") "," FS("tmpfs", "/run"),
		  "/run tmpfs x;" },
		/* a bind mount is one whatever its type says */
		{ "{\"destination\":\"/d\",\"type\":\"tmpfs\",\"source\":"
		  "\"/h\",\"options\":[\"bind\"]}",
		  "" },
		/* a remount follows what it is about */
		{ FS("sysfs", "/sys") ",{\"destination\":\"/sys\",\"options\":"
				      "[\"remount\",\"ro\"]}",
		  "/sys sysfs x;/sys - - remount ro;" },
		{ BIND("/d", "\"bind\"") ",{\"destination\":\"/d\",\"options\":"
					 "[\"remount\",\"nodev\"]}",
		  "/d - /run/binds/1 rbind nodev;" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_arena struct arena arena = { 0 };
		auto_strbuf struct strbuf got = STRBUF_INIT;
		const struct spec *s = amend(&arena, cases[i].mounts, "", "");

		strbuf_add(&got, "");
		for (size_t k = 0; k < s->mount_count; k++) {
			const struct spec_mount *m = &s->mounts[k];

			strbuf_addf(&got, "%s %s %s", m->destination,
				    m->type ? m->type : "-",
				    m->source ? m->source : "-");
			for (size_t o = 0; o < m->option_count; o++)
				strbuf_addf(&got, " %s", m->options[o]);
			strbuf_add(&got, ";");
		}
		assert_string_equal(got.s, cases[i].want);
	}
}

static void test_namespaces(void **state)
{
	auto_arena struct arena arena = { 0 };
	const struct spec *s, *in, *out;
	struct err err = { 0 };

	(void)state;
	s = amend(&arena, "", "\"namespaces\":[{\"type\":\"network\"}]", "");
	assert_int_equal(s->linux_.namespace_count, 2);
	assert_non_null(spec_namespace(s, SPEC_NS_PID));
	assert_non_null(spec_namespace(s, SPEC_NS_MOUNT));
	s = amend(&arena, "",
		  "\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"ipc\","
		  "\"path\":\"/x\"},{\"type\":\"uts\"},{\"type\":\"pid\","
		  "\"path\":\"/x\"}]",
		  "");
	assert_int_equal(s->linux_.namespace_count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_null(s->linux_.namespaces[i].path);
	in = parse(&arena, "",
		   "\"namespaces\":[{\"type\":\"user\",\"path\":\"/x\"}]", "");
	assert_int_equal(guest_spec(&arena, &guest, in, &out, &err), -ENOTSUP);
	assert_string_equal(err.field, "linux.namespaces[0].path");
}

static void test_ids(void **state)
{
	auto_arena struct arena arena = { 0 };
	const struct spec *s;

	(void)state;
	s = amend(&arena, "",
		  "\"namespaces\":[{\"type\":\"user\"}],\"uidMappings\":["
		  "{\"containerID\":0,\"hostID\":1000,\"size\":1},"
		  "{\"containerID\":1,\"hostID\":100000,\"size\":9}],"
		  "\"gidMappings\":"
		  "[{\"containerID\":5,\"hostID\":100,\"size\":2}]",
		  "");
	assert_non_null(spec_namespace(s, SPEC_NS_USER));
	assert_int_equal(s->linux_.uid_map_count, 2);
	assert_int_equal(s->linux_.uid_maps[0].host_id, 0);
	assert_int_equal(s->linux_.uid_maps[1].container_id, 1);
	assert_int_equal(s->linux_.uid_maps[1].host_id, 1);
	assert_int_equal(s->linux_.uid_maps[1].size, 9);
	assert_int_equal(s->linux_.gid_map_count, 1);
	assert_int_equal(s->linux_.gid_maps[0].host_id, 5);
}

static void test_the_rest(void **state)
{
	auto_arena struct arena arena = { 0 };
	const struct spec *s = amend(
		&arena, "",
		"\"namespaces\":[{\"type\":\"network\"},{\"type\":\"ipc\"}],"
		"\"cgroupsPath\":\"/c\","
		"\"sysctl\":{\"net.ipv4.ip_forward\":\"1\","
		"\"kernel.msgmax\":\"8192\"},"
		"\"resources\":{\"memory\":{\"limit\":1048576,\"swap\":"
		"2097152},\"cpu\":{\"shares\":2,\"cpus\":\"0\"},"
		"\"pids\":{\"limit\":7},\"unified\":{\"memory.high\":\"1\","
		"\"cpu.max\":\"1 2\",\"memory.swap.max\":\"0\"}}",
		",\"hooks\":{\"prestart\":[{\"path\":\"/a\"}],"
		"\"startContainer\":[{\"path\":\"/b\"}],"
		"\"poststop\":[{\"path\":\"/c\"}]}");
	const struct spec_resources *r = &s->linux_.resources;

	(void)state;
	assert_string_equal(s->root_path, "/run/root");
	assert_string_equal(s->linux_.cgroups_path, "/container");
	assert_int_equal(s->linux_.sysctl_count, 1);
	assert_string_equal(s->linux_.sysctls[0].key, "kernel.msgmax");
	assert_true(r->memory.limit.set);
	assert_false(r->memory.swap.set);
	assert_false(r->cpu.shares.set);
	assert_null(r->cpu.cpus);
	assert_int_equal(r->pids_limit.v, 7);
	assert_int_equal(r->unified_count, 1);
	assert_string_equal(r->unified[0].file, "memory.high");
	for (size_t i = 0; i < SPEC_HOOK_KINDS; i++)
		assert_int_equal(s->hooks.count[i],
				 i == SPEC_HOOK_START_CONTAINER);
	assert_null(s->process.apparmor_profile);
	assert_true(s->process.terminal);
	assert_int_equal(s->process.console_height, 24);
	assert_true(s->process.oom_score_adj_set);
	assert_int_equal(s->process.oom_score_adj, 0);
}

/* In a mount namespace of its own: a link of the image leads to its own file.
 */
static int bind_child(void)
{
	static const struct spec_mount mounts[] = {
		{ .destination = "/link/f", .source = "/mnt/binds/0" },
		{ .destination = "/d", .source = "/mnt/binds/1" },
		{ .destination = "/proc", .source = "proc" },
	};
	struct hull_guest g = { .root = "/mnt/root", .binds = "/mnt/binds" };
	struct spec spec = { .mounts = mounts, .mount_count = 3 };
	char text[8] = "";
	int fd;

	if (unshare(CLONE_NEWNS) ||
	    mount("", "/", "", MS_REC | MS_PRIVATE, NULL) ||
	    mount("t", "/mnt", "tmpfs", 0, NULL) || mkdir("/mnt/root", 0755) ||
	    mkdir("/mnt/binds", 0755) || mkdir("/mnt/root/d", 0755) ||
	    mkdir("/mnt/root/real", 0755) || symlink("/real", "/mnt/root/link"))
		return 77;
	fd = open("/mnt/root/real/f", O_CREAT | O_WRONLY, 0600);
	if (write(fd, "inside", 6) != 6)
		return 2;
	if (guest_binds(&g, &spec, NULL))
		return 3;
	fd = open("/mnt/binds/0", O_RDONLY);
	if (read(fd, text, sizeof(text)) != 6 || strcmp(text, "inside"))
		return 4;
	if (mkdir("/mnt/binds/1/made", 0755) ||
	    access("/mnt/root/d/made", F_OK))
		return 5;
	return access("/mnt/binds/2", F_OK) ? 0 : 6;
}

static void test_binds(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	if (geteuid() != 0)
		skip();
	pid = fork();
	if (!pid)
		_exit(bind_child());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_the_rest),
		cmocka_unit_test(test_binds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
