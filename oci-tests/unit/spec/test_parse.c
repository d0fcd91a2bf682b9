/* SPDX-License-Identifier: Apache-2.0 */
#include "spec_test.h"

#include <sys/resource.h>

/* What the engines wrote, value by value. */

static const struct spec *load(struct arena *arena, const char *path)
{
	const struct spec_warning *warnings = NULL;
	auto_free char *text = NULL;
	struct err err = { 0 };
	const struct spec *spec;
	size_t len;

	read_file(path, &text, &len);
	spec = spec_parse(arena, text, len, &warnings, &err);
	if (!spec)
		fail_msg("%s: %s", path, err.msg);
	assert_null(warnings);
	assert_int_equal(err.code, 0);
	/* nothing may point into the text: it is gone from here on */
	memset(text, 'x', len);
	return spec;
}

static void assert_strings(const char *const *got, size_t count,
			   const char *const *want)
{
	size_t n = 0;

	for (; want[n]; n++)
		assert_string_equal(got[n], want[n]);
	assert_null(got[n]);
	assert_int_equal(count, n);
}

#define STRINGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static uint64_t caps_of(const char *const *names)
{
	uint64_t mask = 0;

	for (; *names; names++)
		mask |= UINT64_C(1) << spec_cap_number(*names);
	return mask;
}

static void assert_namespaces(const struct spec *spec, const char *types)
{
	auto_strbuf struct strbuf got = STRBUF_INIT;

	for (size_t i = 0; i < spec->linux_.namespace_count; i++) {
		const struct spec_namespace *ns = &spec->linux_.namespaces[i];

		strbuf_addf(&got, "%s ", spec_ns_names[ns->type]);
		assert_null(ns->path);
		assert_ptr_equal(spec_namespace(spec, ns->type), ns);
	}
	assert_string_equal(got.s, types);
}

static void check_docker_process(const struct spec_process *p)
{
	assert_false(p->terminal);
	assert_false(p->console_size_set);
	assert_int_equal(p->user.uid, 0);
	assert_int_equal(p->user.gid, 0);
	assert_false(p->user.umask_set);
	assert_int_equal(p->user.group_count, 1);
	assert_int_equal(p->user.groups[0], 0);
	assert_strings(p->args, p->arg_count, STRINGS("/bin/true"));
	assert_strings(p->env, p->env_count,
		       STRINGS("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:"
			       "/usr/bin:/sbin:/bin",
			       "HOSTNAME=8d0bc8da7693"));
	assert_string_equal(p->cwd, "/nodir/x");
	assert_true(p->caps.set);
	assert_true(p->caps.bounding ==
		    caps_of(STRINGS("CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER",
				    "MKNOD", "NET_RAW", "SETGID", "SETUID",
				    "SETFCAP", "SETPCAP", "NET_BIND_SERVICE",
				    "SYS_CHROOT", "KILL", "AUDIT_WRITE")));
	assert_true(p->caps.effective == p->caps.bounding);
	assert_true(p->caps.permitted == p->caps.bounding);
	assert_true(p->caps.inheritable == 0 && p->caps.ambient == 0);
	assert_int_equal(p->rlimit_count, 0);
	assert_false(p->no_new_privs);
	assert_null(p->apparmor_profile);
	assert_null(p->selinux_label);
	assert_true(p->oom_score_adj_set);
	assert_int_equal(p->oom_score_adj, 0);
	assert_false(p->scheduler.set || p->io_priority.set);
	assert_null(p->cpu_affinity_initial);
	assert_null(p->cpu_affinity_final);
}

