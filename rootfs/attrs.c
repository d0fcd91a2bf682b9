/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/statvfs.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/sabotage.h"
#include "rootfs/internal.h"
#include "rootfs/mount_api.h"

#define SETTABLE                                                    \
	(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | \
	 MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW)

/* statvfs(3) flags of a mount, for those that a user namespace may find
 * locked: mount_namespaces(7), "Restrictions on mount namespaces". */
/* clang-format off */
static const struct {
	unsigned long st;
	uint64_t attr;
} lockable[] = {
	{ ST_RDONLY,     MOUNT_ATTR_RDONLY },
	{ ST_NOSUID,     MOUNT_ATTR_NOSUID },
	{ ST_NODEV,      MOUNT_ATTR_NODEV },
	{ ST_NOEXEC,     MOUNT_ATTR_NOEXEC },
	{ ST_NODIRATIME, MOUNT_ATTR_NODIRATIME },
	{ ST_NOATIME,    MOUNT_ATTR_NOATIME },
};
/* clang-format on */

static int attrs_err(struct err *err, size_t i, int code, const char *what)
{
	return mount_err(err, i, ".options", code, "cannot set %s: %s", what,
			 err_text(code));
}

static int locked_attrs(int tree_fd, uint64_t *out)
{
	struct statvfs fs;

	if (fstatvfs(tree_fd, &fs) < 0)
		return -errno;
	*out = 0;
	for (size_t i = 0; i < ARRAY_SIZE(lockable); i++)
		if (fs.f_flag & lockable[i].st)
			*out |= lockable[i].attr;
	if (!(fs.f_flag & (ST_NOATIME | ST_RELATIME)))
		*out |= MOUNT_ATTR_STRICTATIME;
	return 0;
}

/*
 * A mount that came from a more privileged user namespace keeps its
 * restrictions. As runc: those that no option mentions stay in silence, one
 * that an option wants gone is an error. nosymfollow is never locked.
 * @clr: what would be cleared without locks
 */
static int attrs_apply_locked(size_t i, int tree_fd, unsigned int flags,
			      const struct mount_bits *bits, uint64_t clr,
			      struct err *err)
{
	struct mount_attr attr = {
		.attr_set = bits->set,
		.attr_clr = clr & MOUNT_ATTR_NOSYMFOLLOW,
	};
	uint64_t have = 0, atime = MOUNT_ATTR__ATIME;
	int ret = locked_attrs(tree_fd, &have);

	if (ret < 0)
		return attrs_err(err, i, ret, "attributes");
	if (have & bits->clr & ~atime)
		return mount_err(
			err, i, ".options", -EPERM,
			"cannot clear attributes that are locked in this user namespace");
	if (bits->clr & atime && (have & atime) != (bits->set & atime))
		return mount_err(
			err, i, ".options", -EPERM,
			"cannot change the access-time attribute, which is locked in this user namespace");
	attr.attr_set &= ~atime;
	ret = mnt_setattr(tree_fd, flags, &attr);
	return ret < 0 ? attrs_err(err, i, ret, "attributes") : 0;
}

static int bits_set(size_t i, int tree_fd, unsigned int flags, unsigned int how,
		    const struct mount_bits *bits, struct err *err)
{
	struct mount_attr attr = {
		.attr_set = bits->set,
		.attr_clr = bits->clr,
	};
	int ret;

	/*
	 * "mount --bind -o ro" means: this and nothing else. So what is not
	 * asked for is cleared (runc does the same, and says why).
	 */
	if (how & ATTRS_BIND)
		attr.attr_clr |= SETTABLE & ~bits->set;
	ret = how & ATTRS_KEEP ? -EPERM : mnt_setattr(tree_fd, flags, &attr);
	if (ret == -EPERM)
		return attrs_apply_locked(i, tree_fd, flags, bits,
					  attr.attr_clr, err);
	return ret < 0 ? attrs_err(err, i, ret, "attributes") : 0;
}

int props_apply(struct rootfs *r, size_t i, int tree_fd, struct err *err)
{
	const struct mount_opts *opts = &r->plans[i].opts;

	for (size_t k = 0; k < opts->prop_count; k++) {
		const struct mount_prop *prop = &opts->props[k];
		struct mount_attr attr = { .propagation = prop->type };
		int ret = mnt_setattr(
			tree_fd, prop->recursive ? AT_RECURSIVE : 0, &attr);

		if (ret < 0)
			return attrs_err(err, i, ret, "the propagation");
	}
	return 0;
}

int attrs_apply(struct rootfs *r, size_t i, int tree_fd, unsigned int how,
		struct err *err)
{
	const struct mount_opts *opts = &r->plans[i].opts;
	const struct mount_bits *below = &opts->below;
	int ret;

	if (opts->touched && !SABOTAGED("attrs_mount")) {
		ret = bits_set(i, tree_fd, 0, how, &opts->here, err);
		if (ret < 0)
			return ret;
	}
	if ((below->set || below->clr) && !SABOTAGED("attrs_below")) {
		ret = bits_set(i, tree_fd, how & ATTRS_TREE ? AT_RECURSIVE : 0,
			       how & ATTRS_KEEP, below, err);
		if (ret < 0)
			return ret;
	}
	return props_apply(r, i, tree_fd, err);
}
