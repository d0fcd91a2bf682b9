/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#include "base/auto.h"
#include "spec/fields.h"
#include "spec/spec.h"

/*
 * config-linux.md, "Control groups". Zero means "unset" wherever engines send
 * it for that; what only cgroup v1 had is refused unless it says nothing.
 */

#define NOT_IN_V2 "cgroup v2 has no such control"
#define DEVICE_MAX UINT32_MAX
#define WEIGHT_MIN 10
#define WEIGHT_MAX 1000

static void parse_access(struct spec_ctx *ctx, const struct spec_path *path,
			 const struct json *v, void *at)
{
	struct spec_device_rule *rule = at;
	char show[SPEC_SHOW_SIZE];

	if (!spec_is_type(ctx, path, v, JSON_STRING) || !*v->text)
		return;
	if (v->text[strspn(v->text, "rwm")]) {
		spec_problem(ctx, path,
			     "expected letters out of \"rwm\", got %s",
			     spec_show(v, show));
		return;
	}
	rule->read = strchr(v->text, 'r');
	rule->write = strchr(v->text, 'w');
	rule->mknod = strchr(v->text, 'm');
}

/* clang-format off */
static const struct spec_field rule_fields[] = {
	{ .name = "allow", .kind = SPEC_BOOL, .flags = SPEC_REQUIRED,
	  SPEC_AT(struct spec_device_rule, allow) },
	{ .name = "type", .kind = SPEC_NAME,
	  SPEC_AT(struct spec_device_rule, type),
	  .names = &spec_set_rule_types },
	{ .name = "major", .kind = SPEC_INT, SPEC_RANGE(-1, DEVICE_MAX),
	  SPEC_AT(struct spec_device_rule, major) },
	{ .name = "minor", .kind = SPEC_INT, SPEC_RANGE(-1, DEVICE_MAX),
	  SPEC_AT(struct spec_device_rule, minor) },
	{ .name = "access", .kind = SPEC_CALL, .call = parse_access,
	  SPEC_HERE },
};
/* clang-format on */

static const struct spec_device_rule rule_init = {
	.type = 'a',
	.major = -1,
	.minor = -1,
	.read = true,
	.write = true,
	.mknod = true,
};

static const struct spec_table rule_table = {
	SPEC_ROWS(rule_fields),
	.size = sizeof(struct spec_device_rule),
	.init = &rule_init,
};

/* clang-format off */
static const struct spec_field memory_fields[] = {
	{ .name = "limit", .kind = SPEC_OPT_INT, .flags = SPEC_ZERO_UNSET,
	  SPEC_AT(struct spec_memory, limit), SPEC_RANGE(-1, INT64_MAX) },
	{ .name = "reservation", .kind = SPEC_OPT_INT,
	  .flags = SPEC_ZERO_UNSET, SPEC_AT(struct spec_memory, reservation),
	  SPEC_RANGE(-1, INT64_MAX) },
	{ .name = "swap", .kind = SPEC_OPT_INT, .flags = SPEC_ZERO_UNSET,
	  SPEC_AT(struct spec_memory, swap), SPEC_RANGE(-1, INT64_MAX) },
	{ .name = "kernel", .kind = SPEC_REFUSE, .min = -1,
	  .text = NOT_IN_V2 },
	{ .name = "kernelTCP", .kind = SPEC_REFUSE, .min = -1,
	  .text = NOT_IN_V2 },
	{ .name = "swappiness", .kind = SPEC_REFUSE, .flags = SPEC_ZERO_TOO,
	  .text = NOT_IN_V2 },
	{ .name = "disableOOMKiller", .kind = SPEC_REFUSE,
	  .text = NOT_IN_V2 },
	{ .name = "useHierarchy", .kind = SPEC_IGNORE }, /* v2: always */
	{ .name = "checkBeforeUpdate", .kind = SPEC_BOOL,
	  SPEC_AT(struct spec_memory, check_before_update) },
};
/* clang-format on */

static void finish_memory(struct spec_ctx *ctx, const struct spec_path *path,
			  void *at)
{
	const struct spec_memory *m = at;
	struct spec_path swap = SPEC_PATH_KEY(path, "swap");

	if (!m->swap.set || m->swap.v < 0 || !m->limit.set)
		return;
	if (m->limit.v < 0)
		spec_problem(ctx, &swap,
			     "memory and swap together are limited, but memory "
			     "is not");
	else if (m->swap.v < m->limit.v)
		spec_problem(ctx, &swap,
			     "%" PRId64
			     " for memory and swap together is below "
			     "the memory limit %" PRId64,
			     m->swap.v, m->limit.v);
}

