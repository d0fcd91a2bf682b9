/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/sabotage.h"
#include "libcontainer/rootless.h"

/* No process of ours could be put in, and it is not ours to remove. */
static bool is_foreign(const struct cg_place *place)
{
	auto_fd int cg_fd = -1;

	if (place->manager != CG_MANAGER_CGROUPFS || !cg_exists(place))
		return false;
	cg_fd = cg_open(place);
	return cg_fd >= 0 &&
	       faccessat(cg_fd, "cgroup.procs", W_OK, AT_EACCESS) < 0 &&
	       errno == EACCES;
}

/*
 * Somebody else's cgroup must never be recorded as this container's: removing
 * the container would kill what is in it.
 */
int launch_check_cgroup(const struct cg_place *place, struct err *err)
{
	auto_fd int cg_fd = -1;

	/* a foreign one is never recorded: launch_make_cgroup() sees to it */
	if (!cg_exists(place) || is_foreign(place))
		return 0;
	cg_fd = cg_open(place);
	if (cg_fd < 0)
		return 0; /* not there: cg_create() says why if it cannot be */
	if (cg_is_populated(cg_fd) > 0 && !SABOTAGED("cgroup_empty"))
		return err_at(err, -EBUSY, "linux.cgroupsPath",
			      "container's cgroup is not empty: '%s'",
			      place->path);
	if (cg_is_frozen(cg_fd) > 0 && !SABOTAGED("cgroup_frozen"))
		return err_at(err, -EBUSY, "linux.cgroupsPath",
			      "container's cgroup unexpectedly frozen: '%s'",
			      place->path);
	return 0;
}

int launch_make_cgroup(struct launch *l, struct err *err)
{
	const struct cg_start start = { .id = l->ct.st.id, .spec = l->in.spec };
	struct cg_place *place = &l->ct.st.cgroup;
	int ret;

	if (place->manager == CG_MANAGER_DISABLED)
		return 0;
	ret = is_foreign(place)
		      ? err_set(err, -EACCES,
				"cannot create cgroup '%s': somebody else's "
				"is there",
				place->path)
		      : cg_start(place, &start, &l->in.hold, err);
	if (ret < 0) {
		/* what was made is gone again; the rest is not ours */
		return rootless_no_cgroup(l->ctx, l->in.spec, ret, place, err);
	}
	l->in.cgroup_fd = ret;
	return cg_apply(l->in.cgroup_fd, place, &l->in.spec->linux_.resources,
			false, err);
}
