/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/libcontainer/lab.h"

#include <string.h>

#include "base/arena.h"
#include "libcontainer/container.h"
#include "libcontainer/vm.h"
#include "libcontainer/vm_mounts.h"

#define NS(extra_)                                                          \
	"\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\"},"        \
	"{\"type\":\"mount\"},{\"type\":\"ipc\"},{\"type\":\"uts\"}" extra_ \
	"]"
#define CONFIG(top_, linux_)                                   \
	"{\"ociVersion\":\"1.3.0\",\"root\":{\"path\":\"r\"}," \
	"\"process\":{\"args\":[\"a\"],\"cwd\":\"/w\","        \
	"\"user\":{\"uid\":7,\"gid\":7}}" top_ ",\"linux\":{" linux_ "}}"

static const struct spec *parse(struct arena *arena, const char *text)
{
	struct err err = { 0 };
	const struct spec *spec =
		spec_parse(arena, text, strlen(text), NULL, &err);

	if (!spec)
		print_error("%s\n", err.msg);
	assert_non_null(spec);
	return spec;
}

static void view(struct vm *vm, struct arena *arena, const char *text)
{
	vm_init(vm, parse(arena, text));
	assert_int_equal(vm_view(vm, arena, NULL), 0);
}

static void test_mounts(void **state)
{
	static const enum rootfs_left want[] = {
		ROOTFS_POINT, /* /proc */
		ROOTFS_BOTH,  /* /dev, for the bind below it */
		ROOTFS_NONE,  /* /dev/pts */
		ROOTFS_MADE,  /* /dev/shm, bound */
		ROOTFS_POINT, /* /sys */
		ROOTFS_NONE,  /* /sys/fs/cgroup */
		ROOTFS_MADE,  /* /data */
		ROOTFS_POINT, /* /tmp */
		ROOTFS_NONE,  /* remount of /tmp */
		ROOTFS_NONE,  /* another one */
		ROOTFS_MADE,  /* overlay */
	};
	auto_arena struct arena arena = { 0 };
	struct vm vm;

	(void)state;
	view(&vm, &arena,
	     CONFIG(",\"mounts\":["
		    "{\"destination\":\"/proc\",\"type\":\"proc\"},"
		    "{\"destination\":\"/dev/\",\"type\":\"tmpfs\"},"
		    "{\"destination\":\"/dev/pts\",\"type\":\"devpts\"},"
		    "{\"destination\":\"/dev/shm\",\"type\":\"bind\","
		    "\"source\":\"/x\",\"options\":[\"rbind\"]},"
		    "{\"destination\":\"/sys\",\"type\":\"sysfs\"},"
		    "{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\"},"
		    "{\"destination\":\"/data\",\"type\":\"none\","
		    "\"source\":\"/x\",\"options\":[\"bind\",\"ro\"]},"
		    "{\"destination\":\"/tmp\",\"type\":\"tmpfs\"},"
		    "{\"destination\":\"/tmp\",\"type\":\"tmpfs\","
		    "\"options\":[\"remount\",\"ro\"]},"
		    "{\"destination\":\"/tmp\",\"type\":\"tmpfs\","
		    "\"options\":[\"remount\",\"noexec\"]},"
		    "{\"destination\":\"/o\",\"type\":\"overlay\"}]",
		    NS("")));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		assert_int_equal(vm.left[i], want[i]);
	assert_int_equal(vm.host.mount_count, ARRAY_SIZE(want));
}

#define MKNOD (1ULL << 27)

