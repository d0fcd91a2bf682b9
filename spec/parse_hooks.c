/* SPDX-License-Identifier: Apache-2.0 */
#include "base/auto.h"
#include "spec/fields.h"
#include "spec/spec.h"

/* config.md, "POSIX-platform Hooks" */

static void parse_hook_env(struct spec_ctx *ctx, const struct spec_path *path,
			   const struct json *v, void *at)
{
	static const struct spec_field env = {
		.kind = SPEC_STRINGS,
		SPEC_AT(struct spec_hook, env),
	};
	struct spec_hook *hook = at;

	spec_value(ctx, path, v, &env, hook);
	hook->env_set = true;
}

/* clang-format off */
static const struct spec_field hook_fields[] = {
	{ .name = "path", .kind = SPEC_STRING,
	  .flags = SPEC_REQUIRED | SPEC_ABSOLUTE,
	  SPEC_AT(struct spec_hook, path) },
	{ .name = "args", .kind = SPEC_STRINGS, .flags = SPEC_MAY_BE_NULL,
	  SPEC_AT(struct spec_hook, args) },
	{ .name = "env", .kind = SPEC_CALL, .call = parse_hook_env,
	  SPEC_HERE },
	{ .name = "timeout", .kind = SPEC_UINT,
	  SPEC_AT(struct spec_hook, timeout_s), SPEC_RANGE(1, INT32_MAX) },
};
/* clang-format on */

static const struct spec_hook hook_init = { .env = spec_no_strings };

static const struct spec_table hook_table = {
	SPEC_ROWS(hook_fields),
	.size = sizeof(struct spec_hook),
	.init = &hook_init,
};

/* clang-format off */
#define HOOK_ROW(name_, kind_)                                                 \
	{ .name = name_, .kind = SPEC_OBJECTS, .table = &hook_table,           \
	  SPEC_AT(struct spec_hooks, list[kind_]),                             \
	  SPEC_AUX(struct spec_hooks, count[kind_]) }
static const struct spec_field hooks_fields[] = {
	HOOK_ROW("prestart", SPEC_HOOK_PRESTART),
	HOOK_ROW("createRuntime", SPEC_HOOK_CREATE_RUNTIME),
	HOOK_ROW("createContainer", SPEC_HOOK_CREATE_CONTAINER),
	HOOK_ROW("startContainer", SPEC_HOOK_START_CONTAINER),
	HOOK_ROW("poststart", SPEC_HOOK_POSTSTART),
	HOOK_ROW("poststop", SPEC_HOOK_POSTSTOP),
};
/* clang-format on */

_Static_assert(ARRAY_SIZE(hooks_fields) == SPEC_HOOK_KINDS,
	       "one row for each kind of hook");

const struct spec_table spec_table_hooks = {
	SPEC_ROWS(hooks_fields),
	.size = sizeof(struct spec_hooks),
};
