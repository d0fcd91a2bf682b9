/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/container.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/proc.h"
#include "libcontainer/exitwatch.h"
#include "libcontainer/record.h"
#include "libcontainer/state.h"
#include "libcontainer/statedir.h"
#include "libcontainer/supervise.h"

#define REAP_TRIES 200
#define REAP_STEP_MS 5
#define SAVE_WAIT_MS 1000

static int unknown(struct err *err)
{
	return err_set(err, -ENODATA,
		       "the container has ended, but nobody saw how: this "
		       "kernel keeps no exit status (Linux 6.15 does), and "
		       "nobody waited");
}

static int known(const struct hull_exit *e, int *status, struct err *err)
{
	if (!e->status_known)
		return unknown(err);
	*status = supervise_code(e->status);
	return 0;
}

/* Between its directory and its process a container is being created: who has
 * the lock then is at it. */
static int open_created(const struct hull_context *ctx, const char *id,
			struct ct *ct, struct err *err)
{
	struct err why = { 0 };
	int ret = ct_open(ctx, id, false, ct, &why);

	if ((!ret && !ct->st.pid) || (ret == -EBADMSG && ct->missing)) {
		ct_close(ct);
		*ct = (struct ct)CT_INIT;
		ret = ct_open(ctx, id, true, ct, &why);
		ct_unlock(ct);
	}
	if (ret && err)
		*err = why;
	return ret;
}

static void wait_end(int pidfd)
{
	struct pollfd pfd = { .fd = pidfd, .events = POLLIN };

	while (poll(&pfd, 1, -1) < 0 && errno == EINTR)
		;
}

/* A zombie shows its status to root; once it is reaped the pidfd does. Between
 * the two looks it may pass from one to the other. */
static bool seen_status(pid_t pid, uint64_t start_time, int pidfd, int *status)
{
	const struct timespec step = { .tv_nsec = REAP_STEP_MS * 1000000L };

	for (int i = 0; i < REAP_TRIES; i++) {
		struct proc_stat stat;
		int ret;

		if (record_zombie(pid, start_time, status))
			return true;
		ret = proc_exit_status(pidfd, status);
		if (ret != -EAGAIN)
			return !ret;
		if (proc_read_stat(pid, &stat) < 0 ||
		    stat.start_time != start_time)
			return !proc_exit_status(pidfd, status);
		nanosleep(&step, NULL); /* a zombie that hides its status */
	}
	return false;
}

/* Once the status is written down nothing else knows it any more. */
static void save(struct ct *ct, const int *status, bool exact)
{
	struct ct again = CT_INIT;

	again.root_fd = ct->root_fd;
	if (!statedir_open(&again, ct->st.id, SAVE_WAIT_MS, NULL) &&
	    again.st.pid == ct->st.pid &&
	    again.st.start_time == ct->st.start_time) {
		record_end(&again, status, exact);
		ct->st.exit = again.st.exit;
	}
	again.root_fd = -1; /* borrowed */
	ct_close(&again);
}

static int wait_living(struct ct *ct, int pidfd, int *status, struct err *err)
{
	const struct ct_state *st = &ct->st;
	auto_fd int watch_fd = -1;
	int wait_status;
	bool exact, seen;

	if (exitwatch_needed()) {
		watch_fd = exitwatch_open(st->pid);
		if (watch_fd < 0)
			log_debug("no proc connector: %s", err_text(watch_fd));
	}
	exact = !proc_is_dead(pidfd);
	wait_end(pidfd);
	seen = seen_status(st->pid, st->start_time, pidfd, &wait_status);
	if (!seen && watch_fd >= 0)
		seen = !exitwatch_read(watch_fd, st->pid, &wait_status);
	save(ct, seen ? &wait_status : NULL, exact);
	if (!seen)
		return unknown(err);
	*status = supervise_code(wait_status);
	return 0;
}

int hull_wait(const struct hull_context *ctx, const char *id, int *status,
	      struct err *err)
{
	auto_ct struct ct ct = CT_INIT;
	auto_fd int pidfd = -1;
	int ret = open_created(ctx, id, &ct, err);

	if (ret)
		return ret;
	if (!ct.st.pid)
		return err_set(err, -ESRCH, "container not running");
	if (ct.st.exit.recorded && ct.st.exit.status_known)
		return known(&ct.st.exit, status, err);
	/* a zombie, too: its pidfd tells the status once it is reaped */
	pidfd = proc_open(ct.st.pid, ct.st.start_time);
	if (pidfd >= 0)
		return wait_living(&ct, pidfd, status, err);
	if (pidfd != -ESRCH)
		return err_code(err, pidfd, "cannot open init's pidfd");
	save(&ct, NULL, false);
	ct_status(&ct);
	return known(&ct.st.exit, status, err);
}
