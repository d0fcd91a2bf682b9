/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/sabotage.h"
#include "rootfs/internal.h"
#include "rootfs/mount_api.h"

static int chroot_here(struct err *err)
{
	if (chroot(".") < 0)
		return err_sys(err, "cannot chroot into the container's root");
	return 0;
}

/*
 * pivot_root(2), "pivot_root(".", ".")": the old root ends up on top of the
 * new one, in the same place, so that no directory of the image is needed for
 * it; "." then names it for umount2(2), and the new root is below.
 *
 * Where the mounts are still peers of the host's, an unmount would happen
 * there as well.
 */
static int pivot(struct rootfs *r, struct err *err)
{
	static const struct mount_attr slave = { .propagation = MS_SLAVE };
	bool shared = root_propagation(r) == MS_SHARED;
	auto_fd int old_fd = -1;
	int ret;

	if (shared) {
		old_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (old_fd < 0)
			return err_sys(err, "cannot open '/'");
	}
	if (syscall(SYS_pivot_root, ".", ".") < 0) {
		if (errno == EINVAL)
			return err_sys(
				err,
				"cannot pivot_root into '%s' (on an initramfs use --no-pivot)",
				r->cfg.root_path);
		return err_sys(err, "cannot pivot_root into '%s'",
			       r->cfg.root_path);
	}
	if (shared) {
		ret = mnt_setattr(old_fd, AT_RECURSIVE, &slave);
		if (ret < 0)
			return err_code(
				err, ret,
				"cannot cut the old root off the host's mounts");
	}
	if (!SABOTAGED("pivot_detach") && umount2(".", MNT_DETACH) < 0)
		return err_sys(err, "cannot detach the old root");
	return 0;
}

/* Where the container's root is, as seen from the root of the namespace: not
 * root.path, in a chroot. */
static int root_place(const struct rootfs *r, char path[PATH_MAX],
		      struct err *err)
{
	char link[32];
	ssize_t len;

	snprintf(path, PATH_MAX, "%s", r->cfg.root_path);
	if (r->root_on_top || r->self_fd < 0)
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", r->root_fd);
	len = readlink(link, path, PATH_MAX - 1);
	if (len < 0)
		return err_sys(err, "cannot read '%s'", link);
	path[len] = '\0';
	return 0;
}

/*
 * The old root stays below, out of reach of names; what could still be asked
 * from it, the host's proc and sysfs, is removed first. Peers of the host's
 * mounts have to be cut off for that, the container's shared volumes with
 * them: who needs those needs pivot_root(2).
 */
static int move_and_chroot(struct rootfs *r, struct err *err)
{
	struct mount_attr slave = { .propagation = MS_SLAVE };
	char path[PATH_MAX];
	int ret = root_place(r, path, err);

	if (ret)
		return ret;

	if (root_propagation(r) == MS_SHARED &&
	    mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &slave, sizeof(slave)))
		return err_sys(err, "cannot cut off the host's mounts");
	ret = SABOTAGED("pivot_hide_proc") ? 0 : mountinfo_hide_proc(path, err);
	if (ret < 0)
		return ret;
	if (!r->root_on_top &&
	    move_mount(r->root_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH))
		return err_sys(err, "cannot move '%s' to '/'",
			       r->cfg.root_path);
	return chroot_here(err);
}

int rootfs_enter(struct rootfs *r, struct err *err)
{
	int ret = root_leave_chroot(r, err);

	if (ret)
		return ret;
	if (fchdir(r->root_fd) < 0)
		return err_sys(err, "cannot enter '%s'", r->cfg.root_path);
	if (!r->cfg.new_mount_ns)
		return chroot_here(err);
	if (r->cfg.no_pivot)
		return move_and_chroot(r, err);
	return pivot(r, err);
}
