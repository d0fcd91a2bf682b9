/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/join.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/proc.h"
#include "base/sabotage.h"
#include "base/sys.h"
#include "libcontainer/listener.h"
#include "libcontainer/sync.h"
#include "rootfs/rootfs.h"

/*
 * Two processes. The first joins every namespace; joining the pid namespace
 * concerns only its children, so nobody in the container sees it. It applies
 * everything to itself, credentials last, and then clones the second as hull's
 * own child (CLONE_PARENT). That one is visible inside, but has nothing left to
 * do but to take a session, wait for go and execute: it has the workload's
 * credentials from its first moment, and is not dumpable.
 */

struct joined {
	struct join *j;
	int slave_fd;
};

static int open_terminal(struct join *j, int *slave_fd, struct err *err)
{
	const struct spec_process *p = j->ps.process;
	struct rootfs_tty tty = {
		.uid = p->user.uid,
		.gid = p->user.gid,
		.rows = j->rows,
		.cols = j->cols,
	};
	auto_fd int root_fd = -1;
	auto_fd int master_fd = -1;
	int ret;

	root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return err_sys(err, "cannot open the container's root");
	ret = rootfs_terminal(root_fd, &tty, &master_fd, slave_fd, err);
	if (ret)
		return ret;
	ret = sync_send(j->child_sync, SYNC_CONSOLE, 0, master_fd);
	return ret ? err_code(err, ret, "cannot hand the terminal over") : 0;
}

static bool given(const char *cpus)
{
	return cpus && *cpus;
}

/* config.md, "execCPUAffinity": with "initial" alone the kernel decides. */
static int set_affinity(const struct spec_process *p, struct err *err)
{
	if (given(p->cpu_affinity_final))
		return process_affinity(0, "final", p->cpu_affinity_final, err);
	if (!given(p->cpu_affinity_initial))
		process_affinity_reset();
	return 0;
}

static int before_exec(void *arg, struct err *err)
{
	struct joined *child = arg;
	struct join *j = child->j;
	auto_fd int pidfd = -1;
	struct clone_args args = {
		.flags = CLONE_PARENT | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
	};
	pid_t pid;
	int ret;

	pid = sys_clone3(&args, sizeof(args));
	if (pid < 0)
		return err_sys(err, "cannot clone into the pid namespace");
	if (pid > 0) {
		ret = sync_send(j->child_sync, SYNC_PID, pid, pidfd);
		/* hull would never hear of it */
		if (ret)
			sys_pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
		_exit(ret ? 1 : 0);
	}
	if (!SABOTAGED("join_session") && setsid() < 0)
		return err_sys(err, "cannot start a session");
	if (child->slave_fd >= 0) {
		ret = child_terminal(child->slave_fd, err);
		if (ret)
			return ret;
	}
	ret = sync_wait_go(j->child_sync, &pid, err);
	if (!ret)
		ret = set_affinity(j->ps.process, err);
	if (ret || j->notify.agent_fd < 0)
		return ret;
	j->ps.notify = &j->notify;
	return listener_payload(j->spec->oci_version, &j->spec->linux_.seccomp,
				pid, j->state, &j->notify, err);
}

/*
 * As in the parent where root calls; to others their own files in /proc are
 * closed once a process is not dumpable. The score is inherited.
 */
static int conceal(struct join *j, struct err *err)
{
	int ret;

	if (geteuid() == 0)
		return 0;
	ret = process_oom_score(j->proc_fd, getpid(), j->ps.process, err);
	if (!ret && !SABOTAGED("join_dumpable") &&
	    prctl(PR_SET_DUMPABLE, 0) < 0)
		ret = err_sys(err, "cannot hide from the container");
	return ret;
}

static int enter_namespaces(struct join *j, struct err *err)
{
	int flags = j->ns_flags & ~CLONE_NEWPID;
	int ret = 0;

	if (j->ns_given)
		ret = ns_join(&j->ns, j->ns_flags, NULL, err);
	else if (flags)
		ret = ns_join_process(j->init_pidfd, flags, err);
	if (!ret && !j->ns_given && (j->ns_flags & CLONE_NEWPID))
		ret = ns_join_process(j->init_pidfd, CLONE_NEWPID, err);
	if (ret) {
		err_stage(err, "namespaces");
		return ret;
	}
	if ((flags & CLONE_NEWUSER) &&
	    (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0))
		return err_sys(err, "cannot become root of the user namespace");
	if (!(flags & CLONE_NEWNS))
		return err_set(err, -ENOTSUP,
			       "the container has no mount namespace of its "
			       "own: exec cannot find its root");
	return 0;
}

/* Of the devpts that is in sight: the container's, but with a microVM, whose
 * own is in the guest, the host's. */
static int make_terminal(struct joined *child, struct err *err)
{
	int ret = 0;

	if (child->j->ps.process->terminal)
		ret = open_terminal(child->j, &child->slave_fd, err);
	if (ret)
		err_stage(err, "console");
	return ret;
}

