/* SPDX-License-Identifier: Apache-2.0 */
#include "spec_test.h"

#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/personality.h>

/* Properties that the engines' configs do not have, and what stands for
 * "unset". */

#define PROC(members) "\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"]" members "}"
#define RES(members) "\"linux\":{\"resources\":{" members "}}"

static void test_process(void **state)
{
	auto_arena struct arena arena = { 0 };
	const struct spec_process *p;

	(void)state;
	p = &parse_good(
		     &arena,
		     PROC(",\"consoleSize\":{\"height\":25,\"width\":80},"
			  "\"user\":{\"uid\":4294967294,\"gid\":1,\"umask\":0,"
			  "\"additionalGids\":[5,6],\"username\":\"w\"},"
			  "\"capabilities\":{},\"commandLine\":\"x\","
			  "\"apparmorProfile\":\"a\",\"selinuxLabel\":\"s\","
			  "\"oomScoreAdj\":-1000,"
			  "\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"soft\":0,"
			  "\"hard\":18446744073709551615}],"
			  "\"scheduler\":{\"policy\":\"SCHED_DEADLINE\","
			  "\"nice\":-20,\"flags\":[\"SCHED_FLAG_RECLAIM\","
			  "\"SCHED_FLAG_UTIL_CLAMP_MAX\"],\"runtime\":1,"
			  "\"deadline\":2,\"period\":3},"
			  "\"ioPriority\":{\"class\":\"IOPRIO_CLASS_IDLE\","
			  "\"priority\":7},"
			  "\"execCPUAffinity\":{\"initial\":\"7\","
			  "\"final\":\"0-3,7\"}"))
		     ->process;
	assert_true(p->console_size_set);
	assert_int_equal(p->console_height, 25);
	assert_int_equal(p->console_width, 80);
	assert_int_equal(p->user.uid, 4294967294);
	assert_int_equal(p->user.gid, 1);
	assert_true(p->user.umask_set);
	assert_int_equal(p->user.umask, 0);
	assert_int_equal(p->user.group_count, 2);
	assert_int_equal(p->user.groups[1], 6);
	assert_true(p->caps.set);
	assert_string_equal(p->apparmor_profile, "a");
	assert_string_equal(p->selinux_label, "s");
	assert_true(p->oom_score_adj_set);
	assert_int_equal(p->oom_score_adj, -1000);
	assert_true(p->rlimits[0].hard == UINT64_MAX);
	assert_true(p->scheduler.set);
	assert_int_equal(p->scheduler.policy, 6);
	assert_int_equal(p->scheduler.nice, -20);
	assert_int_equal(p->scheduler.flags, 0x42);
	assert_int_equal(p->scheduler.runtime_ns, 1);
	assert_int_equal(p->scheduler.deadline_ns, 2);
	assert_int_equal(p->scheduler.period_ns, 3);
	assert_true(p->io_priority.set);
	assert_int_equal(p->io_priority.class, 3);
	assert_int_equal(p->io_priority.priority, 7);
	assert_string_equal(p->cpu_affinity_initial, "7");
	assert_string_equal(p->cpu_affinity_final, "0-3,7");
	/* the idle class has no levels */
	p = &parse_good(
		     &arena,
		     PROC(",\"ioPriority\":{\"class\":\"IOPRIO_CLASS_IDLE\"}"))
		     ->process;
	assert_true(p->io_priority.set);
	assert_int_equal(p->io_priority.priority, 0);
}

static void test_nulls_and_empty_are_unset(void **state)
{
	auto_arena struct arena arena = { 0 };
	const struct spec *spec;

	(void)state;
	spec = parse_good(
		&arena,
		"\"process\":{\"cwd\":\"/\",\"args\":[\"a\"],\"user\":null,"
		"\"env\":null,\"consoleSize\":null,\"capabilities\":null,"
		"\"rlimits\":null,\"oomScoreAdj\":null,\"scheduler\":null,"
		"\"apparmorProfile\":\"\",\"selinuxLabel\":\"\","
		"\"execCPUAffinity\":{\"initial\":\"\"}},"
		"\"hostname\":\"\",\"domainname\":null,\"mounts\":null,"
		"\"hooks\":{\"prestart\":null},\"annotations\":null,"
		"\"vm\":null,\"solaris\":{\"x\":1},\"windows\":7,"
		"\"freebsd\":{},\"zos\":[],"
		"\"linux\":{\"resources\":null,\"seccomp\":null,"
		"\"namespaces\":null,\"intelRdt\":{},\"netDevices\":{},"
		"\"rootfsPropagation\":\"\",\"cgroupsPath\":\"\","
		"\"mountLabel\":\"\",\"maskedPaths\":[],"
		"\"readonlyPaths\":null,\"sysctl\":{},\"timeOffsets\":null,"
		"\"personality\":null,\"devices\":[]}");
	assert_true(spec->has_process);
	assert_true(spec->process.caps.set);
	assert_int_equal(spec->process.caps.bounding, 0);
	assert_false(spec->process.oom_score_adj_set);
	assert_int_equal(spec->process.env_count, 0);
	assert_null(spec->process.env[0]);
	assert_null(spec->process.apparmor_profile);
	assert_null(spec->process.selinux_label);
	assert_null(spec->process.cpu_affinity_initial);
	assert_null(spec->hostname);
	assert_null(spec->linux_.cgroups_path);
	assert_null(spec->linux_.mount_label);
	assert_int_equal(spec->linux_.rootfs_propagation, SPEC_PROP_UNSET);
	assert_false(spec->linux_.seccomp.set);
	assert_null(spec->linux_.masked_paths[0]);
	assert_null(spec->linux_.readonly_paths[0]);
}

