/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/init.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/proc.h"
#include "base/sabotage.h"
#include "libcontainer/gate.h"
#include "libcontainer/hooks.h"
#include "libcontainer/listener.h"
#include "libcontainer/sync.h"
#include "libcontainer/vm.h"
#include "rootfs/rootfs.h"

/* The child is alone with its copy of the memory: one connection to start. */
struct start {
	struct init *in;
	int conn_fd;
};

static int step_session(struct init *in, struct err *err)
{
	(void)in;
	child_unblock_signals();
	umask(0);
	if (!SABOTAGED("init_session") && setsid() < 0)
		return err_sys(err, "cannot start a session");
	return 0;
}

static int step_user(struct init *in, struct err *err)
{
	int ret;

	if (init_waits(in)) {
		ret = sync_expect(in->child_sync, SYNC_MAPPED, NULL, NULL, err);
		if (ret)
			return ret;
		if (!SABOTAGED("init_dumpable"))
			prctl(PR_SET_DUMPABLE, 0);
	}
	if (!init_has_userns(in))
		return 0;
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_sys(err,
			       "cannot become root of the user namespace (is "
			       "container id 0 mapped?)");
	return 0;
}

static int step_namespaces(struct init *in, struct err *err)
{
	if (!in->joined) {
		int ret = ns_join(&in->ns, ~0, NULL, err);

		if (ret)
			return ret;
	}
	return ns_child_setup(&in->ns, in->spec, in->proc_fd, err);
}

/* As long as the host's procfs is in sight: a user namespace needs that. */
static int step_procfs(struct init *in, struct err *err)
{
	if (!in->vm)
		return 0;
	in->vm->proc_fd = proc_private_open();
	return in->vm->proc_fd < 0 ? err_code(err, in->vm->proc_fd,
					      "cannot make a procfs for the "
					      "microVM's monitor")
				   : 0;
}

static int step_rootfs(struct init *in, struct err *err)
{
	return rootfs_build(in->rootfs, err);
}

static int step_hooks(struct init *in, struct err *err)
{
	const struct spec_hooks *hooks = &in->spec->hooks;
	auto_free char *json = NULL;
	int ret;

	if (!hooks->count[SPEC_HOOK_PRESTART] &&
	    !hooks->count[SPEC_HOOK_CREATE_RUNTIME] &&
	    !hooks->count[SPEC_HOOK_CREATE_CONTAINER])
		return 0;
	ret = sync_send(in->child_sync, SYNC_HOOKS, 0, -1);
	if (ret)
		return err_code(err, ret, "cannot reach hull");
	ret = sync_expect(in->child_sync, SYNC_HOOKS_DONE, NULL, NULL, err);
	if (ret)
		return ret;
	/* runtime.md, "State": in the container's namespaces hooks are told the
	 * pid as the container sees it */
	ret = ct_state_json(in->ct, HULL_CREATING, getpid(), &json);
	if (ret)
		return err_code(err, ret, "cannot write the state for hooks");
	return hooks_run(in->spec, SPEC_HOOK_CREATE_CONTAINER, json,
			 rootfs_root_fd(in->rootfs), NULL, err);
}

/* The root filesystem of a microVM has no devpts: that is in the guest. */
static int host_terminal(const struct rootfs_tty *tty, int *master_fd,
			 int *slave_fd, struct err *err)
{
	struct rootfs_tty own = { .rows = tty->rows, .cols = tty->cols };
	auto_fd int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root_fd < 0)
		return err_sys(err, "cannot open '/'");
	return rootfs_terminal(root_fd, &own, master_fd, slave_fd, err);
}

static int step_console(struct init *in, struct err *err)
{
	const struct spec_process *p = in->ps.process;
	struct rootfs_tty tty = {
		.uid = p->user.uid,
		.gid = p->user.gid,
		.rows = in->rows,
		.cols = in->cols,
	};
	auto_fd int master_fd = -1;
	auto_fd int slave_fd = -1;
	int ret;

	if (!p->terminal)
		return 0;
	if (in->vm)
		ret = host_terminal(&tty, &master_fd, &slave_fd, err);
	else
		ret = rootfs_console(in->rootfs, &tty, &master_fd, &slave_fd,
				     err);
	if (ret)
		return ret;
	ret = sync_send(in->child_sync, SYNC_CONSOLE, 0, master_fd);
	if (ret)
		return err_code(err, ret, "cannot hand the terminal over");
	return child_terminal(slave_fd, err);
}

static int step_enter(struct init *in, struct err *err)
{
	return rootfs_enter(in->rootfs, err);
}

static int step_sysctl(struct init *in, struct err *err)
{
	return process_sysctls(in->proc_fd, &in->spec->linux_, err);
}

static int step_lock(struct init *in, struct err *err)
{
	return rootfs_lock(in->rootfs, err);
}

static int step_process(struct init *in, struct err *err)
{
	return process_apply(&in->ps, err);
}

/*
 * Only the handshake and the gate stay open: nothing that the program's path
 * could lead through, and nothing that somebody waits for while init does.
 */
