/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <linux/mempolicy.h>
#include <stdint.h>

#include "base/auto.h"
#include "spec/fields.h"
#include "spec/spec.h"

/* config-linux.md, all but resources and seccomp */

#define ID_MAX UINT64_C(4294967294) /* 2^32 - 1 is "no id" for the kernel */
#define NSEC_MAX 999999999
#define MODE_BITS 07777

/* clang-format off */
static const struct spec_field namespace_fields[] = {
	{ .name = "type", .kind = SPEC_NAME, .flags = SPEC_REQUIRED,
	  SPEC_AT(struct spec_namespace, type),
	  .names = &spec_set_namespaces },
	{ .name = "path", .kind = SPEC_STRING,
	  .flags = SPEC_ABSOLUTE | SPEC_EMPTY_UNSET,
	  SPEC_AT(struct spec_namespace, path) },
};

static const struct spec_field device_fields[] = {
	{ .name = "type", .kind = SPEC_NAME, .flags = SPEC_REQUIRED,
	  SPEC_AT(struct spec_device, type),
	  .names = &spec_set_device_types },
	{ .name = "path", .kind = SPEC_STRING,
	  .flags = SPEC_REQUIRED | SPEC_ABSOLUTE,
	  SPEC_AT(struct spec_device, path) },
	{ .name = "major", .kind = SPEC_INT, SPEC_RANGE(0, UINT32_MAX),
	  SPEC_AT(struct spec_device, major) },
	{ .name = "minor", .kind = SPEC_INT, SPEC_RANGE(0, UINT32_MAX),
	  SPEC_AT(struct spec_device, minor) },
	{ .name = "fileMode", .kind = SPEC_UINT,
	  SPEC_AT(struct spec_device, mode),
	  SPEC_AUX(struct spec_device, mode_set) },
	{ .name = "uid", .kind = SPEC_UINT, SPEC_RANGE(0, ID_MAX),
	  SPEC_AT(struct spec_device, uid) },
	{ .name = "gid", .kind = SPEC_UINT, SPEC_RANGE(0, ID_MAX),
	  SPEC_AT(struct spec_device, gid) },
};
/* clang-format on */

static const struct spec_table namespace_table = {
	SPEC_ROWS(namespace_fields),
	.size = sizeof(struct spec_namespace),
};

static void need_number(struct spec_ctx *ctx, const struct spec_path *path,
			const char *key, int64_t value)
{
	struct spec_path here = SPEC_PATH_KEY(path, key);

	if (value < 0)
		spec_problem(ctx, &here, "required, but missing");
}

static void finish_device(struct spec_ctx *ctx, const struct spec_path *path,
			  void *at)
{
	struct spec_device *dev = at;

	dev->mode &= MODE_BITS; /* Podman sends the type's bits along */
	if (dev->type != 'p') {
		need_number(ctx, path, "major", dev->major);
		need_number(ctx, path, "minor", dev->minor);
	} else {
		dev->major = dev->minor = 0; /* a FIFO has none */
	}
}

static const struct spec_device device_init = { .major = -1, .minor = -1 };

static const struct spec_table device_table = {
	SPEC_ROWS(device_fields),
	.size = sizeof(struct spec_device),
	.init = &device_init,
	.finish = finish_device,
};

/* clang-format off */
static const struct spec_field offset_fields[] = {
	{ .name = "secs", .kind = SPEC_INT,
	  SPEC_AT(struct spec_time_offset, secs) },
	{ .name = "nanosecs", .kind = SPEC_UINT, SPEC_RANGE(0, NSEC_MAX),
	  SPEC_AT(struct spec_time_offset, nanosecs) },
};

static const struct spec_table offset_table = {
	SPEC_ROWS(offset_fields),
	.size = sizeof(struct spec_time_offset),
};

