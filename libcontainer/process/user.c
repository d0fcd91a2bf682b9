/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/process/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/proc.h"
#include "base/sabotage.h"
#include "base/sys.h"
#include "libcontainer/process/steps.h"

#define DEFAULT_UMASK 0022

/*
 * Programs open /dev/stdout and /dev/stderr by name, which needs permission on
 * the pipe behind it. A pipe is nobody's property; files, devices and terminals
 * of the host keep their owners, whoever redirected them into the container.
 * Where the owner cannot be changed that is no reason to fail.
 */
int step_stdio(struct apply *a, struct err *err)
{
	uid_t uid = a->ctx->process->user.uid;

	for (int fd = 0; uid && fd <= 2; fd++) {
		struct stat st;

		if (fstat(fd, &st) < 0 ||
		    (!S_ISFIFO(st.st_mode) && !SABOTAGED("user_stdio")) ||
		    st.st_uid == uid)
			continue;
		if (fchown(fd, uid, (gid_t)-1) < 0 && errno != EPERM &&
		    errno != EINVAL)
			return err_sys(err,
				       "cannot change the owner of "
				       "descriptor %d",
				       fd);
	}
	return 0;
}

/*
 * EPERM comes from a user namespace whose setgroups file says "deny"; then no
 * groups can be dropped either, and nothing was asked for that is not given.
 */
static int set_groups(struct apply *a, struct err *err)
{
	const struct spec_user *user = &a->ctx->process->user;

	if (SABOTAGED("user_groups") ||
	    !setgroups(user->group_count, user->groups))
		return 0;
	if (errno == EPERM && !user->group_count &&
	    (a->ctx->userns || proc_in_userns())) {
		a->groups_kept = true;
		return 0;
	}
	if (errno == EINVAL)
		return err_at(err, -EINVAL, "process.user.additionalGids",
			      "has a group that is not mapped in the user "
			      "namespace, or too many");
	return err_at(err, -errno, "process.user.additionalGids",
		      "setgroups: %s", err_text(errno));
}

int step_user(struct apply *a, struct err *err)
{
	const struct spec_user *user = &a->ctx->process->user;
	int ret;

	/* ends with execve(2) */
	if (user->uid && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return err_sys(err, "unable to set keep caps");
	ret = set_groups(a, err);
	if (ret)
		return ret;
	if (!SABOTAGED("user_gid") &&
	    setresgid(user->gid, user->gid, user->gid) < 0) {
		if (errno == EINVAL)
			return err_at(err, -EINVAL, "process.user.gid",
				      "cannot setgid to unmapped gid %u in "
				      "user namespace",
				      user->gid);
		return err_sys(err, "setgid to %u", user->gid);
	}
	if (!SABOTAGED("user_uid") &&
	    setresuid(user->uid, user->uid, user->uid) < 0) {
		if (errno == EINVAL)
			return err_at(err, -EINVAL, "process.user.uid",
				      "cannot setuid to unmapped uid %u in "
				      "user namespace",
				      user->uid);
		return err_sys(err, "setuid to %u", user->uid);
	}
	umask(user->umask_set ? user->umask : DEFAULT_UMASK);
	return 0;
}

static int compare_gids(const void *a, const void *b)
{
	gid_t x = *(const gid_t *)a, y = *(const gid_t *)b;

	return x < y ? -1 : x > y;
}

/* The kernel keeps the list sorted and returns it so. */
static int audit_groups(const struct spec_user *user, struct err *err)
{
	size_t count = user->group_count;
	auto_free gid_t *want = NULL;
	auto_free gid_t *have = NULL;
	int n;

	want = calloc(count + 1, sizeof(*want));
	have = calloc(count + 1, sizeof(*have));
	if (!want || !have)
		return err_set(err, -ENOMEM, "out of memory");
	/* EINVAL: there are more than that */
	n = getgroups((int)count + 1, have);
	if (n < 0 && errno != EINVAL)
		return err_sys(err, "cannot read groups back");
	if (count) {
		memcpy(want, user->groups, count * sizeof(*want));
		qsort(want, count, sizeof(*want), compare_gids);
	}
	if (n < 0 || (size_t)n != count ||
	    memcmp(want, have, count * sizeof(*want)) != 0)
		return err_set(err, -EPERM,
			       "groups are not what the config says");
	return 0;
}

static int audit_ids(const struct spec_user *user, struct err *err)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;

	if (getresuid(&ruid, &euid, &suid) < 0 ||
	    getresgid(&rgid, &egid, &sgid) < 0)
		return err_sys(err, "cannot read ids back");
	if (ruid != user->uid || euid != user->uid || suid != user->uid ||
	    rgid != user->gid || egid != user->gid || sgid != user->gid)
		return err_set(err, -EPERM,
			       "ids are %u/%u/%u %u/%u/%u, not what the "
			       "config says",
			       ruid, euid, suid, rgid, egid, sgid);
	return 0;
}

static int audit_caps(const struct process_ctx *ctx, struct err *err)
{
	uint64_t effective, permitted, inheritable;
	struct cap_sets want;

	if (!ctx->process->caps.set)
		return 0;
	want = caps_before_exec(ctx);
	if (sys_capget(&effective, &permitted, &inheritable) < 0)
		return err_sys(err, "cannot read capabilities back");
	if (effective != want.effective || permitted != want.permitted ||
	    inheritable != want.inheritable)
		return err_set(err, -EPERM,
			       "capabilities are not what the config says");
	return 0;
}

int step_audit(struct apply *a, struct err *err)
{
	const struct process_ctx *ctx = a->ctx;
	int ret;

	ret = audit_ids(&ctx->process->user, err);
	if (!ret && !a->groups_kept)
		ret = audit_groups(&ctx->process->user, err);
	if (!ret)
		ret = audit_caps(ctx, err);
	if (ret)
		return ret;
	if (ctx->process->no_new_privs &&
	    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return err_set(err, -EPERM, "no_new_privs is not set");
	return 0;
}
