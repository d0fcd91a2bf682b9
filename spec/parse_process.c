/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "spec/fields.h"
#include "spec/spec.h"

#define ID_MAX UINT64_C(4294967294) /* 2^32 - 1 is "no id" for the kernel */
#define POLICY_DEADLINE 6           /* linux/sched.h, which clashes with ours */
#define IO_CLASS_IDLE 3             /* linux/ioprio.h, for the same reason */

/* config.md, "Process" */

bool spec_is_cpu_list(const char *s)
{
	unsigned long first, last;
	char *end;

	for (;; s = end + 1) {
		if (!isdigit((unsigned char)*s))
			return false;
		first = last = strtoul(s, &end, 10);
		if (*end == '-' && isdigit((unsigned char)end[1]))
			last = strtoul(end + 1, &end, 10);
		if (last < first || last > UINT16_MAX)
			return false;
		if (!*end)
			return true;
		if (*end != ',')
			return false;
	}
}

static const char *check_cpu_list(const char *s)
{
	return spec_is_cpu_list(s)
		       ? NULL
		       : "expected a list of CPUs such as \"0-3,7\"";
}

static const char *check_env(const char *s)
{
	const char *mark = strchr(s, '=');

	if (mark == s)
		return "expected NAME=value, got an empty name";
	return mark ? NULL : "expected NAME=value, got no \"=\"";
}

static void parse_gids(struct spec_ctx *ctx, const struct spec_path *path,
		       const struct json *v, void *at)
{
	static const struct spec_field gid = {
		.kind = SPEC_UINT,
		.size = sizeof(gid_t),
		SPEC_RANGE(0, ID_MAX),
	};
	struct spec_user *user = at;
	gid_t *list;
	size_t n = 0;

	if (!spec_is_type(ctx, path, v, JSON_ARRAY))
		return;
	list = spec_alloc(ctx, v->count, sizeof(*list));
	if (!list)
		return;
	for (const struct json *e = v->child; e; e = e->next, n++) {
		struct spec_path here = SPEC_PATH_INDEX(path, n);

		spec_value(ctx, &here, e, &gid, &list[n]);
	}
	user->groups = list;
	user->group_count = n;
}

/* clang-format off */
static const struct spec_field user_fields[] = {
	{ .name = "uid", .kind = SPEC_UINT, .flags = SPEC_REQUIRED,
	  SPEC_AT(struct spec_user, uid), SPEC_RANGE(0, ID_MAX) },
	{ .name = "gid", .kind = SPEC_UINT, .flags = SPEC_REQUIRED,
	  SPEC_AT(struct spec_user, gid), SPEC_RANGE(0, ID_MAX) },
	{ .name = "umask", .kind = SPEC_UINT,
	  SPEC_AT(struct spec_user, umask), SPEC_RANGE(0, 0777),
	  SPEC_AUX(struct spec_user, umask_set) },
	{ .name = "additionalGids", .kind = SPEC_CALL, .call = parse_gids,
	  SPEC_HERE },
	{ .name = "username", .kind = SPEC_IGNORE }, /* Windows */
};
/* clang-format on */

static const struct spec_table user_table = {
	SPEC_ROWS(user_fields),
	.size = sizeof(struct spec_user),
};

/* runtime-spec: what has no meaning for the kernel is logged and dropped */
static void parse_caps(struct spec_ctx *ctx, const struct spec_path *path,
		       const struct json *v, void *at)
{
	uint64_t *mask = at;
	char show[SPEC_SHOW_SIZE];
	size_t n = 0;

	if (!spec_is_type(ctx, path, v, JSON_ARRAY))
		return;
	for (const struct json *e = v->child; e; e = e->next, n++) {
		struct spec_path here = SPEC_PATH_INDEX(path, n);
		int cap;

		if (!spec_is_type(ctx, &here, e, JSON_STRING))
			continue;
		cap = spec_cap_number(e->text);
		if (cap >= 0) {
			*mask |= UINT64_C(1) << cap;
			continue;
		}
		spec_warn(ctx, &here, "unknown capability %s, ignored",
			  spec_show(e, show));
		if (ctx->last_warning)
			ctx->last_warning->demanded = true;
	}
}