static const struct spec_table memory_table = {
	SPEC_ROWS(memory_fields),
	.size = sizeof(struct spec_memory),
	.finish = finish_memory,
};

/* cpuset.cpus of cgroup v2 takes a little more than the specification says:
 * strides such as "0-31:2/4"; never a second line. */
static const char *check_cpuset(const char *s)
{
	return s[strspn(s, "0123456789,-:/ ")]
		       ? "expected a list such as \"0-3,7\""
		       : NULL;
}

/* The kernel counts in nanoseconds, and before Linux 6.17 cpu.max let the
 * product overflow: a huge quota became a tiny one. */
#define USEC_MAX (INT64_MAX / 1000)

/* clang-format off */
static const struct spec_field cpu_fields[] = {
	{ .name = "shares", .kind = SPEC_OPT_UINT, .flags = SPEC_ZERO_UNSET,
	  SPEC_AT(struct spec_cpu, shares) },
	{ .name = "quota", .kind = SPEC_OPT_INT, .flags = SPEC_ZERO_UNSET,
	  SPEC_AT(struct spec_cpu, quota), SPEC_RANGE(INT64_MIN, USEC_MAX) },
	{ .name = "burst", .kind = SPEC_OPT_UINT,
	  SPEC_AT(struct spec_cpu, burst), SPEC_RANGE(0, USEC_MAX) },
	{ .name = "period", .kind = SPEC_OPT_UINT, .flags = SPEC_ZERO_UNSET,
	  SPEC_AT(struct spec_cpu, period), SPEC_RANGE(0, USEC_MAX) },
	{ .name = "realtimeRuntime", .kind = SPEC_REFUSE,
	  .text = NOT_IN_V2 },
	{ .name = "realtimePeriod", .kind = SPEC_REFUSE, .text = NOT_IN_V2 },
	{ .name = "cpus", .kind = SPEC_STRING, .flags = SPEC_EMPTY_UNSET,
	  SPEC_AT(struct spec_cpu, cpus), .check = check_cpuset },
	{ .name = "mems", .kind = SPEC_STRING, .flags = SPEC_EMPTY_UNSET,
	  SPEC_AT(struct spec_cpu, mems), .check = check_cpuset },
	{ .name = "idle", .kind = SPEC_OPT_INT, SPEC_RANGE(0, 1),
	  SPEC_AT(struct spec_cpu, idle) },
};
/* clang-format on */

static void finish_cpu(struct spec_ctx *ctx, const struct spec_path *path,
		       void *at)
{
	const struct spec_cpu *cpu = at;
	struct spec_path burst = SPEC_PATH_KEY(path, "burst");

	if (cpu->burst.set && cpu->quota.set && cpu->quota.v > 0 &&
	    cpu->burst.v > (uint64_t)cpu->quota.v)
		spec_problem(ctx, &burst,
			     "%" PRIu64 " is above the quota %" PRId64,
			     cpu->burst.v, cpu->quota.v);
}

static const struct spec_table cpu_table = {
	SPEC_ROWS(cpu_fields),
	.size = sizeof(struct spec_cpu),
	.finish = finish_cpu,
};

/* clang-format off */
static const struct spec_field weight_fields[] = {
	{ .name = "major", .kind = SPEC_UINT, .flags = SPEC_REQUIRED,
	  SPEC_AT(struct spec_weight_device, major) },
	{ .name = "minor", .kind = SPEC_UINT, .flags = SPEC_REQUIRED,
	  SPEC_AT(struct spec_weight_device, minor) },
	{ .name = "weight", .kind = SPEC_UINT,
	  .flags = SPEC_REQUIRED | SPEC_ZERO_UNSET,
	  SPEC_AT(struct spec_weight_device, weight),
	  SPEC_RANGE(WEIGHT_MIN, WEIGHT_MAX) },
	{ .name = "leafWeight", .kind = SPEC_REFUSE, .text = NOT_IN_V2 },
};

static const struct spec_field throttle_fields[] = {
	{ .name = "major", .kind = SPEC_UINT, .flags = SPEC_REQUIRED,
	  SPEC_AT(struct spec_throttle, major) },
	{ .name = "minor", .kind = SPEC_UINT, .flags = SPEC_REQUIRED,
	  SPEC_AT(struct spec_throttle, minor) },
	{ .name = "rate", .kind = SPEC_UINT, .flags = SPEC_REQUIRED,
	  SPEC_AT(struct spec_throttle, rate) },
};
/* clang-format on */

