/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

/* What is wrong in the parts of config.json that every platform has. */

/* clang-format off */
static const struct row top_rows[] = {
	{ "\"vm\":[]", "vm: expected an object, got an array" },
	{ "\"vm\":{\"hypervisor\":{}}",
	  "vm.hypervisor: hull brings its own virtual machine monitor" },
	{ "\"vm\":{\"kernel\":{\"path\":\"k\",\"parameters\":[1,\"a\\nb\"],"
	  "\"initrd\":\"i\"}}",
	  "vm.kernel.path: expected an absolute path, got \"k\"\n"
	  "vm.kernel.parameters[0]: expected a string, got 1\n"
	  "vm.kernel.parameters[1]: a line break in a kernel parameter, got \"a?b\"\n"
	  "vm.kernel.initrd: expected an absolute path, got \"i\"" },
	{ "\"vm\":{\"image\":{}}",
	  "vm.image.path: required, but missing\n"
	  "vm.image.format: required, but missing" },
	{ "\"vm\":{\"image\":{\"path\":\"/i\",\"format\":\"qcow2\"}}",
	  "vm.image.format: only \"raw\" images can be used, got \"qcow2\"" },
	{ "\"vm\":{\"hwConfig\":{\"vcpus\":65,\"memory\":-1}}",
	  "vm.hwConfig.vcpus: expected a whole number (0 to 64), got 65\n"
	  "vm.hwConfig.memory: expected a whole number (0 to 1099511627776), got -1" },
	{ "\"vm\":{\"hwConfig\":{\"deviceTree\":\"/d\",\"dtdevs\":[\"a\"],"
	  "\"iomems\":[{}],\"irqs\":[1]}}",
	  "vm.hwConfig.deviceTree: hull makes the description of its machine itself\n"
	  "vm.hwConfig.dtdevs: only Xen has this: hull's machines are KVM's\n"
	  "vm.hwConfig.iomems: only Xen has this: hull's machines are KVM's\n"
	  "vm.hwConfig.irqs: only Xen has this: hull's machines are KVM's" },
	{ "\"hostname\":\"h\"",
	  "hostname: cannot be set without a uts namespace in linux.namespaces" },
	{ "\"domainname\":\"d\"," NS("{\"type\":\"pid\"}") "}",
	  "domainname: cannot be set without a uts namespace in linux.namespaces" },
	{ "\"hostname\":\"0123456789012345678901234567890123456789"
	  "0123456789012345678901234\"," NS_ALL "}",
	  "hostname: longer than 64 bytes" },
	{ "\"hostname\":7", "hostname: expected a string, got 7" },
	{ "\"annotations\":{\"a\":1}", "annotations.a: expected a string, got 1" },
	{ "\"annotations\":{\"\":\"x\"}", "annotations[\"\"]: an empty name" },
	{ "\"annotations\":{\"org.a/b\":[]}",
	  "annotations[\"org.a/b\"]: expected a string, got an array" },
	{ "\"annotations\":{\"a\\nb\":null}",
	  "annotations[\"a?b\"]: expected a string, got null" },
	{ "\"mounts\":{}", "mounts: expected an array, got an object" },
	{ "\"linux\":[]", "linux: expected an object, got an array" },
	{ "\"hooks\":true", "hooks: expected an object, got true" },
};

