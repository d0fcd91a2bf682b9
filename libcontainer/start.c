/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/container.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/sys.h"
#include "libcontainer/gate.h"
#include "libcontainer/hooks.h"
#include "libcontainer/ready.h"
#include "libcontainer/record.h"
#include "libcontainer/state.h"
#include "libcontainer/vm.h"

#define END_MS 5000

/* A microVM may have ended on its own. */
static int has_stopped(const struct ct *ct, struct err *err)
{
	const char *why = ct->st.exit.vm_end;

	return err_set(err, -EINVAL,
		       "cannot start a container that has stopped%s%s",
		       why[0] ? ": " : "", why);
}

static int check_status(struct ct *ct, struct err *err)
{
	switch (ct_status(ct)) {
	case HULL_CREATED:
		return 0;
	case HULL_STOPPED:
		return has_stopped(ct, err);
	case HULL_RUNNING:
		return err_set(err, -EINVAL,
			       "cannot start an already running container");
	default:
		return err_set(err, -EINVAL,
			       "cannot start a container in the %s state",
			       hull_status_name(ct_status(ct)));
	}
}

/* A failed poststart hook stops the container (runtime-spec 1.3.0). */
static int poststart(struct ct *ct, int pidfd, struct err *err)
{
	auto_free char *json = NULL;
	int ret;

	if (!ct->spec->hooks.count[SPEC_HOOK_POSTSTART])
		return 0;
	ret = ct_state_json(ct, HULL_RUNNING, ct->st.pid, &json);
	if (ret)
		return err_code(err, ret, "cannot write the state for hooks");
	ret = hooks_run(ct->spec, SPEC_HOOK_POSTSTART, json, -1, NULL, err);
	if (ret) {
		auto_fd int cg_fd = cg_open(&ct->st.cgroup);

		sys_pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
		if (cg_fd >= 0)
			cg_kill(cg_fd, NULL);
	}
	return ret;
}

static bool has_ended(int pidfd)
{
	struct pollfd pfd = { .fd = pidfd, .events = POLLIN };

	return poll(&pfd, 1, END_MS) > 0;
}

/*
 * Init has said why and is about to end: who looks next sees that it has. A
 * monitor that could not be told to start would stay for ever.
 */
static void end_failed(struct ct *ct, int pidfd, const struct err *why)
{
	struct hull_exit *e = &ct->st.exit;

	if (ct->st.vm && gate_is_waiting(ct->dir_fd))
		sys_pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	if (!has_ended(pidfd))
		return;
	record_end(ct, NULL, true);
	if (!ct->st.vm || e->vm_end[0] || !why)
		return;
	snprintf(e->vm_end, sizeof(e->vm_end), "%.200s", why->msg);
	ct_save(ct, NULL);
}

int hull_start(const struct hull_context *ctx, const char *id, struct err *err)
{
	auto_ct struct ct ct = CT_INIT;
	auto_fd int pidfd = -1;
	auto_fd int ready_fd = -1;
	struct timespec ts;
	int ret;

	ret = ct_open(ctx, id, true, &ct, err);
	if (!ret)
		ret = check_status(&ct, err);
	if (ret)
		return ret;
	pidfd = ct_pidfd(&ct);
	if (pidfd < 0)
		return err_set(err, -ESRCH,
			       "cannot start a container that has stopped");
	/* for its hooks; afterwards is too late to say that it cannot be read
	 */
	ret = ct_load_spec(&ct, err);
	if (ret)
		return ret;
	clock_gettime(CLOCK_REALTIME, &ts);
	ct.st.started = true;
	ct.st.started_ns = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
	ret = ct_save(&ct, err);
	if (ret)
		return ret;
	ready_fd = ready_listen(ct.dir_fd, err);
	if (ready_fd < 0 && ready_fd != -ENOENT)
		ret = ready_fd;
	if (!ret)
		ret = ct.st.vm ? vm_start(&ct, pidfd, err)
			       : gate_open(ct.dir_fd, pidfd, err);
	if (ret == -ECONNREFUSED)
		return err_set(err, -EINVAL,
			       "cannot start an already running container");
	if (!ret)
		ret = poststart(&ct, pidfd, err);
	if (ret)
		end_failed(&ct, pidfd, err);
	if (ret || ready_fd < 0)
		return ret;
	/* others may go on with it while it makes itself ready */
	ct_unlock(&ct);
	return ready_wait(ready_fd, pidfd, ct.st.pid, err);
}
