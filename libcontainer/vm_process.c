/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/vm.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json/json.h"
#include "base/str.h"
#include "spec/names.h"

#define GUEST_NR_OPEN 1048576 /* /proc/sys/fs/nr_open as kernels have it */

/* A process once more as config.json has it, for the agent in a guest. */

static void gen_strings(struct json_gen *g, const char *key,
			const char *const *list, size_t count)
{
	json_gen_array(g, key);
	for (size_t i = 0; i < count; i++)
		json_gen_str(g, NULL, list[i]);
	json_gen_end_array(g);
}

static const char *name_of(const struct spec_names *set, int value)
{
	for (size_t i = 0; set->names[i]; i++)
		if ((set->values ? set->values[i] : (int)i) == value)
			return set->names[i];
	return "";
}

static void gen_user(struct json_gen *g, const struct spec_user *u)
{
	json_gen_object(g, "user");
	json_gen_u64(g, "uid", u->uid);
	json_gen_u64(g, "gid", u->gid);
	if (u->umask_set)
		json_gen_u64(g, "umask", u->umask);
	json_gen_array(g, "additionalGids");
	for (size_t i = 0; i < u->group_count; i++)
		json_gen_u64(g, NULL, u->groups[i]);
	json_gen_end_array(g);
	json_gen_end_object(g);
}

static void gen_caps(struct json_gen *g, const struct spec_caps *c)
{
	const struct {
		const char *key;
		uint64_t mask;
	} sets[] = {
		{ "effective", c->effective },
		{ "bounding", c->bounding },
		{ "inheritable", c->inheritable },
		{ "permitted", c->permitted },
		{ "ambient", c->ambient },
	};

	if (!c->set)
		return;
	json_gen_object(g, "capabilities");
	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++) {
		json_gen_array(g, sets[i].key);
		for (unsigned int cap = 0; spec_cap_name(cap); cap++)
			if (sets[i].mask & (UINT64_C(1) << cap))
				json_gen_str(g, NULL, spec_cap_name(cap));
		json_gen_end_array(g);
	}
	json_gen_end_object(g);
}

static void gen_rlimits(struct json_gen *g, const char *key,
			const struct spec_process *p)
{
	json_gen_array(g, key);
	for (size_t i = 0; i < p->rlimit_count; i++) {
		json_gen_object(g, NULL);
		json_gen_str(g, "type", p->rlimits[i].type);
		json_gen_u64(g, "soft", p->rlimits[i].soft);
		json_gen_u64(g, "hard", p->rlimits[i].hard);
		json_gen_end_object(g);
	}
	json_gen_end_array(g);
}

static void gen_scheduler(struct json_gen *g, const struct spec_scheduler *s)
{
	const struct spec_names *flags = &spec_set_sched_flags;

	if (!s->set)
		return;
	json_gen_object(g, "scheduler");
	json_gen_str(g, "policy", name_of(&spec_set_policies, s->policy));
	json_gen_i64(g, "nice", s->nice);
	json_gen_i64(g, "priority", s->priority);
	json_gen_array(g, "flags");
	for (size_t i = 0; flags->names[i]; i++)
		if (s->flags & (unsigned int)flags->values[i])
			json_gen_str(g, NULL, flags->names[i]);
	json_gen_end_array(g);
	json_gen_u64(g, "runtime", s->runtime_ns);
	json_gen_u64(g, "deadline", s->deadline_ns);
	json_gen_u64(g, "period", s->period_ns);
	json_gen_end_object(g);
}

/* What comes and goes with the configuration of a process. */
static void gen_extras(struct json_gen *g, const struct spec_process *p)
{
	if (p->io_priority.set) {
		json_gen_object(g, "ioPriority");
		json_gen_str(
			g, "class",
			name_of(&spec_set_io_classes, p->io_priority.class));
		json_gen_i64(g, "priority", p->io_priority.priority);
		json_gen_end_object(g);
	}
	if (p->cpu_affinity_initial || p->cpu_affinity_final) {
		json_gen_object(g, "execCPUAffinity");
		if (p->cpu_affinity_initial)
			json_gen_str(g, "initial", p->cpu_affinity_initial);
		if (p->cpu_affinity_final)
			json_gen_str(g, "final", p->cpu_affinity_final);
		json_gen_end_object(g);
	}
	if (p->apparmor_profile)
		json_gen_str(g, "apparmorProfile", p->apparmor_profile);
	if (p->selinux_label)
		json_gen_str(g, "selinuxLabel", p->selinux_label);
	if (p->oom_score_adj_set)
		json_gen_i64(g, "oomScoreAdj", p->oom_score_adj);
}

void vm_process_json(const struct spec_process *p, struct strbuf *out)
{
	struct json_gen g;

	json_gen_init(&g, out, false);
	json_gen_object(&g, NULL);
	json_gen_bool(&g, "terminal", p->terminal);
	if (p->console_size_set) {
		json_gen_object(&g, "consoleSize");
		json_gen_u64(&g, "height", p->console_height);
		json_gen_u64(&g, "width", p->console_width);
		json_gen_end_object(&g);
	}
	gen_user(&g, &p->user);
	gen_strings(&g, "args", p->args, p->arg_count);
	gen_strings(&g, "env", p->env, p->env_count);
	json_gen_str(&g, "cwd", p->cwd);
	gen_caps(&g, &p->caps);
	gen_rlimits(&g, "rlimits", p);
	json_gen_bool(&g, "noNewPrivileges", p->no_new_privs);
	gen_scheduler(&g, &p->scheduler);
	gen_extras(&g, p);
	json_gen_end_object(&g);
}

static bool sets_limit(const struct spec_process *p, int resource)
{
	for (size_t i = 0; i < p->rlimit_count; i++)
		if (p->rlimits[i].resource == resource)
			return true;
	return false;
}

int vm_inherit_limits(struct arena *arena, struct spec_process *p,
		      struct err *err)
{
	const struct spec_names *all = &spec_set_rlimits;
	size_t n = p->rlimit_count;
	struct spec_rlimit *list =
		arena_array(arena, n + RLIM_NLIMITS, sizeof(*list));

	if (!list)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		list[i] = p->rlimits[i];
	for (size_t i = 0; all->names[i]; i++) {
		int which = all->values[i];
		struct rlimit now;

		if (sets_limit(p, which) ||
		    getrlimit((__rlimit_resource_t)which, &now) < 0)
			continue;
		if (which == RLIMIT_NOFILE && now.rlim_max > GUEST_NR_OPEN)
			now.rlim_max = GUEST_NR_OPEN;
		if (now.rlim_cur > now.rlim_max)
			now.rlim_cur = now.rlim_max;
		list[n++] = (struct spec_rlimit){ which, all->names[i],
						  now.rlim_cur, now.rlim_max };
	}
	p->rlimits = list;
	p->rlimit_count = n;
	return 0;
}

void vm_limits_json(const struct spec_process *p, struct strbuf *out)
{
	struct json_gen g;

	json_gen_init(&g, out, false);
	gen_rlimits(&g, NULL, p);
}
