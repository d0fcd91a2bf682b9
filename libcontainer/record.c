/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/record.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/sys.h"
#include "libcontainer/state.h"
#include "libcontainer/statedir.h"

/*
 * Linux 6.15 keeps how a process ended in the inode of its pidfd, and an inode
 * lives for as long as it is mounted somewhere: no process has to wait.
 */
int record_pin(struct ct *ct, int pidfd, struct err *err)
{
	auto_fd int tree_fd = -1;

	tree_fd = open_tree(
		pidfd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (tree_fd < 0) {
		/* no such file system, or no right to mount: no pin */
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
			return err_sys(err, "cannot keep the exit status");
		return 0;
	}
	if (mknodat(ct->dir_fd, EXIT_FILE, S_IFREG | 0600, 0) < 0)
		return err_sys(err, "cannot make '%s'", EXIT_FILE);
	if (move_mount(tree_fd, "", ct->dir_fd, EXIT_FILE,
		       MOVE_MOUNT_F_EMPTY_PATH) < 0) {
		log_info("the exit status is not kept: %s", err_text(errno));
		unlinkat(ct->dir_fd, EXIT_FILE, 0);
	}
	return 0;
}

void record_unpin(struct ct *ct)
{
	char path[64];

	if (!unlinkat(ct->dir_fd, EXIT_FILE, 0) || errno != EBUSY)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d/" EXIT_FILE, ct->dir_fd);
	umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
	unlinkat(ct->dir_fd, EXIT_FILE, 0);
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
	auto_fd int fd = -1;

	fd = path_open_below(ct->dir_fd, EXIT_FILE,
			     O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW, 0);
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
	if (!ct->locked || !(first || e->status_known))
		return;
	/* once it is written down, the mount is only a burden for others */
	if (!ct_save(ct, NULL) && e->status_known)
		record_unpin(ct);
}