static const struct row process_rows[] = {
	{ "\"process\":{}",
	  "process.args: required, but missing\n"
	  "process.cwd: required, but missing" },
	{ "\"process\":{\"cwd\":null,\"args\":null}",
	  "process.args: required, but missing\n"
	  "process.cwd: required, but missing" },
	{ "\"process\":{\"cwd\":\"tmp\",\"args\":[]}",
	  "process.cwd: expected an absolute path, got \"tmp\"\n"
	  "process.args: expected at least one entry" },
	{ "\"process\":{\"cwd\":\"\",\"args\":[\"\",\"a\"]}",
	  "process.cwd: expected an absolute path, got \"\"\n"
	  "process.args[0]: must not be empty" },
	{ "\"process\":{\"cwd\":\"/\",\"args\":[\"a\",null,3]}",
	  "process.args[1]: expected a string, got null\n"
	  "process.args[2]: expected a string, got 3" },
	{ PROC(",\"env\":[\"A=1\",\"secret\",\"=x\",\"B=\"]"),
	  "process.env[1]: expected NAME=value, got no \"=\"\n"
	  "process.env[2]: expected NAME=value, got an empty name" },
	{ PROC(",\"terminal\":\"yes\""),
	  "process.terminal: expected true or false, got \"yes\"" },
	{ PROC(",\"consoleSize\":{\"height\":5}"),
	  "process.consoleSize.width: required, but missing" },
	{ PROC(",\"consoleSize\":{\"height\":65536,\"width\":-1}"),
	  "process.consoleSize.height: expected a whole number (0 to 65535), got 65536\n"
	  "process.consoleSize.width: expected a whole number (0 to 65535), got -1" },
	{ PROC(",\"user\":{}"),
	  "process.user.uid: required, but missing\n"
	  "process.user.gid: required, but missing" },
	{ PROC(",\"user\":{\"uid\":4294967295,\"gid\":\"0\"}"),
	  "process.user.uid: expected a whole number (0 to 4294967294), got 4294967295\n"
	  "process.user.gid: expected a whole number (0 to 4294967294), got \"0\"" },
	{ PROC(",\"user\":{\"uid\":1.0,\"gid\":1e3}"),
	  "process.user.uid: expected a whole number (0 to 4294967294), got 1.0\n"
	  "process.user.gid: expected a whole number (0 to 4294967294), got 1e3" },
	{ PROC(",\"user\":{\"uid\":0,\"gid\":0,\"umask\":512}"),
	  "process.user.umask: expected a whole number (0 to 511), got 512" },
	{ PROC(",\"user\":{\"uid\":0,\"gid\":0,\"additionalGids\":[0,4294967295]}"),
	  "process.user.additionalGids[1]: expected a whole number (0 to 4294967294), got 4294967295" },
	{ PROC(",\"capabilities\":{\"bounding\":\"CAP_KILL\",\"ambient\":[1]}"),
	  "process.capabilities.bounding: expected an array, got \"CAP_KILL\"\n"
	  "process.capabilities.ambient[0]: expected a string, got 1" },
	{ PROC(",\"rlimits\":[{}]"),
	  "process.rlimits[0].type: required, but missing\n"
	  "process.rlimits[0].soft: required, but missing\n"
	  "process.rlimits[0].hard: required, but missing" },
	{ PROC(",\"rlimits\":[{\"type\":\"RLIMIT_X\",\"soft\":2,\"hard\":1}]"),
	  "process.rlimits[0].type: unknown resource limit \"RLIMIT_X\"\n"
	  "process.rlimits[0]: the soft limit 2 is above the hard limit 1" },
	{ PROC(",\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":0,\"hard\":1},"
	       "{\"type\":\"RLIMIT_CPU\",\"soft\":0,\"hard\":1}]"),
	  "process.rlimits[1].type: \"RLIMIT_CPU\" is given twice" },
	{ PROC(",\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":18446744073709551616,\"hard\":-1}]"),
	  "process.rlimits[0].soft: expected a whole number (0 to 18446744073709551615), got 18446744073709551616\n"
	  "process.rlimits[0].hard: expected a whole number (0 to 18446744073709551615), got -1" },
	{ PROC(",\"oomScoreAdj\":1001"),
	  "process.oomScoreAdj: expected a whole number (-1000 to 1000), got 1001" },
	{ PROC(",\"scheduler\":{}"),
	  "process.scheduler.policy: required, but missing" },
	{ PROC(",\"scheduler\":{\"policy\":\"SCHED_ISO\"}"),
	  "process.scheduler.policy: expected one of SCHED_OTHER, SCHED_FIFO, SCHED_RR, "
	  "SCHED_BATCH, SCHED_IDLE, SCHED_DEADLINE, got \"SCHED_ISO\"" },
	{ PROC(",\"scheduler\":{\"policy\":\"SCHED_FIFO\",\"nice\":20,\"flags\":[\"X\"]}"),
	  "process.scheduler.nice: expected a whole number (-20 to 19), got 20\n"
	  "process.scheduler.flags[0]: expected one of SCHED_FLAG_RESET_ON_FORK, "
	  "SCHED_FLAG_RECLAIM, SCHED_FLAG_DL_OVERRUN, SCHED_FLAG_KEEP_POLICY, "
	  "SCHED_FLAG_KEEP_PARAMS, SCHED_FLAG_UTIL_CLAMP_MIN, "
	  "SCHED_FLAG_UTIL_CLAMP_MAX, got \"X\"" },
	{ PROC(",\"scheduler\":{\"policy\":\"SCHED_RR\"}"),
	  "process.scheduler.priority: SCHED_FIFO and SCHED_RR need 1 to 99" },
	{ PROC(",\"scheduler\":{\"policy\":\"SCHED_BATCH\",\"priority\":1,\"period\":5}"),
	  "process.scheduler.priority: only SCHED_FIFO and SCHED_RR have one\n"
	  "process.scheduler: runtime, deadline and period are for SCHED_DEADLINE only" },
	{ PROC(",\"ioPriority\":{\"class\":\"IOPRIO_CLASS_NONE\",\"priority\":8}"),
	  "process.ioPriority.class: expected one of IOPRIO_CLASS_RT, IOPRIO_CLASS_BE, "
	  "IOPRIO_CLASS_IDLE, got \"IOPRIO_CLASS_NONE\"\n"
	  "process.ioPriority.priority: expected a whole number (0 to 7), got 8" },
	{ PROC(",\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\"}"),
	  "process.ioPriority.priority: required, but missing" },
	{ PROC(",\"execCPUAffinity\":{\"initial\":\"0-\",\"final\":\"3-1\"}"),
	  "process.execCPUAffinity.initial: expected a list of CPUs such as \"0-3,7\", got \"0-\"\n"
	  "process.execCPUAffinity.final: expected a list of CPUs such as \"0-3,7\", got \"3-1\"" },
	{ PROC(",\"noNewPrivileges\":1"),
	  "process.noNewPrivileges: expected true or false, got 1" },
	{ PROC(",\"apparmorProfile\":{},\"selinuxLabel\":false"),
	  "process.apparmorProfile: expected a string, got an object\n"
	  "process.selinuxLabel: expected a string, got false" },
};