static const struct spec_table weight_table = {
	SPEC_ROWS(weight_fields),
	.size = sizeof(struct spec_weight_device),
};

static const struct spec_table throttle_table = {
	SPEC_ROWS(throttle_fields),
	.size = sizeof(struct spec_throttle),
};

/* clang-format off */
#define THROTTLE_ROW(name_, kind_)                                             \
	{ .name = name_, .kind = SPEC_OBJECTS, .table = &throttle_table,       \
	  SPEC_AT(struct spec_block_io, throttle[kind_]),                      \
	  SPEC_AUX(struct spec_block_io, throttle_count[kind_]) }
static const struct spec_field block_io_fields[] = {
	{ .name = "weight", .kind = SPEC_OPT_UINT, .flags = SPEC_ZERO_UNSET,
	  SPEC_AT(struct spec_block_io, weight),
	  SPEC_RANGE(WEIGHT_MIN, WEIGHT_MAX) },
	{ .name = "leafWeight", .kind = SPEC_REFUSE, .text = NOT_IN_V2 },
	{ .name = "weightDevice", .kind = SPEC_OBJECTS,
	  .table = &weight_table,
	  SPEC_AT(struct spec_block_io, weight_devices),
	  SPEC_AUX(struct spec_block_io, weight_device_count) },
	THROTTLE_ROW("throttleReadBpsDevice", SPEC_THROTTLE_READ_BPS),
	THROTTLE_ROW("throttleWriteBpsDevice", SPEC_THROTTLE_WRITE_BPS),
	THROTTLE_ROW("throttleReadIOPSDevice", SPEC_THROTTLE_READ_IOPS),
	THROTTLE_ROW("throttleWriteIOPSDevice", SPEC_THROTTLE_WRITE_IOPS),
};
/* clang-format on */

static const struct spec_table block_io_table = {
	SPEC_ROWS(block_io_fields),
	.size = sizeof(struct spec_block_io),
};

/* The schema's pattern: ^[1-9][0-9]*[KMG]B$ */
static const char *check_page_size(const char *s)
{
	const size_t digits = strspn(s, "0123456789");

	if (!digits || s[0] == '0' || !s[digits] || !strchr("KMG", s[digits]) ||
	    strcmp(s + digits + 1, "B") != 0)
		return "expected a page size such as \"2MB\" or \"1GB\"";
	return NULL;
}

/* clang-format off */
static const struct spec_field hugepage_fields[] = {
	{ .name = "pageSize", .kind = SPEC_STRING, .flags = SPEC_REQUIRED,
	  SPEC_AT(struct spec_hugepage, page_size),
	  .check = check_page_size },
	{ .name = "limit", .kind = SPEC_UINT, .flags = SPEC_REQUIRED,
	  SPEC_AT(struct spec_hugepage, limit_bytes) },
};

static const struct spec_field network_fields[] = {
	{ .name = "classID", .kind = SPEC_REFUSE, .text = NOT_IN_V2 },
	{ .name = "priorities", .kind = SPEC_REFUSE, .text = NOT_IN_V2 },
};

static const struct spec_field pids_fields[] = {
	{ .name = "limit", .kind = SPEC_OPT_INT,
	  SPEC_AT(struct spec_resources, pids_limit) },
};

static const struct spec_field rdma_fields[] = {
	{ .name = "hcaHandles", .kind = SPEC_UINT,
	  SPEC_AT(struct spec_rdma, handles),
	  SPEC_AUX(struct spec_rdma, handles_set) },
	{ .name = "hcaObjects", .kind = SPEC_UINT,
	  SPEC_AT(struct spec_rdma, objects),
	  SPEC_AUX(struct spec_rdma, objects_set) },
};
/* clang-format on */

static const struct spec_table hugepage_table = {
	SPEC_ROWS(hugepage_fields),
	.size = sizeof(struct spec_hugepage),
};

static const struct spec_table network_table = { SPEC_ROWS(network_fields) };

static const struct spec_table pids_table = { SPEC_ROWS(pids_fields) };

static void finish_rdma(struct spec_ctx *ctx, const struct spec_path *path,
			void *at)
{
	const struct spec_rdma *rdma = at;

	if (!rdma->handles_set && !rdma->objects_set)
		spec_problem(ctx, path,
			     "expected hcaHandles, hcaObjects or both");
}

