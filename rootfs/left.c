/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "rootfs/internal.h"

/*
 * A microVM's guest makes some of the mounts, and knows by their destinations
 * what of the host's lies in them. A link in one of the mounts (those of the
 * image are followed before) can lead from one of the guest's into another or
 * to the host's: then the guest would hide what was made here.
 */

#define NOWHERE SIZE_MAX

static bool lies_in(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return len == 1 ||
	       (!strncmp(path, dir, len) && (!path[len] || path[len] == '/'));
}

/* The latest mount before @i in which @path lies. */
static size_t covered_by(const struct rootfs *r, size_t i, const char *path,
			 bool by_place)
{
	while (i-- > 0) {
		const struct mount_plan *plan = &r->plans[i];

		if (!(plan->opts.what & MOUNT_REMOUNT) &&
		    lies_in(path, by_place ? plan->place : plan->dest))
			return i;
	}
	return NOWHERE;
}

static bool is_guests(const struct rootfs *r, size_t i)
{
	return i != NOWHERE && r->cfg.left[i] != ROOTFS_MADE;
}

int left_check(struct rootfs *r, size_t i, const char *place, struct err *err)
{
	struct mount_plan *plan = &r->plans[i];
	size_t said, found;

	if (!r->cfg.left)
		return 0;
	if (strcmp(place, plan->dest) != 0) {
		plan->place = arena_strndup(&r->arena, place, strlen(place));
		if (!plan->place)
			return err_set(err, -ENOMEM, "out of memory");
	}
	if (is_guests(r, i))
		return 0; /* it follows the link itself */
	said = covered_by(r, i, plan->dest, false);
	found = covered_by(r, i, place, true);
	if (said == found || (!is_guests(r, said) && !is_guests(r, found)))
		return 0;
	return mount_err(
		err, i, ".destination", -ENOTSUP,
		"'%s' is '%s' by a link in another mount: a VM's guest, which mounts '%s' itself, would not find it there",
		r->cfg.spec->mounts[i].destination, place,
		r->plans[is_guests(r, found) ? found : said].dest);
}