/* What remains; returns only on failure. */
static int become(struct join *j, struct joined *child, struct err *err)
{
	int *const keep[] = { &j->child_sync, &child->slave_fd,
			      &j->notify.agent_fd };
	int ret;

	if (!j->vm) {
		ret = child_keep_fds(j->first_fd, keep, ARRAY_SIZE(keep), err);
		return ret ? ret
			   : child_exec(&j->ps, j->extra_env, before_exec,
					child, err);
	}
	ret = vm_session_keep_fds(j->vm, &j->child_sync, &child->slave_fd, err);
	if (!ret)
		ret = before_exec(child, err);
	return ret ? ret : vm_session_exec(j->vm, err);
}

static int join_work(struct join *j, struct joined *child, struct err *err)
{
	int ret;

	fd_close_surely(&j->parent_sync);
	child_unblock_signals();
	umask(0);
	ret = j->outside
		      ? sync_expect(j->child_sync, SYNC_MAPPED, NULL, NULL, err)
		      : 0;
	if (!ret)
		ret = conceal(j, err);
	if (!ret && j->vm)
		ret = make_terminal(child, err);
	if (!ret)
		ret = enter_namespaces(j, err);
	if (!ret && !j->vm)
		ret = make_terminal(child, err);
	if (ret)
		return ret;
	ret = process_apply(&j->ps, err);
	if (ret) {
		err_stage(err, "process");
		return ret;
	}
	return become(j, child, err);
}

static void __attribute__((noreturn)) join_main(struct join *j)
{
	struct joined child = { .j = j, .slave_fd = -1 };
	struct err err = { 0 };

	join_work(j, &child, &err);
	sync_send_error(j->child_sync, &err);
	_exit(1);
}

/* The joining process may be killed between its clone and its message: by the
 * OOM killer of the cgroup, say. */
static int join_meet(struct join *j, int joiner_fd, int *console_fd,
		     struct err *err)
{
	int ret = 0;

	if (j->ps.process->terminal)
		ret = sync_expect_of(joiner_fd, j->parent_sync, SYNC_CONSOLE,
				     NULL, console_fd, err);
	if (!ret)
		ret = sync_expect_of(joiner_fd, j->parent_sync, SYNC_PID,
				     &j->pid, &j->pidfd, err);
	return ret;
}

/* While it is the caller's own: a manager moves nobody else's processes. */
static int join_move(struct join *j, pid_t joiner, struct err *err)
{
	int ret = cg_attach_new(j->place, joiner, err);

	if (ret)
		return ret;
	ret = sync_send(j->parent_sync, SYNC_MAPPED, 0, -1);
	return ret ? err_code(err, ret, "cannot reach the new process") : 0;
}

int join_spawn(struct join *j, int *console_fd, struct err *err)
{
	auto_fd int joiner_fd = -1;
	struct clone_args args = {
		.flags = CLONE_CLEAR_SIGHAND | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&joiner_fd,
		.exit_signal = SIGCHLD,
	};
	pid_t joiner;
	int ret;

	/* of the parent too, so that no CPU outside is ever used */
	if (given(j->ps.process->cpu_affinity_initial)) {
		ret = process_affinity(
			0, "initial", j->ps.process->cpu_affinity_initial, err);
		if (ret)
			return ret;
	}
	ret = sync_pair(&j->parent_sync, &j->child_sync);
	if (ret)
		return err_code(err, ret, "cannot make the sync sockets");
	if (j->cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)j->cgroup_fd;
	}
	joiner = sys_clone3(&args, sizeof(args));
	if (joiner < 0 && errno == EACCES && j->cgroup_fd >= 0) {
		j->outside = true;
		args.flags &= ~CLONE_INTO_CGROUP;
		joiner = sys_clone3(&args, sizeof(args));
	}
	if (joiner < 0) {
		ret = err_sys(err, "cannot clone into the container's cgroup");
		auto_close_fd(&j->parent_sync);
		auto_close_fd(&j->child_sync);
		return ret;
	}
	if (joiner == 0)
		join_main(j);
	fd_close_surely(&j->child_sync);
	auto_close_fd(&j->notify.agent_fd);
	ret = j->outside ? join_move(j, joiner, err) : 0;
	if (!ret)
		ret = join_meet(j, joiner_fd, console_fd, err);
	if (ret)
		kill(joiner, SIGKILL);
	while (waitpid(joiner, NULL, 0) < 0 && errno == EINTR)
		;
	return ret;
}

int join_go(struct join *j, struct err *err)
{
	struct proc_stat self;
	struct sync_msg msg;
	int ret;

	ret = proc_read_stat(getpid(), &self);
	if (!ret)
		ret = sync_send_go(j->parent_sync, j->pid, self.ignored);
	if (ret && ret != -EPIPE)
		return err_code(err, ret, "cannot reach the new process");
	ret = sync_recv(j->parent_sync, &msg, NULL);
	if (ret < 0)
		return err_code(err, ret, "waiting for the new process");
	if (ret == 0)
		return j->vm ? vm_session_wait(j->vm, err) : 0;
	if (msg.step != SYNC_ERROR)
		return err_set(err, -EPROTO, "unexpected step '%s'",
			       sync_step_name(msg.step));
	if (err)
		*err = msg.err;
	return msg.err.code;
}

void join_abort(struct join *j)
{
	if (j->pidfd >= 0)
		sys_pidfd_send_signal(j->pidfd, SIGKILL, NULL, 0);
	if (j->pid > 0) {
		while (waitpid(j->pid, NULL, __WALL) < 0 && errno == EINTR)
			;
	}
	j->pid = 0;
}
