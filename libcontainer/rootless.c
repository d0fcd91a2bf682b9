/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/rootless.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/sabotage.h"

int rootless_check(const struct init *in, struct err *err)
{
	const struct spec_linux *lin = &in->spec->linux_;

	if (geteuid() == 0 || SABOTAGED("rootless_userns"))
		return 0;
	if (!init_has_userns(in))
		return err_at(err, -EPERM, "linux.namespaces",
			      "without root a container needs a user namespace "
			      "(hull spec --rootless makes a config with one)");
	if (!(in->ns.create & CLONE_NEWUSER))
		return 0;
	if (!lin->uid_map_count)
		return err_at(err, -EINVAL, "linux.uidMappings",
			      "a new user namespace needs one");
	if (!lin->gid_map_count)
		return err_at(err, -EINVAL, "linux.gidMappings",
			      "a new user namespace needs one");
	return 0;
}

bool rootless_maps(const struct init *in)
{
	return geteuid() != 0 && (in->ns.create & CLONE_NEWUSER);
}

static bool is_lenient(const struct hull_context *ctx)
{
	switch (ctx->rootless) {
	case HULL_ROOTLESS_TRUE:
		return true;
	case HULL_ROOTLESS_FALSE:
		return false;
	default:
		return geteuid() != 0 || proc_in_userns();
	}
}

static bool has_new_pid_ns(const struct spec *spec)
{
	for (size_t i = 0; i < spec->linux_.namespace_count; i++) {
		const struct spec_namespace *ns = &spec->linux_.namespaces[i];

		if (ns->type == SPEC_NS_PID && !ns->path)
			return true;
	}
	return false;
}

int rootless_no_cgroup(const struct hull_context *ctx, const struct spec *spec,
		       int ret, struct cg_place *place, struct err *err)
{
	const struct cg_place none = { .manager = CG_MANAGER_DISABLED,
				       .mode = CG_MODE_NONE };
	struct err limit = { 0 };
	struct cg_place disabled;

	*place = none;
	if (!is_lenient(ctx) || (ret != -EACCES && ret != -EPERM &&
				 ret != -EROFS && ret != -ENOTSUP))
		return ret;
	if (cg_place_init(&disabled, CG_MANAGER_DISABLED, NULL, "",
			  &spec->linux_.resources, &limit) < 0)
		return err_at(err, ret, limit.field,
			      "needs a cgroup, and none can be made: %s",
			      err_text(ret));
	log_info("no cgroup can be made for the container: %s", err_text(ret));
	if (!has_new_pid_ns(spec))
		log_warn("neither a cgroup nor a pid namespace holds the "
			 "container's processes together: kill and delete will "
			 "find the first one only. Such configuration is "
			 "strongly discouraged");
	return 0;
}
