/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CGROUPS_V1_H
#define HULL_CGROUPS_V1_H

#include <stdint.h>
#include <sys/types.h>

#include "cgroups/internal.h"

struct err;

/*
 * v1 hierarchies on a hybrid host. Only what a limit needs is made there (the
 * bits of cg_place.v1_mask); what libcgroup does is behind struct cg_v1_ops.
 */

/** cg_v1_open() - descriptor of the twin in a controller's hierarchy. */
int cg_v1_open(const struct cg_place *place, enum cg_ctrl ctrl);

/** cg_v1_write() - one value; @dir_fd is the twin, from cg_v1_open(). */
int cg_v1_write(const struct cg_place *place, enum cg_ctrl ctrl, int dir_fd,
		const char *file, const char *value);

/**
 * struct cg_v1_ops - how the twins are handled.
 * @ctrls is a mask of 1 << enum cg_ctrl, never 0. All return 0 or -errno.
 */
struct cg_v1_ops {
	const char *name;
	int (*make)(unsigned ctrls, const char *path);
	int (*write)(enum cg_ctrl ctrl, const char *path, int dir_fd,
		     const char *file, const char *value);
	int (*join)(unsigned ctrls, const char *path, pid_t pid);
	int (*remove)(unsigned ctrls, const char *path);
};

extern const struct cg_v1_ops cg_v1_libcgroup;
extern const struct cg_v1_ops cg_v1_plain; /* without it: for fake trees */

#endif
