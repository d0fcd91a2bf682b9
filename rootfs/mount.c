/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "rootfs/internal.h"
#include "rootfs/mount_api.h"

int mount_attach(struct rootfs *r, size_t i, int tree_fd,
		 const struct target *target, struct err *err)
{
	int ret = mnt_attach_at(tree_fd, target->fd, target->name);

	if (ret < 0)
		return mount_err(err, i, "", ret, "cannot mount on '%s': %s",
				 r->cfg.spec->mounts[i].destination,
				 err_text(ret));
	return 0;
}

static int mount_new(struct rootfs *r, size_t i, const struct target *target,
		     struct err *err)
{
	const char *type = r->cfg.spec->mounts[i].type;
	int tree_fd = fs_make_or_bind(r, i, err);
	int ret;

	if (tree_fd < 0)
		return tree_fd;
	ret = fs_idmap(r, i, tree_fd, err);
	if (!ret)
		ret = props_apply(r, i, tree_fd, err);
	if (!ret)
		ret = mount_attach(r, i, tree_fd, target, err);
	if (!ret && target->exact && !strcmp(type, "devpts") &&
	    !strcmp(r->plans[i].dest, "/dev/pts"))
		r->pts_fd = tree_fd;
	else if (!ret && target->exact && !strcmp(type, "proc") &&
		 !strcmp(r->plans[i].dest, "/proc"))
		r->proc_fd = tree_fd;
	else if (!ret && target->exact && !strcmp(type, "sysfs") &&
		 !strcmp(r->plans[i].dest, "/sys"))
		r->sys_fd = tree_fd;
	else
		fd_later(r, tree_fd);
	return ret;
}

static int mount_kind_fs(struct rootfs *r, size_t i, struct err *err)
{
	struct target target;
	int ret = target_place(r, i, &target, err);

	if (ret < 0)
		return ret;
	if (!*target.name)
		fd_later(r, target.fd);
	if (!strcmp(r->cfg.spec->mounts[i].type, "tmpfs"))
		return tmpfs_mount(r, i, &target, err);
	return mount_new(r, i, &target, err);
}

static int mount_kind_remount(struct rootfs *r, size_t i, struct err *err)
{
	int fd = target_existing(r, i, err);
	int ret;

	if (fd < 0)
		return fd;
	fd_later(r, fd);
	ret = fs_reconfigure(r, i, fd, err);
	return ret < 0 ? ret : attrs_apply(r, i, fd, ATTRS_TREE, err);
}

/*
 * The guest finds a directory and cannot tell that it is not the image's, whose
 * mode a tmpfs takes: let it be what a tmpfs has by itself.
 */
static int point_mode(struct rootfs *r, size_t i, const struct target *target,
		      struct err *err)
{
	auto_fd int fd = -1;

	if (!target->made || strcmp(r->cfg.spec->mounts[i].type, "tmpfs") != 0)
		return 0;
	fd = openat(target->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && !fchmod(fd, S_ISVTX | ACCESSPERMS))
		return 0;
	if (errno == EROFS) /* made behind a mount that is read-only */
		return 0;
	return mount_err(err, i, "", -errno, "cannot set the mode of '%s': %s",
			 r->cfg.spec->mounts[i].destination, err_text(errno));
}

static int mount_kind_point(struct rootfs *r, size_t i, struct err *err)
{
	struct target target;
	int ret = target_open(r, i, true, -1, &target, err);

	if (ret < 0)
		return ret;
	fd_later(r, target.fd);
	return point_mode(r, i, &target, err);
}

static int mount_kind_none(struct rootfs *r, size_t i, struct err *err)
{
	(void)r;
	(void)i;
	(void)err;
	return 0;
}

int mount_all(struct rootfs *r, struct err *err)
{
	static int (*const by_kind[])(struct rootfs *, size_t, struct err *) = {
		[MOUNT_KIND_FS] = mount_kind_fs,
		[MOUNT_KIND_BIND] = bind_mount,
		[MOUNT_KIND_CGROUP] = cgroup_mount,
		[MOUNT_KIND_REMOUNT] = mount_kind_remount,
		[MOUNT_KIND_POINT] = mount_kind_point,
		[MOUNT_KIND_NONE] = mount_kind_none,
	};

	for (size_t i = 0; i < r->cfg.spec->mount_count; i++) {
		int ret = by_kind[r->plans[i].kind](r, i, err);

		if (ret < 0)
			return ret;
		fds_flush(r);
	}
	return 0;
}