static void test_vm(void **state)
{
	auto_arena struct arena arena = { 0 };
	const struct spec_vm *vm;

	(void)state;
	vm = &parse_good(&arena,
			 "\"vm\":{\"kernel\":{\"path\":\"/k\","
			 "\"parameters\":[\"quiet\",\"a=b\"],"
			 "\"initrd\":\"/i\"},"
			 "\"image\":{\"path\":\"/d\",\"format\":\"raw\"},"
			 "\"hwConfig\":{\"vcpus\":3,\"memory\":4096,"
			 "\"irqs\":[]}}")
		      ->vm;
	assert_true(vm->set);
	assert_string_equal(vm->kernel_path, "/k");
	assert_int_equal(vm->kernel_param_count, 2);
	assert_string_equal(vm->kernel_params[1], "a=b");
	assert_string_equal(vm->initrd_path, "/i");
	assert_string_equal(vm->image_path, "/d");
	assert_true(vm->vcpus.set && vm->vcpus.v == 3);
	assert_true(vm->memory_bytes.set && vm->memory_bytes.v == 4096);
	vm = &parse_good(&arena, "\"vm\":{}")->vm;
	assert_true(vm->set);
	assert_null(vm->kernel_path);
	assert_null(vm->kernel_params[0]);
	assert_false(vm->vcpus.set);
	assert_false(parse_good(&arena, "\"vm\":null")->vm.set);
}

static void test_minimal(void **state)
{
	auto_arena struct arena arena = { 0 };
	const struct spec *spec = parse_good(&arena, "");

	(void)state;
	assert_false(spec->has_process);
	assert_null(spec->process.args[0]);
	assert_null(spec->process.env[0]);
	assert_null(spec->linux_.masked_paths[0]);
	assert_null(spec->linux_.seccomp.archs[0]);
	assert_int_equal(spec->linux_.namespace_count, 0);
}

static void test_mounts(void **state)
{
	static const char members[] =
		"\"mounts\":[{\"destination\":\"data\",\"type\":\"\","
		"\"source\":\"/src\",\"options\":[\"bind\",\"idmap\"],"
		"\"uidMappings\":[{\"containerID\":0,\"hostID\":4294967294,"
		"\"size\":1}],\"gidMappings\":[{\"containerID\":1,"
		"\"hostID\":2,\"size\":3},{\"containerID\":4,\"hostID\":5,"
		"\"size\":6}]}]";
	const struct spec_warning *warnings = NULL;
	auto_free char *text = document(members);
	auto_arena struct arena arena = { 0 };
	const struct spec_mount *m;
	const struct spec *spec;

	(void)state;
	spec = spec_parse(&arena, text, strlen(text), &warnings, NULL);
	assert_non_null(spec);
	m = spec->mounts;
	assert_string_equal(m->destination, "/data");
	assert_null(m->type);
	assert_string_equal(m->source, "/src");
	assert_int_equal(m->uid_map_count, 1);
	assert_int_equal(m->uid_maps[0].host_id, 4294967294);
	assert_int_equal(m->gid_map_count, 2);
	assert_int_equal(m->gid_maps[1].container_id, 4);
	assert_int_equal(m->gid_maps[1].host_id, 5);
	assert_int_equal(m->gid_maps[1].size, 6);
	assert_string_equal(warnings->field, "mounts[0].destination");
	assert_string_equal(warnings->text,
			    "\"data\" is relative, taken as from \"/\"");
	assert_null(warnings->next);
}

