/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_ROOTLESS_H
#define HULL_LIBCONTAINER_ROOTLESS_H

#include "libcontainer/init.h"

struct hull_context;

/* Containers of callers who are not root, or root of a user namespace only. */

/**
 * rootless_check() - what an ordinary user cannot have is refused before
 * anything is made: without a user namespace there is no container.
 */
int rootless_check(const struct init *in, struct err *err);

/** rootless_maps() - true when the id maps of the new user namespace are
 * written by an ordinary user, for whom init has to be dumpable meanwhile. */
bool rootless_maps(const struct init *in);

/**
 * rootless_no_cgroup() - a cgroup cannot be had: may the container do without?
 * @ret: why, from cg_place_init() or cg_start(); @err has the text
 * @place: becomes that of a container without one
 *
 * Return: 0, or @ret: also when a limit was asked for, which @err then names.
 */
int rootless_no_cgroup(const struct hull_context *ctx, const struct spec *spec,
		       int ret, struct cg_place *place, struct err *err);

#endif
