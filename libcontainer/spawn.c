/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/init.h"

#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/sys.h"
#include "libcontainer/sync.h"

bool init_has_userns(const struct init *in)
{
	return (in->ns.create & CLONE_NEWUSER) ||
	       in->ns.join_fd[SPEC_NS_USER] >= 0;
}

/*
 * Who must join before the clone: a pid namespace concerns only later children
 * of the caller; and a namespace that belongs to the host's user namespace
 * cannot be joined any more from inside the container's. hull itself stays
 * where it is (hooks run from it), so a joiner process does that part and
 * clones init as hull's own child (CLONE_PARENT).
 */
static bool needs_joiner(const struct init *in)
{
	if (in->ns.join_fd[SPEC_NS_PID] >= 0 ||
	    in->ns.join_fd[SPEC_NS_USER] >= 0)
		return true;
	if (!init_has_userns(in))
		return false;
	for (size_t i = 0; i < SPEC_NS_TYPES; i++) {
		if (in->ns.join_fd[i] >= 0)
			return true;
	}
	return false;
}

static pid_t clone_into(struct init *in, uint64_t flags, bool cgroup,
			int *pidfd)
{
	pid_t pid;
	struct clone_args args = {
		.flags = flags | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
		.pidfd = (uint64_t)(uintptr_t)pidfd,
		.exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD,
	};

	if (cgroup && in->cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)in->cgroup_fd;
	}
	pid = sys_clone3(&args, sizeof(args));
	if (pid >= 0 || errno != EACCES || !(args.flags & CLONE_INTO_CGROUP))
		return pid;
	/* the way there leads through cgroups that are not ours: systemd can */
	in->outside = true;
	args.flags &= ~CLONE_INTO_CGROUP;
	return sys_clone3(&args, sizeof(args));
}

/*
 * setns(2) wants a right in the user namespace that owns the other one. What
 * the host's user namespace owns goes first, as long as hull is there; what the
 * joined one owns can go first too if hull is root, and else has to wait.
 */
static int join_all(struct init *in, struct err *err)
{
	int others = ~(CLONE_NEWUSER | CLONE_NEWPID), late = 0;
	bool user = in->ns.join_fd[SPEC_NS_USER] >= 0;
	auto_fd int offsets_fd = -1;
	int ret;

	ret = ns_time_before_join(&in->ns, in->proc_fd, &offsets_fd, err);
	if (!ret)
		ret = ns_join(&in->ns, others, user ? &late : NULL, err);
	if (!ret)
		ret = ns_join(&in->ns, CLONE_NEWUSER, NULL, err);
	if (!ret)
		ret = ns_time_after_join(&in->ns, &in->spec->linux_, offsets_fd,
					 err);
	if (!ret)
		ret = ns_join(&in->ns, late | CLONE_NEWPID, NULL, err);
	return ret;
}

static int joiner_work(struct init *in, struct err *err)
{
	auto_fd int pidfd = -1;
	pid_t pid;
	int ret;

	ret = join_all(in, err);
	if (ret)
		return ret;
	pid = clone_into(in, (uint64_t)in->ns.create | CLONE_PARENT, false,
			 &pidfd);
	if (pid < 0)
		return err_sys(err, "cannot clone init");
	if (pid == 0) {
		in->joined = true;
		init_child(in);
	}
	ret = sync_send(in->child_sync, SYNC_PID, pid, pidfd);
	/* hull would never hear of it */
	if (ret)
		sys_pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	return ret ? err_code(err, ret, "cannot reach hull") : 0;
}

static void __attribute__((noreturn)) joiner_main(struct init *in)
{
	struct err err = { 0 };

	fd_close_surely(&in->parent_sync);
	if (joiner_work(in, &err)) {
		err_stage(&err, "namespaces");
		sync_send_error(in->child_sync, &err);
		_exit(1);
	}
	_exit(0);
}

static int spawn_joined(struct init *in, struct err *err)
{
	auto_fd int joiner_fd = -1;
	pid_t joiner;
	int ret;

	joiner = clone_into(in, 0, true, &joiner_fd);
	if (joiner < 0)
		return err_sys(err, "cannot clone the joining process");
	if (joiner == 0)
		joiner_main(in);
	fd_close_surely(&in->child_sync);
	/* the agent sees the end of the stream when the child has sent */
	auto_close_fd(&in->notify.agent_fd);
	ret = sync_expect_of(joiner_fd, in->parent_sync, SYNC_PID, &in->pid,
			     &in->pidfd, err);
	if (ret)
		sys_pidfd_send_signal(joiner_fd, SIGKILL, NULL, 0);
	while (waitpid(joiner, NULL, 0) < 0 && errno == EINTR)
		;
	if (!ret && in->pidfd < 0)
		ret = err_set(err, -EPROTO, "the joiner sent no pidfd");
	/* init says nothing before it is told so: the joiner speaks first */
	in->joined = true;
	return ret;
}

int init_spawn(struct init *in, struct err *err)
{
	if (needs_joiner(in))
		return spawn_joined(in, err);
	in->pid = clone_into(in, (uint64_t)in->ns.create, true, &in->pidfd);
	if (in->pid < 0)
		return err_sys(err, "cannot clone init");
	if (in->pid == 0)
		init_child(in);
	fd_close_surely(&in->child_sync);
	/* the agent sees the end of the stream when the child has sent */
	auto_close_fd(&in->notify.agent_fd);
	return 0;
}
