/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/container.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/sabotage.h"
#include "base/sys.h"
#include "libcontainer/state.h"

static int not_running(struct err *err)
{
	return err_set(err, -ESRCH, "container not running");
}

static int open_cgroup(const struct ct *ct)
{
	const struct cg_place *place = &ct->st.cgroup;

	if (place->manager == CG_MANAGER_DISABLED || !place->path[0])
		return -ENOENT;
	return cg_open(place);
}

/*
 * True when SIGKILL to this process takes all of its pid namespace along: it
 * is number 1 there. A namespace in the config may be one that it joined.
 */
static bool leads_pid_ns(pid_t pid)
{
	char path[32], text[4096], *line, *last;
	auto_fd int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return false;
	n = io_read_full(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	line = strstr(text, "\nNSpid:");
	if (!line)
		return false;
	line[1 + strcspn(line + 1, "\n")] = '\0';
	last = strrchr(line, '\t');
	return last && !strcmp(last + 1, "1");
}

/*
 * SIGKILL is felt by frozen tasks, but what remains of the group stays frozen,
 * and nobody would resume a container that has ended. Looked at beforehand: a
 * dying group says "not frozen" for a moment.
 */
static bool needs_thaw(int cg_fd, int sig)
{
	return sig == SIGKILL && cg_fd >= 0 && cg_is_frozen(cg_fd) == 1 &&
	       !SABOTAGED("kill_thaw");
}

static int signal_group(int cg_fd, int sig, struct err *err)
{
	if (sig == SIGKILL)
		return cg_kill(cg_fd, err);
	return sig ? cg_signal(cg_fd, sig, err) : 0;
}

/* Init is dead. What shares a pid namespace with others may live on in the
 * cgroup, and engines ask for its end with --all. */
static int kill_rest(const struct ct *ct, int sig, bool all, struct err *err)
{
	auto_fd int cg_fd = open_cgroup(ct);
	bool rest = cg_fd >= 0 && cg_is_populated(cg_fd) == 1;
	bool frozen = needs_thaw(cg_fd, sig);
	int ret;

	if (!rest || (!all && sig != SIGKILL))
		return all ? 0 : not_running(err);
	ret = signal_group(cg_fd, sig, err);
	if (frozen)
		cg_freeze(cg_fd, false, NULL);
	return ret;
}

static int signal_init(int pidfd, int sig, struct err *err)
{
	if (!sys_pidfd_send_signal(pidfd, sig, NULL, 0))
		return 0;
	if (errno == ESRCH)
		return not_running(err);
	return err_sys(err, "cannot send signal %d to init", sig);
}

static int signal_living(int cg_fd, int pidfd, int sig, bool wide,
			 struct err *err)
{
	int ret;

	if (wide && cg_fd >= 0 && sig) {
		ret = signal_group(cg_fd, sig, err);
		if (ret || sig != SIGKILL)
			return ret;
	}
	ret = signal_init(pidfd, sig, err);
	return wide && sig == SIGKILL && ret == -ESRCH
		       ? 0 /* the group's signal was faster */
		       : ret;
}

static int kill_living(const struct ct *ct, int pidfd, int sig, bool all,
		       struct err *err)
{
	bool wide = all || (sig == SIGKILL && !leads_pid_ns(ct->st.pid));
	auto_fd int cg_fd = wide || sig == SIGKILL ? open_cgroup(ct) : -1;
	bool frozen = needs_thaw(cg_fd, sig);
	int ret;

	if (all && cg_fd < 0 && sig != SIGKILL)
		return err_set(err, -ENOTSUP,
			       "cannot signal all processes of a container "
			       "without a cgroup");
	ret = signal_living(cg_fd, pidfd, sig, wide, err);
	if (frozen)
		cg_freeze(cg_fd, false, NULL);
	return ret;
}

int hull_kill(const struct hull_context *ctx, const char *id, int sig, bool all,
	      struct err *err)
{
	auto_ct struct ct ct = CT_INIT;
	auto_fd int pidfd = -1;
	struct err why = { 0 };
	int ret;

	if (sig < 0 || sig >= NSIG)
		return err_set(err, -EINVAL, "invalid signal %d", sig);
	/* without the lock: who hangs in a hook can still be killed */
	ret = ct_open(ctx, id, false, &ct, &why);
	if (ret == -EBADMSG && ct.missing)
		return all ? 0 : not_running(err);
	if (ret) {
		if (err)
			*err = why;
		return ret;
	}
	pidfd = ct_pidfd(&ct);
	if (pidfd == -ESRCH)
		return kill_rest(&ct, sig, all, err);
	if (pidfd < 0)
		return err_code(err, pidfd, "cannot open init's pidfd");
	return kill_living(&ct, pidfd, sig, all, err);
}
