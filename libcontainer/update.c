/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/container.h"

#include <errno.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "libcontainer/guest.h"
#include "libcontainer/state.h"
#include "spec/spec.h"

/*
 * On a hybrid host a limit may need a hierarchy that the container is not in
 * yet. The state names it before it is made, so that whenever hull is killed
 * `delete` finds it.
 */
static int widen(struct ct *ct, int cg_fd, const struct spec_resources *res,
		 struct err *err)
{
	struct cg_place now = ct->st.cgroup, wanted = { 0 };
	int ret;

	if (now.mode != CG_MODE_HYBRID)
		return 0;
	ret = cg_place_init(&wanted, now.manager, now.path, ct->st.id, res,
			    err);
	if (ret || !(wanted.v1_mask & ~now.v1_mask))
		return ret;
	ct->st.cgroup.v1_mask |= wanted.v1_mask;
	ret = ct_save(ct, err);
	if (ret)
		return ret;
	ret = cg_place_add(&now, cg_fd, res, err);
	ct->st.cgroup = now;
	if (ret)
		ct_save(ct, NULL);
	return ret;
}

int hull_update(const struct hull_context *ctx, const char *id,
		const char *resources, size_t len, struct err *err)
{
	const struct spec_warning *warning = NULL;
	const struct spec_resources *res;
	struct spec_resources inside;
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
	if (ctx->guest) {
		ret = guest_resources(&ct.arena, res, &inside, err);
		if (ret)
			return ret;
		res = &inside;
	}
	if (ct.st.cgroup.manager == CG_MANAGER_DISABLED)
		return err_set(err, -ENOTSUP,
			       "a container without a cgroup has no limits");
	cg_fd = cg_open(&ct.st.cgroup);
	if (cg_fd < 0)
		return err_code(err, cg_fd, "cannot open cgroup '%s'",
				ct.st.cgroup.path);
	ret = widen(&ct, cg_fd, res, err);
	if (ret)
		return ret;
	return cg_apply(cg_fd, &ct.st.cgroup, res, true, err);
}
