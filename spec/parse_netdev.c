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
	l->net_devices = list;
	l->net_device_count = n;
}
