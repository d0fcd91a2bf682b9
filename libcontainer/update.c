/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/container.h"

#include <errno.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "libcontainer/guest.h"
#include "libcontainer/state.h"
#include "libcontainer/vm.h"
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

/*
 * A microVM has the memory that it was made with: a limit moves below that, in
 * the guest. What the host holds the VM to stays as it is, since memory that
 * the guest has touched once is its own.
 */
static int check_vm_memory(const struct ct *ct,
			   const struct spec_resources *res, struct err *err)
{
	const struct opt_i64 *limit = &res->memory.limit;

	if (limit->set && limit->v > 0 &&
	    (uint64_t)limit->v > ct->st.vm_memory_bytes)
		return err_at(err, -ENOTSUP, "resources.memory.limit",
			      "the microVM was made with %llu bytes",
			      (unsigned long long)ct->st.vm_memory_bytes);
	/* beside a limit of memory it holds: the guest does not swap at all */
	if (res->memory.swap.set && res->memory.swap.v &&
	    !(limit->set && limit->v))
		return err_at(
			err, -ENOTSUP, "resources.memory.swap",
			"a microVM's guest does not swap, and what of its "
			"memory the host may swap stays");
	return 0;
}

/* The host's part, then the guest's; both or none. */
static int update_vm(struct ct *ct, int cg_fd, const struct spec_resources *res,
		     const char *text, size_t len, struct err *err)
{
	struct cg_update *done = NULL;
	struct spec_resources host;
	int ret;

	if (ct_status(ct) != HULL_RUNNING)
		return err_set(err, -EINVAL,
			       "the limits of a microVM can be changed while "
			       "it runs");
	ret = check_vm_memory(ct, res, err);
	if (!ret)
		ret = vm_resources(&ct->arena, res, &host, err);
	if (ret)
		return ret;
	host.devices_set = false;
	ret = widen(ct, cg_fd, &host, err);
	if (!ret)
		ret = cg_update_begin(cg_fd, &ct->st.cgroup, &host, &done, err);
	if (ret)
		return ret;
	ret = vm_agent_update(ct, text, len, err);
	cg_update_end(done, !ret);
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
	if (ct.st.vm)
		return update_vm(&ct, cg_fd, res, resources, len, err);
	ret = widen(&ct, cg_fd, res, err);
	if (ret)
		return ret;
	return cg_apply(cg_fd, &ct.st.cgroup, res, true, err);
}
