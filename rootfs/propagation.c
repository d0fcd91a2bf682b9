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

static int prepare_host_mounts(struct rootfs *r, struct err *err)
{
	int ret = SABOTAGED("propagation_slave")
			  ? 0
			  : set_propagation("/", AT_RECURSIVE,
					    early_propagation(r));

	if (ret < 0)
		return err_code(
			err, ret,
			"cannot set the propagation of the mounts below '/'");
	if (root_propagation(r) != MS_SHARED)
		return 0;
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

/*
 * The container's root is a copy of what root.path shows, attached where it
 * is, so that the host's other mounts keep their places for those that bind
 * them. Where a user namespace cannot reach root.path it goes over "/".
 */
static int root_move(struct rootfs *r)
{
	if (!move_mount(r->root_fd, "", AT_FDCWD, r->cfg.root_path,
			MOVE_MOUNT_F_EMPTY_PATH))
		return 0;
	if (errno != EACCES || !r->cfg.userns)
		return -errno;
	if (move_mount(r->root_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH))
		return -errno;
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

static bool same_place(const struct statx *a, const struct statx *b)
{
	return a->stx_ino == b->stx_ino && a->stx_mnt_id == b->stx_mnt_id &&
	       a->stx_dev_major == b->stx_dev_major &&
	       a->stx_dev_minor == b->stx_dev_minor;
}

/*
 * Below a chroot(2) pivot_root(2) takes nothing away: what is above stays in
 * the container's namespace, where its root climbs out with CAP_SYS_CHROOT and
 * where `exec` arrives. Only setns(2) tells, since it leads to the namespace's
 * own root; without the right to it `exec` is not possible either.
 */
static int check_chroot(struct err *err)
{
	auto_fd int self_fd = sys_pidfd_open(getpid(), 0);
	auto_fd int cwd_fd = open(".", O_PATH | O_CLOEXEC);
	const unsigned int mask = STATX_INO | STATX_MNT_ID;
	struct statx before, after;

	if (self_fd < 0 || cwd_fd < 0 ||
	    statx(AT_FDCWD, "/", 0, mask, &before) < 0 ||
	    setns(self_fd, CLONE_NEWNS) < 0)
		return 0;
	if (statx(AT_FDCWD, "/", 0, mask, &after) < 0 || fchdir(cwd_fd) < 0)
		return err_sys(err, "cannot go back to the working directory");
	if (same_place(&before, &after) || SABOTAGED("propagation_chroot"))
		return 0;
	return err_set(err, -EPERM,
		       "hull runs in a chroot, and the container would share "
		       "what is outside of it (use pivot_root in a mount "
		       "namespace)");
}

int root_attach(struct rootfs *r, struct err *err)
{
	static const struct mount_attr private = { .propagation = MS_PRIVATE };
	int ret;

	if (!r->cfg.new_mount_ns)
		return root_open(r, err);
	ret = check_chroot(err);
	if (!ret)
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
	ret = root_move(r);
	return ret < 0 ? err_at(err, ret, "root.path",
				"cannot attach the container's root at '%s': %s",
				r->cfg.root_path, err_text(ret))
		       : 0;
}
