/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/sabotage.h"
#include "libcontainer/gate.h"
#include "libcontainer/guest.h"
#include "libcontainer/hooks.h"
#include "libcontainer/listener.h"
#include "libcontainer/rdt.h"
#include "libcontainer/ready.h"
#include "libcontainer/rootless.h"
#include "libcontainer/sync.h"
#include "rootfs/rootfs.h"

#define CACHE_DIR ".cache/seccomp"

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int load(struct launch *l, const char *id, bool gate, struct err *err)
{
	const struct hull_create_options *opt = l->opt;
	int ret;

	ret = ct_check_id(id, err);
	if (!ret)
		ret = bundle_load(&l->ct.arena, opt->bundle, opt->config,
				  &l->bundle, err);
	if (!ret)
		ret = launch_enter_guest(l, err);
	if (ret)
		return ret;
	l->in.spec = l->bundle.spec;
	if (!l->in.spec->has_process)
		return err_at(err, -EINVAL, "process", "is required");
	listen_fds_take(&l->listen);
	/* before a descriptor of hull's own takes such a number */
	ret = handover_check_fds(opt->preserve_fds + l->listen.count, err);
	if (ret)
		return ret;
	/* before anything is believed that it says: where hull's files are */
	l->in.proc_fd = proc_root_open();
	if (l->in.proc_fd < 0)
		return err_code(err, l->in.proc_fd, "cannot open /proc");
	if (!l->ctx->guest)
		ret = launch_choose_isolation(l, err);
	if (ret)
		return ret;
	l->in.first_fd = (int)(3 + opt->preserve_fds + l->listen.count);
	memcpy(l->in.extra_env, l->listen.env, sizeof(l->listen.env));
	if (l->in.spec->process.terminal)
		handover_tty_size(&l->in.spec->process, !gate && !opt->detach,
				  &l->in.rows, &l->in.cols);
	return handover_console_rule(l->in.spec->process.terminal,
				     gate || opt->detach, opt->console_socket,
				     err);
}

static int plan(struct launch *l, const char *id, struct err *err)
{
	const struct spec *spec = l->in.spec;
	struct init *in = &l->in;
	int ret;

	ret = ns_plan_init(&in->ns, &spec->linux_, err);
	if (!ret && !in->vm && !SABOTAGED("own_namespace"))
		ret = launch_check_own(spec, &in->ns, err);
	if (!ret)
		ret = rootless_check(in, err);
	if (ret)
		return ret;
	in->process = in->vm ? in->vm->process : spec->process;
	ret = process_limit_caps(&in->process.caps, init_has_userns(in), err);
	if (ret)
		return ret;
	in->ps = (struct process_ctx){
		.process = &in->process,
		.personality = &spec->linux_.personality,
		.mempolicy = &spec->linux_.mempolicy,
		.proc_fd = in->proc_fd,
		.userns = init_has_userns(in),
		.parent_sets_limits =
			init_has_userns(in) && in->process.rlimit_count,
	};
	if (!l->opt->no_new_keyring)
		in->ps.keyring = arena_printf(&l->ct.arena, "_ses.%s", id);
	in->need_ready = in->gate_fd != -1 || in->ps.parent_sets_limits;
	ret = process_check(&in->ps, err);
	if (!ret)
		ret = rdt_plan(&l->ct, spec, id, err);
	if (ret)
		return ret;
	if (l->ctx->manager == HULL_CGROUP_DISABLED) {
		l->ct.st.cgroup.manager = CG_MANAGER_DISABLED;
		return 0;
	}
	ret = cg_place_init(&l->ct.st.cgroup, (enum cg_manager)l->ctx->manager,
			    spec->linux_.cgroups_path, id,
			    &spec->linux_.resources, err);
	if (ret && cg_mode_probe() == CG_MODE_NONE)
		ret = rootless_no_cgroup(l->ctx, spec, ret, &l->ct.st.cgroup,
					 err);
	return ret;
}

/* First trace on the machine: from here on `delete -f` knows what to do. */
static int record(struct launch *l, const char *id, struct err *err)
{
	struct cg_place place = l->ct.st.cgroup;
	struct rdt_place rdt = l->ct.st.rdt;
	struct ct_state *st = &l->ct.st;
	int ret;

	ret = ct_new(l->ctx, id, &l->ct, err);
	if (ret)
		return ret;
	l->made = true;
	ret = launch_check_cgroup(&place, err);
	if (ret) {
		st->cgroup.manager = CG_MANAGER_DISABLED;
		return ret;
	}
	st->oci_version = arena_strndup(&l->ct.arena, l->in.spec->oci_version,
					strlen(l->in.spec->oci_version));
	st->bundle = arena_strndup(&l->ct.arena, l->bundle.path,
				   strlen(l->bundle.path));
	st->rootfs = arena_strndup(&l->ct.arena, l->bundle.root_path,
				   strlen(l->bundle.root_path));
	if (!st->oci_version || !st->bundle || !st->rootfs)
		return err_set(err, -ENOMEM, "out of memory");
	st->created_ns = now_ns();
	st->owner = geteuid();
	st->no_keyring = l->opt->no_new_keyring;
	st->ns_flags = l->in.ns.present;
	st->cgroup = place;
	st->rdt = rdt;
	st->vm = l->in.vm;
	st->vm_memory_bytes = l->in.vm ? l->vm.memory_bytes : 0;
	l->ct.spec = l->bundle.spec;
	return ct_save(&l->ct, err);
}