static void test_what_is_left(void **state)
{
	auto_arena struct arena arena = { 0 };
	struct vm vm;

	(void)state;
	view(&vm, &arena,
	     CONFIG(",\"hooks\":{\"startContainer\":[{\"path\":\"/a\"}],"
		    "\"poststop\":[{\"path\":\"/b\"}]},\"hostname\":\"h\"",
		    NS(",{\"type\":\"time\"}") ","
					       "\"timeOffsets\":{\"boottime\":{\"secs\":1}},"
					       "\"devices\":[{\"path\":\"/dev/null\",\"type\":\"c\","
					       "\"major\":1,\"minor\":3}],"
					       "\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"},"
					       "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\"},"
					       "\"maskedPaths\":[\"/m\"],\"readonlyPaths\":[\"/r\"]"));
	assert_int_equal(vm.host.hooks.count[SPEC_HOOK_START_CONTAINER], 0);
	assert_int_equal(vm.host.hooks.count[SPEC_HOOK_POSTSTOP], 1);
	assert_string_equal(vm.host.hostname, "h");
	assert_int_equal(vm.host.linux_.namespace_count, 5);
	assert_null(spec_namespace(&vm.host, SPEC_NS_TIME));
	assert_false(vm.host.linux_.boottime.set);
	assert_int_equal(vm.host.linux_.device_count, 0);
	assert_int_equal(vm.host.linux_.sysctl_count, 0);
	assert_int_equal(vm.host.linux_.masked_count, 0);
	assert_int_equal(vm.host.linux_.readonly_count, 0);
	assert_false(vm.host.linux_.seccomp.set);
	assert_string_equal(vm.host.process.cwd, "/w");
	/* the monitor is not the workload */
	assert_int_equal(vm.process.user.uid, 0);
	assert_true(vm.process.no_new_privs);
	assert_string_equal(vm.process.cwd, "/");
	assert_true(vm.process.caps.set);
	assert_false(vm.process.caps.bounding & (1ULL << 21)); /* SYS_ADMIN */
	assert_false(vm.process.caps.bounding & MKNOD);
	assert_int_equal(vm.process.caps.inheritable, 0);
	/* what was given stays as it was */
	assert_int_equal(vm.full->linux_.masked_count, 1);
}

/* Nodes on a volume: of the monitor's rights the only one that workloads are
 * given or not. */
static void test_nodes(void **state)
{
	struct spec full = { .process.caps = { .set = true } };
	auto_arena struct arena arena = { 0 };
	struct spec_process p;

	(void)state;
	assert_int_equal(vm_process(&full, &arena, &p, NULL), 0);
	assert_false(p.caps.permitted & MKNOD);
	full.process.caps.bounding = MKNOD;
	assert_int_equal(vm_process(&full, &arena, &p, NULL), 0);
	assert_true(p.caps.permitted & p.caps.bounding & MKNOD);
}

static void test_cwd_in_the_guests(void **state)
{
	auto_arena struct arena arena = { 0 };
	struct vm vm;

	(void)state;
	view(&vm, &arena,
	     CONFIG(",\"mounts\":[{\"destination\":\"/w\","
		    "\"type\":\"tmpfs\"}]",
		    NS("")));
	assert_null(vm.host.process.cwd);
}

static void test_limits(void **state)
{
	auto_arena struct arena arena = { 0 };
	const struct spec_resources *r;
	struct vm vm;

	(void)state;
	view(&vm, &arena,
	     CONFIG("",
		    NS("") ",\"resources\":{\"memory\":{\"limit\":134217728,"
			   "\"swap\":134217728,\"reservation\":1000000},"
			   "\"cpu\":{\"shares\":100,\"cpus\":\"0-2,5\"},"
			   "\"pids\":{\"limit\":4},"
			   "\"unified\":{\"memory.high\":\"1\","
			   "\"cpu.idle\":\"1\",\"pids.max\":\"1\","
			   "\"memory.swap.high\":\"5\"},"
			   "\"devices\":[{\"allow\":true}]}"));
	r = &vm.host.linux_.resources;
	assert_int_equal(vm.vcpus, 4);
	assert_true(vm.memory_bytes > 134217728);
	assert_int_equal(vm.memory_bytes % (2 << 20), 0);
	assert_true(r->memory.limit.v > (int64_t)vm.memory_bytes);
	assert_int_equal(r->memory.swap.v, r->memory.limit.v);
	assert_int_equal(r->memory.reservation.v, 1000000);
	assert_true(r->pids_limit.v > 4);
	assert_int_equal(r->cpu.shares.v, 100);
	assert_int_equal(r->unified_count, 2);
	assert_string_equal(r->unified[0].file, "cpu.idle");
	assert_int_equal(r->device_count, 1);
	assert_false(r->devices[0].allow);
}

