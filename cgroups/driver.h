/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CGROUPS_DRIVER_H
#define HULL_CGROUPS_DRIVER_H

#include "cgroups/internal.h"

struct cg_plan;

/**
 * struct cg_driver - who makes and removes the directory.
 * @place: fill in place->path, and perhaps another manager; nothing is touched
 * @make:  make it; see cg_start()
 * @settle: see cg_settle()
 * @set:   limits change at update, before they are written the last time
 * @end:   everybody is dead and nothing is left below
 */
struct cg_driver {
	const char *name;
	int (*place)(struct cg_place *place, const char *cgroups_path,
		     const char *id, struct err *err);
	int (*make)(const struct cg_place *place, const struct cg_start *start,
		    struct cg_hold *hold, struct err *err);
	int (*settle)(const struct cg_place *place, struct cg_hold *hold,
		      pid_t pid, struct err *err);
	int (*set)(const struct cg_place *place, const struct cg_plan *plan,
		   struct err *err);
	void (*end)(const struct cg_place *place);
};

extern const struct cg_driver cg_driver_cgroupfs;
extern const struct cg_driver cg_driver_systemd;

/** cg_driver() - of a manager; NULL: CG_MANAGER_DISABLED. */
const struct cg_driver *cg_driver(enum cg_manager manager);

#endif
