/* SPDX-License-Identifier: Apache-2.0 */
#include "spec_test.h"

/*
 * One row per rule: members that are added to a small good document, and the
 * whole answer.
 */

struct row {
	const char *members;
	const char *msg;
};

/* Namespaces that rows about something else need. */
#define NS(types) "\"linux\":{\"namespaces\":[" types "]"
#define NS_ALL                                                           \
	NS("{\"type\":\"mount\"},{\"type\":\"ipc\"},{\"type\":\"uts\"}," \
	   "{\"type\":\"network\"}")
#define PROC(members) "\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"]" members "}"
#define RES(members) "\"linux\":{\"resources\":{" members "}}"
#define SCMP(members)                                                          \
	"\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\"" members \
	"}}"
#define V2 "cgroup v2 has no such control"

static void check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		auto_arena struct arena arena = { 0 };
		auto_free char *text = document(rows[i].members);
		struct err err = { 0 };
		char field[sizeof(err.field)];

		if (spec_parse(&arena, text, strlen(text), NULL, &err))
			fail_msg("taken: %s", rows[i].members);
		if (strcmp(err.msg, rows[i].msg) != 0)
			fail_msg("%s\n got: %s\nwant: %s", rows[i].members,
				 err.msg, rows[i].msg);
		assert_int_equal(err.code, -EINVAL);
		snprintf(field, sizeof(field), "%.*s",
			 (int)(strstr(err.msg, ": ") - err.msg), err.msg);
		assert_string_equal(err.field, field);
		assert_null(spec_parse(&arena, text, strlen(text), NULL, NULL));
	}
}