static void check_docker_mounts(const struct spec *spec)
{
	const struct spec_mount *m = spec->mounts;

	assert_int_equal(spec->mount_count, 10);
	assert_string_equal(m[0].destination, "/proc");
	assert_string_equal(m[0].type, "proc");
	assert_string_equal(m[0].source, "proc");
	assert_strings(m[0].options, m[0].option_count,
		       STRINGS("nosuid", "noexec", "nodev"));
	assert_string_equal(m[1].destination, "/dev");
	assert_strings(
		m[1].options, m[1].option_count,
		STRINGS("nosuid", "strictatime", "mode=755", "size=65536k"));
	assert_string_equal(m[4].type, "cgroup");
	assert_string_equal(m[9].destination, "/etc/hosts");
	assert_string_equal(m[9].type, "bind");
	assert_string_equal(m[9].source, "volumes/hosts");
	assert_strings(m[9].options, m[9].option_count,
		       STRINGS("rbind", "rprivate"));
	assert_int_equal(m[9].uid_map_count + m[9].gid_map_count, 0);
}

static void check_docker_resources(const struct spec_resources *r)
{
	const struct spec_device_rule *rule = r->devices;

	assert_true(r->devices_set);
	assert_int_equal(r->device_count, 8);
	assert_false(rule[0].allow);
	assert_int_equal(rule[0].type, 'a');
	assert_int_equal(rule[0].major, -1);
	assert_int_equal(rule[0].minor, -1);
	assert_true(rule[0].read && rule[0].write && rule[0].mknod);
	assert_true(rule[1].allow);
	assert_int_equal(rule[1].type, 'c');
	assert_int_equal(rule[1].major, 1);
	assert_int_equal(rule[1].minor, 5);
	assert_false(rule[7].allow);
	assert_int_equal(rule[7].major, 10);
	assert_int_equal(rule[7].minor, 229);
	/* zero means unset */
	assert_false(r->memory.limit.set || r->memory.swap.set ||
		     r->memory.reservation.set);
	assert_false(r->cpu.shares.set || r->cpu.quota.set ||
		     r->cpu.period.set || r->cpu.burst.set || r->cpu.idle.set);
	assert_null(r->cpu.cpus);
	assert_false(r->block_io.weight.set);
	assert_false(r->pids_limit.set);
	assert_int_equal(r->hugepage_count + r->rdma_count + r->unified_count,
			 0);
}

static void check_docker_seccomp(const struct spec_seccomp *s)
{
	const struct spec_scmp_rule *r = s->rules;

	assert_true(s->set);
	assert_int_equal(s->default_action, SPEC_ACT_ERRNO);
	assert_false(s->default_errno_set);
	assert_strings(
		s->archs, 3,
		STRINGS("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"));
	assert_false(s->flags_set);
	assert_int_equal(s->rule_count, 12);
	assert_string_equal(r[0].names[0], "accept");
	assert_string_equal(r[0].names[345], "writev");
	assert_null(r[0].names[346]);
	assert_int_equal(r[0].action, SPEC_ACT_ALLOW);
	assert_int_equal(r[0].arg_count, 0);
	assert_string_equal(r[6].names[0], "personality");
	assert_int_equal(r[6].arg_count, 1);
	assert_int_equal(r[6].args[0].index, 0);
	assert_int_equal(r[6].args[0].op, SPEC_SCMP_EQ);
	assert_int_equal(r[6].args[0].value, 4294967295);
	assert_string_equal(r[9].names[0], "clone");
	assert_int_equal(r[9].args[0].op, SPEC_SCMP_MASKED_EQ);
	assert_int_equal(r[9].args[0].value, 0x7e020000);
	assert_int_equal(r[9].args[0].value_two, 0);
	assert_string_equal(r[10].names[0], "clone3");
	assert_int_equal(r[10].action, SPEC_ACT_ERRNO);
	assert_true(r[10].errno_set);
	assert_int_equal(r[10].errno_ret, 38);
	assert_false(r[0].errno_set);
}

