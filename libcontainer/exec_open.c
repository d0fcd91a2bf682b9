/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/sabotage.h"
#include "libcontainer/exec_process.h"
#include "libcontainer/state.h"

#define ASK_AGAIN_MS 1000

static int check(struct ct *ct, bool ignore_paused, struct err *err)
{
	switch (ct_status(ct)) {
	case HULL_STOPPED:
		return err_set(err, -EINVAL,
			       "cannot exec in a stopped container");
	case HULL_CREATING:
		return err_set(err, -EINVAL,
			       "cannot exec in a container that is being "
			       "created");
	case HULL_PAUSED:
		if (!ignore_paused && !SABOTAGED("exec_paused"))
			return err_set(err, -EINVAL,
				       "cannot exec in a paused container (use "
				       "--ignore-paused to override)");
		return 0;
	default:
		return 0;
	}
}

/* Until it is resumed, or has ended: a cgroup without processes stays frozen.
 */
static void wait_resumed(struct ct *ct)
{
	auto_fd int cg_fd = cg_open(&ct->st.cgroup);

	ct_unlock(ct);
	while (cg_fd >= 0 && cg_wait_thawed(cg_fd, ASK_AGAIN_MS) == -ETIMEDOUT)
		if (ct_status(ct) != HULL_PAUSED)
			break;
}

int exec_open(const struct hull_context *ctx, const char *id,
	      bool ignore_paused, struct ct *ct, struct err *err)
{
	for (;;) {
		int ret = ct_open(ctx, id, true, ct, err);

		if (!ret)
			ret = check(ct, ignore_paused, err);
		if (ret || !ignore_paused || ct_status(ct) != HULL_PAUSED)
			return ret;
		wait_resumed(ct);
		ct_close(ct);
		*ct = (struct ct)CT_INIT;
	}
}