static int open_cache(struct launch *l)
{
	if (mkdirat(l->ct.root_fd, ".cache", 0700) < 0 && errno != EEXIST)
		return -1;
	if (mkdirat(l->ct.root_fd, CACHE_DIR, 0700) < 0 && errno != EEXIST)
		return -1;
	return openat(l->ct.root_fd, CACHE_DIR,
		      O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int make_filter(struct launch *l, struct err *err)
{
	const struct spec_seccomp *profile = &l->in.spec->linux_.seccomp;
	const struct hull_guest *guest = l->ctx->guest;
	auto_fd int cache_fd = -1;
	int ret;

	if (l->in.vm)
		profile = &l->vm.full->linux_.seccomp;
	if (!profile->set)
		return 0;
	cache_fd = open_cache(l);
	if (guest)
		seccomp_adopt(cache_fd, profile, guest->filter,
			      guest->filter_len);
	ret = seccomp_prepare(cache_fd, profile,
			      l->in.vm ? &l->vm.filter : &l->in.filter, err);
	if (ret || l->in.vm)
		return ret;
	l->in.ps.filter = &l->in.filter;
	l->in.notify.agent_fd = listener_connect(profile, err);
	if (l->in.notify.agent_fd == -ENODATA)
		return 0;
	if (l->in.notify.agent_fd < 0)
		return l->in.notify.agent_fd;
	/* the agent is told of processes by their pid, and which one a hook
	 * will have is not known when its filter is made */
	if (l->in.spec->hooks.count[SPEC_HOOK_START_CONTAINER])
		log_warn("hooks.startContainer: system calls that are for the "
			 "seccomp agent fail with ENOSYS in hooks");
	return 0;
}

/* One user namespace per mount that has mappings of its own, else -1. */
static int map_mounts(struct launch *l, const int **fds, struct err *err)
{
	const struct spec *spec = l->in.spec;
	int *list;

	*fds = NULL;
	list = arena_array(&l->ct.arena, spec->mount_count + 1, sizeof(*list));
	if (!list)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < spec->mount_count; i++) {
		const struct spec_mount *m = &spec->mounts[i];

		list[i] = -1;
		if (!m->uid_map_count)
			continue;
		list[i] = ns_userns_fd(l->in.proc_fd, m->uid_maps,
				       m->uid_map_count, m->gid_maps,
				       m->gid_map_count, err);
		if (list[i] < 0)
			return err_wrap(err, "mounts[%zu].uidMappings", i);
		*fds = list;
	}
	list[spec->mount_count] = -1; /* of ready_prepare() */
	return 0;
}

static bool wants_idmap(const struct spec *spec)
{
	for (size_t i = 0; i < spec->mount_count; i++) {
		const struct spec_mount *m = &spec->mounts[i];

		for (size_t k = 0; k < m->option_count; k++) {
			if (!strcmp(m->options[k], "idmap") ||
			    !strcmp(m->options[k], "ridmap"))
				return true;
		}
	}
	return false;
}

static int open_rootfs(struct launch *l, struct err *err)
{
	const struct spec_linux *lin = &l->in.spec->linux_;
	auto_fd int userns_fd = -1, own_fd = -1;
	const struct ns_plan *ns = &l->in.ns;
	struct rootfs_config cfg = {
		.spec = l->in.spec,
		.bundle = l->bundle.path,
		.root_path = l->bundle.root_path,
		.new_mount_ns = ns->create & CLONE_NEWNS,
		.own_mount_ns = ns->own & CLONE_NEWNS,
		/* hull's own user namespace makes no device nodes either */
		.userns = init_has_userns(&l->in) || proc_in_userns(),
		.userns_fd = ns->join_fd[SPEC_NS_USER],
		.new_net_ns = ns->create & CLONE_NEWNET,
		.new_pid_ns = ns->create & CLONE_NEWPID,
		.cgroup_ns = ns->new_cgroup || ns->join_fd[SPEC_NS_CGROUP] >= 0,
		.cgroup_fd = l->in.cgroup_fd,
		.no_pivot = l->opt->no_pivot,
		.left = l->in.vm ? l->vm.left : NULL,
		.no_devices = l->in.vm,
	};
	int ret;

	/* without one of its own, the container is where hull is */
	if (cfg.cgroup_fd < 0)
		cfg.cgroup_fd = own_fd = cg_open_own();
	ret = map_mounts(l, &cfg.mount_userns_fds, err);
	if (!ret)
		ret = ready_prepare(l, &cfg.spec, err);
	if (ret)
		return ret;
	if ((ns->create & CLONE_NEWUSER) && wants_idmap(l->in.spec)) {
		userns_fd = ns_userns_fd(l->in.proc_fd, lin->uid_maps,
					 lin->uid_map_count, lin->gid_maps,
					 lin->gid_map_count, err);
		if (userns_fd < 0)
			return userns_fd;
		cfg.userns_fd = userns_fd;
	}
	ret = rootfs_open(&cfg, &l->in.rootfs, err);
	for (size_t i = 0; cfg.mount_userns_fds && i < cfg.spec->mount_count;
	     i++) {
		if (cfg.mount_userns_fds[i] >= 0)
			close(cfg.mount_userns_fds[i]);
	}
	return ret;
}

static int make_rdt(struct launch *l, struct err *err)
{
	return rdt_begin(&l->ct, l->in.spec, err);
}

static const struct launch_step {
	const char *name;
	int (*run)(struct launch *l, struct err *err);
} launch_steps[] = {
	{ "cgroup", launch_make_cgroup },
	{ "resctrl", make_rdt },
	{ "seccomp", make_filter },
	{ "rootfs", open_rootfs },
};

int launch_prepare(struct launch *l, const struct hull_context *ctx,
		   const char *id, const struct hull_create_options *opt,
		   bool gate, struct err *err)
{
	int ret;

	*l = (struct launch){
		.ctx = ctx,
		.opt = opt,
		.ct = CT_INIT,
		.console_fd = -1,
		.ready_fd = -1,
		.in = { .cgroup_fd = -1,
			.hold = CG_HOLD_INIT,
			.gate_fd = gate ? -2 : -1,
			.ns_dir_fd = -1,
			.by_user = geteuid() != 0,
			.proc_fd = -1,
			.parent_sync = -1,
			.child_sync = -1,
			.notify = { .agent_fd = -1 },
			.pidfd = -1 },
	};
	l->in.ct = &l->ct;
	for (size_t i = 0; i < SPEC_NS_TYPES; i++)
		l->in.ns.join_fd[i] = -1;
	ret = load(l, id, gate, err);
	if (!ret)
		ret = plan(l, id, err);
	if (ret) {
		err_stage(err, "config");
		return ret;
	}
	/*
	 * From here on descriptors and memory of this process are inherited by
	 * one that enters the container. An ordinary user could not write its
	 * id maps then: it does this itself, once it has them.
	 */
	if (!rootless_maps(&l->in) && !SABOTAGED("prepare_dumpable"))
		prctl(PR_SET_DUMPABLE, 0);
	ret = record(l, id, err);
	if (ret) {
		err_stage(err, "state");
		return ret;
	}
	for (size_t i = 0; i < ARRAY_SIZE(launch_steps); i++) {
		ret = launch_steps[i].run(l, err);
		if (ret) {
			err_stage(err, launch_steps[i].name);
			return ret;
		}
	}
	return 0;
}

int launch_spawn(struct launch *l, struct err *err)
{
	struct init *in = &l->in;
	int ret;

	if (in->gate_fd != -1) {
		in->gate_fd = gate_listen(l->ct.dir_fd, err);
		if (in->gate_fd < 0)
			return in->gate_fd;
	}
	ret = in->vm ? vm_ready(in->vm, l->ct.dir_fd, l->ct.st.id,
				l->bundle.text, l->bundle.len, err)
		     : 0;
	if (ret)
		return ret;
	ret = sync_pair(&in->parent_sync, &in->child_sync);
	if (ret)
		return err_code(err, ret, "cannot make the sync sockets");
	ret = init_spawn(in, err);
	/* nobody asks for it before the lock is given up, and init has work */
	if (!ret)
		ret = ct_save_config(&l->ct, l->bundle.text, l->bundle.len,
				     err);
	if (!ret)
		ret = init_handshake(in, &l->console_fd, err);
	if (!ret && l->opt->console_socket)
		ret = handover_send_fd(l->opt->console_socket, "/dev/ptmx",
				       l->console_fd, err);
	if (!ret && l->opt->pidfd_socket)
		ret = handover_send_fd(l->opt->pidfd_socket, "pidfd", in->pidfd,
				       err);
	if (!ret && l->opt->pid_file)
		ret = handover_pid_file(l->opt->pid_file, in->pid, err);
	return ret;
}

void launch_undo(struct launch *l)
{
	auto_free char *json = NULL;
	struct err why = { 0 };

	init_abort(&l->in);
	if (!l->made)
		return;
	auto_close_fd(&l->in.cgroup_fd);
	if (ct_remove(&l->ct, &why))
		log_warn("cannot clean up: %s", why.msg);
	if (l->in.spec->hooks.count[SPEC_HOOK_POSTSTOP] &&
	    !ct_state_json(&l->ct, HULL_STOPPED, 0, &json))
		hooks_run(l->in.spec, SPEC_HOOK_POSTSTOP, json, -1, NULL, NULL);
	l->made = false;
}

void launch_release(struct launch *l)
{
	if (l->ctx->exiting)
		return;
	init_release(&l->in);
	listen_fds_release(&l->listen);
	auto_close_fd(&l->console_fd);
	auto_close_fd(&l->ready_fd);
	ct_close(&l->ct);
}
