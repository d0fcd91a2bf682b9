/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_BASE_PATH_WALK_H
#define HULL_BASE_PATH_WALK_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Name resolution in user space, one O_PATH|O_NOFOLLOW component at a time,
 * for base/path*.c alone: where the kernel's openat2(2) is denied, and where
 * missing parts are made on the way.
 */

enum {
	WALK_IN_ROOT = 1 << 0, /* the directory is "/": links are followed */
	WALK_NO_XDEV = 1 << 1, /* stay on the directory's mount */
	WALK_MKDIR = 1 << 2,   /* make what is missing: directories, ... */
	WALK_MKFILE = 1 << 3,  /* ... and an empty file at the end */
};

/**
 * struct walk_how - as struct open_how of openat2(2).
 * @flags: open(2) flags of the final open; O_CLOEXEC is added
 * @mode:  of a file that is made (O_CREAT, WALK_MKFILE)
 * @dir_mode: of directories that are made
 * @what:  WALK_*; without WALK_IN_ROOT no link is followed and ".." may not
 *         leave the directory
 */
struct walk_how {
	int flags;
	mode_t mode;
	mode_t dir_mode;
	unsigned what;
};

/**
 * walk_open() - resolve and open.
 * @dir_fd: directory, borrowed
 *
 * Links on procfs are refused (-ELOOP): an O_PATH descriptor does not tell a
 * magic link from the others.
 *
 * Return: descriptor, or the -errno that openat2(2) would give.
 */
int walk_open(int dir_fd, const char *path, const struct walk_how *how);

#endif