/* clang-format off */
#define CAP_ROW(name_)                                                         \
	{ .name = #name_, .kind = SPEC_CALL, .call = parse_caps,               \
	  SPEC_AT(struct spec_caps, name_) }
static const struct spec_field caps_fields[] = {
	CAP_ROW(effective),
	CAP_ROW(bounding),
	CAP_ROW(inheritable),
	CAP_ROW(permitted),
	CAP_ROW(ambient),
};

static const struct spec_field rlimit_fields[] = {
	{ .name = "type", .kind = SPEC_STRING, .flags = SPEC_REQUIRED,
	  SPEC_AT(struct spec_rlimit, type) },
	{ .name = "soft", .kind = SPEC_UINT, .flags = SPEC_REQUIRED,
	  SPEC_AT(struct spec_rlimit, soft) },
	{ .name = "hard", .kind = SPEC_UINT, .flags = SPEC_REQUIRED,
	  SPEC_AT(struct spec_rlimit, hard) },
};

static const struct spec_field scheduler_fields[] = {
	{ .name = "policy", .kind = SPEC_NAME, .flags = SPEC_REQUIRED,
	  SPEC_AT(struct spec_scheduler, policy),
	  .names = &spec_set_policies },
	{ .name = "nice", .kind = SPEC_INT, SPEC_RANGE(-20, 19),
	  SPEC_AT(struct spec_scheduler, nice) },
	{ .name = "priority", .kind = SPEC_INT, SPEC_RANGE(0, 99),
	  SPEC_AT(struct spec_scheduler, priority) },
	{ .name = "flags", .kind = SPEC_FLAGS,
	  SPEC_AT(struct spec_scheduler, flags),
	  .names = &spec_set_sched_flags },
	{ .name = "runtime", .kind = SPEC_UINT,
	  SPEC_AT(struct spec_scheduler, runtime_ns) },
	{ .name = "deadline", .kind = SPEC_UINT,
	  SPEC_AT(struct spec_scheduler, deadline_ns) },
	{ .name = "period", .kind = SPEC_UINT,
	  SPEC_AT(struct spec_scheduler, period_ns) },
};

static const struct spec_field io_priority_fields[] = {
	{ .name = "class", .kind = SPEC_NAME, .flags = SPEC_REQUIRED,
	  SPEC_AT(struct spec_io_priority, class),
	  .names = &spec_set_io_classes },
	{ .name = "priority", .kind = SPEC_INT,
	  SPEC_AT(struct spec_io_priority, priority), SPEC_RANGE(0, 7) },
};

static const struct spec_field console_fields[] = {
	{ .name = "height", .kind = SPEC_UINT, .flags = SPEC_REQUIRED,
	  SPEC_AT(struct spec_process, console_height) },
	{ .name = "width", .kind = SPEC_UINT, .flags = SPEC_REQUIRED,
	  SPEC_AT(struct spec_process, console_width) },
};

static const struct spec_field affinity_fields[] = {
	{ .name = "initial", .kind = SPEC_STRING, .flags = SPEC_EMPTY_UNSET,
	  SPEC_AT(struct spec_process, cpu_affinity_initial),
	  .check = check_cpu_list },
	{ .name = "final", .kind = SPEC_STRING, .flags = SPEC_EMPTY_UNSET,
	  SPEC_AT(struct spec_process, cpu_affinity_final),
	  .check = check_cpu_list },
};
/* clang-format on */

static const struct spec_table caps_table = {
	SPEC_ROWS(caps_fields),
	.size = sizeof(struct spec_caps),
};