static const struct spec_field clock_fields[] = {
	{ .name = "monotonic", .kind = SPEC_OBJECT, .table = &offset_table,
	  SPEC_AT(struct spec_linux, monotonic),
	  SPEC_AUX(struct spec_linux, monotonic.set) },
	{ .name = "boottime", .kind = SPEC_OBJECT, .table = &offset_table,
	  SPEC_AT(struct spec_linux, boottime),
	  SPEC_AUX(struct spec_linux, boottime.set) },
};
/* clang-format on */

/* time_namespaces(7) knows these two clocks; another cannot be applied. */
static const struct spec_table clock_table = {
	SPEC_ROWS(clock_fields),
	.closed = true,
};

static const char *check_nodes(const char *s)
{
	return spec_is_cpu_list(s)
		       ? NULL
		       : "expected a list of nodes such as \"0-3,7\"";
}

/* clang-format off */
static const struct spec_field mempolicy_fields[] = {
	{ .name = "mode", .kind = SPEC_NAME, .flags = SPEC_REQUIRED,
	  SPEC_AT(struct spec_mempolicy, mode),
	  .names = &spec_set_mempolicy_modes },
	{ .name = "nodes", .kind = SPEC_STRING, .flags = SPEC_EMPTY_UNSET,
	  SPEC_AT(struct spec_mempolicy, nodes), .check = check_nodes },
	{ .name = "flags", .kind = SPEC_FLAGS,
	  SPEC_AT(struct spec_mempolicy, flags),
	  .names = &spec_set_mempolicy_flags },
};
/* clang-format on */

/* set_mempolicy(2), ERRORS: EINVAL */
static void finish_mempolicy(struct spec_ctx *ctx, const struct spec_path *path,
			     void *at)
{
	const unsigned int both = MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES;
	const struct spec_mempolicy *p = at;
	struct spec_path nodes = SPEC_PATH_KEY(path, "nodes");
	struct spec_path flags = SPEC_PATH_KEY(path, "flags");

	if (p->mode == MPOL_DEFAULT || p->mode == MPOL_LOCAL) {
		if (p->nodes)
			spec_problem(ctx, &nodes, "this mode takes no nodes");
	} else if (p->mode != MPOL_PREFERRED && !p->nodes) {
		spec_problem(ctx, &nodes, "this mode needs at least one node");
	}
	if ((p->flags & both) == both)
		spec_problem(ctx, &flags,
			     "MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES "
			     "exclude each other");
}

static const struct spec_table mempolicy_table = {
	SPEC_ROWS(mempolicy_fields),
	.size = sizeof(struct spec_mempolicy),
	.finish = finish_mempolicy,
};

/* clang-format off */
static const struct spec_field personality_fields[] = {
	{ .name = "domain", .kind = SPEC_NAME, .flags = SPEC_REQUIRED,
	  SPEC_AT(struct spec_personality, domain),
	  .names = &spec_set_personalities },
	{ .name = "flags", .kind = SPEC_REFUSE,
	  .text = "the specification defines no flags" },
};

#define STRINGS_ROW(name_, member_, count_)                                    \
	{ .name = name_, .kind = SPEC_STRINGS, .flags = SPEC_ABSOLUTE,         \
	  SPEC_AT(struct spec_linux, member_),                                 \
	  SPEC_AUX(struct spec_linux, count_) }
#define OBJECTS_ROW(name_, table_, member_, count_)                            \
	{ .name = name_, .kind = SPEC_OBJECTS, .table = &(table_),             \
	  SPEC_AT(struct spec_linux, member_),                                 \
	  SPEC_AUX(struct spec_linux, count_) }
/* clang-format on */

static const struct spec_table personality_table = {
	SPEC_ROWS(personality_fields),
	.size = sizeof(struct spec_personality),
};

