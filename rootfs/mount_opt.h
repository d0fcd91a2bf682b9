/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_ROOTFS_MOUNT_OPT_H
#define HULL_ROOTFS_MOUNT_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Mount attributes as mount_setattr(2) takes them: clr first, then set. */
struct mount_bits {
	uint64_t set;
	uint64_t clr;
};

/* Flags of the filesystem itself; a bind mount cannot change them. */
enum mount_sb {
	MOUNT_SB_SYNC = 1 << 0,
	MOUNT_SB_DIRSYNC = 1 << 1,
	MOUNT_SB_LAZYTIME = 1 << 2,
	MOUNT_SB_MAND = 1 << 3,
	MOUNT_SB_IVERSION = 1 << 4,
	MOUNT_SB_SILENT = 1 << 5,
};

enum mount_what {
	MOUNT_BIND = 1 << 0,
	MOUNT_REC = 1 << 1, /* with MOUNT_BIND: the mounts below come along */
	MOUNT_REMOUNT = 1 << 2,
	MOUNT_COPYUP = 1 << 3,
	MOUNT_IDMAP = 1 << 4,
	MOUNT_IDMAP_REC = 1 << 5,
};

#define MOUNT_PROP_MAX 8
#define MOUNT_TOKEN_MAX 4096 /* one option, its NUL included */

struct mount_prop {
	unsigned int type; /* MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE */
	bool recursive;
};

/**
 * struct mount_opts - the options of one mount, decoded.
 * @here:    attributes of the mount itself ("ro")
 * @below:   attributes of it and all mounts below it ("rro")
 * @touched: an option about @here stands in the list, if only a clearing one
 * @sb_set, @sb_clr: MOUNT_SB_*
 * @what:    MOUNT_*
 * @props:   propagation, applied one after the other
 * @has_data: options are left that belong to the filesystem
 */
struct mount_opts {
	struct mount_bits here;
	struct mount_bits below;
	bool touched;
	unsigned int sb_set;
	unsigned int sb_clr;
	unsigned int what;
	struct mount_prop props[MOUNT_PROP_MAX];
	size_t prop_count;
	bool has_data;
};

/**
 * mount_opt_apply() - add one option. Of contrary options the last one wins.
 *
 * Return: 0, -ENOENT (not ours: it goes to the filesystem as data), or -E2BIG
 * (more than MOUNT_PROP_MAX propagation options).
 */
int mount_opt_apply(struct mount_opts *opts, const char *name);

/** mount_opt_known() - true for an option that mount_opt_apply() takes. */
bool mount_opt_known(const char *name);

/**
 * mount_opt_next() - the next option of a string that may hold several,
 * separated by commas as in fstab(5). Double quotes keep a comma and are
 * dropped, "\," is a comma.
 * @cursor: advanced
 * @token:  MOUNT_TOKEN_MAX bytes
 *
 * Return: 1, 0 at the end, or -E2BIG.
 */
int mount_opt_next(const char **cursor, char *token);

/**
 * mount_opts_parse() - all options of a mount.
 * @options: NULL-terminated, or NULL
 *
 * Return: 0, or -E2BIG.
 */
int mount_opts_parse(const char *const *options, struct mount_opts *out);

/** mount_sb_name() - fsconfig(2)'s name for the bit; NULL where it has none. */
const char *mount_sb_name(enum mount_sb bit, bool set);

#endif