static void finish_rlimit(struct spec_ctx *ctx, const struct spec_path *path,
			  void *at)
{
	struct spec_rlimit *limit = at;
	char show[SPEC_SHOW_SIZE];

	limit->resource = spec_rlimit_number(limit->type);
	if (limit->resource < 0) {
		struct spec_path here = SPEC_PATH_KEY(path, "type");

		spec_problem(ctx, &here, "unknown resource limit %s",
			     spec_show_text(limit->type, show));
	}
	if (limit->soft > limit->hard)
		spec_problem(ctx, path,
			     "the soft limit %" PRIu64
			     " is above the hard limit %" PRIu64,
			     limit->soft, limit->hard);
}

static const struct spec_table rlimit_table = {
	SPEC_ROWS(rlimit_fields),
	.size = sizeof(struct spec_rlimit),
	.finish = finish_rlimit,
};

/* sched_setattr(2) would say no more than "invalid argument". */
static void finish_scheduler(struct spec_ctx *ctx, const struct spec_path *path,
			     void *at)
{
	const struct spec_scheduler *s = at;
	const bool is_realtime =
		s->policy == SCHED_FIFO || s->policy == SCHED_RR;
	struct spec_path priority = SPEC_PATH_KEY(path, "priority");

	if (is_realtime && !s->priority)
		spec_problem(ctx, &priority,
			     "SCHED_FIFO and SCHED_RR need 1 to 99");
	if (!is_realtime && s->priority)
		spec_problem(ctx, &priority,
			     "only SCHED_FIFO and SCHED_RR have one");
	if (s->policy != POLICY_DEADLINE &&
	    (s->runtime_ns || s->deadline_ns || s->period_ns))
		spec_problem(ctx, path,
			     "runtime, deadline and period are for "
			     "SCHED_DEADLINE only");
}

static const struct spec_table scheduler_table = {
	SPEC_ROWS(scheduler_fields),
	.size = sizeof(struct spec_scheduler),
	.finish = finish_scheduler,
};

/* The schema asks for no level: ioprio_set(2) has none in the idle class. */
static void finish_io_priority(struct spec_ctx *ctx,
			       const struct spec_path *path, void *at)
{
	struct spec_io_priority *io = at;
	struct spec_path priority = SPEC_PATH_KEY(path, "priority");

	if (io->priority >= 0)
		return;
	if (io->class == IO_CLASS_IDLE)
		io->priority = 0;
	else
		spec_problem(ctx, &priority, "required, but missing");
}

static const struct spec_io_priority io_priority_init = { .priority = -1 };

static const struct spec_table io_priority_table = {
	SPEC_ROWS(io_priority_fields),
	.size = sizeof(struct spec_io_priority),
	.init = &io_priority_init,
	.finish = finish_io_priority,
};

static const struct spec_table console_table = {
	SPEC_ROWS(console_fields),
	.size = sizeof(struct spec_process),
};

static const struct spec_table affinity_table = {
	SPEC_ROWS(affinity_fields),
	.size = sizeof(struct spec_process),
};

static void parse_args(struct spec_ctx *ctx, const struct spec_path *path,
		       const struct json *v, void *at)
{
	static const struct spec_field args = {
		.kind = SPEC_STRINGS,
		SPEC_AT(struct spec_process, args),
		SPEC_AUX(struct spec_process, arg_count),
	};
	struct spec_path first = SPEC_PATH_INDEX(path, 0);
	struct spec_process *p = at;
	const size_t before = ctx->problems;

	spec_value(ctx, path, v, &args, p);
	if (ctx->problems != before || ctx->no_memory)
		return;
	if (!p->arg_count)
		spec_problem(ctx, path, "expected at least one entry");
	else if (!*p->args[0])
		spec_problem(ctx, &first, "must not be empty");
}