static void test_hooks(void **state)
{
	auto_arena struct arena arena = { 0 };
	const struct spec_hooks *h;

	(void)state;
	h = &parse_good(&arena,
			"\"hooks\":{\"prestart\":[{\"path\":\"/a\"}],"
			"\"createRuntime\":[{\"path\":\"/b\",\"args\":[],"
			"\"env\":[],\"timeout\":5},{\"path\":\"/c\","
			"\"args\":[\"c\",\"-x\"],\"env\":[\"A=1\",\"B\"]}],"
			"\"createContainer\":[],\"poststop\":"
			"[{\"path\":\"/d\"}]}")
		     ->hooks;
	assert_int_equal(h->count[SPEC_HOOK_PRESTART], 1);
	assert_int_equal(h->count[SPEC_HOOK_CREATE_RUNTIME], 2);
	assert_int_equal(h->count[SPEC_HOOK_CREATE_CONTAINER], 0);
	assert_int_equal(h->count[SPEC_HOOK_START_CONTAINER], 0);
	assert_int_equal(h->count[SPEC_HOOK_POSTSTART], 0);
	assert_int_equal(h->count[SPEC_HOOK_POSTSTOP], 1);
	assert_string_equal(h->list[SPEC_HOOK_PRESTART][0].path, "/a");
	assert_null(h->list[SPEC_HOOK_PRESTART][0].args);
	assert_non_null(h->list[SPEC_HOOK_PRESTART][0].env);
	assert_null(h->list[SPEC_HOOK_PRESTART][0].env[0]);
	assert_false(h->list[SPEC_HOOK_PRESTART][0].env_set);
	assert_int_equal(h->list[SPEC_HOOK_PRESTART][0].timeout_s, 0);
	assert_null(h->list[SPEC_HOOK_CREATE_RUNTIME][0].args);
	assert_true(h->list[SPEC_HOOK_CREATE_RUNTIME][0].env_set);
	assert_int_equal(h->list[SPEC_HOOK_CREATE_RUNTIME][0].timeout_s, 5);
	assert_string_equal(h->list[SPEC_HOOK_CREATE_RUNTIME][1].args[1], "-x");
	assert_null(h->list[SPEC_HOOK_CREATE_RUNTIME][1].args[2]);
	assert_string_equal(h->list[SPEC_HOOK_CREATE_RUNTIME][1].env[1], "B");
	assert_string_equal(h->list[SPEC_HOOK_POSTSTOP][0].path, "/d");
}

static void test_namespaces(void **state)
{
	auto_arena struct arena arena = { 0 };
	const struct spec *spec;
	const struct spec_linux *l;

	(void)state;
	spec = parse_good(
		&arena,
		"\"hostname\":\"h\",\"domainname\":\"d\","
		"\"linux\":{\"namespaces\":[{\"type\":\"user\"},"
		"{\"type\":\"uts\",\"path\":\"/proc/1/ns/uts\"},"
		"{\"type\":\"time\",\"path\":\"\"},{\"type\":\"cgroup\"},"
		"{\"type\":\"mount\"},{\"type\":\"ipc\"},"
		"{\"type\":\"network\"},{\"type\":\"pid\"}],"
		"\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,"
		"\"size\":1},{\"containerID\":1,\"hostID\":100000,"
		"\"size\":65536}],\"gidMappings\":[{\"containerID\":0,"
		"\"hostID\":0,\"size\":4294967295}],"
		"\"timeOffsets\":{\"monotonic\":{\"secs\":-5},"
		"\"boottime\":{\"secs\":7,\"nanosecs\":999999999}},"
		"\"sysctl\":{\"user.max_ipc_namespaces\":\"1\","
		"\"kernel/shmmax\":\"2\",\"fs.mqueue.msg_max\":\"3\","
		"\"net/ipv4/conf/eno2.100/rp_filter\":\"4\"}}");
	l = &spec->linux_;
	assert_int_equal(l->namespace_count, SPEC_NS_TYPES);
	assert_string_equal(spec_namespace(spec, SPEC_NS_UTS)->path,
			    "/proc/1/ns/uts");
	assert_null(spec_namespace(spec, SPEC_NS_TIME)->path);
	assert_int_equal(l->uid_map_count, 2);
	assert_int_equal(l->uid_maps[1].size, 65536);
	assert_int_equal(l->gid_maps[0].size, 4294967295);
	assert_true(l->monotonic.set && l->boottime.set);
	assert_int_equal(l->monotonic.secs, -5);
	assert_int_equal(l->boottime.nanosecs, 999999999);
	assert_int_equal(l->sysctl_count, 4);
	assert_string_equal(l->sysctls[1].key, "kernel/shmmax");
}

