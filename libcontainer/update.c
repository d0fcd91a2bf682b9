/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/container.h"

#include <errno.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "libcontainer/state.h"
#include "spec/spec.h"

int hull_update(const struct hull_context *ctx, const char *id,
		const char *resources, size_t len, struct err *err)
{
	const struct spec_warning *warning = NULL;
	const struct spec_resources *res;
	auto_ct struct ct ct = CT_INIT;
	auto_fd int cg_fd = -1;
	int ret;

	ret = ct_open(ctx, id, true, &ct, err);
	if (ret)
		return ret;
	if (ct_status(&ct) == HULL_STOPPED)
		return err_set(err, -EINVAL, "container not running");
	res = spec_parse_resources(&ct.arena, resources, len, &warning, err);
	if (!res)
		return -EINVAL;
	for (; warning; warning = warning->next)
		log_info("%s: %s", warning->field, warning->text);
	if (ct.st.cgroup.manager == CG_MANAGER_DISABLED)
		return err_set(err, -ENOTSUP,
			       "a container without a cgroup has no limits");
	cg_fd = cg_open(&ct.st.cgroup);
	if (cg_fd < 0)
		return err_code(err, cg_fd, "cannot open cgroup '%s'",
				ct.st.cgroup.path);
	return cg_apply(cg_fd, &ct.st.cgroup, res, true, err);
}