/* config.md: an entry that is given twice must be an error */
static void parse_rlimits(struct spec_ctx *ctx, const struct spec_path *path,
			  const struct json *v, void *at)
{
	static const struct spec_field rlimits = {
		.kind = SPEC_OBJECTS,
		.table = &rlimit_table,
		SPEC_AT(struct spec_process, rlimits),
		SPEC_AUX(struct spec_process, rlimit_count),
	};
	struct spec_process *p = at;
	const size_t before = ctx->problems;
	uint64_t seen = 0;

	spec_value(ctx, path, v, &rlimits, p);
	if (ctx->problems != before || ctx->no_memory)
		return;
	for (size_t i = 0; i < p->rlimit_count; i++) {
		struct spec_path entry = SPEC_PATH_INDEX(path, i);
		struct spec_path here = SPEC_PATH_KEY(&entry, "type");
		const uint64_t bit = UINT64_C(1) << p->rlimits[i].resource;

		if (seen & bit)
			spec_problem(ctx, &here, "\"%s\" is given twice",
				     p->rlimits[i].type);
		seen |= bit;
	}
}

/* clang-format off */
static const struct spec_field process_fields[] = {
	{ .name = "terminal", .kind = SPEC_BOOL,
	  SPEC_AT(struct spec_process, terminal) },
	{ .name = "consoleSize", .kind = SPEC_OBJECT, .table = &console_table,
	  SPEC_HERE, SPEC_AUX(struct spec_process, console_size_set) },
	{ .name = "user", .kind = SPEC_OBJECT, .table = &user_table,
	  SPEC_AT(struct spec_process, user) },
	{ .name = "args", .kind = SPEC_CALL, .flags = SPEC_REQUIRED,
	  .call = parse_args, SPEC_HERE },
	{ .name = "commandLine", .kind = SPEC_IGNORE }, /* Windows */
	{ .name = "env", .kind = SPEC_STRINGS, .flags = SPEC_SECRET,
	  .check = check_env, /* holds passwords at times */
	  SPEC_AT(struct spec_process, env),
	  SPEC_AUX(struct spec_process, env_count) },
	{ .name = "cwd", .kind = SPEC_STRING,
	  .flags = SPEC_REQUIRED | SPEC_ABSOLUTE,
	  SPEC_AT(struct spec_process, cwd) },
	{ .name = "capabilities", .kind = SPEC_OBJECT, .table = &caps_table,
	  SPEC_AT(struct spec_process, caps),
	  SPEC_AUX(struct spec_process, caps.set) },
	{ .name = "rlimits", .kind = SPEC_CALL, .call = parse_rlimits,
	  .table = &rlimit_table,
	  SPEC_HERE },
	{ .name = "noNewPrivileges", .kind = SPEC_BOOL,
	  SPEC_AT(struct spec_process, no_new_privs) },
	{ .name = "apparmorProfile", .kind = SPEC_STRING,
	  .flags = SPEC_EMPTY_UNSET,
	  SPEC_AT(struct spec_process, apparmor_profile) },
	{ .name = "selinuxLabel", .kind = SPEC_STRING,
	  .flags = SPEC_EMPTY_UNSET,
	  SPEC_AT(struct spec_process, selinux_label) },
	{ .name = "oomScoreAdj", .kind = SPEC_INT, SPEC_RANGE(-1000, 1000),
	  SPEC_AT(struct spec_process, oom_score_adj),
	  SPEC_AUX(struct spec_process, oom_score_adj_set) },
	{ .name = "scheduler", .kind = SPEC_OBJECT, .table = &scheduler_table,
	  SPEC_AT(struct spec_process, scheduler),
	  SPEC_AUX(struct spec_process, scheduler.set) },
	{ .name = "ioPriority", .kind = SPEC_OBJECT,
	  .table = &io_priority_table,
	  SPEC_AT(struct spec_process, io_priority),
	  SPEC_AUX(struct spec_process, io_priority.set) },
	{ .name = "execCPUAffinity", .kind = SPEC_OBJECT,
	  .table = &affinity_table, SPEC_HERE },
};
/* clang-format on */

static const struct spec_process process_init = {
	.args = spec_no_strings,
	.env = spec_no_strings,
};

const struct spec_table spec_table_process = {
	SPEC_ROWS(process_fields),
	.size = sizeof(struct spec_process),
	.init = &process_init,
};