static int step_descriptors(struct init *in, struct err *err)
{
	int *const keep[] = { &in->child_sync, &in->gate_fd, &in->ns_dir_fd,
			      &in->notify.agent_fd };

	if (in->vm)
		return vm_keep_fds(in->vm, &in->gate_fd, &in->child_sync, err);
	/* closed when the gate opens, before anything of the image has a say */
	if (in->by_user && in->gate_fd >= 0) {
		in->ns_dir_fd = openat(in->proc_fd, "self/ns",
				       O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (in->ns_dir_fd < 0)
			return err_sys(err, "cannot open init's namespaces");
	}
	return child_keep_fds(in->first_fd, keep, ARRAY_SIZE(keep), err);
}

/* The order matters: HACKING.md tells why each step stands where it does. */
/* clang-format off */
static const struct init_step {
	const char *name;
	int (*run)(struct init *in, struct err *err);
} init_steps[] = {
	{ "session", step_session },
	{ "user", step_user },
	{ "namespaces", step_namespaces },
	{ "procfs", step_procfs },
	{ "rootfs", step_rootfs },
	{ "hooks", step_hooks },
	{ "console", step_console },
	{ "pivot", step_enter },
	{ "sysctl", step_sysctl },
	{ "lock", step_lock },
	{ "process", step_process },
	{ "descriptors", step_descriptors },
};
/* clang-format on */

/*
 * These come from the image, as the program does: they get what it gets, and
 * are held by the same filter.
 */
static int run_start_hooks(struct init *in, struct err *err)
{
	auto_free char *json = NULL;
	auto_free char **env = NULL;
	struct hooks_as as = { .filter = in->ps.filter };
	int ret;

	if (!in->spec->hooks.count[SPEC_HOOK_START_CONTAINER])
		return 0;
	ret = ct_state_json(in->ct, HULL_CREATED, getpid(), &json);
	if (ret)
		return err_code(err, ret, "cannot write the state for hooks");
	ret = process_env(in->ps.process, NULL, &env, err);
	if (ret)
		return ret;
	as.env = (const char *const *)env;
	return hooks_run(in->spec, SPEC_HOOK_START_CONTAINER, json, -1, &as,
			 err);
}

static void end(int sig)
{
	_exit(128 + sig);
}

/*
 * The kernel drops signals to the init of a pid namespace that it does not
 * handle (pid_namespaces(7)). A container that nobody has started yet should
 * end all the same when it is told to.
 */
static void end_on_signals(bool on)
{
	static const int signals[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,
				       SIGUSR1, SIGUSR2, SIGALRM };
	struct sigaction now = { .sa_handler = on ? end : SIG_DFL };
	struct sigaction old;

	if (getpid() != 1)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		if (sigaction(signals[i], &now, &old) == 0 &&
		    old.sa_handler == SIG_IGN)
			sigaction(signals[i], &old, NULL);
	}
}

static int prepare_notify(struct init *in, struct err *err)
{
	auto_free char *json = NULL;
	enum hull_status status =
		in->gate_fd >= 0 ? HULL_CREATED : HULL_CREATING;
	int ret;

	if (in->notify.agent_fd < 0)
		return 0;
	ret = ct_state_json(in->ct, status, in->pid, &json);
	if (ret)
		return err_code(err, ret, "cannot write the state");
	ret = listener_payload(in->spec->oci_version, &in->spec->linux_.seccomp,
			       in->pid, json, &in->notify, err);
	if (!ret)
		in->ps.notify = &in->notify;
	return ret;
}

/* The last point at which nothing of the workload has happened yet. */
static int wait_for_start(void *arg, struct err *err)
{
	struct start *start = arg;
	struct init *in = start->in;
	bool gate = in->gate_fd >= 0 && !in->vm;
	int ret;

	/* before hull can tell anybody that the container is created */
	if (gate)
		end_on_signals(true);
	if (in->need_ready) {
		ret = sync_send(in->child_sync, SYNC_READY, 0, -1);
		if (ret)
			return err_code(err, ret, "cannot reach hull");
	}
	ret = sync_wait_go(in->child_sync, &in->pid, err);
	if (ret)
		return ret;
	process_affinity_reset();
	if (gate) {
		end_on_signals(true); /* those that came ignored, too */
		start->conn_fd = gate_wait(in->gate_fd, in->ns_dir_fd, err);
		auto_close_fd(&in->ns_dir_fd);
		end_on_signals(false);
		ret = start->conn_fd < 0 ? start->conn_fd : 0;
	}
	if (!ret)
		ret = run_start_hooks(in, err);
	if (!ret)
		ret = prepare_notify(in, err);
	if (ret)
		err_stage(err, "start");
	return ret;
}

/* The monitor of a microVM waits at the gate itself. */
static void become_monitor(struct start *start, struct err *err)
{
	if (vm_find_program(start->in->vm, err))
		err_wrap(err, "unable to start container process");
	else if (!wait_for_start(start, err) &&
		 vm_exec(start->in->vm, start->in->gate_fd, err))
		err_stage(err, "start");
}

void init_child(struct init *in)
{
	struct start start = { .in = in, .conn_fd = -1 };
	struct err err = { 0 };
	int ret = 0;

	fd_close_surely(&in->parent_sync);
	for (size_t i = 0; !ret && i < ARRAY_SIZE(init_steps); i++) {
		ret = init_steps[i].run(in, &err);
		if (ret)
			err_stage(&err, init_steps[i].name);
	}
	if (!ret && in->vm)
		become_monitor(&start, &err);
	else if (!ret)
		child_exec(&in->ps, in->extra_env, wait_for_start, &start,
			   &err);
	if (start.conn_fd >= 0)
		gate_fail(start.conn_fd, &err);
	else
		sync_send_error(in->child_sync, &err);
	_exit(1);
}
