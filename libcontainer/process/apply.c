/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/process/process.h"

#include <errno.h>
#include <limits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/sabotage.h"
#include "libcontainer/process/steps.h"

static int step_no_new_privs(struct apply *a, struct err *err)
{
	if (!a->ctx->process->no_new_privs || SABOTAGED("apply_no_new_privs"))
		return 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, "cannot set no_new_privs");
	return 0;
}

static int enter_cwd(const char *cwd, struct err *err)
{
	if (chdir(cwd) < 0)
		return err_sys(
			err, "chdir to cwd (\"%s\") set in config.json failed",
			cwd);
	return 0;
}

/*
 * Either root or the user may be the one who can enter: root on an export with
 * root_squash cannot, the user below a directory of mode 0700 cannot.
 */
static int step_cwd(struct apply *a, struct err *err)
{
	const char *cwd = a->ctx->process->cwd;

	if (!cwd || !*cwd)
		return 0;
	if (!chdir(cwd))
		return 0;
	if (errno != EACCES && errno != EPERM)
		return enter_cwd(cwd, err);
	a->cwd_later = true;
	return 0;
}

/*
 * The second try, and the look at where it led: a cwd of /proc/self/fd/N would
 * leave the root through a descriptor (CVE-2024-21626). The system call, unlike
 * getcwd(3), tells "(unreachable)" from other errors.
 */
static int step_cwd_check(struct apply *a, struct err *err)
{
	char path[PATH_MAX];
	int ret;

	if (a->cwd_later) {
		ret = enter_cwd(a->ctx->process->cwd, err);
		if (ret)
			return ret;
	}
	/* one deeper than PATH_MAX may be outside as well: nobody can tell */
	if (syscall(SYS_getcwd, path, sizeof(path)) < 0)
		return err_sys(err, "cannot tell the working directory");
	if (path[0] != '/' && !SABOTAGED("apply_cwd_outside"))
		return err_set(err, -EXDEV,
			       "current working directory is outside of "
			       "container mount namespace root -- possible "
			       "container breakout detected");
	return 0;
}

/*
 * The order is the point of this table. Labels and limits need privilege and
 * come first; the bounding set needs CAP_SETPCAP, groups go before the gid and
 * the gid before the uid, for each needs what the next one takes away;
 * capabilities come last because the change of uid clears the effective set.
 */
static const struct {
	const char *name;
	int (*run)(struct apply *a, struct err *err);
} steps[] = {
	{ "keyring", step_keyring },
	{ "label", step_label },
	{ "scheduler", step_scheduler },
	{ "io priority", step_io_priority },
	{ "personality", step_personality },
	{ "memory policy", step_mempolicy },
	{ "rlimits", step_rlimits },
	{ "no_new_privs", step_no_new_privs },
	{ "cwd", step_cwd },
	{ "bounding set", step_bounding },
	{ "stdio", step_stdio },
	{ "user", step_user },
	{ "cwd", step_cwd_check },
	{ "capabilities", step_capabilities },
	{ "audit", step_audit },
};

int process_apply(const struct process_ctx *ctx, struct err *err)
{
	struct apply a = { .ctx = ctx };

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		int ret = steps[i].run(&a, err);

		if (ret) {
			err_stage(err, steps[i].name);
			return ret;
		}
	}
	return 0;
}
