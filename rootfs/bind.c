/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/path.h"
#include "rootfs/internal.h"
#include "rootfs/mount_api.h"

/* Descriptors of one container that the parent may hold for it: it needs some
 * of its 1,024 (by default) for itself. */
#define PREPARED_MAX 512

static unsigned int tree_flags(const struct mount_plan *plan)
{
	return plan->opts.what & MOUNT_REC ? AT_RECURSIVE : 0;
}

static int source_err(struct rootfs *r, size_t i, int code, struct err *err)
{
	return mount_err(err, i, ".source", code, "cannot open '%s': %s",
			 r->plans[i].source, err_text(code));
}

/*
 * The copy of a shared mount would be its peer: whatever the container mounts
 * below would appear on the host. Only rootfsPropagation "shared" wants that,
 * and a user namespace may not have it.
 */
int tree_clone_host(const struct rootfs *r, int dir_fd, const char *path,
		    unsigned int flags)
{
	static const struct mount_attr slave = { .propagation = MS_SLAVE };
	bool share = root_propagation(r) == MS_SHARED && !r->cfg.userns;

	return mnt_clone(dir_fd, path, flags, share ? NULL : &slave);
}

/* Return: borrowed descriptor, or -EINVAL with @err filled in. */
static int idmap_userns(const struct rootfs *r, size_t i, struct err *err)
{
	const struct spec_mount *m = &r->cfg.spec->mounts[i];
	int fd = r->cfg.userns_fd;

	if (m->uid_map_count || m->gid_map_count)
		fd = r->cfg.mount_userns_fds ? r->cfg.mount_userns_fds[i] : -1;
	return fd >= 0 ? fd
		       : mount_err(
				 err, i, ".options", -EINVAL,
				 "idmap needs uidMappings and gidMappings, or a container with a user namespace");
}

/* mount_setattr(2) maps ids only on a tree that no one can see yet. */
static int idmap_set(const struct rootfs *r, size_t i, int tree_fd,
		     int userns_fd, const char *what, struct err *err)
{
	bool all = r->plans[i].opts.what & MOUNT_IDMAP_REC;
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_IDMAP,
		.userns_fd = (uint64_t)userns_fd,
	};
	int ret = mnt_setattr(tree_fd, all ? AT_RECURSIVE : 0, &attr);

	if (ret == -EINVAL)
		return mount_err(
			err, i, ".options", ret,
			"cannot id-map '%s': its filesystem may not support it: %s",
			what, err_text(ret));
	return ret < 0 ? mount_err(err, i, ".options", ret,
				   "cannot id-map '%s': %s", what,
				   err_text(ret))
		       : 0;
}

static int idmap_prepare(struct rootfs *r, size_t i, struct err *err)
{
	struct mount_plan *plan = &r->plans[i];
	int userns_fd = idmap_userns(r, i, err), ret;
	auto_fd int tree_fd = -1;

	if (userns_fd < 0)
		return userns_fd;
	tree_fd = tree_clone_host(r, AT_FDCWD, plan->source, tree_flags(plan));
	if (tree_fd < 0)
		return source_err(r, i, tree_fd, err);
	ret = idmap_set(r, i, tree_fd, userns_fd, plan->source, err);
	if (ret < 0)
		return ret;
	plan->tree_fd = take_fd(&tree_fd);
	return 0;
}

int fs_idmap_prepare(struct rootfs *r, size_t i, struct err *err)
{
	struct mount_plan *plan = &r->plans[i];
	int fd;

	if (!(plan->opts.what & MOUNT_IDMAP))
		return 0;
	/* it is made in there, where the maps' namespace is out of reach:
	 * mount_setattr(2), EPERM */
	if (r->cfg.userns)
		return mount_err(
			err, i, ".options", -ENOTSUP,
			"a new filesystem cannot be id-mapped in a user namespace, a bind mount can");
	fd = idmap_userns(r, i, err);
	if (fd < 0)
		return fd;
	plan->userns_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return plan->userns_fd < 0
		       ? err_sys(err, "cannot keep a user namespace")
		       : 0;
}

int fs_idmap(struct rootfs *r, size_t i, int tree_fd, struct err *err)
{
	const struct mount_plan *plan = &r->plans[i];

	return plan->userns_fd < 0
		       ? 0
		       : idmap_set(r, i, tree_fd, plan->userns_fd,
				   r->cfg.spec->mounts[i].type, err);
}

/*
 * A source may lie where the mapped root cannot go. Only a try: an
 * unprivileged parent may not clone, and the child asks by name first (what
 * it clones itself keeps the restrictions that its namespace locked), so that
 * its errors are the ones that count.
 */
int bind_prepare(struct rootfs *r, size_t i, struct err *err)
{
	struct mount_plan *plan = &r->plans[i];
	int fd;

	if (plan->opts.what & MOUNT_IDMAP)
		return idmap_prepare(r, i, err);
	if (!r->cfg.userns || r->prepared == PREPARED_MAX)
		return 0;
	fd = tree_clone_host(r, AT_FDCWD, plan->source, tree_flags(plan));
	if (fd >= 0) {
		plan->tree_fd = fd;
		r->prepared++;
	}
	return 0;
}

/*
 * With the container's root on top of "/", a clone of "/" made now would hold
 * that root as well; the parent's is from before.
 */
static bool prefer_parents(const struct rootfs *r,
			   const struct mount_plan *plan)
{
	char clean[PATH_MAX];

	if (plan->opts.what & MOUNT_IDMAP)
		return true;
	return r->root_on_top &&
	       !path_clean(plan->source, clean, sizeof(clean)) &&
	       !strcmp(clean, "/");
}

/* Return: tree; @how receives ATTRS_*. */
static int source_open(struct rootfs *r, size_t i, unsigned int *how,
		       struct err *err)
{
	struct mount_plan *plan = &r->plans[i];
	int fd = -1;

	*how = ATTRS_BIND | (tree_flags(plan) ? ATTRS_TREE : 0);
	if (plan->tree_fd < 0 || !prefer_parents(r, plan)) {
		fd = mnt_clone(AT_FDCWD, plan->source, tree_flags(plan), NULL);
		if (fd >= 0)
			return fd;
	}
	if (plan->tree_fd < 0)
		return source_err(r, i, fd, err);
	if (r->cfg.userns)
		*how |= ATTRS_KEEP;
	return take_fd(&plan->tree_fd);
}

int bind_mount(struct rootfs *r, size_t i, struct err *err)
{
	const struct spec_mount *m = &r->cfg.spec->mounts[i];
	unsigned int how;
	int tree_fd = source_open(r, i, &how, err);
	struct target target;
	struct stat st;
	int ret;

	if (tree_fd < 0)
		return tree_fd;
	fd_later(r, tree_fd);
	if (fstat(tree_fd, &st) < 0)
		return source_err(r, i, -errno, err);
	ret = attrs_apply(r, i, tree_fd, how, err);
	if (ret < 0)
		return ret;
	ret = target_open(r, i, S_ISDIR(st.st_mode), tree_fd, &target, err);
	if (ret < 0)
		return ret;
	fd_later(r, target.fd);
	ret = mnt_attach(tree_fd, target.fd);
	/* "is a directory" would be a program's fault to those who read it */
	if (ret == -ENOTDIR)
		return mount_err(
			err, i, "", ret,
			"cannot mount '%s' on '%s': a file and a directory: not a directory",
			r->plans[i].source, m->destination);
	if (ret < 0)
		return mount_err(
			err, i, "", ret, "cannot mount '%s' on '%s': %s",
			r->plans[i].source, m->destination, err_text(ret));
	return 0;
}
