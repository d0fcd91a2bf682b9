/* SPDX-License-Identifier: Apache-2.0 */
#include <net/if.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "spec/fields.h"
#include "spec/spec.h"

/* config-linux.md, "Network Devices" */

/* dev_valid_name() of the kernel; "%d" stands for a free number there */
static const char *check_ifname(const char *name)
{
	if (!*name || strlen(name) >= IFNAMSIZ)
		return "is no name of an interface (1 to 15 bytes)";
	if (!strcmp(name, ".") || !strcmp(name, "..") ||
	    strpbrk(name, "/: \t\n\v\f\r"))
		return "is no name of an interface";
	return NULL;
}

static const struct spec_field net_device_fields[] = {
	{ .name = "name",
	  .kind = SPEC_STRING,
	  .flags = SPEC_EMPTY_UNSET,
	  SPEC_AT(struct spec_net_device, name),
	  .check = check_ifname },
};

static const struct spec_table net_device_table = {
	SPEC_ROWS(net_device_fields),
	.size = sizeof(struct spec_net_device),
};

/* Two interfaces cannot have one name, unless it has a number to come. */
static void check_targets(struct spec_ctx *ctx, const struct spec_path *path,
			  const struct spec_net_device *list, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		const char *to = list[i].name ? list[i].name : list[i].from;

		for (size_t k = 0; k < i; k++) {
			const char *other =
				list[k].name ? list[k].name : list[k].from;
			struct spec_path here =
				SPEC_PATH_KEY(path, list[i].from);

			if (strcmp(to, other) != 0 || strchr(to, '%'))
				continue;
			spec_problem(ctx, &here, "'%s' is the name of two", to);
			break;
		}
	}
}

/* An object by interface: { "eth0": { "name": "ctr0" } } */
void spec_parse_net_devices(struct spec_ctx *ctx, const struct spec_path *path,
			    const struct json *v, void *at)
{
	struct spec_linux *l = at;
	struct spec_net_device *list;
	size_t n = 0;

	if (!spec_is_type(ctx, path, v, JSON_OBJECT))
		return;
	list = arena_array(ctx->arena, v->count + 1, sizeof(*list));
	if (!list) {
		ctx->no_memory = true;
		return;
	}
	for (const struct json *m = v->child; m; m = m->next, n++) {
		struct spec_path here = SPEC_PATH_KEY(path, m->key);
		const char *wrong = check_ifname(m->key);

		if (wrong)
			spec_problem(ctx, &here, "%s", wrong);
		list[n] = (struct spec_net_device){ .from = m->key };
		if (spec_is_type(ctx, &here, m, JSON_OBJECT))
			spec_object(ctx, &here, m, &net_device_table, &list[n]);
	}
	check_targets(ctx, path, list, n);
	l->net_devices = list;
	l->net_device_count = n;
}
