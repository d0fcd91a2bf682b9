/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/record.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <time.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/proc.h"
#include "base/sys.h"
#include "libcontainer/pins.h"
#include "libcontainer/state.h"
#include "libcontainer/vm.h"

/*
 * Linux 6.15 keeps how a process ended in the inode of its pidfd, and an inode
 * lives for as long as it is mounted somewhere: no process has to wait.
 */
int record_pin(struct ct *ct, int pidfd, struct err *err)
{
	ct->may_have_pin = true;
	return pins_add(ct->root_fd, ct->st.id, pidfd, err);
}

void record_unpin(struct ct *ct)
{
	if (ct->may_have_pin)
		pins_remove(ct->root_fd, ct->st.id);
	ct->may_have_pin = false;
}

/* The kernel shows exit_code as 0 to those who may not know it. */
static bool may_see_exit_code(void)
{
	uint64_t effective = 0, permitted, inheritable;

	return !sys_capget(&effective, &permitted, &inheritable) &&
	       (effective & (1ULL << CAP_SYS_PTRACE));
}

bool record_zombie(pid_t pid, uint64_t start_time, int *status)
{
	struct proc_stat stat;

	if (pid <= 0 || proc_read_stat(pid, &stat) < 0 ||
	    stat.start_time != start_time || stat.state != 'Z')
		return false;
	if (!stat.exit_code && !may_see_exit_code())
		return false;
	*status = stat.exit_code;
	return true;
}

static bool pinned_status(const struct ct *ct, int *status)
{
	auto_fd int fd = pins_open(ct->root_fd, ct->st.id);

	return fd >= 0 && !proc_exit_status(fd, status);
}

static void record_cgroup(const struct cg_place *place, struct hull_exit *e)
{
	auto_fd int cg_fd = -1;
	struct cg_record rec = { 0 };

	if (place->manager == CG_MANAGER_DISABLED || !place->path[0])
		return;
	cg_fd = cg_open(place);
	if (cg_fd < 0)
		return;
	cg_record(cg_fd, place, &rec);
	e->oom_known = rec.oom_known;
	e->oom = rec.oom_known && rec.oom_kills;
	e->peak_known = rec.peak_known;
	e->memory_peak_bytes = rec.peak_known ? rec.memory_peak_bytes : 0;
}

static void find_status(const struct ct *ct, struct hull_exit *e)
{
	e->status_known =
		record_zombie(ct->st.pid, ct->st.start_time, &e->status) ||
		pinned_status(ct, &e->status);
	if (!e->status_known)
		e->status = 0;
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void record_end(struct ct *ct, const int *wait_status, bool exact)
{
	struct hull_exit *e = &ct->st.exit;
	bool first = !e->recorded;

	if (e->recorded && e->status_known)
		return;
	if (first) {
		*e = (struct hull_exit){
			.recorded = true,
			.end_exact = exact,
			.end_ns = now_ns(),
		};
		record_cgroup(&ct->st.cgroup, e);
	}
	if (wait_status) {
		e->status = *wait_status;
		e->status_known = true;
	} else {
		find_status(ct, e);
	}
	if (ct->st.vm)
		vm_end(ct->dir_fd, e);
	if (!ct->locked || !(first || e->status_known))
		return;
	/* once it is written down nobody needs the mount */
	if (!ct_save(ct, NULL) && e->status_known)
		record_unpin(ct);
}