/* clang-format off */
static const struct row top_rows[] = {
	{ "\"vm\":{}", "vm: not supported yet" },
	{ "\"vm\":{\"kernel\":{\"path\":\"/k\"}}", "vm: not supported yet" },
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

static const struct row linux_rows[] = {
	{ NS("{}") "}", "linux.namespaces[0].type: required, but missing" },
	{ NS("{\"type\":\"net\"}") "}",
	  "linux.namespaces[0].type: expected one of pid, network, mount, ipc, uts, user, "
	  "cgroup, time, got \"net\"" },
	{ NS("{\"type\":\"networks\"}") "}",
	  "linux.namespaces[0].type: expected one of pid, network, mount, ipc, uts, user, "
	  "cgroup, time, got \"networks\"" },
	{ NS("{\"type\":\"pid\"},{\"type\":\"pid\",\"path\":\"/x\"}") "}",
	  "linux.namespaces[1].type: \"pid\" is given twice" },
	{ NS("{\"type\":\"pid\",\"path\":\"proc/1/ns/pid\"}") "}",
	  "linux.namespaces[0].path: expected an absolute path, got \"proc/1/ns/pid\"" },
	/* a broken list gives no follow-up errors about what it lacks */
	{ "\"hostname\":\"h\"," NS("{\"type\":\"ust\"}")
	  ",\"sysctl\":{\"net.a\":\"1\"},\"maskedPaths\":[\"/x\"],"
	  "\"timeOffsets\":{\"boottime\":{}},\"uidMappings\":"
	  "[{\"containerID\":0,\"hostID\":0,\"size\":1}]}",
	  "linux.namespaces[0].type: expected one of pid, network, mount, ipc, uts, user, "
	  "cgroup, time, got \"ust\"" },
	{ "\"linux\":{\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}]}",
	  "linux.uidMappings: given, but there is no user namespace in linux.namespaces" },
	{ NS("{\"type\":\"user\"}") "}",
	  "linux.uidMappings: user namespaces enabled, but no user mappings found\n"
	  "linux.gidMappings: user namespaces enabled, but no user mappings found" },
	{ "\"linux\":{\"gidMappings\":[{\"containerID\":1,\"hostID\":4294967295,\"size\":1}]}",
	  "linux.gidMappings[0].size: 1 ids from 4294967295 go beyond the last id 4294967294\n"
	  "linux.gidMappings: given, but there is no user namespace in linux.namespaces" },
	{ NS("{\"type\":\"user\",\"path\":\"/p\"}") ",\"uidMappings\":["
	  "{\"containerID\":0,\"hostID\":1000,\"size\":10},"
	  "{\"containerID\":20,\"hostID\":1009,\"size\":10}]}",
	  "linux.uidMappings[1]: overlaps with entry 0" },
	{ "\"linux\":{\"timeOffsets\":{\"monotonic\":{\"secs\":1}}}",
	  "linux.timeOffsets: cannot be set without a time namespace in linux.namespaces" },
	{ NS("{\"type\":\"time\",\"path\":\"/t\"}") ",\"timeOffsets\":{\"boottime\":{}}}",
	  "linux.timeOffsets: cannot be set in a time namespace that is joined by its path" },
	{ NS("{\"type\":\"time\"}") ",\"timeOffsets\":{\"realtime\":{},"
	  "\"boottime\":{\"nanosecs\":1000000000}}}",
	  "linux.timeOffsets.realtime: unknown property\n"
	  "linux.timeOffsets.boottime.nanosecs: expected a whole number (0 to 999999999), "
	  "got 1000000000" },
	{ "\"linux\":{\"devices\":[{}]}",
	  "linux.devices[0].type: required, but missing\n"
	  "linux.devices[0].path: required, but missing" },
	{ "\"linux\":{\"devices\":[{\"type\":\"c\",\"path\":\"/dev/x\"}]}",
	  "linux.devices[0].major: required, but missing\n"
	  "linux.devices[0].minor: required, but missing" },
	{ "\"linux\":{\"devices\":[{\"type\":\"x\",\"path\":\"dev/x\",\"major\":-1}]}",
	  "linux.devices[0].type: expected one of c, b, u, p, got \"x\"\n"
	  "linux.devices[0].path: expected an absolute path, got \"dev/x\"\n"
	  "linux.devices[0].major: expected a whole number (0 to 4294967295), got -1" },
	{ "\"linux\":{\"netDevices\":{\"eth0\":{}}}", "linux.netDevices: not supported yet" },
	{ "\"linux\":{\"intelRdt\":{\"closID\":\"x\",\"foo\":1}}",
	  "linux.intelRdt.closID: not supported yet\n"
	  "linux.intelRdt.foo: unknown property" },
	{ "\"linux\":{\"memoryPolicy\":{\"mode\":\"MPOL_BIND\"}}",
	  "linux.memoryPolicy.nodes: this mode needs at least one node" },
	{ "\"linux\":{\"memoryPolicy\":{\"mode\":\"MPOL_LOCAL\",\"nodes\":\"0\",\"flags\":"
	  "[\"MPOL_F_STATIC_NODES\",\"MPOL_F_RELATIVE_NODES\"]}}",
	  "linux.memoryPolicy.nodes: this mode takes no nodes\n"
	  "linux.memoryPolicy.flags: MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES "
	  "exclude each other" },
	{ "\"linux\":{\"memoryPolicy\":{\"mode\":\"MPOL_X\",\"nodes\":\"a\"}}",
	  "linux.memoryPolicy.mode: expected one of MPOL_DEFAULT, MPOL_BIND, MPOL_INTERLEAVE, "
	  "MPOL_WEIGHTED_INTERLEAVE, MPOL_PREFERRED, MPOL_PREFERRED_MANY, MPOL_LOCAL, "
	  "got \"MPOL_X\"\n"
	  "linux.memoryPolicy.nodes: expected a list of nodes such as \"0-3,7\", got \"a\"" },
	{ "\"linux\":{\"rootfsPropagation\":\"public\"}",
	  "linux.rootfsPropagation: expected one of shared, slave, private, unbindable, "
	  "rshared, rslave, rprivate, runbindable, got \"public\"" },
	{ NS_ALL ",\"maskedPaths\":[\"/a\",\"b\"],\"readonlyPaths\":[1]}",
	  "linux.maskedPaths[1]: expected an absolute path, got \"b\"\n"
	  "linux.readonlyPaths[0]: expected a string, got 1" },
	{ "\"linux\":{\"maskedPaths\":[\"/a\"],\"readonlyPaths\":[\"/b\"]}",
	  "linux.maskedPaths: cannot be set without a mount namespace in linux.namespaces\n"
	  "linux.readonlyPaths: cannot be set without a mount namespace in linux.namespaces" },
	{ "\"linux\":{\"personality\":{}}", "linux.personality.domain: required, but missing" },
	{ "\"linux\":{\"personality\":{\"domain\":\"BSD\",\"flags\":[\"X\"]}}",
	  "linux.personality.domain: expected one of LINUX, LINUX32, got \"BSD\"\n"
	  "linux.personality.flags: the specification defines no flags" },
	{ "\"linux\":{\"cgroupsPath\":1,\"mountLabel\":2}",
	  "linux.cgroupsPath: expected a string, got 1\n"
	  "linux.mountLabel: expected a string, got 2" },
};

#define HOST_SYSCTL "not in a namespace of its own: it would change the host"
#define BAD_SYSCTL "not the name of a kernel parameter"
#define NEEDS(type_) "needs a namespace of type \"" type_ "\" in linux.namespaces"
#define SYSCTL(key_) NS_ALL ",\"sysctl\":{\"" key_ "\":\"1\"}}"
static const struct row sysctl_rows[] = {
	{ SYSCTL("kernel.hostname"),
	  "linux.sysctl[\"kernel.hostname\"]: use the property \"hostname\"" },
	{ SYSCTL("kernel/domainname"),
	  "linux.sysctl[\"kernel/domainname\"]: use the property \"domainname\"" },
	{ SYSCTL("kernel.core_pattern"),
	  "linux.sysctl[\"kernel.core_pattern\"]: " HOST_SYSCTL },
	{ SYSCTL("vm.swappiness"), "linux.sysctl[\"vm.swappiness\"]: " HOST_SYSCTL },
	{ SYSCTL("kernel.msgmaxx"), "linux.sysctl[\"kernel.msgmaxx\"]: " HOST_SYSCTL },
	{ SYSCTL("kernel.shmmax.x"), "linux.sysctl[\"kernel.shmmax.x\"]: " HOST_SYSCTL },
	{ SYSCTL("network.x"), "linux.sysctl[\"network.x\"]: " HOST_SYSCTL },
	{ SYSCTL("net"), "linux.sysctl.net: " HOST_SYSCTL },
	{ SYSCTL(""), "linux.sysctl[\"\"]: " BAD_SYSCTL },
	{ SYSCTL("net."), "linux.sysctl[\"net.\"]: " BAD_SYSCTL },
	{ SYSCTL("net..x"), "linux.sysctl[\"net..x\"]: " BAD_SYSCTL },
	{ SYSCTL("net/../kernel/core_pattern"),
	  "linux.sysctl[\"net/../kernel/core_pattern\"]: " BAD_SYSCTL },
	{ SYSCTL("net.//.kernel.core_pattern"),
	  "linux.sysctl[\"net.//.kernel.core_pattern\"]: " BAD_SYSCTL },
	{ SYSCTL("net/./x"), "linux.sysctl[\"net/./x\"]: " BAD_SYSCTL },
	{ SYSCTL("/net/x"), "linux.sysctl[\"/net/x\"]: " BAD_SYSCTL },
	{ SYSCTL("user.max_user_namespaces"),
	  "linux.sysctl[\"user.max_user_namespaces\"]: " NEEDS("user") },
	{ "\"linux\":{\"sysctl\":{\"net.ipv4.ip_forward\":\"1\",\"kernel.sem\":\"1\","
	  "\"fs/mqueue/msg_max\":\"1\"}}",
	  "linux.sysctl[\"net.ipv4.ip_forward\"]: " NEEDS("network") "\n"
	  "linux.sysctl[\"kernel.sem\"]: " NEEDS("ipc") "\n"
	  "linux.sysctl[\"fs/mqueue/msg_max\"]: " NEEDS("ipc") },
	{ NS_ALL ",\"sysctl\":{\"net.x\":1}}",
	  "linux.sysctl[\"net.x\"]: expected a string, got 1" },
};

static const struct row resource_rows[] = {
	{ RES("\"devices\":[{},{\"allow\":1}]"),
	  "linux.resources.devices[0].allow: required, but missing\n"
	  "linux.resources.devices[1].allow: expected true or false, got 1" },
	{ RES("\"devices\":[{\"allow\":true,\"type\":\"u\",\"access\":\"rwx\",\"major\":-2,"
	      "\"minor\":4294967296}]"),
	  "linux.resources.devices[0].type: expected one of a, c, b, got \"u\"\n"
	  "linux.resources.devices[0].access: expected letters out of \"rwm\", got \"rwx\"\n"
	  "linux.resources.devices[0].major: expected a whole number (-1 to 4294967295), got -2\n"
	  "linux.resources.devices[0].minor: expected a whole number (-1 to 4294967295), "
	  "got 4294967296" },
	{ RES("\"memory\":{\"limit\":-2,\"reservation\":\"1g\",\"swap\":1.5}"),
	  "linux.resources.memory.limit: expected a whole number (-1 to 9223372036854775807), "
	  "got -2\n"
	  "linux.resources.memory.reservation: expected a whole number "
	  "(-1 to 9223372036854775807), got \"1g\"\n"
	  "linux.resources.memory.swap: expected a whole number (-1 to 9223372036854775807), "
	  "got 1.5" },
	{ RES("\"memory\":{\"limit\":20,\"swap\":10}"),
	  "linux.resources.memory.swap: 10 for memory and swap together is below the memory "
	  "limit 20" },
	{ RES("\"memory\":{\"limit\":-1,\"swap\":10}"),
	  "linux.resources.memory.swap: memory and swap together are limited, but memory is not" },
	{ RES("\"memory\":{\"kernel\":1,\"kernelTCP\":2,\"swappiness\":0,"
	      "\"disableOOMKiller\":true}"),
	  "linux.resources.memory.kernel: " V2 "\n"
	  "linux.resources.memory.kernelTCP: " V2 "\n"
	  "linux.resources.memory.swappiness: " V2 "\n"
	  "linux.resources.memory.disableOOMKiller: " V2 },
	{ RES("\"cpu\":{\"shares\":\"512\",\"idle\":2,\"realtimeRuntime\":1,"
	      "\"realtimePeriod\":1}"),
	  "linux.resources.cpu.shares: expected a whole number (0 to 9223372036854775807), "
	  "got \"512\"\n"
	  "linux.resources.cpu.idle: expected a whole number (0 to 1), got 2\n"
	  "linux.resources.cpu.realtimeRuntime: " V2 "\n"
	  "linux.resources.cpu.realtimePeriod: " V2 },
	{ RES("\"cpu\":{\"quota\":10,\"burst\":11}"),
	  "linux.resources.cpu.burst: 11 is above the quota 10" },
	{ RES("\"cpu\":{\"cpus\":\"0\\n1\",\"mems\":\"all\"}"),
	  "linux.resources.cpu.cpus: expected a list such as \"0-3,7\", got \"0?1\"\n"
	  "linux.resources.cpu.mems: expected a list such as \"0-3,7\", got \"all\"" },
	{ RES("\"blockIO\":{\"weight\":9,\"leafWeight\":10,\"weightDevice\":"
	      "[{\"major\":8,\"weight\":1001,\"leafWeight\":1}]}"),
	  "linux.resources.blockIO.weight: expected a whole number (10 to 1000), got 9\n"
	  "linux.resources.blockIO.leafWeight: " V2 "\n"
	  "linux.resources.blockIO.weightDevice[0].weight: expected a whole number "
	  "(10 to 1000), got 1001\n"
	  "linux.resources.blockIO.weightDevice[0].leafWeight: " V2 "\n"
	  "linux.resources.blockIO.weightDevice[0].minor: required, but missing" },
	{ RES("\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0}],"
	      "\"throttleWriteIOPSDevice\":{}}"),
	  "linux.resources.blockIO.throttleReadBpsDevice[0].rate: required, but missing\n"
	  "linux.resources.blockIO.throttleWriteIOPSDevice: expected an array, got an object" },
	{ RES("\"hugepageLimits\":[{\"pageSize\":\"64kB\",\"limit\":1}]"),
	  "linux.resources.hugepageLimits[0].pageSize: expected a page size such as \"2MB\" "
	  "or \"1GB\", got \"64kB\"" },
	{ RES("\"hugepageLimits\":[{\"pageSize\":\"02MB\",\"limit\":-1},{\"pageSize\":\"2M\"}]"),
	  "linux.resources.hugepageLimits[0].pageSize: expected a page size such as \"2MB\" "
	  "or \"1GB\", got \"02MB\"\n"
	  "linux.resources.hugepageLimits[0].limit: expected a whole number "
	  "(0 to 18446744073709551615), got -1\n"
	  "linux.resources.hugepageLimits[1].pageSize: expected a page size such as \"2MB\" "
	  "or \"1GB\", got \"2M\"\n"
	  "linux.resources.hugepageLimits[1].limit: required, but missing" },
	{ RES("\"network\":{\"classID\":1,\"priorities\":[{}]}"),
	  "linux.resources.network.classID: " V2 "\n"
	  "linux.resources.network.priorities: " V2 },
	{ RES("\"pids\":{\"limit\":\"max\"}"),
	  "linux.resources.pids.limit: expected a whole number "
	  "(-9223372036854775808 to 9223372036854775807), got \"max\"" },
	{ RES("\"rdma\":{\"mlx5_1\":{},\"a b\":{\"hcaHandles\":1},\"c\":{\"hcaObjects\":-1}}"),
	  "linux.resources.rdma.mlx5_1: expected hcaHandles, hcaObjects or both\n"
	  "linux.resources.rdma[\"a b\"]: not the name of a device\n"
	  "linux.resources.rdma.c.hcaObjects: expected a whole number (0 to 4294967295), got -1" },
	{ RES("\"unified\":{\"memory\":\"1\",\"../memory.max\":\"1\",\"memory.high\":1,"
	      "\".x\":\"\"}"),
	  "linux.resources.unified.memory: expected a cgroup v2 file such as \"memory.high\"\n"
	  "linux.resources.unified[\"../memory.max\"]: expected a cgroup v2 file such as "
	  "\"memory.high\"\n"
	  "linux.resources.unified[\"memory.high\"]: expected a string, got 1\n"
	  "linux.resources.unified[\".x\"]: expected a cgroup v2 file such as \"memory.high\"" },
};

static const struct row seccomp_rows[] = {
	{ "\"linux\":{\"seccomp\":{}}", "linux.seccomp.defaultAction: required, but missing" },
	{ "\"linux\":{\"seccomp\":[]}", "linux.seccomp: expected an object, got an array" },
	{ "\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}}",
	  "linux.seccomp.defaultAction: SCMP_ACT_NOTIFY is not supported yet" },
	{ "\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_KIL\"}}",
	  "linux.seccomp.defaultAction: expected one of SCMP_ACT_KILL, SCMP_ACT_KILL_PROCESS, "
	  "SCMP_ACT_KILL_THREAD, SCMP_ACT_TRAP, SCMP_ACT_ERRNO, SCMP_ACT_TRACE, "
	  "SCMP_ACT_ALLOW, SCMP_ACT_LOG, SCMP_ACT_NOTIFY, got \"SCMP_ACT_KIL\"" },
	{ SCMP(",\"defaultErrnoRet\":1"),
	  "linux.seccomp.defaultErrnoRet: only SCMP_ACT_ERRNO and SCMP_ACT_TRACE take one" },
	{ SCMP(",\"architectures\":[\"SCMP_ARCH_Z80\",\"SCMP_ARCH_X86\",7]"),
	  "linux.seccomp.architectures[0]: unknown name \"SCMP_ARCH_Z80\", did you mean "
	  "\"SCMP_ARCH_X86\"?\n"
	  "linux.seccomp.architectures[2]: expected a string, got 7" },
	{ SCMP(",\"architectures\":[\"x\"]"),
	  "linux.seccomp.architectures[0]: unknown name \"x\"" },
	{ SCMP(",\"flags\":[\"LOG\"]"),
	  "linux.seccomp.flags[0]: expected one of SECCOMP_FILTER_FLAG_TSYNC, "
	  "SECCOMP_FILTER_FLAG_LOG, SECCOMP_FILTER_FLAG_SPEC_ALLOW, "
	  "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, got \"LOG\"" },
	{ SCMP(",\"listenerPath\":\"/s\",\"listenerMetadata\":\"m\""),
	  "linux.seccomp.listenerPath: not supported yet\n"
	  "linux.seccomp.listenerMetadata: not supported yet" },
	{ SCMP(",\"syscalls\":[{}]"),
	  "linux.seccomp.syscalls[0].names: required, but missing\n"
	  "linux.seccomp.syscalls[0].action: required, but missing" },
	{ SCMP(",\"syscalls\":[{\"names\":[],\"action\":\"SCMP_ACT_LOG\",\"errnoRet\":5},"
	       "{\"names\":[\"a\",\"\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":65536}]"),
	  "linux.seccomp.syscalls[0].names: expected at least one entry\n"
	  "linux.seccomp.syscalls[0].errnoRet: only SCMP_ACT_ERRNO and SCMP_ACT_TRACE take one\n"
	  "linux.seccomp.syscalls[1].names[1]: must not be empty\n"
	  "linux.seccomp.syscalls[1].errnoRet: expected a whole number (0 to 65535), got 65536" },
	{ SCMP(",\"syscalls\":[{\"names\":[\"a\"],\"action\":\"SCMP_ACT_NOTIFY\"}]"),
	  "linux.seccomp.syscalls[0].action: SCMP_ACT_NOTIFY is not supported yet" },
	{ SCMP(",\"syscalls\":[{\"names\":[\"a\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":"
	       "[{\"index\":6,\"op\":\"SCMP_CMP_XX\"}]}]"),
	  "linux.seccomp.syscalls[0].args[0].index: expected a whole number (0 to 5), got 6\n"
	  "linux.seccomp.syscalls[0].args[0].op: expected one of SCMP_CMP_NE, SCMP_CMP_LT, "
	  "SCMP_CMP_LE, SCMP_CMP_EQ, SCMP_CMP_GE, SCMP_CMP_GT, SCMP_CMP_MASKED_EQ, "
	  "got \"SCMP_CMP_XX\"\n"
	  "linux.seccomp.syscalls[0].args[0].value: required, but missing" },
};
/* clang-format on */

#define GROUP(name_)                                                \
	static void test_##name_(void **state)                      \
	{                                                           \
		(void)state;                                        \
		check_rows(name_##_rows, ARRAY_SIZE(name_##_rows)); \
	}
GROUP(top)
GROUP(process)
GROUP(mount)
GROUP(hook)
GROUP(linux)
GROUP(sysctl)
GROUP(resource)
GROUP(seccomp)

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
				     "number (0 to 9223372036854775807), got "
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
		cmocka_unit_test(test_linux),
		cmocka_unit_test(test_sysctl),
		cmocka_unit_test(test_resource),
		cmocka_unit_test(test_seccomp),
		cmocka_unit_test(test_whole_documents),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_too_many_maps),
		cmocka_unit_test(test_many_problems),
		cmocka_unit_test(test_parts_on_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
