/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/path.h"
#include "base/sabotage.h"
#include "rootfs/internal.h"
#include "rootfs/mount_api.h"

/* A path that does not exist has nothing to hide (runc, crun do the same). */
static int path_find(struct rootfs *r, const char *list, size_t i,
		     const char *path, struct err *err)
{
	int fd = path_open_in_root(r->root_fd, path, O_PATH);
	char field[64];

	if (fd >= 0 || fd == -ENOENT || fd == -ENOTDIR)
		return fd;
	snprintf(field, sizeof(field), "linux.%s[%zu]", list, i);
	return err_at(err, fd, field, "cannot open '%s': %s", path,
		      err_text(fd));
}

/* An empty directory that nothing can be written to; one for all. */
static int mask_tmpfs(struct rootfs *r)
{
	const char *label = r->cfg.spec->linux_.mount_label;
	auto_fd int fs_fd = mnt_fs_open("tmpfs");
	int ret;

	if (fs_fd < 0)
		return fs_fd;
	/* Ubuntu's 5.4 refuses nr_inodes=1; two cost nothing */
	ret = mnt_fs_set(fs_fd, "nr_inodes", "2");
	if (!ret)
		ret = mnt_fs_set(fs_fd, "nr_blocks", "1");
	if (!ret && label && *label)
		ret = mnt_fs_set(fs_fd, "context", label);
	if (ret < 0)
		return ret;
	return mnt_fs_mount(fs_fd,
			    (SABOTAGED("mask_tmpfs") ? 0 : MOUNT_ATTR_RDONLY) |
				    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
				    MOUNT_ATTR_NOEXEC);
}

static int mask_dir(struct rootfs *r, int target_fd)
{
	int fd = r->mask_fd < 0 ? mask_tmpfs(r)
				: mnt_clone(r->mask_fd, "", 0, NULL);
	int ret;

	if (fd < 0)
		return fd;
	ret = mnt_attach(fd, target_fd);
	if (r->mask_fd < 0 && !ret)
		r->mask_fd = fd;
	else
		fd_later(r, fd);
	return ret;
}

/* The host's /dev/null, opened and looked at before anything of the image was
 * in reach: an image's could be anything. */
static int mask_file(struct rootfs *r, int target_fd)
{
	int ret, fd;

	if (!r->null_used) {
		r->null_used = true;
		return mnt_attach(r->null_fd, target_fd);
	}
	fd = mnt_clone(r->null_fd, "", 0, NULL);
	if (fd < 0)
		return fd;
	ret = mnt_attach(fd, target_fd);
	fd_later(r, fd);
	return ret;
}

static int mask_path(struct rootfs *r, size_t i, struct err *err)
{
	const char *path = r->cfg.spec->linux_.masked_paths[i];
	int fd = path_find(r, "maskedPaths", i, path, err);
	char field[64];
	struct stat st;
	int ret;

	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR ? 0 : fd;
	fd_later(r, fd);
	if (fstat(fd, &st) < 0)
		ret = -errno;
	else
		ret = S_ISDIR(st.st_mode) ? mask_dir(r, fd) : mask_file(r, fd);
	if (!ret)
		return 0;
	snprintf(field, sizeof(field), "linux.maskedPaths[%zu]", i);
	return err_at(err, ret, field, "cannot mask '%s': %s", path,
		      err_text(ret));
}

/* A second mount on the same path would hide nothing more. */
static bool is_repeated(const struct spec_linux *l, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (!strcmp(l->masked_paths[k], l->masked_paths[i]))
			return true;
	}
	return false;
}

static int readonly_path(struct rootfs *r, size_t i, struct err *err)
{
	static const struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY };
	const char *path = r->cfg.spec->linux_.readonly_paths[i];
	int fd = path_find(r, "readonlyPaths", i, path, err);
	char field[64];
	int tree_fd, ret;

	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR ? 0 : fd;
	fd_later(r, fd);
	tree_fd = mnt_clone(fd, "", AT_RECURSIVE, &ro);
	ret = tree_fd < 0 ? tree_fd : mnt_attach(tree_fd, fd);
	fd_later(r, tree_fd);
	if (!ret)
		return 0;
	snprintf(field, sizeof(field), "linux.readonlyPaths[%zu]", i);
	return err_at(err, ret, field, "cannot make '%s' read-only: %s", path,
		      err_text(ret));
}

/* The root's own attributes and propagation: one call, none when not asked. */
static int lock_root(struct rootfs *r, struct err *err)
{
	unsigned int prop = root_propagation(r);
	struct mount_attr attr = { 0 };
	int ret;

	if (r->cfg.spec->root_readonly && !SABOTAGED("mask_root"))
		attr.attr_set = MOUNT_ATTR_RDONLY;
	/* slave and private: so since root_attach() */
	if (r->cfg.new_mount_ns && (prop == MS_SHARED || prop == MS_UNBINDABLE))
		attr.propagation = prop;
	if (!attr.attr_set && !attr.propagation)
		return 0;
	ret = mnt_setattr(r->root_fd, 0, &attr);
	if (ret < 0)
		return err_at(err, ret,
			      attr.attr_set ? "root.readonly"
					    : "linux.rootfsPropagation",
			      "cannot change the container's root: %s",
			      err_text(ret));
	return 0;
}

int rootfs_lock(struct rootfs *r, struct err *err)
{
	const struct spec_linux *l = &r->cfg.spec->linux_;
	int ret = 0;

	for (size_t i = 0;
	     !ret && i < l->readonly_count && !SABOTAGED("mask_readonly");
	     i++) {
		fds_flush(r);
		ret = readonly_path(r, i, err);
	}
	for (size_t i = 0;
	     !ret && i < l->masked_count && !SABOTAGED("mask_paths"); i++) {
		fds_flush(r);
		if (!is_repeated(l, i))
			ret = mask_path(r, i, err);
	}
	return ret < 0 ? ret : lock_root(r, err);
}
