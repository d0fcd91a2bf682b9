/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/container.h"

#include <errno.h>

#include "base/auto.h"
#include "base/err.h"
#include "libcontainer/state.h"

static int set_frozen(const struct ct *ct, bool frozen, struct err *err)
{
	auto_fd int cg_fd = -1;

	if (ct->st.cgroup.manager == CG_MANAGER_DISABLED)
		return err_set(err, -ENOTSUP,
			       "a container without a cgroup cannot be paused");
	cg_fd = cg_open(&ct->st.cgroup);
	if (cg_fd < 0)
		return err_code(err, cg_fd, "cannot open cgroup '%s'",
				ct->st.cgroup.path);
	return cg_freeze(cg_fd, frozen, err);
}

int hull_pause(const struct hull_context *ctx, const char *id, struct err *err)
{
	auto_ct struct ct ct = CT_INIT;
	enum hull_status status;
	int ret;

	ret = ct_open(ctx, id, true, &ct, err);
	if (ret)
		return ret;
	status = ct_status(&ct);
	if (status != HULL_RUNNING && status != HULL_CREATED)
		return err_set(err, -EINVAL, "container not running");
	return set_frozen(&ct, true, err);
}

int hull_resume(const struct hull_context *ctx, const char *id, struct err *err)
{
	auto_ct struct ct ct = CT_INIT;
	int ret;

	ret = ct_open(ctx, id, true, &ct, err);
	if (ret)
		return ret;
	if (ct_status(&ct) != HULL_PAUSED)
		return err_set(err, -EINVAL, "container not paused");
	return set_frozen(&ct, false, err);
}
