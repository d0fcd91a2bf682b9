/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/names.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/mempolicy.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>
#include <sys/personality.h>
#include <sys/resource.h>

#include "base/auto.h"
#include "spec/spec.h"

/* Linux 6.9; not in the headers of Debian 12 */
#define HULL_MPOL_WEIGHTED_INTERLEAVE 6

/*
 * A set has two tables that go side by side: names, as `hull features` prints
 * them, and values. The assertion holds them to the same length.
 */
#define SET(set_, names_, values_)                                    \
	_Static_assert(ARRAY_SIZE(names_) == ARRAY_SIZE(values_) + 1, \
		       #set_ ": names and values differ in length");  \
	const struct spec_names set_ = { names_, values_ }

/* clang-format off */
const char *const spec_hook_names[SPEC_HOOK_KINDS + 1] = {
	[SPEC_HOOK_PRESTART] = "prestart",
	[SPEC_HOOK_CREATE_RUNTIME] = "createRuntime",
	[SPEC_HOOK_CREATE_CONTAINER] = "createContainer",
	[SPEC_HOOK_START_CONTAINER] = "startContainer",
	[SPEC_HOOK_POSTSTART] = "poststart",
	[SPEC_HOOK_POSTSTOP] = "poststop",
};

const char *const spec_ns_names[SPEC_NS_TYPES + 1] = {
	[SPEC_NS_PID] = "pid",
	[SPEC_NS_NETWORK] = "network",
	[SPEC_NS_MOUNT] = "mount",
	[SPEC_NS_IPC] = "ipc",
	[SPEC_NS_UTS] = "uts",
	[SPEC_NS_USER] = "user",
	[SPEC_NS_CGROUP] = "cgroup",
	[SPEC_NS_TIME] = "time",
};

const char *const spec_seccomp_actions[] = {
	"SCMP_ACT_KILL",
	"SCMP_ACT_KILL_PROCESS",
	"SCMP_ACT_KILL_THREAD",
	"SCMP_ACT_TRAP",
	"SCMP_ACT_ERRNO",
	"SCMP_ACT_TRACE",
	"SCMP_ACT_ALLOW",
	"SCMP_ACT_LOG",
	"SCMP_ACT_NOTIFY",
	NULL,
};
static const int action_values[] = {
	SPEC_ACT_KILL,
	SPEC_ACT_KILL_PROCESS,
	SPEC_ACT_KILL,
	SPEC_ACT_TRAP,
	SPEC_ACT_ERRNO,
	SPEC_ACT_TRACE,
	SPEC_ACT_ALLOW,
	SPEC_ACT_LOG,
	SPEC_ACT_NOTIFY,
};

const char *const spec_seccomp_operators[] = {
	"SCMP_CMP_NE",
	"SCMP_CMP_LT",
	"SCMP_CMP_LE",
	"SCMP_CMP_EQ",
	"SCMP_CMP_GE",
	"SCMP_CMP_GT",
	"SCMP_CMP_MASKED_EQ",
	NULL,
};
static const int operator_values[] = {
	SPEC_SCMP_NE,
	SPEC_SCMP_LT,
	SPEC_SCMP_LE,
	SPEC_SCMP_EQ,
	SPEC_SCMP_GE,
	SPEC_SCMP_GT,
	SPEC_SCMP_MASKED_EQ,
};

const char *const spec_seccomp_archs[] = {
	"SCMP_ARCH_X86",
	"SCMP_ARCH_X86_64",
	"SCMP_ARCH_X32",
	"SCMP_ARCH_ARM",
	"SCMP_ARCH_AARCH64",
	"SCMP_ARCH_MIPS",
	"SCMP_ARCH_MIPS64",
	"SCMP_ARCH_MIPS64N32",
	"SCMP_ARCH_MIPSEL",
	"SCMP_ARCH_MIPSEL64",
	"SCMP_ARCH_MIPSEL64N32",
	"SCMP_ARCH_PPC",
	"SCMP_ARCH_PPC64",
	"SCMP_ARCH_PPC64LE",
	"SCMP_ARCH_S390",
	"SCMP_ARCH_S390X",
	"SCMP_ARCH_PARISC",
	"SCMP_ARCH_PARISC64",
	"SCMP_ARCH_RISCV64",
	"SCMP_ARCH_LOONGARCH64",
	"SCMP_ARCH_M68K",
	"SCMP_ARCH_SH",
	"SCMP_ARCH_SHEB",
	NULL,
};

const char *const spec_seccomp_flags[] = {
	"SECCOMP_FILTER_FLAG_TSYNC",
	"SECCOMP_FILTER_FLAG_LOG",
	"SECCOMP_FILTER_FLAG_SPEC_ALLOW",
	"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
	NULL,
};
static const int scmp_flag_values[] = {
	SPEC_SCMP_TSYNC,
	SPEC_SCMP_LOG,
	SPEC_SCMP_SPEC_ALLOW,
	SPEC_SCMP_WAIT_KILLABLE,
};

const char *const spec_mempolicy_modes[] = {
	"MPOL_DEFAULT",
	"MPOL_BIND",
	"MPOL_INTERLEAVE",
	"MPOL_WEIGHTED_INTERLEAVE",
	"MPOL_PREFERRED",
	"MPOL_PREFERRED_MANY",
	"MPOL_LOCAL",
	NULL,
};
static const int mempolicy_mode_values[] = {
	MPOL_DEFAULT,
	MPOL_BIND,
	MPOL_INTERLEAVE,
	HULL_MPOL_WEIGHTED_INTERLEAVE,
	MPOL_PREFERRED,
	MPOL_PREFERRED_MANY,
	MPOL_LOCAL,
};

const char *const spec_mempolicy_flags[] = {
	"MPOL_F_NUMA_BALANCING",
	"MPOL_F_RELATIVE_NODES",
	"MPOL_F_STATIC_NODES",
	NULL,
};
static const int mempolicy_flag_values[] = {
	MPOL_F_NUMA_BALANCING,
	MPOL_F_RELATIVE_NODES,
	MPOL_F_STATIC_NODES,
};

static const char *const rlimit_names[] = {
	"RLIMIT_AS",
	"RLIMIT_CORE",
	"RLIMIT_CPU",
	"RLIMIT_DATA",
	"RLIMIT_FSIZE",
	"RLIMIT_LOCKS",
	"RLIMIT_MEMLOCK",
	"RLIMIT_MSGQUEUE",
	"RLIMIT_NICE",
	"RLIMIT_NOFILE",
	"RLIMIT_NPROC",
	"RLIMIT_RSS",
	"RLIMIT_RTPRIO",
	"RLIMIT_RTTIME",
	"RLIMIT_SIGPENDING",
	"RLIMIT_STACK",
	NULL,
};
static const int rlimit_values[] = {
	RLIMIT_AS,
	RLIMIT_CORE,
	RLIMIT_CPU,
	RLIMIT_DATA,
	RLIMIT_FSIZE,
	RLIMIT_LOCKS,
	RLIMIT_MEMLOCK,
	RLIMIT_MSGQUEUE,
	RLIMIT_NICE,
	RLIMIT_NOFILE,
	RLIMIT_NPROC,
	RLIMIT_RSS,
	RLIMIT_RTPRIO,
	RLIMIT_RTTIME,
	RLIMIT_SIGPENDING,
	RLIMIT_STACK,
};

static const char *const propagation_names[] = {
	"shared", "slave", "private", "unbindable",
	"rshared", "rslave", "rprivate", "runbindable",
	NULL,
};
static const int propagation_values[] = {
	SPEC_PROP_SHARED, SPEC_PROP_SLAVE,
	SPEC_PROP_PRIVATE, SPEC_PROP_UNBINDABLE,
	SPEC_PROP_SHARED, SPEC_PROP_SLAVE,
	SPEC_PROP_PRIVATE, SPEC_PROP_UNBINDABLE,
};

/* include/uapi/linux/sched.h, which clashes with <sched.h>. SCHED_ISO is in
 * the specification, but no kernel has it. */
static const char *const policy_names[] = {
	"SCHED_OTHER",
	"SCHED_FIFO",
	"SCHED_RR",
	"SCHED_BATCH",
	"SCHED_IDLE",
	"SCHED_DEADLINE",
	NULL,
};
static const int policy_values[] = { 0, 1, 2, 3, 5, 6 };

static const char *const sched_flag_names[] = {
	"SCHED_FLAG_RESET_ON_FORK",
	"SCHED_FLAG_RECLAIM",
	"SCHED_FLAG_DL_OVERRUN",
	"SCHED_FLAG_KEEP_POLICY",
	"SCHED_FLAG_KEEP_PARAMS",
	"SCHED_FLAG_UTIL_CLAMP_MIN",
	"SCHED_FLAG_UTIL_CLAMP_MAX",
	NULL,
};
static const int sched_flag_values[] = {
	0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40,
};

/* include/uapi/linux/ioprio.h */
static const char *const io_class_names[] = {
	"IOPRIO_CLASS_RT",
	"IOPRIO_CLASS_BE",
	"IOPRIO_CLASS_IDLE",
	NULL,
};
static const int io_class_values[] = { 1, 2, 3 };

static const char *const personality_names[] = { "LINUX", "LINUX32", NULL };
static const int personality_values[] = { PER_LINUX, PER_LINUX32 };

static const char *const device_type_names[] = { "c", "b", "u", "p", NULL };
static const int device_type_values[] = { 'c', 'b', 'c', 'p' };

static const char *const rule_type_names[] = { "a", "c", "b", "", NULL };
static const int rule_type_values[] = { 'a', 'c', 'b', 'a' };

static const char *const cap_names[] = {
	[CAP_CHOWN] = "CAP_CHOWN",
	[CAP_DAC_OVERRIDE] = "CAP_DAC_OVERRIDE",
	[CAP_DAC_READ_SEARCH] = "CAP_DAC_READ_SEARCH",
	[CAP_FOWNER] = "CAP_FOWNER",
	[CAP_FSETID] = "CAP_FSETID",
	[CAP_KILL] = "CAP_KILL",
	[CAP_SETGID] = "CAP_SETGID",
	[CAP_SETUID] = "CAP_SETUID",
	[CAP_SETPCAP] = "CAP_SETPCAP",
	[CAP_LINUX_IMMUTABLE] = "CAP_LINUX_IMMUTABLE",
	[CAP_NET_BIND_SERVICE] = "CAP_NET_BIND_SERVICE",
	[CAP_NET_BROADCAST] = "CAP_NET_BROADCAST",
	[CAP_NET_ADMIN] = "CAP_NET_ADMIN",
	[CAP_NET_RAW] = "CAP_NET_RAW",
	[CAP_IPC_LOCK] = "CAP_IPC_LOCK",
	[CAP_IPC_OWNER] = "CAP_IPC_OWNER",
	[CAP_SYS_MODULE] = "CAP_SYS_MODULE",
	[CAP_SYS_RAWIO] = "CAP_SYS_RAWIO",
	[CAP_SYS_CHROOT] = "CAP_SYS_CHROOT",
	[CAP_SYS_PTRACE] = "CAP_SYS_PTRACE",
	[CAP_SYS_PACCT] = "CAP_SYS_PACCT",
	[CAP_SYS_ADMIN] = "CAP_SYS_ADMIN",
	[CAP_SYS_BOOT] = "CAP_SYS_BOOT",
	[CAP_SYS_NICE] = "CAP_SYS_NICE",
	[CAP_SYS_RESOURCE] = "CAP_SYS_RESOURCE",
	[CAP_SYS_TIME] = "CAP_SYS_TIME",
	[CAP_SYS_TTY_CONFIG] = "CAP_SYS_TTY_CONFIG",
	[CAP_MKNOD] = "CAP_MKNOD",
	[CAP_LEASE] = "CAP_LEASE",
	[CAP_AUDIT_WRITE] = "CAP_AUDIT_WRITE",
	[CAP_AUDIT_CONTROL] = "CAP_AUDIT_CONTROL",
	[CAP_SETFCAP] = "CAP_SETFCAP",
	[CAP_MAC_OVERRIDE] = "CAP_MAC_OVERRIDE",
	[CAP_MAC_ADMIN] = "CAP_MAC_ADMIN",
	[CAP_SYSLOG] = "CAP_SYSLOG",
	[CAP_WAKE_ALARM] = "CAP_WAKE_ALARM",
	[CAP_BLOCK_SUSPEND] = "CAP_BLOCK_SUSPEND",
	[CAP_AUDIT_READ] = "CAP_AUDIT_READ",
	[CAP_PERFMON] = "CAP_PERFMON",
	[CAP_BPF] = "CAP_BPF",
	[CAP_CHECKPOINT_RESTORE] = "CAP_CHECKPOINT_RESTORE",
};
/* clang-format on */

const struct spec_names spec_set_namespaces = { spec_ns_names, NULL };
const struct spec_names spec_set_archs = { spec_seccomp_archs, NULL };
SET(spec_set_actions, spec_seccomp_actions, action_values);
SET(spec_set_operators, spec_seccomp_operators, operator_values);
SET(spec_set_scmp_flags, spec_seccomp_flags, scmp_flag_values);
SET(spec_set_mempolicy_modes, spec_mempolicy_modes, mempolicy_mode_values);
SET(spec_set_mempolicy_flags, spec_mempolicy_flags, mempolicy_flag_values);
SET(spec_set_rlimits, rlimit_names, rlimit_values);
SET(spec_set_propagations, propagation_names, propagation_values);
SET(spec_set_policies, policy_names, policy_values);
SET(spec_set_sched_flags, sched_flag_names, sched_flag_values);
SET(spec_set_io_classes, io_class_names, io_class_values);
SET(spec_set_personalities, personality_names, personality_values);
SET(spec_set_device_types, device_type_names, device_type_values);
SET(spec_set_rule_types, rule_type_names, rule_type_values);

int spec_name_value(const struct spec_names *set, const char *name, int *value)
{
	for (int i = 0; set->names[i]; i++) {
		if (strcmp(set->names[i], name))
			continue;
		*value = set->values ? set->values[i] : i;
		return 0;
	}
	return -EINVAL;
}

const char *spec_cap_name(unsigned int cap)
{
	return cap < ARRAY_SIZE(cap_names) ? cap_names[cap] : NULL;
}

int spec_cap_number(const char *name)
{
	static const char prefix[] = "CAP_";
	const size_t len = sizeof(prefix) - 1;

	if (!strncasecmp(name, prefix, len))
		name += len;
	for (size_t i = 0; i < ARRAY_SIZE(cap_names); i++)
		if (!strcasecmp(cap_names[i] + len, name))
			return (int)i;
	return -EINVAL;
}

int spec_rlimit_number(const char *name)
{
	int value;

	return spec_name_value(&spec_set_rlimits, name, &value) < 0 ? -EINVAL
								    : value;
}
