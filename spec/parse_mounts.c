/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/arena.h"
#include "base/auto.h"
#include "spec/fields.h"
#include "spec/spec.h"

/* config.md, "Mounts"; config-linux.md, "User namespace mappings" */

/* clang-format off */
static const struct spec_field id_map_fields[] = {
	{ .name = "containerID", .kind = SPEC_UINT, .flags = SPEC_REQUIRED,
	  SPEC_AT(struct spec_id_map, container_id) },
	{ .name = "hostID", .kind = SPEC_UINT, .flags = SPEC_REQUIRED,
	  SPEC_AT(struct spec_id_map, host_id) },
	{ .name = "size", .kind = SPEC_UINT, .flags = SPEC_REQUIRED,
	  SPEC_AT(struct spec_id_map, size), SPEC_RANGE(1, UINT32_MAX) },
};
/* clang-format on */

/* user_namespaces(7): a range may not reach 2^32 - 1, which is no id. */
static void finish_id_map(struct spec_ctx *ctx, const struct spec_path *path,
			  void *at)
{
	const struct spec_id_map *map = at;
	const uint32_t first = map->container_id > map->host_id
				       ? map->container_id
				       : map->host_id;
	struct spec_path size = SPEC_PATH_KEY(path, "size");

	if ((uint64_t)first + map->size > UINT32_MAX)
		spec_problem(ctx, &size,
			     "%" PRIu32 " ids from %" PRIu32
			     " go beyond the last id 4294967294",
			     map->size, first);
}

const struct spec_table spec_table_id_map = {
	SPEC_ROWS(id_map_fields),
	.size = sizeof(struct spec_id_map),
	.finish = finish_id_map,
};

/* clang-format off */
static const struct spec_field mount_fields[] = {
	{ .name = "destination", .kind = SPEC_STRING,
	  .flags = SPEC_REQUIRED | SPEC_NOT_EMPTY,
	  SPEC_AT(struct spec_mount, destination) },
	{ .name = "type", .kind = SPEC_STRING, .flags = SPEC_EMPTY_UNSET,
	  SPEC_AT(struct spec_mount, type) },
	{ .name = "source", .kind = SPEC_STRING, .flags = SPEC_EMPTY_UNSET,
	  SPEC_AT(struct spec_mount, source) },
	{ .name = "options", .kind = SPEC_STRINGS,
	  SPEC_AT(struct spec_mount, options),
	  SPEC_AUX(struct spec_mount, option_count) },
	{ .name = "uidMappings", .kind = SPEC_OBJECTS,
	  .table = &spec_table_id_map,
	  SPEC_AT(struct spec_mount, uid_maps),
	  SPEC_AUX(struct spec_mount, uid_map_count) },
	{ .name = "gidMappings", .kind = SPEC_OBJECTS,
	  .table = &spec_table_id_map,
	  SPEC_AT(struct spec_mount, gid_maps),
	  SPEC_AUX(struct spec_mount, gid_map_count) },
};
/* clang-format on */

static void finish_mount(struct spec_ctx *ctx, const struct spec_path *path,
			 void *at)
{
	struct spec_mount *m = at;
	struct spec_path here = SPEC_PATH_KEY(path, "destination");
	char show[SPEC_SHOW_SIZE];

	if (!m->uid_map_count != !m->gid_map_count)
		spec_problem(ctx, path,
			     "uidMappings and gidMappings go together");
	if (m->destination[0] == '/')
		return;
	spec_warn(ctx, &here, "%s is relative, taken as from \"/\"",
		  spec_show_text(m->destination, show));
	m->destination = arena_printf(ctx->arena, "/%s", m->destination);
	if (!m->destination)
		ctx->no_memory = true;
}

const struct spec_table spec_table_mount = {
	SPEC_ROWS(mount_fields),
	.size = sizeof(struct spec_mount),
	.finish = finish_mount,
};
