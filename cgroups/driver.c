/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroups/driver.h"

#include <errno.h>
#include <stddef.h>

#include "base/err.h"
#include "spec/spec.h"

static const struct cg_driver *const drivers[] = {
	[CG_MANAGER_CGROUPFS] = &cg_driver_cgroupfs,
	[CG_MANAGER_SYSTEMD] = &cg_driver_systemd,
	[CG_MANAGER_DISABLED] = NULL,
	[CG_MANAGER_SYSTEMD_USER] = &cg_driver_systemd,
};

const struct cg_driver *cg_driver(enum cg_manager manager)
{
	return drivers[manager];
}

int cg_start(const struct cg_place *place, const struct cg_start *start,
	     struct cg_hold *hold, struct err *err)
{
	const struct cg_driver *driver = cg_driver(place->manager);

	if (!driver)
		return err_set(err, -ENOTSUP, "cgroups are disabled");
	return driver->make(place, start, hold, err);
}

int cg_settle(int cg_fd, const struct cg_place *place, struct cg_hold *hold,
	      pid_t pid, const struct spec_resources *res, struct err *err)
{
	const struct cg_driver *driver = cg_driver(place->manager);
	int rc = 0;

	if (driver && driver->settle) {
		rc = driver->settle(place, hold, pid, err);
		if (!rc)
			rc = cg_apply_late(cg_fd, place, res, err);
	} else if (pid) {
		rc = cg_attach_new(place, pid, err);
	}
	return rc < 0 ? rc : cg_devices_apply(cg_fd, res, err);
}

int cg_attach_new(const struct cg_place *place, pid_t pid, struct err *err)
{
	const struct cg_driver *driver = cg_driver(place->manager);
	struct cg_hold hold = CG_HOLD_INIT;

	if (!driver || !driver->settle)
		return err_set(err, -EACCES,
			       "cannot put a process into cgroup '%s': "
			       "permission denied",
			       place->path);
	return driver->settle(place, &hold, pid, err);
}

static int make(const struct cg_place *place, const struct cg_start *start,
		struct cg_hold *hold, struct err *err)
{
	(void)start;
	(void)hold;
	return cg_create(place, err);
}

const struct cg_driver cg_driver_cgroupfs = {
	.name = "cgroupfs",
	.place = cg_path_place,
	.make = make,
};