static const struct row mount_rows[] = {
	{ "\"mounts\":[{}]", "mounts[0].destination: required, but missing" },
	{ "\"mounts\":[{\"destination\":\"/a\"},null,{\"destination\":\"\"}]",
	  "mounts[1]: expected an object, got null\n"
	  "mounts[2].destination: must not be empty" },
	{ "\"mounts\":[{\"destination\":\"/a\",\"options\":[\"ro\",5],\"type\":1}]",
	  "mounts[0].options[1]: expected a string, got 5\n"
	  "mounts[0].type: expected a string, got 1" },
	{ "\"mounts\":[{\"destination\":\"/a\",\"uidMappings\":"
	  "[{\"containerID\":0,\"hostID\":0,\"size\":1}]}]",
	  "mounts[0]: uidMappings and gidMappings go together" },
	{ "\"mounts\":[{\"destination\":\"/a\",\"uidMappings\":"
	  "[{\"containerID\":0,\"hostID\":0,\"size\":0}]}]",
	  "mounts[0].uidMappings[0].size: expected a whole number (1 to 4294967295), got 0" },
	{ "\"mounts\":[{\"destination\":\"/a\",\"options\":[\"bind\",\"ridmap\"]}]",
	  "mounts[0].options: \"ridmap\" needs uidMappings and gidMappings, or a user namespace" },
};

static const struct row hook_rows[] = {
	{ "\"hooks\":{\"prestart\":[{}],\"poststop\":{}}",
	  "hooks.prestart[0].path: required, but missing\n"
	  "hooks.poststop: expected an array, got an object" },
	{ "\"hooks\":{\"createRuntime\":[{\"path\":\"bin/x\",\"timeout\":0}]}",
	  "hooks.createRuntime[0].path: expected an absolute path, got \"bin/x\"\n"
	  "hooks.createRuntime[0].timeout: expected a whole number (1 to 2147483647), got 0" },
	{ "\"hooks\":{\"poststart\":[{\"path\":\"/x\",\"args\":[1],\"env\":\"A=1\"}]}",
	  "hooks.poststart[0].args[0]: expected a string, got 1\n"
	  "hooks.poststart[0].env: expected an array, got \"A=1\"" },
};
/* clang-format on */

GROUP(top)
GROUP(process)
GROUP(mount)
GROUP(hook)

static void expect_text(const char *text, const char *msg)
{
	auto_arena struct arena arena = { 0 };
	struct err err = { 0 };

	assert_null(spec_parse(&arena, text, strlen(text), NULL, &err));
	assert_string_equal(err.msg, msg);
}

static void test_whole_documents(void **state)
{
	(void)state;
	expect_text("{}", "ociVersion: required, but missing\n"
			  "root: required, but missing");
	expect_text("{\"ociVersion\":\"1.0.0\",\"root\":{}}",
		    "root.path: required, but missing");
	expect_text("{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"\"}}",
		    "root.path: must not be empty");
	expect_text("[]", "expected an object, got an array");
	expect_text("{\"ociVersion\"",
		    "invalid JSON at line 1, column 14: premature EOF");
	expect_text("{\"root\":{\"path\":\"r\"},\"root\":{}}",
		    "invalid JSON at line 1, column 29: \"root\" is given "
		    "twice");
}

