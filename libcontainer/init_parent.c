/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/init.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/proc.h"
#include "base/sys.h"
#include "libcontainer/hooks.h"
#include "libcontainer/rdt.h"
#include "libcontainer/sync.h"
#include "libcontainer/vm.h"
#include "rootfs/rootfs.h"

bool init_waits(const struct init *in)
{
	return (in->ns.create & CLONE_NEWUSER) || in->outside || in->joined ||
	       (in->cgroup_fd >= 0 && in->ct->st.cgroup.v1_mask);
}

static int write_maps(struct init *in, struct err *err)
{
	int ret = 0;

	if (!init_waits(in))
		return 0;
	if (in->ns.create & CLONE_NEWUSER)
		ret = ns_write_maps(in->proc_fd, in->pid, &in->spec->linux_,
				    err);
	if (ret)
		return ret;
	ret = sync_send(in->parent_sync, SYNC_MAPPED, 0, -1);
	return ret ? err_code(err, ret, "cannot reach init") : 0;
}

/* What the parent does to the child from outside, and its record. */
static int place_child(struct init *in, struct err *err)
{
	struct proc_stat stat;
	int ret = 0;

	if (in->cgroup_fd >= 0)
		ret = cg_settle(in->cgroup_fd, &in->ct->st.cgroup, &in->hold,
				in->outside ? in->pid : 0,
				&in->spec->linux_.resources, err);
	if (!ret)
		ret = init_own_cgroup(in, err);
	/* before the maps: the change of ids that they allow takes init's files
	 * in /proc away from an ordinary user */
	if (!ret)
		ret = process_oom_score(in->proc_fd, in->pid, in->ps.process,
					err);
	if (!ret && in->cgroup_fd >= 0 && in->ct->st.cgroup.v1_mask)
		ret = cg_attach(in->cgroup_fd, &in->ct->st.cgroup, in->pid,
				false, NULL, err);
	if (!ret)
		ret = write_maps(in, err);
	if (ret)
		return ret;
	ret = ns_move_devices(&in->ns, in->pid, &in->spec->linux_, err);
	if (ret)
		return ret;
	ret = rdt_join(in->ct, in->pid, err);
	if (ret)
		return ret;
	ret = proc_read_stat(in->pid, &stat);
	if (ret)
		return err_code(err, ret, "cannot read the state of init");
	in->ct->st.pid = in->pid;
	in->ct->st.start_time = stat.start_time;
	in->ignored = stat.ignored;
	return ct_save(in->ct, err);
}

static int run_hooks(struct init *in, struct err *err)
{
	auto_free char *json = NULL;
	auto_fd int cwd_fd = -1;
	int ret;

	ret = ct_state_json(in->ct, HULL_CREATING, in->pid, &json);
	if (ret)
		return err_code(err, ret, "cannot write the state for hooks");
	cwd_fd = open(in->ct->st.bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ret = hooks_run(in->spec, SPEC_HOOK_PRESTART, json, cwd_fd, NULL, err);
	if (!ret)
		ret = hooks_run(in->spec, SPEC_HOOK_CREATE_RUNTIME, json,
				cwd_fd, NULL, err);
	if (ret)
		return ret;
	ret = sync_send(in->parent_sync, SYNC_HOOKS_DONE, in->pid, -1);
	return ret ? err_code(err, ret, "cannot reach init") : 0;
}

static bool has_early_hooks(const struct spec *spec)
{
	return spec->hooks.count[SPEC_HOOK_PRESTART] ||
	       spec->hooks.count[SPEC_HOOK_CREATE_RUNTIME] ||
	       spec->hooks.count[SPEC_HOOK_CREATE_CONTAINER];
}

int init_handshake(struct init *in, int *console_fd, struct err *err)
{
	int ret;

	ret = place_child(in, err);
	if (ret) {
		err_stage(err, "place");
		return sync_blame(in->parent_sync, ret, err);
	}
	if (has_early_hooks(in->spec)) {
		ret = sync_expect(in->parent_sync, SYNC_HOOKS, NULL, NULL, err);
		if (!ret)
			ret = run_hooks(in, err);
		if (ret) {
			err_stage(err, "hooks");
			return ret;
		}
	}
	if (in->ps.process->terminal) {
		ret = sync_expect(in->parent_sync, SYNC_CONSOLE, NULL,
				  console_fd, err);
		if (ret)
			return ret;
	}
	if (!in->need_ready)
		return 0;
	ret = sync_expect(in->parent_sync, SYNC_READY, NULL, NULL, err);
	if (!ret && in->ps.parent_sets_limits)
		ret = process_limits(in->pid, in->ps.process, err);
	return ret;
}

int init_go(struct init *in, struct err *err)
{
	struct sync_msg msg;
	int ret;

	ret = sync_send_go(in->parent_sync, in->pid, in->ignored);
	if (ret && ret != -EPIPE)
		return err_code(err, ret, "cannot reach init");
	if (in->gate_fd >= 0 && !in->vm)
		return 0;
	ret = sync_recv(in->parent_sync, &msg, NULL);
	if (ret < 0)
		return err_code(err, ret, "waiting for the workload");
	if (ret == 0)
		return 0;
	if (msg.step == SYNC_ERROR) {
		if (err)
			*err = msg.err;
		return msg.err.code;
	}
	return err_set(err, -EPROTO, "unexpected step '%s' from init",
		       sync_step_name(msg.step));
}

void init_abort(struct init *in)
{
	if (in->pidfd >= 0)
		sys_pidfd_send_signal(in->pidfd, SIGKILL, NULL, 0);
	if (in->pid > 0) {
		while (waitpid(in->pid, NULL, __WALL) < 0 && errno == EINTR)
			;
	}
	in->pid = 0;
	cg_hold_release(&in->hold);
}

void init_release(struct init *in)
{
	auto_close_fd(&in->parent_sync);
	auto_close_fd(&in->child_sync);
	auto_close_fd(&in->pidfd);
	auto_close_fd(&in->gate_fd);
	auto_close_fd(&in->cgroup_fd);
	auto_close_fd(&in->proc_fd);
	if (in->vm)
		vm_release(in->vm);
	ns_plan_release(&in->ns);
	rootfs_free(in->rootfs);
	in->rootfs = NULL;
	auto_close_fd(&in->notify.agent_fd);
	if (in->ps.filter)
		seccomp_prog_release(&in->filter);
	in->ps.filter = NULL;
}
