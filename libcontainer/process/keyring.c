/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/process/process.h"

#include <errno.h>
#include <linux/keyctl.h>

#include "base/err.h"
#include "base/sabotage.h"
#include "base/sys.h"
#include "libcontainer/process/steps.h"

/* Permission bits of linux/key.h, which user space headers do not have. */
#define KEY_USR_SEARCH 0x00080000u
#define KEY_OTH_SEARCH 0x00000008u

/* What a session keyring begins with: all for who possesses it; view, read and
 * link for its owner. */
#define KEY_SESSION_DEFAULT 0x3f130000u

/*
 * What the members of a keyring need to find keys in it; as runc: the owner,
 * or anyone where a user namespace makes the owner somebody else.
 */
static int make_searchable(long ring, bool userns, struct err *err)
{
	unsigned int perm = KEY_SESSION_DEFAULT;

	perm |= userns ? KEY_OTH_SEARCH : KEY_USR_SEARCH;
	if (sys_keyctl(KEYCTL_SETPERM, (unsigned long)ring, perm, 0) < 0)
		return err_sys(err, "unable to mod keyring permissions");
	return 0;
}

int step_keyring(struct apply *a, struct err *err)
{
	const struct process_ctx *ctx = a->ctx;
	const char *label = ctx->process->selinux_label;
	bool labelled = label && *label;
	long ring;
	int ret;

	if (!ctx->keyring || SABOTAGED("keyring_join"))
		return 0;
	if (labelled) {
		ret = lsm_keyring_label(ctx->proc_fd, label, err);
		if (ret)
			return ret;
	}
	ring = sys_keyctl(KEYCTL_JOIN_SESSION_KEYRING,
			  (unsigned long)ctx->keyring, 0, 0);
	if (ring < 0 && errno != ENOSYS)
		return err_sys(err, "unable to join session keyring");
	ret = 0;
	/* exec joins a keyring that init has made searchable already */
	if (ring >= 0 && !ctx->is_exec)
		ret = make_searchable(ring, ctx->userns, err);
	if (!ret && labelled)
		ret = lsm_keyring_label(ctx->proc_fd, NULL, err);
	return ret;
}
