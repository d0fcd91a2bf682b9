/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/sabotage.h"
#include "base/sys.h"
#include "rootfs/internal.h"
#include "rootfs/mount_api.h"

static const unsigned int propagation_flags[] = {
	[SPEC_PROP_UNSET] = 0,
	[SPEC_PROP_SHARED] = MS_SHARED,
	[SPEC_PROP_SLAVE] = MS_SLAVE,
	[SPEC_PROP_PRIVATE] = MS_PRIVATE,
	[SPEC_PROP_UNBINDABLE] = MS_UNBINDABLE,
};

unsigned int root_propagation(const struct rootfs *r)
{
	return propagation_flags[r->cfg.spec->linux_.rootfs_propagation];
}

/* What every mount of the new namespace gets before anything else happens.
 * Unbindable comes last, in rootfs_lock(): nothing could be bound from it. */
static unsigned int early_propagation(const struct rootfs *r)
{
	unsigned int prop = root_propagation(r);

	if (!prop)
		return MS_SLAVE;
	return prop == MS_UNBINDABLE ? MS_PRIVATE : prop;
}

static int set_propagation(const char *path, unsigned int flags,
			   unsigned int prop)
{
	struct mount_attr attr = { .propagation = prop };

	if (mount_setattr(AT_FDCWD, path, flags, &attr, sizeof(attr)))
		return -errno;
	return 0;
}

/*
 * With "shared" the mounts of the new namespace stay peers of the host's: the
 * one that holds root.path must not be, or the container's root would appear
 * on the host, and pivot_root(2) refuses. It is found by climbing: only the
 * root of a mount can be changed.
 */
static int unshare_parent(const char *root_path)
{
	char path[PATH_MAX];

	if (strlen(root_path) >= sizeof(path))
		return -ENAMETOOLONG;
	strcpy(path, root_path);
	for (;;) {
		int ret = set_propagation(path, 0, MS_PRIVATE);
		char *slash = strrchr(path, '/');

		if (ret != -EINVAL || !slash || !strcmp(path, "/"))
			return ret;
		slash[slash == path] = '\0';
	}
}

static int prepare_all_mounts(const struct rootfs *r, struct err *err)
{
	int ret = SABOTAGED("propagation_slave")
			  ? 0
			  : set_propagation("/", AT_RECURSIVE,
					    early_propagation(r));

	return ret < 0 ? err_code(
				 err, ret,
				 "cannot set the propagation of the mounts below '/'")
		       : 0;
}

int root_leave_chroot(const struct rootfs *r, struct err *err)
{
	if (r->self_fd >= 0 && setns(r->self_fd, CLONE_NEWNS) < 0)
		return err_sys(err, "cannot reach the mount namespace's root");
	return 0;
}

/*
 * hull may run in a chroot(2), where "/" need not be a mount and is not all
 * there is: what is above would stay in the container's namespace, and exec
 * would arrive there. So what is done to all mounts, here and in pivot(), is
 * done at the namespace's own root, to which setns(2) leads. Who has not the
 * right to that can neither exec nor climb.
 */
static int prepare_from_top(struct rootfs *r, struct err *err)
{
	auto_fd int here_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int ret;

	r->self_fd = sys_pidfd_open(getpid(), 0);
	if (here_fd < 0 || r->self_fd < 0)
		return err_sys(err, "cannot open '/'");
	if (SABOTAGED("propagation_chroot"))
		auto_close_fd(&r->self_fd);
	ret = root_leave_chroot(r, err);
	if (ret == -EPERM)
		auto_close_fd(&r->self_fd);
	else if (ret)
		return ret;
	ret = prepare_all_mounts(r, err);
	if (!ret && r->self_fd >= 0 && (fchdir(here_fd) < 0 || chroot(".") < 0))
		ret = err_sys(err, "cannot go back to '/'");
	return ret;
}

static int prepare_host_mounts(struct rootfs *r, struct err *err)
{
	int ret = prepare_from_top(r, err);

	if (ret || root_propagation(r) != MS_SHARED)
		return ret;
	ret = unshare_parent(r->cfg.root_path);
	if (ret == -EACCES) /* then the root goes on top of "/" */
		ret = set_propagation("/", 0, MS_PRIVATE);
	return ret < 0 ? err_code(err, ret,
				  "cannot make the mount of '%s' private",
				  r->cfg.root_path)
		       : 0;
}

