/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/container.h"

#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "base/auto.h"
#include "base/err.h"
#include "libcontainer/guest.h"
#include "libcontainer/hooks.h"
#include "libcontainer/prepare.h"
#include "libcontainer/ready.h"
#include "libcontainer/record.h"
#include "libcontainer/relay.h"
#include "libcontainer/spawned.h"
#include "libcontainer/supervise.h"
#include "libcontainer/vm.h"

static int poststart(struct launch *l, struct err *err)
{
	auto_free char *json = NULL;
	int ret;

	if (!l->in.spec->hooks.count[SPEC_HOOK_POSTSTART])
		return 0;
	ret = ct_state_json(&l->ct, HULL_RUNNING, l->in.pid, &json);
	if (ret)
		return err_code(err, ret, "cannot write the state for hooks");
	return hooks_run(l->in.spec, SPEC_HOOK_POSTSTART, json, -1, NULL, err);
}

static int spawn(struct launch *l, struct err *err)
{
	struct timespec ts;

	/* said before it is true, so that one record of init's pid serves */
	clock_gettime(CLOCK_REALTIME, &ts);
	l->ready_fd = ready_listen(l->ct.dir_fd, err);
	if (l->ready_fd < 0 && l->ready_fd != -ENOENT)
		return l->ready_fd;
	l->ct.st.started = true;
	l->ct.st.started_ns = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
	return launch_spawn(l, err);
}

static int start(struct launch *l, struct err *err)
{
	int ret = spawn(l, err);

	if (!ret && !l->opt->detach && l->console_fd >= 0)
		relay_prepare(l->console_fd);
	if (!ret && (l->opt->detach || l->opt->keep))
		ret = record_pin(&l->ct, l->in.pidfd, err);
	if (!ret)
		ret = init_go(&l->in, err);
	if (!ret && l->in.vm)
		ret = vm_start(&l->ct, l->in.pidfd, err);
	return ret ? ret : poststart(l, err);
}

/* The end of a foreground run: nothing stays, or with --keep all but the
 * processes. */
static int finish(struct launch *l, int status, struct err *err)
{
	auto_free char *json = NULL;
	int ret = 0;

	if (l->ct.st.cgroup.manager != CG_MANAGER_DISABLED &&
	    !(l->in.ns.create & CLONE_NEWPID) && l->in.cgroup_fd >= 0)
		ret = cg_kill(l->in.cgroup_fd, err);
	ct_lock(&l->ct, NULL);
	if (l->opt->keep) {
		record_end(&l->ct, &status, true);
		return ret;
	}
	ret = ct_remove(&l->ct, err);
	l->made = false;
	if (l->in.spec->hooks.count[SPEC_HOOK_POSTSTOP] &&
	    !ct_state_json(&l->ct, HULL_STOPPED, 0, &json))
		hooks_run(l->in.spec, SPEC_HOOK_POSTSTOP, json, -1, NULL, NULL);
	return ret;
}

static int foreground(struct launch *l, struct supervisor *s, int *code,
		      struct err *err)
{
	bool own_pids = l->in.ns.create & CLONE_NEWPID;
	int status, ret;

	ret = supervise_begin(s, !own_pids && !l->opt->no_subreaper, err);
	if (ret)
		return ret;
	ret = start(l, err);
	if (!ret) {
		ct_unlock(&l->ct);
		s->ready_fd = l->ready_fd;
		ret = supervise(s, l->in.pidfd, l->in.pid, l->console_fd,
				&status, err);
	}
	supervise_end(s);
	if (ret) {
		ct_lock(&l->ct, NULL); /* it is undone by the caller */
		return ret;
	}
	l->in.pid = 0;
	*code = supervise_code(status);
	return finish(l, status, err);
}

/* A service manager that is to be told is told before hull ends. */
static int background(struct launch *l, struct err *err)
{
	int ret = start(l, err);

	if (ret || l->ready_fd < 0)
		return ret;
	ct_unlock(&l->ct);
	return ready_wait(l->ready_fd, l->in.pidfd, l->in.pid, err);
}

int hull_run(const struct hull_context *ctx, const char *id,
	     const struct hull_create_options *opt, int *status,
	     struct err *err)
{
	struct supervisor s;
	struct launch l;
	int ret;

	*status = 0;
	/* who detaches has nobody to pass signals on to, and ends by them */
	ret = opt->detach ? 0 : supervise_block(&s, err);
	if (ret)
		return ret;
	ret = launch_prepare(&l, ctx, id, opt, false, err);
	if (!ret && opt->detach)
		ret = background(&l, err);
	else if (!ret)
		ret = foreground(&l, &s, status, err);
	if (ret)
		launch_undo(&l);
	launch_release(&l);
	if (!opt->detach)
		supervise_unblock(&s, !ret);
	return ret;
}

int run_spawn(const struct hull_context *ctx, const char *id,
	      const struct hull_create_options *opt, struct spawned *out,
	      struct err *err)
{
	struct launch l;
	int ret;

	ret = launch_prepare(&l, ctx, id, opt, false, err);
	if (!ret)
		ret = spawn(&l, err);
	if (!ret && ctx->guest && ctx->guest->plain_lines && l.console_fd >= 0)
		relay_plain_lines(l.console_fd);
	if (!ret)
		ret = init_go(&l.in, err);
	if (!ret)
		ret = poststart(&l, err);
	if (ret) {
		launch_undo(&l);
	} else {
		out->pid = l.in.pid;
		out->pidfd = take_fd(&l.in.pidfd);
		out->console_fd = take_fd(&l.console_fd);
	}
	launch_release(&l);
	return ret;
}
