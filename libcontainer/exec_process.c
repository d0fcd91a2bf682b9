/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/exec_process.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/num.h"
#include "base/sabotage.h"
#include "libcontainer/bundle.h"
#include "libcontainer/container.h"
#include "spec/spec.h"

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory");
}

/* Each id: 0 .. 2^32-2; the last value means "unchanged" to the kernel. */
static int parse_id(const char *text, uint32_t *out, const char *what,
		    struct err *err)
{
	if (num_u32(text, out) ||
	    (*out == UINT32_MAX && !SABOTAGED("exec_process_id")))
		return err_set(err, -EINVAL, "%s '%s' is not an id (0 to %u)",
			       what, text, UINT32_MAX - 1);
	return 0;
}

static int apply_user(struct arena *arena, const char *text,
		      struct spec_user *user, struct err *err)
{
	const char *colon = strchr(text, ':');
	const char *uid = text;
	int ret;

	if (colon)
		uid = arena_strndup(arena, text, (size_t)(colon - text));
	if (!uid)
		return no_memory(err);
	ret = parse_id(uid, &user->uid, "user", err);
	if (!ret && colon)
		ret = parse_id(colon + 1, &user->gid, "group", err);
	return ret;
}

static int add_gids(struct arena *arena, const char *const *gids,
		    struct spec_user *user, struct err *err)
{
	size_t more = 0;
	gid_t *list;

	while (gids[more])
		more++;
	list = arena_array(arena, user->group_count + more + 1, sizeof(*list));
	if (!list)
		return no_memory(err);
	if (user->group_count)
		memcpy(list, user->groups, user->group_count * sizeof(*list));
	for (size_t i = 0; i < more; i++) {
		int ret = parse_id(gids[i], &list[user->group_count + i],
				   "additional group", err);
		if (ret)
			return ret;
	}
	user->groups = list;
	user->group_count += more;
	return 0;
}

static int add_env(struct arena *arena, const char *const *env,
		   struct spec_process *p, struct err *err)
{
	size_t more = 0;
	const char **list;

	while (env[more]) {
		if (!strchr(env[more], '=') || env[more][0] == '=')
			return err_set(err, -EINVAL,
				       "environment '%s': expected NAME=value",
				       env[more]);
		more++;
	}
	list = arena_array(arena, p->env_count + more + 1, sizeof(*list));
	if (!list)
		return no_memory(err);
	for (size_t i = 0; i < p->env_count; i++)
		list[i] = p->env[i];
	for (size_t i = 0; i < more; i++)
		list[p->env_count + i] = env[i];
	p->env = list;
	p->env_count += more;
	return 0;
}

/*
 * Inheritable stays as it is (CVE-2022-29162); ambient needs inheritable, so a
 * capability is added there only where the container has inheritable ones.
 */
static void add_caps(const char *const *caps, struct spec_caps *c)
{
	for (size_t i = 0; caps[i]; i++) {
		int cap = spec_cap_number(caps[i]);

		if (cap < 0) {
			log_warn("unknown capability '%s' is passed over",
				 caps[i]);
			continue;
		}
		c->set = true;
		c->bounding |= 1ULL << cap;
		c->effective |= 1ULL << cap;
		c->permitted |= 1ULL << cap;
		if (c->inheritable & (1ULL << cap))
			c->ambient |= 1ULL << cap;
	}
}

static int from_options(struct arena *arena, const struct hull_exec_options *o,
			struct spec_process *p, struct err *err)
{
	int ret = 0;

	p->args = o->args;
	p->arg_count = 0;
	while (o->args && o->args[p->arg_count])
		p->arg_count++;
	if (!p->arg_count)
		return err_set(err, -EINVAL, "no command to execute was given");
	p->terminal = o->tty;
	if (o->cwd)
		p->cwd = o->cwd;
	if (p->cwd[0] != '/')
		return err_set(err, -EINVAL, "cwd '%s' is not an absolute path",
			       p->cwd);
	if (o->user)
		ret = apply_user(arena, o->user, &p->user, err);
	if (!ret && o->gids)
		ret = add_gids(arena, o->gids, &p->user, err);
	if (!ret && o->env)
		ret = add_env(arena, o->env, p, err);
	if (!ret && o->caps)
		add_caps(o->caps, &p->caps);
	if (o->no_new_privs)
		p->no_new_privs = true;
	if (o->process_label)
		p->selinux_label = o->process_label;
	if (o->apparmor)
		p->apparmor_profile = o->apparmor;
	return ret;
}

static int from_object(struct arena *arena, const struct spec_process *own,
		       const struct hull_exec_options *o,
		       struct spec_process *p, struct err *err)
{
	const struct spec_warning *warn = NULL;
	const struct spec_process *given;

	given = spec_parse_process(arena, o->process, o->process_len, &warn,
				   err);
	bundle_warnings(warn);
	if (!given)
		return err && err->code ? err->code : -EINVAL;
	*p = *given;
	if (o->tty)
		p->terminal = true;
	if (!p->caps.set)
		p->caps = own->caps;
	if (!p->rlimit_count) {
		p->rlimits = own->rlimits;
		p->rlimit_count = own->rlimit_count;
	}
	if (!p->apparmor_profile)
		p->apparmor_profile = own->apparmor_profile;
	if (!p->selinux_label)
		p->selinux_label = own->selinux_label;
	if (!p->oom_score_adj_set) {
		p->oom_score_adj_set = own->oom_score_adj_set;
		p->oom_score_adj = own->oom_score_adj;
	}
	return 0;
}

int exec_process_make(struct arena *arena, const struct spec *spec,
		      const struct hull_exec_options *opt,
		      struct spec_process **out, struct err *err)
{
	struct spec_process *p = arena_alloc(arena, sizeof(*p));
	int ret;

	if (!p)
		return no_memory(err);
	*p = spec->process;
	if (opt->process)
		ret = from_object(arena, &spec->process, opt, p, err);
	else
		ret = from_options(arena, opt, p, err);
	if (!ret)
		*out = p;
	return ret;
}
