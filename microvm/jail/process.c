/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/jail/jail.h"

#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/sys.h"

/* Landlock is younger than libc's headers: linux/landlock.h, ABI 1 to 6. */
#define NR_LANDLOCK_CREATE_RULESET 444
#define NR_LANDLOCK_ADD_RULE 445
#define NR_LANDLOCK_RESTRICT_SELF 446
#define LANDLOCK_VERSION 1U
#define LANDLOCK_PATH_BENEATH 1
#define LANDLOCK_EXECUTE 1U
#define LANDLOCK_IOCTL_DEV (1U << 15)

struct ruleset {
	uint64_t files;
	uint64_t net;
	uint64_t scoped;
};

/* What each version of the interface can take away, and the size of its
 * struct. */
static const struct {
	struct ruleset all;
	size_t size;
} landlock[] = {
	[1] = { { 0x1fff, 0, 0 }, 8 },  [2] = { { 0x3fff, 0, 0 }, 8 },
	[3] = { { 0x7fff, 0, 0 }, 8 },  [4] = { { 0x7fff, 3, 0 }, 16 },
	[5] = { { 0xffff, 3, 0 }, 16 }, [6] = { { 0xffff, 3, 3 }, 24 },
};

struct beneath {
	uint64_t allowed;
	int32_t parent_fd;
} __attribute__((packed));

/*
 * Without a rule nothing can be opened, run, made, bound or connected to. What
 * is open already stays as it is.
 */
static int restrict_files(const struct jail_process *jail, struct err *err)
{
	long abi =
		syscall(NR_LANDLOCK_CREATE_RULESET, NULL, 0, LANDLOCK_VERSION);
	auto_fd int fd = -1;

	if (abi <= 0)
		return 0; /* the kernel has it not, or not switched on */
	if (abi == 1 && jail->files == JAIL_FILES_BELOW)
		return 0; /* it would keep files in their directories */
	if (abi >= (long)ARRAY_SIZE(landlock))
		abi = ARRAY_SIZE(landlock) - 1;
	fd = (int)syscall(NR_LANDLOCK_CREATE_RULESET, &landlock[abi].all,
			  landlock[abi].size, 0);
	if (fd >= 0 && jail->files == JAIL_FILES_BELOW) {
		const struct beneath rule = {
			.allowed = landlock[abi].all.files &
				   ~(uint64_t)(LANDLOCK_EXECUTE |
					       LANDLOCK_IOCTL_DEV),
			.parent_fd = jail->below_fd,
		};

		if (syscall(NR_LANDLOCK_ADD_RULE, fd, LANDLOCK_PATH_BENEATH,
			    &rule, 0) < 0)
			return err_sys(err, "cannot write a Landlock rule");
	}
	if (fd < 0 || syscall(NR_LANDLOCK_RESTRICT_SELF, fd, 0) < 0)
		return err_sys(err, "cannot set the Landlock ruleset");
	return 0;
}

static int set_limit(int what, uint64_t most, struct err *err)
{
	struct rlimit lim;

	if (getrlimit(what, &lim) < 0)
		return err_sys(err, "cannot read a limit");
	if (lim.rlim_max > most)
		lim.rlim_max = most;
	lim.rlim_cur = lim.rlim_max;
	if (setrlimit(what, &lim) < 0)
		return err_sys(err, "cannot set a limit");
	return 0;
}

/* A user namespace may not allow to give up groups: they are those of the one
 * who made it then. */
static int become(const struct jail_process *jail, struct err *err)
{
	if (setgroups(0, NULL) < 0 && errno != EPERM)
		return err_sys(err, "cannot give up supplementary groups");
	if (prctl(PR_SET_KEEPCAPS, jail->caps != 0, 0, 0, 0) < 0 ||
	    setresgid(jail->gid, jail->gid, jail->gid) < 0 ||
	    setresuid(jail->uid, jail->uid, jail->uid) < 0)
		return err_sys(err, "cannot become %u:%u", jail->uid,
			       jail->gid);
	return 0;
}

static int keep_caps(uint64_t keep, struct err *err)
{
	uint64_t effective, permitted, inheritable;

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
	    sys_capget(&effective, &permitted, &inheritable) < 0)
		return err_sys(err, "cannot read capabilities");
	keep &= permitted;
	if (sys_capset(keep, keep, 0) < 0)
		return err_sys(err, "cannot give up capabilities");
	return 0;
}

int jail_process(const struct jail_process *jail, struct err *err)
{
	int rc = set_limit(RLIMIT_CORE, 0, err);

	if (!rc && jail->nofile)
		rc = set_limit(RLIMIT_NOFILE, jail->nofile, err);
	if (!rc)
		rc = become(jail, err);
	if (!rc)
		rc = keep_caps(jail->caps, err);
	if (rc)
		return rc;
	/* after the change of ids, which may set it */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, "cannot give up new privileges");
	return restrict_files(jail, err);
}

static int by_number(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

int jail_keep_fds(int *fds, size_t count, struct err *err)
{
	unsigned int next = STDERR_FILENO + 1;

	qsort(fds, count, sizeof(*fds), by_number);
	for (size_t i = 0; i < count; i++) {
		unsigned int fd = (unsigned int)fds[i];

		if (fds[i] < 0 || fd < next)
			continue;
		if (fd > next && sys_close_range(next, fd - 1, 0) < 0)
			return err_sys(err, "cannot close descriptors");
		next = fd + 1;
	}
	if (sys_close_range(next, ~0U, 0) < 0)
		return err_sys(err, "cannot close descriptors");
	return 0;
}