static const struct spec_table rdma_table = {
	SPEC_ROWS(rdma_fields),
	.size = sizeof(struct spec_rdma),
	.finish = finish_rdma,
};

/* The key becomes a word of a line in rdma.max. */
static bool is_device_name(const char *s)
{
	return *s && !s[strcspn(s, " \t\r\n/=")];
}

static void parse_rdma(struct spec_ctx *ctx, const struct spec_path *path,
		       const struct json *v, void *at)
{
	struct spec_resources *res = at;
	struct spec_rdma *list;
	size_t n = 0;

	if (!spec_is_type(ctx, path, v, JSON_OBJECT))
		return;
	list = spec_alloc(ctx, v->count, sizeof(*list));
	if (!list)
		return;
	for (const struct json *e = v->child; e; e = e->next, n++) {
		struct spec_path here = SPEC_PATH_KEY(path, e->key);

		if (!is_device_name(e->key))
			spec_problem(ctx, &here, "not the name of a device");
		list[n].device = e->key;
		if (spec_is_type(ctx, &here, e, JSON_OBJECT))
			spec_object(ctx, &here, e, &rdma_table, &list[n]);
	}
	res->rdma = list;
	res->rdma_count = n;
}

/* The key is the name of a file of cgroup v2, which hull opens for writing. */
static const char *check_unified(const char *key)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789._";
	static const char *const not_limits[] = {
		"cgroup.procs",  "cgroup.threads", "cgroup.kill",
		"cgroup.freeze", "cgroup.type",
	};

	if (key[strspn(key, plain)] || !strchr(key, '.') || key[0] == '.')
		return "expected a cgroup v2 file such as \"memory.high\"";
	/* a write there moves, stops or kills processes: any on the host, which
	 * then are the container's and end with it */
	for (size_t i = 0; i < ARRAY_SIZE(not_limits); i++) {
		if (!strcmp(key, not_limits[i]))
			return "holds no limit: the runtime alone writes there";
	}
	return NULL;
}

static void parse_devices(struct spec_ctx *ctx, const struct spec_path *path,
			  const struct json *v, void *at)
{
	static const struct spec_field rules = {
		.kind = SPEC_OBJECTS,
		.table = &rule_table,
		SPEC_AT(struct spec_resources, devices),
		SPEC_AUX(struct spec_resources, device_count),
	};
	struct spec_resources *res = at;

	res->devices_set = true;
	spec_value(ctx, path, v, &rules, res);
}

_Static_assert(sizeof(struct spec_unified) == sizeof(struct spec_pair) &&
		       offsetof(struct spec_unified, value) ==
			       offsetof(struct spec_pair, value),
	       "SPEC_PAIRS fills an array of either");

/* clang-format off */
static const struct spec_field resources_fields[] = {
	{ .name = "devices", .kind = SPEC_CALL, .call = parse_devices,
	  .table = &rule_table,
	  SPEC_HERE },
	{ .name = "memory", .kind = SPEC_OBJECT, .table = &memory_table,
	  SPEC_AT(struct spec_resources, memory) },
	{ .name = "cpu", .kind = SPEC_OBJECT, .table = &cpu_table,
	  SPEC_AT(struct spec_resources, cpu) },
	{ .name = "blockIO", .kind = SPEC_OBJECT, .table = &block_io_table,
	  SPEC_AT(struct spec_resources, block_io) },
	{ .name = "pids", .kind = SPEC_OBJECT, .table = &pids_table,
	  SPEC_HERE },
	{ .name = "hugepageLimits", .kind = SPEC_OBJECTS,
	  .table = &hugepage_table,
	  SPEC_AT(struct spec_resources, hugepages),
	  SPEC_AUX(struct spec_resources, hugepage_count) },
	{ .name = "network", .kind = SPEC_OBJECT, .table = &network_table,
	  SPEC_HERE },
	{ .name = "rdma", .kind = SPEC_CALL, .call = parse_rdma,
	  .table = &rdma_table, SPEC_HERE },
	{ .name = "unified", .kind = SPEC_PAIRS,
	  SPEC_AT(struct spec_resources, unified),
	  SPEC_AUX(struct spec_resources, unified_count),
	  .check_key = check_unified },
};
/* clang-format on */

const struct spec_table spec_table_resources = {
	SPEC_ROWS(resources_fields),
	.size = sizeof(struct spec_resources),
};
