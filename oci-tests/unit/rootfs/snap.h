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
};

static inline void snap(const struct rig *rig, struct snap *out)
{
	rig_snapshot(out->text, sizeof(out->text),
		     "cd %s && find . -printf '%%p %%y %%m %%U %%G %%s %%C@\\n'"
		     " | sort && find . -type f -exec md5sum {} + | sort; "
		     "cat /proc/self/mountinfo",
		     rig->marker);
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
	if (strcmp(before->text, after.text))
		fail_msg("%s: before:\n%s\nafter:\n%s", what, before->text,
			 after.text);
}

#endif
