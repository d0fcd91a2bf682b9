/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/container.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/json/json.h"
#include "base/log.h"
#include "base/str.h"
#include "libcontainer/state.h"
#include "libcontainer/vm.h"
#include "namespaces/ns.h"

static int no_cgroup(struct err *err)
{
	return err_set(err, -ENOTSUP,
		       "a container without a cgroup has no statistics");
}

/* A container that lives, and its cgroup: both are what events are about. */
static int open_living(const struct hull_context *ctx, const char *id,
		       struct ct *ct, int *cg_fd, struct err *err)
{
	int ret = ct_open(ctx, id, false, ct, err);

	if (ret)
		return ret;
	if (ct_status(ct) == HULL_STOPPED)
		return err_set(err, -ESRCH,
			       "container with id %s is not running", id);
	*cg_fd = -1;
	if (ct->st.cgroup.manager == CG_MANAGER_DISABLED)
		return 0;
	*cg_fd = cg_open(&ct->st.cgroup);
	if (*cg_fd < 0)
		return err_code(err, *cg_fd, "cannot open cgroup '%s'",
				ct->st.cgroup.path);
	return 0;
}

/* Without libmnl, or when init has just ended, the rest is still worth having:
 * what was begun is taken back. */
static void add_network(struct ct *ct, struct json_gen *g)
{
	struct json_gen before = *g;
	size_t len = g->out->len;
	struct err why = { 0 };

	if (!(ct->st.ns_flags & CLONE_NEWNET))
		return;
	if (!ns_net_stats(ct->st.pid, g, &why)) {
		/* who is there now has been so: it was asked about itself, and
		 * not a later process with its number */
		if (ct_status(ct) != HULL_STOPPED)
			return;
		err_set(&why, -ESRCH, "init has ended");
	}
	log_debug("no network statistics: %s", why.msg);
	*g = before;
	g->out->len = len;
	if (g->out->s)
		g->out->s[len] = '\0';
}

/*
 * The cgroup shows what the microVM takes from the host; what its guest makes
 * of it stands beside that. A guest that does not answer is no reason to show
 * nothing.
 */
static void add_guest(struct ct *ct, struct json_gen *g)
{
	auto_free char *json = NULL;
	struct err why = { 0 };

	if (!ct->st.vm || ct_status(ct) != HULL_RUNNING)
		return;
	if (vm_agent_stats(ct, &json, &why))
		log_info("no statistics of the guest: %s", why.msg);
	else
		json_gen_raw(g, "guest", json, strlen(json));
}

int hull_stats(const struct hull_context *ctx, const char *id, char **json,
	       struct err *err)
{
	auto_strbuf struct strbuf text = STRBUF_INIT;
	auto_ct struct ct ct = CT_INIT;
	auto_fd int cg_fd = -1;
	struct json_gen g;
	int ret;

	ret = open_living(ctx, id, &ct, &cg_fd, err);
	if (ret)
		return ret;
	if (cg_fd < 0)
		return no_cgroup(err);
	json_gen_init(&g, &text, false);
	json_gen_object(&g, NULL);
	ret = cg_stats(cg_fd, &ct.st.cgroup, &g, err);
	if (ret)
		return ret;
	add_network(&ct, &g);
	add_guest(&ct, &g);
	json_gen_end_object(&g);
	if (!strbuf_ok(&text))
		return err_set(err, -ENOMEM, "out of memory");
	*json = take_ptr(&text.s);
	return 0;
}

int hull_watch(const struct hull_context *ctx, const char *id, int *oom_fd,
	       int *exit_fd, struct err *err)
{
	auto_ct struct ct ct = CT_INIT;
	auto_fd int cg_fd = -1;
	auto_fd int pidfd = -1;
	int ret;

	ret = open_living(ctx, id, &ct, &cg_fd, err);
	if (ret)
		return ret;
	pidfd = ct_pidfd(&ct);
	if (pidfd == -ESRCH)
		return err_set(err, -ESRCH,
			       "container with id %s is not running", id);
	if (pidfd < 0)
		return err_code(err, pidfd, "cannot open init's pidfd");
	ret = cg_fd < 0 ? -1 : cg_oom_watch(cg_fd, &ct.st.cgroup, NULL);
	*oom_fd = ret < 0 ? -1 : ret;
	*exit_fd = take_fd(&pidfd);
	return 0;
}

/* The limits hold in there, and so do the kills. */
static int guest_oom_kills(struct ct *ct, uint64_t *count, struct err *err)
{
	auto_free char *text = NULL;
	const struct json *stats;
	int ret;

	if (ct_status(ct) != HULL_RUNNING)
		return err_set(err, -ESRCH, "container not running");
	ret = vm_agent_stats(ct, &text, err);
	if (ret)
		return ret;
	stats = json_parse(&ct->arena, text, strlen(text), err);
	if (!stats || json_u64(json_get(stats, "oom_kills"), count))
		return err_set(err, -ENOTSUP,
			       "the guest does not count OOM kills");
	return 0;
}

int hull_oom_kills(const struct hull_context *ctx, const char *id,
		   uint64_t *count, struct err *err)
{
	auto_ct struct ct ct = CT_INIT;
	auto_fd int cg_fd = -1;
	struct cg_record rec = { 0 };
	int ret = ct_open(ctx, id, false, &ct, err);

	if (ret)
		return ret;
	if (ct.st.vm)
		return guest_oom_kills(&ct, count, err);
	if (ct.st.cgroup.manager == CG_MANAGER_DISABLED)
		return no_cgroup(err);
	/* also after the end: the last kill was init's, perhaps */
	cg_fd = cg_open(&ct.st.cgroup);
	if (cg_fd < 0)
		return err_code(err, cg_fd, "cannot open cgroup '%s'",
				ct.st.cgroup.path);
	cg_record(cg_fd, &ct.st.cgroup, &rec);
	if (!rec.oom_known)
		return err_set(err, -ENOTSUP,
			       "this cgroup does not count OOM kills");
	*count = rec.oom_kills;
	return 0;
}

int hull_processes(const struct hull_context *ctx, const char *id, char **json,
		   struct err *err)
{
	auto_ct struct ct ct = CT_INIT;
	int ret = ct_open(ctx, id, false, &ct, err);

	if (ret)
		return ret;
	if (!ct.st.vm)
		return err_set(err, -ENOTSUP,
			       "the container is not in a microVM");
	if (ct_status(&ct) != HULL_RUNNING)
		return err_set(err, -ESRCH, "container not running");
	return vm_agent_ps(&ct, json, err);
}

int hull_pids(const struct hull_context *ctx, const char *id, pid_t **pids,
	      size_t *count, struct err *err)
{
	auto_ct struct ct ct = CT_INIT;
	auto_fd int cg_fd = -1;
	int ret = ct_open(ctx, id, false, &ct, err);

	if (ret)
		return ret;
	*pids = NULL;
	*count = 0;
	if (ct.st.cgroup.manager == CG_MANAGER_DISABLED)
		return err_set(err, -ENOTSUP,
			       "a container without a cgroup does not tell its "
			       "processes");
	cg_fd = cg_open(&ct.st.cgroup);
	if (cg_fd == -ENOENT)
		return 0;
	if (cg_fd < 0)
		return err_code(err, cg_fd, "cannot open cgroup '%s'",
				ct.st.cgroup.path);
	return cg_procs(cg_fd, pids, count, err);
}
