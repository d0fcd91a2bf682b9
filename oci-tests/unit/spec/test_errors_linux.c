/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

/* What is wrong in config.json's linux object. */

/* clang-format off */
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
	{ "\"linux\":{\"netDevices\":{\"eth0\":{}}}",
	  "linux.netDevices: cannot be set without a network namespace in "
	  "linux.namespaces" },
	{ "\"linux\":{\"namespaces\":[{\"type\":\"network\"}],\"netDevices\":{"
	  "\"a\":{\"name\":\"c\"},\"b\":{\"name\":\"%d\"},\"d\":{\"name\":\"%d\"},"
	  "\"c\":{}}}",
	  "linux.netDevices.c: 'c' is the name of two" },
	{ "\"linux\":{\"netDevices\":{\"a b\":{},\"eth0\":{\"name\":\"..\"}}}",
	  "linux.netDevices[\"a b\"]: is no name of an interface\n"
	  "linux.netDevices.eth0.name: is no name of an interface, got \"..\"\n"
	  "linux.netDevices: cannot be set without a network namespace in "
	  "linux.namespaces" },
	{ "\"linux\":{\"intelRdt\":{\"closID\":\"x\",\"foo\":1}}",
	  "linux.intelRdt.foo: unknown property" },
	{ "\"linux\":{\"intelRdt\":{\"closID\":\"mon_groups\",\"schemata\":[\"a\",\"\",\"L3:\\n\"],"
	  "\"l3CacheSchema\":\"L3:0=f\\n\",\"memBwSchema\":\"L3:0=1\",\"enableMonitoring\":1}}",
	  "linux.intelRdt.closID: is no name of a class of service, got \"mon_groups\"\n"
	  "linux.intelRdt.schemata[1]: must not be empty\n"
	  "linux.intelRdt.schemata[2]: is more than one line, got \"L3:?\"\n"
	  "linux.intelRdt.l3CacheSchema: is more than one line, got \"L3:0=f?\"\n"
	  "linux.intelRdt.memBwSchema: does not begin with \"MB:\", got \"L3:0=1\"\n"
	  "linux.intelRdt.enableMonitoring: expected true or false, got 1" },
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
	{ "\"domainname\":\"2\"," SYSCTL("kernel/domainname"),
	  "linux.sysctl[\"kernel/domainname\"]: is not what \"domainname\" says" },
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
	  "linux.resources.cpu.shares: expected a whole number (0 to 18446744073709551615), "
	  "got \"512\"\n"
	  "linux.resources.cpu.idle: expected a whole number (0 to 1), got 2\n"
	  "linux.resources.cpu.realtimeRuntime: " V2 "\n"
	  "linux.resources.cpu.realtimePeriod: " V2 },
	/* 2^64/1000 + 100: times 1000 it would be 100 ms in 64 bits */
	{ RES("\"cpu\":{\"quota\":18446744073709652,\"period\":18446744073709652,"
	      "\"burst\":18446744073709652}"),
	  "linux.resources.cpu.quota: expected a whole number "
	  "(-9223372036854775808 to 9223372036854775), got 18446744073709652\n"
	  "linux.resources.cpu.period: expected a whole number "
	  "(0 to 9223372036854775), got 18446744073709652\n"
	  "linux.resources.cpu.burst: expected a whole number "
	  "(0 to 9223372036854775), got 18446744073709652" },
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
	{ RES("\"unified\":{\"cgroup.procs\":\"1\",\"cgroup.max.depth\":\"1\","
	      "\"cgroup.kill\":\"1\"}"),
	  "linux.resources.unified[\"cgroup.procs\"]: holds no limit: the runtime alone writes "
	  "there\n"
	  "linux.resources.unified[\"cgroup.kill\"]: holds no limit: the runtime alone writes "
	  "there" },
};

static const struct row seccomp_rows[] = {
	{ "\"linux\":{\"seccomp\":{}}", "linux.seccomp.defaultAction: required, but missing" },
	{ "\"linux\":{\"seccomp\":[]}", "linux.seccomp: expected an object, got an array" },
	{ "\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}}",
	  "linux.seccomp.listenerPath: is required with SCMP_ACT_NOTIFY" },
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
	  "linux.seccomp.listenerPath: is required with SCMP_ACT_NOTIFY" },
	{ SCMP(",\"syscalls\":[{\"names\":[\"a\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":"
	       "[{\"index\":6,\"op\":\"SCMP_CMP_XX\"}]}]"),
	  "linux.seccomp.syscalls[0].args[0].index: expected a whole number (0 to 5), got 6\n"
	  "linux.seccomp.syscalls[0].args[0].op: expected one of SCMP_CMP_NE, SCMP_CMP_LT, "
	  "SCMP_CMP_LE, SCMP_CMP_EQ, SCMP_CMP_GE, SCMP_CMP_GT, SCMP_CMP_MASKED_EQ, "
	  "got \"SCMP_CMP_XX\"\n"
	  "linux.seccomp.syscalls[0].args[0].value: required, but missing" },
};
/* clang-format on */

GROUP(linux)
GROUP(sysctl)
GROUP(resource)
GROUP(seccomp)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_linux),
		cmocka_unit_test(test_sysctl),
		cmocka_unit_test(test_resource),
		cmocka_unit_test(test_seccomp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
