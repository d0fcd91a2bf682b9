/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/sabotage.h"
#include "rootfs/internal.h"
#include "rootfs/mount_api.h"

/*
 * Mounts of type "cgroup" and "cgroup2" show the cgroup2 tree; on a host that
 * keeps controllers in v1 hierarchies the container does not see those.
 *
 * With a cgroup namespace a new mount begins at the container's own cgroup.
 * Without one it would show the host's whole tree, so the container's own
 * directory is bound in its place.
 */

/* In the parent: the directory's mount belongs to hull's mount namespace, and
 * a child in another one could not clone it. */
int cgroup_prepare(struct rootfs *r, struct err *err)
{
	char link[64], path[PATH_MAX];
	ssize_t len;
	int fd;

	if (r->cfg.cgroup_fd < 0 || (r->cfg.cgroup_ns && !r->cfg.userns))
		return 0;
	fd = tree_clone_host(r, r->cfg.cgroup_fd, "", 0);
	if (fd >= 0) {
		r->cgroup_tree_fd = fd;
		return 0;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", r->cfg.cgroup_fd);
	len = readlink(link, path, sizeof(path));
	if (len < 0 || len == sizeof(path))
		return err_sys(err, "cannot tell the cgroup's path");
	r->cgroup_path = arena_strndup(&r->arena, path, (size_t)len);
	return r->cgroup_path ? 0 : err_set(err, -ENOMEM, "out of memory");
}

/* The first mount takes the tree itself, a further one clones from it: a
 * detached tree cannot be cloned before Linux 6.15. */
static int own_cgroup(struct rootfs *r)
{
	if (r->cgroup_tree_fd < 0)
		return mnt_clone(AT_FDCWD, r->cgroup_path, 0, NULL);
	if (r->cgroup_used)
		return mnt_clone(r->cgroup_tree_fd, "", 0, NULL);
	r->cgroup_used = true;
	return r->cgroup_tree_fd;
}

static bool has_own_cgroup(const struct rootfs *r)
{
	return r->cgroup_tree_fd >= 0 || r->cgroup_path;
}

static int cgroup_bind(struct rootfs *r, size_t i, struct err *err)
{
	unsigned int how = ATTRS_BIND | (r->cfg.userns ? ATTRS_KEEP : 0);
	int tree_fd = own_cgroup(r);
	int ret;

	if (tree_fd < 0)
		return mount_err(err, i, "", tree_fd,
				 "cannot bind the container's cgroup: %s",
				 err_text(tree_fd));
	if (tree_fd != r->cgroup_tree_fd)
		fd_later(r, tree_fd);
	ret = attrs_apply(r, i, tree_fd, how, err);
	return ret < 0 ? ret : tree_fd;
}

static int cgroup_new(struct rootfs *r, size_t i, struct err *err)
{
	int tree_fd = fs_make(r, i, "cgroup2", 0, -1, err);
	int ret;

	if (tree_fd < 0)
		return tree_fd;
	fd_later(r, tree_fd);
	ret = props_apply(r, i, tree_fd, err);
	return ret < 0 ? ret : tree_fd;
}

static int cgroup_tree(struct rootfs *r, size_t i, struct err *err)
{
	struct err why = { 0 };
	int tree_fd;

	if (!r->cfg.cgroup_ns && has_own_cgroup(r) &&
	    !SABOTAGED("cgroupfs_own"))
		return cgroup_bind(r, i, err);
	tree_fd = cgroup_new(r, i, &why);
	if ((tree_fd == -EPERM || tree_fd == -EBUSY) && has_own_cgroup(r))
		return cgroup_bind(r, i, err);
	if (tree_fd < 0 && err)
		*err = why;
	return tree_fd;
}

int cgroup_mount(struct rootfs *r, size_t i, struct err *err)
{
	struct target target;
	int tree_fd, ret;

	ret = target_open(r, i, true, -1, &target, err);
	if (ret < 0)
		return ret;
	fd_later(r, target.fd);
	tree_fd = cgroup_tree(r, i, err);
	if (tree_fd < 0)
		return tree_fd;
	return mount_attach(r, i, tree_fd, &target, err);
}
