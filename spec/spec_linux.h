/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_SPEC_SPEC_LINUX_H
#define HULL_SPEC_SPEC_LINUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* runtime-spec 1.3.0, config-linux.md */

struct opt_i64 {
	bool set;
	int64_t v;
};

struct opt_u64 {
	bool set;
	uint64_t v;
};

enum spec_ns_type {
	SPEC_NS_PID,
	SPEC_NS_NETWORK,
	SPEC_NS_MOUNT,
	SPEC_NS_IPC,
	SPEC_NS_UTS,
	SPEC_NS_USER,
	SPEC_NS_CGROUP,
	SPEC_NS_TIME,
	SPEC_NS_TYPES,
};

struct spec_namespace {
	enum spec_ns_type type;
	const char *path; /* NULL: a new one */
};

struct spec_device {
	char type; /* 'c', 'b', 'p' ('u' is given as 'c') */
	const char *path;
	int64_t major;
	int64_t minor;
	bool mode_set;
	mode_t mode; /* permission bits only */
	uid_t uid;
	gid_t gid;
};

struct spec_device_rule {
	bool allow;
	char type;     /* 'a' (all), 'c', 'b' */
	int64_t major; /* -1: any */
	int64_t minor; /* -1: any */
	bool read;
	bool write;
	bool mknod;
};

struct spec_throttle {
	uint32_t major;
	uint32_t minor;
	uint64_t rate; /* bytes or operations per second; 0: no limit */
};

struct spec_weight_device {
	uint32_t major;
	uint32_t minor;
	uint16_t weight;
};

enum spec_throttle_kind {
	SPEC_THROTTLE_READ_BPS,
	SPEC_THROTTLE_WRITE_BPS,
	SPEC_THROTTLE_READ_IOPS,
	SPEC_THROTTLE_WRITE_IOPS,
	SPEC_THROTTLE_KINDS,
};

struct spec_hugepage {
	const char *page_size; /* "2MB", "1GB" */
	uint64_t limit_bytes;
};

struct spec_rdma {
	const char *device;
	bool handles_set;
	uint32_t handles;
	bool objects_set;
	uint32_t objects;
};

struct spec_memory {
	struct opt_i64 limit;       /* bytes; -1: unlimited */
	struct opt_i64 reservation; /* bytes; -1: unlimited */
	struct opt_i64 swap;        /* memory + swap, bytes; -1: unlimited */
	bool check_before_update;
};

struct spec_cpu {
	struct opt_u64 shares;
	struct opt_i64 quota;  /* us; <= 0: none */
	struct opt_u64 burst;  /* us */
	struct opt_u64 period; /* us */
	const char *cpus;
	const char *mems;
	struct opt_i64 idle;
};

struct spec_block_io {
	struct opt_u64 weight; /* 10..1000; 0 means unset */
	const struct spec_weight_device *weight_devices;
	size_t weight_device_count;
	const struct spec_throttle *throttle[SPEC_THROTTLE_KINDS];
	size_t throttle_count[SPEC_THROTTLE_KINDS];
};

struct spec_unified {
	const char *file; /* "memory.high": one component, no slash */
	const char *value;
};

struct spec_resources {
	bool devices_set;
	const struct spec_device_rule *devices;
	size_t device_count;
	struct spec_memory memory;
	struct spec_cpu cpu;
	struct spec_block_io block_io;
	struct opt_i64 pids_limit; /* < 0: unlimited */
	const struct spec_hugepage *hugepages;
	size_t hugepage_count;
	const struct spec_rdma *rdma;
	size_t rdma_count;
	const struct spec_unified *unified;
	size_t unified_count;
};

enum spec_scmp_op {
	SPEC_SCMP_NE,
	SPEC_SCMP_LT,
	SPEC_SCMP_LE,
	SPEC_SCMP_EQ,
	SPEC_SCMP_GE,
	SPEC_SCMP_GT,
	SPEC_SCMP_MASKED_EQ,
};

enum spec_scmp_act {
	SPEC_ACT_KILL, /* SCMP_ACT_KILL, SCMP_ACT_KILL_THREAD */
	SPEC_ACT_KILL_PROCESS,
	SPEC_ACT_TRAP,
	SPEC_ACT_ERRNO,
	SPEC_ACT_TRACE,
	SPEC_ACT_ALLOW,
	SPEC_ACT_LOG,
	SPEC_ACT_NOTIFY,
};

struct spec_scmp_arg {
	uint32_t index;
	enum spec_scmp_op op;
	uint64_t value;
	uint64_t value_two;
};

struct spec_scmp_rule {
	const char *const *names; /* NULL-terminated */
	enum spec_scmp_act action;
	bool errno_set;
	uint32_t errno_ret;
	const struct spec_scmp_arg *args;
	size_t arg_count;
};

struct spec_seccomp {
	bool set;
	enum spec_scmp_act default_action;
	bool default_errno_set;
	uint32_t default_errno;
	const char *const *archs; /* "SCMP_ARCH_X86_64", NULL-terminated */
	bool flags_set;
	bool flag_tsync, flag_log, flag_spec_allow, flag_wait_killable;
	const struct spec_scmp_rule *rules;
	size_t rule_count;
	const char *listener_path;     /* NULL: unset */
	const char *listener_metadata; /* NULL: unset */
	/* the object exactly as it stands in config.json: key of the cache of
	 * compiled filters */
	const char *raw;
	size_t raw_len;
};

enum spec_propagation {
	SPEC_PROP_UNSET,
	SPEC_PROP_SHARED,
	SPEC_PROP_SLAVE,
	SPEC_PROP_PRIVATE,
	SPEC_PROP_UNBINDABLE,
};

struct spec_time_offset {
	bool set;
	int64_t secs;
	uint32_t nanosecs;
};

struct spec_mempolicy {
	bool set;
	int mode;           /* MPOL_* */
	unsigned int flags; /* MPOL_F_* */
	const char *nodes;  /* "0-1,3" or NULL */
};

struct spec_personality {
	bool set;
	unsigned long domain; /* PER_LINUX or PER_LINUX32 */
};

/* linux.netDevices: @from outside, @name inside (NULL: the same) */
struct spec_net_device {
	const char *from;
	const char *name;
};

/* linux.intelRdt */
struct spec_rdt {
	bool set;
	const char *clos_id; /* NULL: the container's id; "/": the default */
	const char *l3_schema;
	const char *mb_schema;
	const char *const *schemata; /* NULL-terminated */
	size_t schemata_count;
	bool monitoring;
};

struct spec_linux {
	const struct spec_namespace *namespaces;
	size_t namespace_count;
	const struct spec_id_map *uid_maps;
	size_t uid_map_count;
	const struct spec_id_map *gid_maps;
	size_t gid_map_count;
	struct spec_time_offset monotonic;
	struct spec_time_offset boottime;
	const struct spec_device *devices;
	size_t device_count;
	const struct spec_net_device *net_devices;
	size_t net_device_count;
	const char *cgroups_path;
	struct spec_resources resources;
	const struct spec_sysctl {
		const char *key; /* dots or slashes as written */
		const char *value;
	} * sysctls;
	size_t sysctl_count;
	struct spec_seccomp seccomp;
	enum spec_propagation rootfs_propagation;
	const char *const *masked_paths; /* NULL-terminated */
	size_t masked_count;
	const char *const *readonly_paths; /* NULL-terminated */
	size_t readonly_count;
	const char *mount_label;
	struct spec_mempolicy mempolicy;
	struct spec_personality personality;
	struct spec_rdt rdt;
};

#endif
