/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

#include "base/arena.h"
#include "base/auto.h"
#include "spec/fields.h"
#include "spec/spec.h"

/* config-linux.md, "Seccomp" */

#define ERRNO_MAX 65535 /* SECCOMP_RET_DATA has 16 bits */
#define ARG_INDEX_MAX 5

static bool takes_errno(enum spec_scmp_act action)
{
	return action == SPEC_ACT_ERRNO || action == SPEC_ACT_TRACE;
}

bool spec_seccomp_notifies(const struct spec_seccomp *s)
{
	if (s->default_action == SPEC_ACT_NOTIFY)
		return true;
	for (size_t i = 0; i < s->rule_count; i++)
		if (s->rules[i].action == SPEC_ACT_NOTIFY)
			return true;
	return false;
}

static void check_errno(struct spec_ctx *ctx, const struct spec_path *path,
			const char *key, enum spec_scmp_act action, bool is_set)
{
	struct spec_path here = SPEC_PATH_KEY(path, key);

	if (is_set && !takes_errno(action))
		spec_problem(ctx, &here,
			     "only SCMP_ACT_ERRNO and SCMP_ACT_TRACE take one");
}

/* clang-format off */
static const struct spec_field arg_fields[] = {
	{ .name = "index", .kind = SPEC_UINT, .flags = SPEC_REQUIRED,
	  SPEC_AT(struct spec_scmp_arg, index),
	  SPEC_RANGE(0, ARG_INDEX_MAX) },
	{ .name = "value", .kind = SPEC_UINT, .flags = SPEC_REQUIRED,
	  SPEC_AT(struct spec_scmp_arg, value) },
	{ .name = "valueTwo", .kind = SPEC_UINT,
	  SPEC_AT(struct spec_scmp_arg, value_two) },
	{ .name = "op", .kind = SPEC_NAME, .flags = SPEC_REQUIRED,
	  SPEC_AT(struct spec_scmp_arg, op), .names = &spec_set_operators },
};
/* clang-format on */

static const struct spec_table arg_table = {
	SPEC_ROWS(arg_fields),
	.size = sizeof(struct spec_scmp_arg),
};

/* clang-format off */
static const struct spec_field rule_fields[] = {
	{ .name = "names", .kind = SPEC_STRINGS,
	  .flags = SPEC_REQUIRED | SPEC_NOT_EMPTY,
	  SPEC_AT(struct spec_scmp_rule, names) },
	{ .name = "action", .kind = SPEC_NAME, .flags = SPEC_REQUIRED,
	  SPEC_AT(struct spec_scmp_rule, action), .names = &spec_set_actions },
	{ .name = "errnoRet", .kind = SPEC_UINT,
	  SPEC_AT(struct spec_scmp_rule, errno_ret), SPEC_RANGE(0, ERRNO_MAX),
	  SPEC_AUX(struct spec_scmp_rule, errno_set) },
	{ .name = "args", .kind = SPEC_OBJECTS, .table = &arg_table,
	  SPEC_AT(struct spec_scmp_rule, args),
	  SPEC_AUX(struct spec_scmp_rule, arg_count) },
	/* written by Docker and Podman tools for people, not for runtimes */
	{ .name = "comment", .kind = SPEC_IGNORE },
};
/* clang-format on */

static void finish_rule(struct spec_ctx *ctx, const struct spec_path *path,
			void *at)
{
	const struct spec_scmp_rule *rule = at;
	struct spec_path names = SPEC_PATH_KEY(path, "names");

	if (!rule->names[0])
		spec_problem(ctx, &names, "expected at least one entry");
	check_errno(ctx, path, "errnoRet", rule->action, rule->errno_set);
}

static const struct spec_table rule_table = {
	SPEC_ROWS(rule_fields),
	.size = sizeof(struct spec_scmp_rule),
	.finish = finish_rule,
};

static void parse_flags(struct spec_ctx *ctx, const struct spec_path *path,
			const struct json *v, void *at)
{
	static const struct spec_field field = {
		.kind = SPEC_FLAGS,
		.size = sizeof(unsigned int),
		.names = &spec_set_scmp_flags,
	};
	struct spec_seccomp *s = at;
	unsigned int flags = 0;

	spec_value(ctx, path, v, &field, &flags);
	s->flags_set = true;
	s->flag_tsync = flags & SPEC_SCMP_TSYNC;
	s->flag_log = flags & SPEC_SCMP_LOG;
	s->flag_spec_allow = flags & SPEC_SCMP_SPEC_ALLOW;
	s->flag_wait_killable = flags & SPEC_SCMP_WAIT_KILLABLE;
}

/* clang-format off */
static const struct spec_field seccomp_fields[] = {
	{ .name = "defaultAction", .kind = SPEC_NAME, .flags = SPEC_REQUIRED,
	  SPEC_AT(struct spec_seccomp, default_action),
	  .names = &spec_set_actions },
	{ .name = "defaultErrnoRet", .kind = SPEC_UINT,
	  SPEC_AT(struct spec_seccomp, default_errno),
	  SPEC_RANGE(0, ERRNO_MAX),
	  SPEC_AUX(struct spec_seccomp, default_errno_set) },
	{ .name = "architectures", .kind = SPEC_STRINGS,
	  SPEC_AT(struct spec_seccomp, archs), .names = &spec_set_archs },
	{ .name = "flags", .kind = SPEC_CALL, .call = parse_flags, SPEC_HERE },
	{ .name = "listenerPath", .kind = SPEC_STRING,
	  .flags = SPEC_EMPTY_UNSET,
	  SPEC_AT(struct spec_seccomp, listener_path) },
	{ .name = "listenerMetadata", .kind = SPEC_STRING,
	  SPEC_AT(struct spec_seccomp, listener_metadata) },
	{ .name = "syscalls", .kind = SPEC_OBJECTS, .table = &rule_table,
	  SPEC_AT(struct spec_seccomp, rules),
	  SPEC_AUX(struct spec_seccomp, rule_count) },
};
/* clang-format on */

static void finish_seccomp(struct spec_ctx *ctx, const struct spec_path *path,
			   void *at)
{
	const struct spec_seccomp *s = at;
	struct spec_path listener = SPEC_PATH_KEY(path, "listenerPath");

	if (spec_seccomp_notifies(s) &&
	    (!s->listener_path || !*s->listener_path))
		spec_problem(ctx, &listener,
			     "is required with SCMP_ACT_NOTIFY");
	check_errno(ctx, path, "defaultErrnoRet", s->default_action,
		    s->default_errno_set);
}

const struct spec_table spec_table_seccomp = {
	SPEC_ROWS(seccomp_fields),
	.size = sizeof(struct spec_seccomp),
	.finish = finish_seccomp,
};

void spec_parse_seccomp(struct spec_ctx *ctx, const struct spec_path *path,
			const struct json *v, void *at)
{
	struct spec_seccomp *s = at;

	if (!spec_is_type(ctx, path, v, JSON_OBJECT))
		return;
	s->set = true;
	spec_defaults(&spec_table_seccomp, s);
	spec_object(ctx, path, v, &spec_table_seccomp, s);
	s->raw_len = v->end - v->begin;
	s->raw = arena_strndup(ctx->arena, ctx->text + v->begin, s->raw_len);
	if (!s->raw)
		ctx->no_memory = true;
}