static void test_versions(void **state)
{
	static const char *const good[] = {
		"1.0.0",  "1.3.0",          "1.0.2-dev",     "1.10.20",
		"1.99.0", "1.0.0-rc.5+dev", "1.1.0+build-7",
	};
	static const char *const bad[] = {
		"",       "1",       "1.0",       "0.5.0-dev",
		"2.0.0",  "10.0.0",  "1.0.",      "1.0.0-",
		"v1.0.0", "1.0.0 ",  "1.00.0",    "1.0.01",
		"1.a.0",  "1.0.0.0", "1.0.0-a b", "1.-1.0",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good) + ARRAY_SIZE(bad); i++) {
		const bool want = i < ARRAY_SIZE(good);
		const char *version =
			want ? good[i] : bad[i - ARRAY_SIZE(good)];
		auto_arena struct arena arena = { 0 };
		struct err err = { 0 };
		char text[128];

		snprintf(text, sizeof(text),
			 "{\"ociVersion\":\"%s\",\"root\":{\"path\":\"r\"}}",
			 version);
		if (!spec_parse(&arena, text, strlen(text), NULL, &err) == want)
			fail_msg("'%s': %s", version, err.msg);
		if (!want)
			assert_string_equal(err.field, "ociVersion");
	}
}

static void test_too_many_maps(void **state)
{
	auto_strbuf struct strbuf members = STRBUF_INIT;
	auto_arena struct arena arena = { 0 };
	auto_free char *text = NULL;
	struct err err = { 0 };

	(void)state;
	strbuf_add(
		&members,
		NS("{\"type\":\"user\",\"path\":\"/p\"}") ",\"gidMappings\":[");
	for (int i = 0; i < 341; i++)
		strbuf_addf(&members,
			    "%s{\"containerID\":%d,\"hostID\":%d,\"size\":1}",
			    i ? "," : "", i, i);
	strbuf_add(&members, "]}");
	text = document(members.s);
	assert_null(spec_parse(&arena, text, strlen(text), NULL, &err));
	assert_string_equal(err.msg, "linux.gidMappings: 341 entries, the "
				     "kernel takes 340");
}

/* A flood of problems is counted, not lost and not overrun. */
static void test_many_problems(void **state)
{
	auto_strbuf struct strbuf members = STRBUF_INIT;
	auto_arena struct arena arena = { 0 };
	auto_free char *text = NULL;
	struct err err = { 0 };

	(void)state;
	strbuf_add(&members, "\"mounts\":[");
	for (int i = 0; i < 500; i++)
		strbuf_addf(&members, "%s{}", i ? "," : "");
	strbuf_add(&members, "]");
	text = document(members.s);
	assert_null(spec_parse(&arena, text, strlen(text), NULL, &err));
	assert_string_equal(err.field, "mounts[0].destination");
	assert_non_null(strstr(err.msg, "\nmounts[9].destination: "));
	assert_non_null(strstr(err.msg, "\n... and "));
}

static void test_parts_on_their_own(void **state)
{
	static const char process[] = "{\"cwd\":\"x\",\"args\":[\"a\"]}";
	static const char resources[] = "{\"cpu\":{\"shares\":-1}}";
	static const char good[] = "{\"memory\":{\"reservation\":0,"
				   "\"kernel\":0,\"limit\":4096}}";
	auto_arena struct arena arena = { 0 };
	const struct spec_resources *res;
	struct err err = { 0 };

	(void)state;
	assert_null(spec_parse_process(&arena, process, strlen(process), NULL,
				       &err));
	assert_string_equal(err.msg, "process.cwd: expected an absolute path, "
				     "got \"x\"");
	assert_null(spec_parse_process(&arena, "[]", 2, NULL, &err));
	assert_string_equal(err.msg,
			    "process: expected an object, got an array");
	assert_null(spec_parse_resources(&arena, resources, strlen(resources),
					 NULL, &err));
	assert_string_equal(err.msg, "resources.cpu.shares: expected a whole "
				     "number (0 to 18446744073709551615), got "
				     "-1");
	res = spec_parse_resources(&arena, good, strlen(good), NULL, NULL);
	assert_non_null(res);
	assert_true(res->memory.limit.set);
	assert_int_equal(res->memory.limit.v, 4096);
	assert_false(res->memory.reservation.set || res->devices_set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_top),
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_mount),
		cmocka_unit_test(test_hook),
		cmocka_unit_test(test_whole_documents),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_too_many_maps),
		cmocka_unit_test(test_many_problems),
		cmocka_unit_test(test_parts_on_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
