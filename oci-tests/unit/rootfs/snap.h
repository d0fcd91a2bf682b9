/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_OCI_TESTS_UNIT_ROOTFS_SNAP_H
#define HULL_OCI_TESTS_UNIT_ROOTFS_SNAP_H

/*
 * The host as hostile images must find it afterwards: the marker directory
 * (names, types, owners, modes, sizes, change times, contents) and the mounts.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "rig.h"

struct snap {
	char text[16384];
	char mounts[65536];
};

static inline void snap(const struct rig *rig, struct snap *out)
{
	rig_snapshot(out->text, sizeof(out->text),
		     "cd %s && find . -printf '%%p %%y %%m %%U %%G %%s %%C@\\n'"
		     " | sort && find . -type f -exec md5sum {} + | sort",
		     rig->marker);
	rig_host_mounts(out->mounts, sizeof(out->mounts), getpid(), rig->base);
}

static inline bool snap_equal(const struct snap *a, const struct snap *b)
{
	return !strcmp(a->text, b->text) && !strcmp(a->mounts, b->mounts);
}

/* Whatever comes of it, refusal or container: the host stays as it was. */
static inline void expect_untouched(struct rig *rig, const struct rig_run *run,
				    const struct snap *before, const char *what)
{
	struct snap after;

	rig_run(rig, run);
	if (!rig->out->code && rig->out->inside)
		fail_msg("%s: inside: %s", what, rig->out->note);
	snap(rig, &after);
	if (!snap_equal(before, &after))
		fail_msg("%s: before:\n%s%s\nafter:\n%s%s", what, before->text,
			 before->mounts, after.text, after.mounts);
}

#endif