static void test_docker(void **state)
{
	auto_arena struct arena arena = { 0 };
	const struct spec *spec =
		load(&arena, "oci-tests/data/docker-run.json");
	const struct spec_linux *l = &spec->linux_;

	(void)state;
	assert_string_equal(spec->oci_version, "1.0.2-dev");
	assert_true(spec->has_process);
	check_docker_process(&spec->process);
	assert_string_equal(spec->root_path, "rootfs");
	assert_false(spec->root_readonly);
	assert_string_equal(spec->hostname, "8d0bc8da7693");
	assert_null(spec->domainname);
	check_docker_mounts(spec);
	for (int i = 0; i < SPEC_HOOK_KINDS; i++)
		assert_int_equal(spec->hooks.count[i], 0);
	assert_int_equal(spec->annotation_count, 0);
	assert_namespaces(spec, "mount network uts pid ipc ");
	assert_int_equal(l->uid_map_count + l->gid_map_count, 0);
	assert_string_equal(l->cgroups_path, "/docker/0000");
	assert_int_equal(l->sysctl_count, 2);
	assert_string_equal(l->sysctls[1].key, "net.ipv4.ping_group_range");
	assert_string_equal(l->sysctls[1].value, "0 2147483647");
	check_docker_resources(&l->resources);
	check_docker_seccomp(&l->seccomp);
	assert_int_equal(l->rootfs_propagation, SPEC_PROP_UNSET);
	assert_int_equal(l->masked_count, 10);
	assert_string_equal(l->masked_paths[9], "/sys/firmware");
	assert_strings(l->readonly_paths, l->readonly_count,
		       STRINGS("/proc/bus", "/proc/fs", "/proc/irq",
			       "/proc/sys", "/proc/sysrq-trigger"));
	assert_false(l->monotonic.set || l->boottime.set || l->mempolicy.set ||
		     l->personality.set);
	assert_int_equal(l->device_count, 0);
	assert_null(l->mount_label);
}

static void test_seccomp_raw_is_the_very_text(void **state)
{
	auto_arena struct arena arena = { 0 };
	const struct spec *spec =
		load(&arena, "oci-tests/data/docker-run.json");
	const struct spec_seccomp *s = &spec->linux_.seccomp;
	auto_free char *text = NULL;
	const char *from, *want;
	size_t len;

	(void)state;
	read_file("oci-tests/data/docker-run.json", &text, &len);
	from = strstr(text, "\"seccomp\":");
	want = strchr(from, '{');
	assert_memory_equal(s->raw, want, s->raw_len);
	assert_int_equal(s->raw[s->raw_len - 1], '}');
	from = strstr(text, "\"maskedPaths\"");
	assert_true(want + s->raw_len < from);
	assert_true(strspn(want + s->raw_len, ", \n") ==
		    (size_t)(from - want) - s->raw_len);
	assert_non_null(json_parse(&arena, s->raw, s->raw_len, NULL));
}

static void test_cri_container(void **state)
{
	auto_arena struct arena arena = { 0 };
	const struct spec *spec =
		load(&arena, "oci-tests/data/cri-container.json");
	const struct spec_resources *r = &spec->linux_.resources;

	(void)state;
	assert_strings(
		spec->process.args, spec->process.arg_count,
		STRINGS("/bin/sh", "-c", "echo started; exec sleep 1000"));
	assert_int_equal(spec->process.oom_score_adj, 998);
	assert_null(spec->hostname);
	assert_int_equal(spec->annotation_count, 7);
	assert_string_equal(
		spec_annotation(spec, "io.kubernetes.cri.container-type"),
		"container");
	assert_null(spec_annotation(spec, "io.kubernetes"));
	assert_true(r->memory.limit.set && r->memory.swap.set);
	assert_int_equal(r->memory.limit.v, 134217728);
	assert_int_equal(r->memory.swap.v, 134217728);
	assert_int_equal(r->cpu.shares.v, 256);
	assert_int_equal(r->cpu.quota.v, 50000);
	assert_int_equal(r->cpu.period.v, 100000);
	assert_true(r->cpu.shares.set && r->cpu.quota.set && r->cpu.period.set);
	assert_int_equal(r->device_count, 1);
	assert_namespaces(spec, "pid ipc uts mount network ");
	assert_int_equal(spec->linux_.seccomp.rule_count, 11);
}