static void test_linux(void **state)
{
	auto_arena struct arena arena = { 0 };
	const struct spec_linux *l;

	(void)state;
	l = &parse_good(
		     &arena,
		     "\"linux\":{\"namespaces\":[{\"type\":\"mount\"}],"
		     "\"devices\":[{\"type\":\"c\",\"path\":\"/dev/fuse\","
		     "\"major\":10,\"minor\":229,\"fileMode\":8630,"
		     "\"uid\":1,\"gid\":2},{\"type\":\"u\",\"path\":\"/dev/u\","
		     "\"major\":0,\"minor\":0},{\"type\":\"p\","
		     "\"path\":\"/dev/p\",\"fileMode\":0},{\"type\":\"b\","
		     "\"path\":\"/b\",\"major\":8,\"minor\":1}],"
		     "\"cgroupsPath\":\"a:b:c\",\"mountLabel\":\"m\","
		     "\"rootfsPropagation\":\"rslave\","
		     "\"memoryPolicy\":{\"mode\":\"MPOL_WEIGHTED_INTERLEAVE\","
		     "\"nodes\":\"0-1,3\",\"flags\":[\"MPOL_F_STATIC_NODES\","
		     "\"MPOL_F_NUMA_BALANCING\"]},"
		     "\"personality\":{\"domain\":\"LINUX32\",\"flags\":[]},"
		     "\"maskedPaths\":[\"/a\"]}")
		     ->linux_;
	assert_int_equal(l->device_count, 4);
	assert_int_equal(l->devices[0].type, 'c');
	assert_int_equal(l->devices[0].mode, 0666);
	assert_true(l->devices[0].mode_set);
	assert_int_equal(l->devices[0].minor, 229);
	assert_int_equal(l->devices[0].uid, 1);
	assert_int_equal(l->devices[0].gid, 2);
	assert_int_equal(l->devices[1].type, 'c');
	assert_false(l->devices[1].mode_set);
	assert_int_equal(l->devices[2].type, 'p');
	assert_int_equal(l->devices[2].major, 0);
	assert_true(l->devices[2].mode_set);
	assert_int_equal(l->devices[3].type, 'b');
	assert_string_equal(l->cgroups_path, "a:b:c");
	assert_string_equal(l->mount_label, "m");
	assert_int_equal(l->rootfs_propagation, SPEC_PROP_SLAVE);
	assert_true(l->mempolicy.set);
	assert_int_equal(l->mempolicy.mode, 6);
	assert_string_equal(l->mempolicy.nodes, "0-1,3");
	assert_int_equal(l->mempolicy.flags,
			 MPOL_F_STATIC_NODES | MPOL_F_NUMA_BALANCING);
	assert_true(l->personality.set);
	assert_int_equal(l->personality.domain, PER_LINUX32);
}

static void test_warnings(void **state)
{
	static const struct {
		const char *members;
		const char *field;
		const char *text;
	} cases[] = {
		{ "\"linux\":{\"resource\":{}}", "linux.resource",
		  "unknown property, did you mean \"resources\"?" },
		{ "\"hostnam\":\"x\"", "hostnam",
		  "unknown property, did you mean \"hostname\"?" },
		{ "\"mounts\":[{\"destination\":\"/a\",\"option\":[]}]",
		  "mounts[0].option",
		  "unknown property, did you mean \"options\"?" },
		{ PROC(",\"capabilities\":{\"ambient\":[\"CAP_FLY\","
		       "\"kill\"]}"),
		  "process.capabilities.ambient[0]",
		  "unknown capability \"CAP_FLY\", ignored" },
		{ "\"com.example\":{\"x\":1}", NULL, NULL },
		{ RES("\"oomScoreAdj\":100"), NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct spec_warning *w = NULL;
		auto_free char *text = document(cases[i].members);
		auto_arena struct arena arena = { 0 };

		assert_non_null(
			spec_parse(&arena, text, strlen(text), &w, NULL));
		assert_true(!w == !cases[i].field);
		if (!w)
			continue;
		assert_string_equal(w->field, cases[i].field);
		assert_string_equal(w->text, cases[i].text);
		assert_int_equal(w->demanded,
				 !strncmp(w->text, "unknown capability", 18));
		assert_null(w->next);
		/* nobody has to take them */
		assert_non_null(
			spec_parse(&arena, text, strlen(text), NULL, NULL));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_nulls_and_empty_are_unset),
		cmocka_unit_test(test_minimal),
		cmocka_unit_test(test_vm),
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_hooks),
		cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_linux),
		cmocka_unit_test(test_warnings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
