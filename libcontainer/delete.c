/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/container.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/sabotage.h"
#include "base/sys.h"
#include "libcontainer/hooks.h"
#include "libcontainer/state.h"
#include "libcontainer/statedir.h"
#include "libcontainer/vm.h"
#include "spec/spec.h"

#define KILL_WAIT_MS 10000
#define LOCK_WAIT_MS 4000 /* less than what an engine allows for delete */

/*
 * state.json is lost, and with it the pid: nothing may be signalled. The
 * cgroup can be found again from the kept config.json in the same way as
 * create found it; who is in there is the container.
 */
static void recover_place(struct ct *ct)
{
	static const enum cg_manager managers[] = {
		CG_MANAGER_CGROUPFS,
		CG_MANAGER_SYSTEMD,
	};
	struct err why = { 0 };
	int ret;

	ct->st.cgroup = (struct cg_place){ .manager = CG_MANAGER_DISABLED };
	/* the command line may have asked for it, config.json need not */
	ct->st.vm =
		!faccessat(ct->dir_fd, VM_EXIT_FILE, F_OK, AT_SYMLINK_NOFOLLOW);
	ret = ct_load_spec(ct, &why);
	if (!ret && ct->spec->linux_.rdt.set)
		rdt_place_of(&ct->spec->linux_.rdt, ct->st.id, &ct->st.rdt);
	for (size_t i = 0; !ret && i < ARRAY_SIZE(managers); i++) {
		struct cg_place place = { 0 };

		if (cg_place_init(&place, managers[i],
				  ct->spec->linux_.cgroups_path, ct->st.id,
				  &ct->spec->linux_.resources, &why))
			continue;
		/* v1 twins may be there without the directory */
		if (!i || cg_exists(&place))
			ct->st.cgroup = place;
		if (cg_exists(&place))
			return;
	}
	if (ct->st.cgroup.manager == CG_MANAGER_DISABLED || !ret)
		log_warn("the state of '%s' is damaged and no cgroup of it is "
			 "there: what may still run of it cannot be found%s%s",
			 ct->st.id, why.msg[0] ? ": " : "", why.msg);
}

static int wait_dead(int pidfd, struct err *err)
{
	struct pollfd pfd = { .fd = pidfd, .events = POLLIN };
	int n;

	do
		n = poll(&pfd, 1, KILL_WAIT_MS);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(err, "cannot wait for init");
	if (!n)
		return err_set(err, -ETIMEDOUT,
			       "init is still there %d s after SIGKILL",
			       KILL_WAIT_MS / 1000);
	return 0;
}

/* With init all of its pid namespace dies; cg_destroy() sees to the rest. */
static int kill_init(const struct ct *ct, struct err *err)
{
	auto_fd int pidfd = ct_pidfd(ct);

	if (pidfd == -ESRCH)
		return 0;
	if (pidfd < 0)
		return err_code(err, pidfd, "cannot open init's pidfd");
	if (sys_pidfd_send_signal(pidfd, SIGKILL, NULL, 0) < 0 &&
	    errno != ESRCH)
		return err_sys(err, "cannot kill init");
	return wait_dead(pidfd, err);
}

static int remove_and_tell(struct ct *ct, struct err *err)
{
	auto_free char *json = NULL;
	struct err why = { 0 };
	int ret;

	/* config.json is about to go; a damaged one must not hold us up */
	if (ct_load_spec(ct, &why))
		log_info("poststop hooks are not known: %s", why.msg);
	ret = ct_remove(ct, err);
	if (ret || !ct->spec || !ct->spec->hooks.count[SPEC_HOOK_POSTSTOP])
		return ret;
	ret = ct_state_json(ct, HULL_STOPPED, 0, &json);
	if (ret)
		return err_code(err, ret, "cannot write the state for hooks");
	return hooks_run(ct->spec, SPEC_HOOK_POSTSTOP, json, -1, NULL, err);
}

/*
 * A created container goes without force, as with every runtime known. With
 * the lock in our hands, "creating" is what a killed create left behind.
 */
static int check_status(struct ct *ct, bool force, struct err *err)
{
	enum hull_status status = ct_status(ct);

	if (SABOTAGED("delete_running"))
		return 0;
	if (force || status == HULL_STOPPED || status == HULL_CREATED ||
	    status == HULL_CREATING)
		return 0;
	return err_set(err, -EBUSY,
		       "cannot delete container %s that is not stopped: %s",
		       ct->st.id, hull_status_name(status));
}

static int open_locked(const struct hull_context *ctx, const char *id,
		       bool force, struct ct *ct, struct err *err)
{
	int ret;

	ret = ct_check_id(id, err);
	if (ret)
		return ret;
	ct->root_fd = ct_root_open(ctx, false, err);
	if (ct->root_fd == -ENOENT)
		return err_set(err, -ENOENT, "container does not exist");
	if (ct->root_fd < 0)
		return ct->root_fd;
	return statedir_open(ct, id, force ? LOCK_WAIT_MS : LOCK_WAIT, err);
}

int hull_delete(const struct hull_context *ctx, const char *id, bool force,
		struct err *err)
{
	auto_ct struct ct ct = CT_INIT;
	struct err why = { 0 };
	int ret;

	ret = open_locked(ctx, id, force, &ct, &why);
	if (ret == -ENOENT && force)
		return 0;
	if (ret == -EBADMSG && (force || ct.missing)) {
		recover_place(&ct);
	} else if (ret) {
		if (err)
			*err = why;
		return ret;
	} else {
		ret = check_status(&ct, force, err);
		if (!ret)
			ret = kill_init(&ct, err);
		if (ret)
			return ret;
	}
	return remove_and_tell(&ct, err);
}