static void test_sizes(void **state)
{
	static const struct {
		const char *linux_;
		uint32_t vcpus;
		uint64_t memory_mib;
	} rows[] = {
		{ NS(""), 1, 1024 },
		{ NS("") ",\"resources\":{\"cpu\":{\"quota\":150000,"
			 "\"period\":100000}}",
		  2, 1024 },
		{ NS("") ",\"resources\":{\"cpu\":{\"quota\":-1}}", 1, 1024 },
		{ NS("") ",\"resources\":{\"cpu\":{\"cpus\":\"0-999\"}}", 32,
		  1024 },
		{ NS("") ",\"resources\":{\"memory\":{\"limit\":4096}}", 1,
		  64 },
		{ NS("") ",\"resources\":{\"memory\":{\"limit\":-1}}", 1,
		  1024 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		auto_arena struct arena arena = { 0 };
		char text[2048];
		struct vm vm;

		snprintf(text, sizeof(text), CONFIG("", "%s"), rows[i].linux_);
		view(&vm, &arena, text);
		assert_int_equal(vm.vcpus, rows[i].vcpus);
		assert_int_equal(vm.memory_bytes >> 20, rows[i].memory_mib);
	}
}

static void test_choice(void **state)
{
	static const struct {
		const char *top;
		enum hull_isolation asked;
		int want;
	} rows[] = {
		{ "", HULL_ISOLATION_AUTO, 0 },
		{ "", HULL_ISOLATION_PROCESS, 0 },
		{ "", HULL_ISOLATION_VM, 1 },
		{ ",\"vm\":{}", HULL_ISOLATION_AUTO, 1 },
		{ ",\"vm\":{}", HULL_ISOLATION_PROCESS, -EINVAL },
		{ ",\"annotations\":{\"run.hull.isolation\":\"vm\"}",
		  HULL_ISOLATION_AUTO, 1 },
		{ ",\"annotations\":{\"run.hull.isolation\":\"vm\"}",
		  HULL_ISOLATION_PROCESS, -EINVAL },
		{ ",\"annotations\":{\"run.hull.isolation\":\"process\"}",
		  HULL_ISOLATION_VM, 1 },
		{ ",\"annotations\":{\"run.hull.isolation\":\"process\"},"
		  "\"vm\":{}",
		  HULL_ISOLATION_AUTO, 1 },
		{ ",\"annotations\":{\"run.hull.isolation\":\"\"}",
		  HULL_ISOLATION_AUTO, -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct hull_create_options opt = { .isolation = rows[i].asked };
		auto_arena struct arena arena = { 0 };
		char text[2048];

		snprintf(text, sizeof(text), CONFIG("%s", NS("")), rows[i].top);
		assert_int_equal(vm_chosen(&opt, parse(&arena, text), NULL),
				 rows[i].want);
	}
}

static void test_refusals(void **state)
{
	auto_arena struct arena arena = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(vm_check(parse(&arena, CONFIG("", NS(""))), &err), 0);
	assert_int_equal(
		vm_check(parse(&arena,
			       CONFIG("", "\"namespaces\":[{\"type\":\"pid\","
					  "\"path\":\"/p\"},{\"type\":"
					  "\"mount\"}],\"devices\":[{"
					  "\"path\":\"/dev/kvm\",\"type\":"
					  "\"c\",\"major\":1,\"minor\":3}]")),
			 &err),
		-ENOTSUP);
	assert_non_null(strstr(err.msg, "linux.namespaces[0].path: "));
	assert_non_null(strstr(err.msg, "linux.namespaces: no \"ipc\": "));
	assert_non_null(strstr(err.msg, "linux.namespaces: no \"uts\": "));
	assert_non_null(strstr(err.msg, "linux.namespaces: no \"network\": "));
	assert_non_null(strstr(err.msg, "linux.devices[0]: "));
}

static void test_paths(void **state)
{
	(void)state;
	assert_true(vm_path_is_below("/a/b", "/a"));
	assert_true(vm_path_is_below("/a//../a/b", "/a/"));
	assert_true(vm_path_is_below("/a", "/a"));
	assert_true(vm_path_is_below("/a", "/"));
	assert_false(vm_path_is_below("/ab", "/a"));
	assert_false(vm_path_is_below("/", "/a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_what_is_left),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_cwd_in_the_guests),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