static void parse_namespaces(struct spec_ctx *ctx, const struct spec_path *path,
			     const struct json *v, void *at)
{
	static const struct spec_field list = OBJECTS_ROW(
		"namespaces", namespace_table, namespaces, namespace_count);
	struct spec_linux *l = at;
	const size_t before = ctx->problems;
	unsigned int seen = 0;

	spec_value(ctx, path, v, &list, l);
	if (ctx->problems != before || ctx->no_memory) {
		ctx->ns_unsure = true;
		return;
	}
	for (size_t i = 0; i < l->namespace_count; i++) {
		const enum spec_ns_type type = l->namespaces[i].type;
		struct spec_path entry = SPEC_PATH_INDEX(path, i);
		struct spec_path here = SPEC_PATH_KEY(&entry, "type");

		if (seen & 1U << type)
			spec_problem(ctx, &here, "\"%s\" is given twice",
				     spec_ns_names[type]);
		seen |= 1U << type;
	}
}

_Static_assert(sizeof(struct spec_sysctl) == sizeof(struct spec_pair) &&
		       offsetof(struct spec_sysctl, value) ==
			       offsetof(struct spec_pair, value),
	       "SPEC_PAIRS fills an array of either");

/* clang-format off */
static const struct spec_field linux_fields[] = {
	{ .name = "namespaces", .kind = SPEC_CALL, .call = parse_namespaces,
	  .table = &namespace_table,
	  SPEC_HERE },
	OBJECTS_ROW("uidMappings", spec_table_id_map, uid_maps, uid_map_count),
	OBJECTS_ROW("gidMappings", spec_table_id_map, gid_maps, gid_map_count),
	{ .name = "timeOffsets", .kind = SPEC_OBJECT, .table = &clock_table,
	  SPEC_HERE },
	OBJECTS_ROW("devices", device_table, devices, device_count),
	{ .name = "netDevices", .kind = SPEC_CALL, .call = spec_parse_net_devices,
	  SPEC_HERE },
	{ .name = "cgroupsPath", .kind = SPEC_STRING,
	  .flags = SPEC_EMPTY_UNSET,
	  SPEC_AT(struct spec_linux, cgroups_path) },
	{ .name = "resources", .kind = SPEC_OBJECT,
	  .table = &spec_table_resources,
	  SPEC_AT(struct spec_linux, resources) },
	{ .name = "intelRdt", .kind = SPEC_OBJECT, .table = &spec_table_rdt,
	  SPEC_AT(struct spec_linux, rdt),
	  SPEC_AUX(struct spec_linux, rdt.set) },
	{ .name = "memoryPolicy", .kind = SPEC_OBJECT,
	  .table = &mempolicy_table,
	  SPEC_AT(struct spec_linux, mempolicy),
	  SPEC_AUX(struct spec_linux, mempolicy.set) },
	{ .name = "sysctl", .kind = SPEC_PAIRS,
	  SPEC_AT(struct spec_linux, sysctls),
	  SPEC_AUX(struct spec_linux, sysctl_count) },
	{ .name = "seccomp", .kind = SPEC_CALL, .call = spec_parse_seccomp,
	  .table = &spec_table_seccomp,
	  SPEC_AT(struct spec_linux, seccomp) },
	{ .name = "rootfsPropagation", .kind = SPEC_NAME,
	  .flags = SPEC_EMPTY_UNSET,
	  SPEC_AT(struct spec_linux, rootfs_propagation),
	  .names = &spec_set_propagations },
	STRINGS_ROW("maskedPaths", masked_paths, masked_count),
	STRINGS_ROW("readonlyPaths", readonly_paths, readonly_count),
	{ .name = "mountLabel", .kind = SPEC_STRING,
	  .flags = SPEC_EMPTY_UNSET,
	  SPEC_AT(struct spec_linux, mount_label) },
	{ .name = "personality", .kind = SPEC_OBJECT,
	  .table = &personality_table,
	  SPEC_AT(struct spec_linux, personality),
	  SPEC_AUX(struct spec_linux, personality.set) },
};
/* clang-format on */

static const struct spec_linux linux_init = {
	.seccomp = { .archs = spec_no_strings },
	.rdt = { .schemata = spec_no_strings },
};

const struct spec_table spec_table_linux = {
	SPEC_ROWS(linux_fields),
	.size = sizeof(struct spec_linux),
	.init = &linux_init,
};