static int root_clone(struct rootfs *r, struct err *err)
{
	int fd = mnt_clone(AT_FDCWD, r->cfg.root_path,
			   AT_RECURSIVE | AT_SYMLINK_NOFOLLOW, NULL);

	if (fd < 0 && r->root_tree_fd >= 0)
		fd = take_fd(&r->root_tree_fd);
	if (fd < 0)
		return err_at(err, fd, "root.path", "cannot open '%s': %s",
			      r->cfg.root_path, err_text(fd));
	r->root_fd = fd;
	return 0;
}

static bool same_place(const struct statx *a, const struct statx *b)
{
	return a->stx_ino == b->stx_ino && a->stx_mnt_id == b->stx_mnt_id &&
	       a->stx_dev_major == b->stx_dev_major &&
	       a->stx_dev_minor == b->stx_dev_minor;
}

/* Return: 1 in a chroot, 0 not, -errno. */
static int in_chroot(const struct rootfs *r, struct err *err)
{
	auto_fd int here_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const unsigned int mask = STATX_INO | STATX_MNT_ID;
	struct statx here, top;
	int ret;

	if (r->self_fd < 0)
		return 0;
	if (here_fd < 0 || statx(here_fd, "", AT_EMPTY_PATH, mask, &here) < 0)
		return err_sys(err, "cannot open '/'");
	ret = root_leave_chroot(r, err);
	if (ret)
		return ret;
	if (statx(AT_FDCWD, "/", 0, mask, &top) < 0 || fchdir(here_fd) < 0 ||
	    chroot(".") < 0)
		return err_sys(err, "cannot go back to '/'");
	return !same_place(&here, &top);
}

/*
 * The container's root is a copy of what root.path shows, attached where it
 * is, so that the host's other mounts keep their places for those that bind
 * them. Where a user namespace cannot reach root.path it goes over "/", which
 * must be the namespace's own for that.
 */
static int root_move(struct rootfs *r, struct err *err)
{
	int ret = 0;

	if (!move_mount(r->root_fd, "", AT_FDCWD, r->cfg.root_path,
			MOVE_MOUNT_F_EMPTY_PATH))
		return 0;
	if (errno != EACCES || !r->cfg.userns)
		ret = -errno;
	if (!ret)
		ret = in_chroot(r, err);
	if (ret > 0)
		return err_set(err, -EPERM,
			       "hull runs in a chroot, and the user namespace "
			       "cannot reach '%s'",
			       r->cfg.root_path);
	if (!ret &&
	    move_mount(r->root_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH))
		ret = -errno;
	if (ret)
		return err_at(err, ret, "root.path",
			      "cannot attach the container's root at '%s': %s",
			      r->cfg.root_path, err_text(ret));
	/* the way to the namespace's root ends at the container's now */
	auto_close_fd(&r->self_fd);
	r->root_on_top = true;
	return 0;
}

/* No mount namespace of our own: nothing of what others see changes. */
static int root_open(struct rootfs *r, struct err *err)
{
	int fd = open(r->cfg.root_path,
		      O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_at(err, -errno, "root.path", "cannot open '%s': %s",
			      r->cfg.root_path, err_text(errno));
	r->root_fd = fd;
	return 0;
}

int root_attach(struct rootfs *r, struct err *err)
{
	static const struct mount_attr private = { .propagation = MS_PRIVATE };
	int ret;

	if (!r->cfg.new_mount_ns)
		return root_open(r, err);
	ret = prepare_host_mounts(r, err);
	if (ret < 0)
		return ret;
	ret = root_clone(r, err);
	if (ret < 0)
		return ret;
	/* a slave would show what the host mounts there later on */
	if (!root_propagation(r) && !SABOTAGED("propagation_root")) {
		ret = mnt_setattr(r->root_fd, 0, &private);
		if (ret < 0)
			return err_code(
				err, ret,
				"cannot make the container's root private");
	}
	return root_move(r, err);
}
