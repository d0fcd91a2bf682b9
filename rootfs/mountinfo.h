/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_ROOTFS_MOUNTINFO_H
#define HULL_ROOTFS_MOUNTINFO_H

#include <stdbool.h>

/* One line of proc_pid_mountinfo(5): what hull asks of it. */
struct mountinfo {
	const char *root; /* of the mount, within its filesystem */
	const char *path; /* mount point */
	const char *type;
};

/**
 * mountinfo_parse() - take a line apart, in place.
 *
 * Return: false for a line of another form.
 */
bool mountinfo_parse(char *line, struct mountinfo *out);

#endif
