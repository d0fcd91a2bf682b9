/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/container.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/proc.h"
#include "base/sabotage.h"
#include "libcontainer/exec_process.h"
#include "libcontainer/gate.h"
#include "libcontainer/guest.h"
#include "libcontainer/handover.h"
#include "libcontainer/join.h"
#include "libcontainer/listener.h"
#include "libcontainer/rdt.h"
#include "libcontainer/relay.h"
#include "libcontainer/spawned.h"
#include "libcontainer/state.h"
#include "libcontainer/supervise.h"
#include "libcontainer/vm.h"

/* One exec from its arguments to its end. */
struct exec {
	const struct hull_exec_options *opt;
	struct ct ct;
	struct join j;
	struct listen_fds listen;
	struct vm_session vm;
	int console_fd;
};

static int make_filter(struct exec *x, struct err *err)
{
	const struct spec_seccomp *profile = &x->ct.spec->linux_.seccomp;
	auto_fd int cache_fd = -1;
	int ret;

	if (!profile->set || x->j.vm)
		return 0;
	cache_fd = openat(x->ct.root_fd, ".cache/seccomp",
			  O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	ret = seccomp_prepare(cache_fd, profile, &x->j.filter, err);
	if (ret)
		return ret;
	x->j.ps.filter = &x->j.filter;
	x->j.spec = x->ct.spec;
	x->j.notify.agent_fd = listener_connect(profile, err);
	if (x->j.notify.agent_fd == -ENODATA)
		return 0;
	if (x->j.notify.agent_fd < 0)
		return x->j.notify.agent_fd;
	ret = ct_state_json(&x->ct, HULL_RUNNING, x->ct.st.pid, &x->j.state);
	return ret ? err_code(err, ret, "cannot write the state") : 0;
}

/*
 * In a microVM the agent starts the process, and hull-vmm stands for it here,
 * with what concerns only the host.
 */
static int into_vm(struct exec *x, struct spec_process *process,
		   struct err *err)
{
	const struct hull_exec_options *opt = x->opt;
	struct err all = { 0 };
	int ret;

	if (!x->ct.st.vm)
		return 0;
	if (opt->preserve_fds || x->listen.count)
		return err_set(err, -ENOTSUP,
			       "descriptors cannot be passed into a microVM");
	if (opt->cgroups && opt->cgroups[0])
		return err_set(err, -ENOTSUP,
			       "the cgroups of a microVM's guest cannot be "
			       "chosen from outside");
	if (ct_status(&x->ct) == HULL_CREATED)
		return err_set(err, -EINVAL,
			       "cannot exec in a microVM that has not been "
			       "started");
	if (vm_check_process(x->ct.spec, process, &all)) {
		if (err)
			*err = all;
		return all.code;
	}
	x->j.vm = &x->vm;
	ret = vm_session_open(&x->vm, &x->ct, process, err);
	if (ret)
		err_stage(err, "vm");
	return ret;
}

static int prepare(struct exec *x, const struct hull_context *ctx,
		   const char *id, struct err *err)
{
	const struct hull_exec_options *opt = x->opt;
	struct spec_process *process = NULL;
	struct join *j = &x->j;
	int ret;

	ret = exec_open(ctx, id, opt->ignore_paused, &x->ct, err);
	if (!ret)
		ret = ct_load_spec(&x->ct, err);
	if (!ret)
		ret = exec_process_make(&x->ct.arena, x->ct.spec, opt, &process,
					err);
	if (!ret && ctx->guest)
		guest_process(ctx->guest, process);
	listen_fds_take(&x->listen);
	if (!ret)
		ret = into_vm(x, process, err);
	if (!ret)
		ret = process_limit_caps(
			&process->caps, x->ct.st.ns_flags & CLONE_NEWUSER, err);
	if (ret)
		return ret;
	j->ps.process = process;
	ret = handover_check_fds(opt->preserve_fds + x->listen.count, err);
	if (!ret)
		ret = handover_console_rule(j->ps.process->terminal,
					    opt->detach, opt->console_socket,
					    err);
	if (ret)
		return ret;
	memcpy(j->extra_env, x->listen.env, sizeof(j->extra_env));
	if (j->ps.process->terminal)
		handover_tty_size(j->ps.process, !opt->detach, &j->rows,
				  &j->cols);
	j->first_fd = (int)(3 + opt->preserve_fds + x->listen.count);
	j->proc_fd = proc_root_open();
	if (j->proc_fd < 0)
		return err_code(err, j->proc_fd, "cannot open /proc");
	j->init_pidfd = ct_pidfd(&x->ct);
	if (j->init_pidfd < 0)
		return err_set(err, -ESRCH,
			       "cannot exec in a stopped container");
	j->ns_flags = x->ct.st.ns_flags;
	j->ps.proc_fd = j->proc_fd;
	if (!j->vm)
		j->ps.personality = &x->ct.spec->linux_.personality;
	j->ps.mempolicy = &x->ct.spec->linux_.mempolicy;
	j->ps.is_exec = true;
	j->ps.userns = j->ns_flags & CLONE_NEWUSER;
	if (!x->ct.st.no_keyring)
		j->ps.keyring = arena_printf(&x->ct.arena, "_ses.%s", id);
	j->ps.parent_sets_limits =
		(j->ns_flags & CLONE_NEWUSER) && j->ps.process->rlimit_count;
	ret = process_check(&j->ps, err);
	return ret ? ret : make_filter(x, err);
}

/*
 * An init that made cgroups of its own below the container's has usually moved
 * itself into one of them, and the container's cgroup takes no processes any
 * more ("no internal processes"): start beside init then.
 */
static int spawn_beside_init(struct exec *x, struct err *err)
{
	struct cg_place beside = x->ct.st.cgroup;
	char name[32], text[CG_PATH_MAX + 512];
	const char *line;
	size_t len;

	snprintf(name, sizeof(name), "%d/cgroup", (int)x->ct.st.pid);
	if (io_read_text(x->j.proc_fd, name, text, sizeof(text)) < 0)
		return err_sys(err, "cannot read init's cgroup");
	/* else it may be that of a later process with the same number */
	if (proc_is_dead(x->j.init_pidfd))
		return err_set(err, -ESRCH,
			       "cannot exec in a stopped container");
	line = strstr(text, "0::/");
	if (!line)
		return err_set(err, -ENOENT, "init has no cgroup2");
	line += strlen("0::");
	len = strcspn(line, "\n");
	if (len >= sizeof(beside.path))
		return err_set(err, -ENAMETOOLONG, "init's cgroup is too deep");
	memcpy(beside.path, line, len);
	beside.path[len] = '\0';
	auto_close_fd(&x->j.cgroup_fd);
	x->j.cgroup_fd = cg_open(&beside);
	if (x->j.cgroup_fd < 0)
		return err_code(err, x->j.cgroup_fd,
				"cannot open init's cgroup");
	return join_spawn(&x->j, &x->console_fd, err);
}

/* Init that waits to be started is closed to all but root. */
static int ask_for_namespaces(struct exec *x, struct err *err)
{
	int ret;

	if (geteuid() == 0 || x->j.vm || ct_status(&x->ct) != HULL_CREATED)
		return 0;
	ret = gate_namespaces(x->ct.dir_fd, x->j.init_pidfd, &x->j.ns, err);
	x->j.ns_given = !ret;
	/* started meanwhile */
	if (ret == -ECONNREFUSED || ret == -ENOENT)
		return 0;
	return ret && ret != -ESRCH
		       ? err_code(err, ret, "cannot get init's namespaces")
		       : ret;
}

static int spawn(struct exec *x, struct err *err)
{
	const struct cg_place *place = &x->ct.st.cgroup;
	int ret = ask_for_namespaces(x, err);

	if (ret)
		return ret;
	x->j.place = place;
	if (place->manager != CG_MANAGER_DISABLED) {
		x->j.cgroup_fd = cg_open(place);
		/* removed by somebody after init had moved elsewhere */
		if (x->j.cgroup_fd == -ENOENT && !place->v1_mask)
			return spawn_beside_init(x, err);
		if (x->j.cgroup_fd < 0)
			return err_code(err, x->j.cgroup_fd,
					"cannot open the container's cgroup");
	}
	ret = join_spawn(&x->j, &x->console_fd, err);
	if (ret == -EBUSY && x->j.cgroup_fd >= 0)
		ret = spawn_beside_init(x, err);
	return ret;
}

/*
 * --cgroup counts from the container's cgroup, wherever the process had to be
 * started, and what was asked for by name has no substitute.
 */
static int enter_cgroups(struct exec *x, struct err *err)
{
	const struct cg_place *place = &x->ct.st.cgroup;
	const char *const *names = x->opt->cgroups;
	auto_fd int cg_fd = -ENOENT;
	int ret = 0;

	if (!names || !names[0])
		return 0;
	if (place->manager != CG_MANAGER_DISABLED)
		cg_fd = cg_open(place);
	if (cg_fd < 0)
		return err_code(err, cg_fd,
				"cannot open the container's cgroup");
	for (size_t i = 0; !ret && names[i]; i++)
		ret = cg_attach(cg_fd, place, x->j.pid, true, names[i], err);
	return ret;
}

/* What is done to the new process from outside while it waits for go. */
static int place_process(struct exec *x, struct err *err)
{
	const struct cg_place *place = &x->ct.st.cgroup;
	const struct hull_exec_options *opt = x->opt;
	struct join *j = &x->j;
	int ret = 0;

	if (j->cgroup_fd >= 0 && place->v1_mask)
		ret = cg_attach(j->cgroup_fd, place, j->pid, false, NULL, err);
	if (!ret)
		ret = enter_cgroups(x, err);
	if (!ret)
		ret = rdt_join(&x->ct, j->pid, err);
	if (!ret && geteuid() == 0)
		ret = process_oom_score(j->proc_fd, j->pid, j->ps.process, err);
	if (!ret)
		ret = process_scheduler(j->pid, j->ps.process, err);
	if (!ret && j->ps.parent_sets_limits)
		ret = process_limits(j->pid, j->ps.process, err);
	if (!ret && opt->console_socket)
		ret = handover_send_fd(opt->console_socket, "/dev/ptmx",
				       x->console_fd, err);
	if (!ret && opt->pidfd_socket)
		ret = handover_send_fd(opt->pidfd_socket, "pidfd", j->pidfd,
				       err);
	if (!ret && opt->pid_file)
		ret = handover_pid_file(opt->pid_file, j->pid, err);
	return ret;
}

static int start(struct exec *x, void (*terminal)(int master_fd),
		 struct err *err)
{
	int ret;

	/* an ordinary user's process does it itself: see join.c */
	if (geteuid() == 0 && !SABOTAGED("exec_dumpable"))
		prctl(PR_SET_DUMPABLE, 0);
	ret = spawn(x, err);
	if (!ret)
		ret = place_process(x, err);
	if (!ret && terminal && x->console_fd >= 0)
		terminal(x->console_fd);
	if (!ret)
		ret = join_go(&x->j, err);
	ct_unlock(&x->ct);
	return ret;
}

static int foreground(struct exec *x, int *code, struct err *err)
{
	struct supervisor s;
	int status, ret;

	ret = supervise_block(&s, err);
	if (ret)
		return ret;
	ret = supervise_begin(&s, false, err);
	if (!ret)
		ret = start(x, relay_prepare, err);
	if (!ret)
		ret = supervise(&s, x->j.pidfd, x->j.pid, x->console_fd,
				&status, err);
	supervise_end(&s);
	supervise_unblock(&s, !ret);
	if (ret)
		return ret;
	x->j.pid = 0;
	*code = supervise_code(status);
	return 0;
}

static void release(struct exec *x)
{
	if (x->j.ns_given)
		ns_plan_release(&x->j.ns);
	auto_close_fd(&x->j.init_pidfd);
	auto_close_fd(&x->j.cgroup_fd);
	auto_close_fd(&x->j.proc_fd);
	auto_close_fd(&x->j.parent_sync);
	auto_close_fd(&x->j.child_sync);
	auto_close_fd(&x->j.pidfd);
	auto_close_fd(&x->console_fd);
	auto_close_fd(&x->j.notify.agent_fd);
	free(x->j.state);
	if (x->j.ps.filter)
		seccomp_prog_release(&x->j.filter);
	if (x->j.vm)
		vm_session_close(x->j.vm);
	listen_fds_release(&x->listen);
	ct_close(&x->ct);
}

#define EXEC_INIT(options)                           \
	{                                            \
		.opt = (options), .ct = CT_INIT,     \
		.j = { .init_pidfd = -1,             \
		       .cgroup_fd = -1,              \
		       .proc_fd = -1,                \
		       .parent_sync = -1,            \
		       .child_sync = -1,             \
		       .notify = { .agent_fd = -1 }, \
		       .pidfd = -1 },                \
		.console_fd = -1,                    \
	}

int hull_exec(const struct hull_context *ctx, const char *id,
	      const struct hull_exec_options *opt, int *status, struct err *err)
{
	struct exec x = EXEC_INIT(opt);
	int ret;

	*status = 0;
	ret = prepare(&x, ctx, id, err);
	if (!ret)
		ret = opt->detach ? start(&x, NULL, err)
				  : foreground(&x, status, err);
	if (ret)
		join_abort(&x.j);
	if (!ctx->exiting)
		release(&x);
	return ret;
}

int exec_spawn(const struct hull_context *ctx, const char *id,
	       const struct hull_exec_options *opt, struct spawned *out,
	       struct err *err)
{
	struct exec x = EXEC_INIT(opt);
	int ret;

	ret = prepare(&x, ctx, id, err);
	if (!ret)
		ret = start(&x,
			    ctx->guest && ctx->guest->plain_lines
				    ? relay_plain_lines
				    : NULL,
			    err);
	if (ret) {
		join_abort(&x.j);
	} else {
		out->pid = x.j.pid;
		out->pidfd = take_fd(&x.j.pidfd);
		out->console_fd = take_fd(&x.console_fd);
	}
	release(&x);
	return ret;
}