static void test_cri_sandbox(void **state)
{
	auto_arena struct arena arena = { 0 };
	const struct spec *spec =
		load(&arena, "oci-tests/data/cri-sandbox.json");

	(void)state;
	assert_true(spec->root_readonly);
	assert_true(spec->process.no_new_privs);
	assert_int_equal(spec->process.env_count, 0);
	assert_null(spec->process.env[0]);
	assert_int_equal(spec->linux_.resources.cpu.shares.v, 2);
	assert_namespaces(spec, "pid ipc mount ");
	assert_null(spec_namespace(spec, SPEC_NS_NETWORK));
	/* /dev/shm stands there twice: the order is the document's */
	assert_string_equal(spec->mounts[3].type, "tmpfs");
	assert_string_equal(spec->mounts[6].type, "bind");
	assert_string_equal(spec->mounts[6].destination, "/dev/shm");
}

static void test_podman(void **state)
{
	auto_arena struct arena arena = { 0 };
	const struct spec *spec =
		load(&arena, "oci-tests/data/podman-run.json");
	const struct spec_process *p = &spec->process;
	const struct spec_seccomp *s = &spec->linux_.seccomp;

	(void)state;
	assert_true(p->user.umask_set);
	assert_int_equal(p->user.umask, 022);
	assert_false(p->oom_score_adj_set);
	assert_int_equal(p->rlimit_count, 2);
	assert_int_equal(p->rlimits[0].resource, RLIMIT_NOFILE);
	assert_int_equal(p->rlimits[1].resource, RLIMIT_NPROC);
	assert_string_equal(p->rlimits[1].type, "RLIMIT_NPROC");
	assert_int_equal(p->rlimits[1].soft, 1024);
	assert_int_equal(p->rlimits[1].hard, 1024);
	assert_true(spec->linux_.resources.pids_limit.set);
	assert_int_equal(spec->linux_.resources.pids_limit.v, 2048);
	assert_true(s->default_errno_set);
	assert_int_equal(s->default_errno, 38);
	assert_int_equal(s->rule_count, 19);
	assert_int_equal(s->rules[0].errno_ret, 1);
	assert_string_equal(spec_annotation(spec, "io.container.manager"),
			    "libpod");
}

static void test_runc_spec(void **state)
{
	auto_arena struct arena arena = { 0 };
	const struct spec *spec = load(&arena, "oci-tests/data/runc-spec.json");
	const struct spec_process *p = &spec->process;

	(void)state;
	assert_true(p->terminal);
	assert_strings(p->args, p->arg_count, STRINGS("sh"));
	assert_true(p->caps.ambient == p->caps.bounding);
	assert_true(p->caps.ambient == caps_of(STRINGS("AUDIT_WRITE", "KILL",
						       "NET_BIND_SERVICE")));
	assert_true(spec->root_readonly);
	assert_string_equal(spec->hostname, "runc");
	assert_int_equal(spec->mounts[0].option_count, 0);
	assert_null(spec->mounts[0].options[0]);
	assert_null(spec->linux_.cgroups_path);
	assert_false(spec->linux_.seccomp.set);
	assert_null(spec->linux_.seccomp.archs[0]);
}

static void test_runc_spec_rootless(void **state)
{
	auto_arena struct arena arena = { 0 };
	const struct spec *spec =
		load(&arena, "oci-tests/data/runc-spec-rootless.json");
	const struct spec_linux *l = &spec->linux_;

	(void)state;
	assert_namespaces(spec, "pid ipc uts mount user ");
	assert_int_equal(l->uid_map_count, 1);
	assert_int_equal(l->uid_maps[0].container_id, 0);
	assert_int_equal(l->uid_maps[0].host_id, 0);
	assert_int_equal(l->uid_maps[0].size, 1);
	assert_int_equal(l->gid_map_count, 1);
	assert_false(l->resources.devices_set);
	assert_string_equal(spec->mounts[5].type, "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_docker),
		cmocka_unit_test(test_seccomp_raw_is_the_very_text),
		cmocka_unit_test(test_cri_container),
		cmocka_unit_test(test_cri_sandbox),
		cmocka_unit_test(test_podman),
		cmocka_unit_test(test_runc_spec),
		cmocka_unit_test(test_runc_spec_rootless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
