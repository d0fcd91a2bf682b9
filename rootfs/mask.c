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
#include "base/str.h"
#include "rootfs/internal.h"
#include "rootfs/mount_api.h"

/* Entries of procfs itself, files or directories but never links. */
static const char *const proc_names[] = {
	"acpi",          "asound",      "bus",         "fs",
	"interrupts",    "irq",         "kcore",       "keys",
	"latency_stats", "sched_debug", "scsi",        "sys",
	"sysrq-trigger", "timer_list",  "timer_stats",
};

/* Of sysfs: directories, reached by directories alone. */
static const char *const sys_names[] = {
	"dev",
	"devices/virtual/powercap",
	"firmware",
	"fs/selinux",
};

static const char *name_of(const char *const *names, size_t count,
			   const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return name;
	return NULL;
}

/*
 * Of the procfs and the sysfs that hull has mounted: these are reached from
 * there by name, without a look-up through the image. Whoever changes the image
 * at this moment cannot put another directory in their place.
 *
 * Return: the name below *@fd, or NULL.
 */
static const char *kept_name(const struct rootfs *r, const char *path, int *fd)
{
	if (r->sys_fd >= 0 && str_starts(path, "/sys/")) {
		*fd = r->sys_fd;
		return name_of(sys_names, ARRAY_SIZE(sys_names),
			       path + strlen("/sys/"));
	}
	if (r->proc_fd < 0 || !str_starts(path, "/proc/"))
		return NULL;
	*fd = r->proc_fd;
	return name_of(proc_names, ARRAY_SIZE(proc_names),
		       path + strlen("/proc/"));
}

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
	int ret = 0;

	if (fs_fd < 0)
		return fs_fd;
	if (label && *label)
		ret = mnt_fs_set(fs_fd, "context", label);
	if (ret < 0)
		return ret;
	return mnt_fs_mount(fs_fd,
			    (SABOTAGED("mask_tmpfs") ? 0 : MOUNT_ATTR_RDONLY) |
				    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
				    MOUNT_ATTR_NOEXEC);
}

static int mask_dir(struct rootfs *r, int target_fd, const char *name)
{
	int fd = r->mask_fd < 0 ? mask_tmpfs(r)
				: mnt_clone(r->mask_fd, "", 0, NULL);
	int ret;

	if (fd < 0)
		return fd;
	ret = mnt_attach_at(fd, target_fd, name);
	if (r->mask_fd < 0 && !ret)
		r->mask_fd = fd;
	else
		fd_later(r, fd);
	return ret;
}

static int mask_by_own_null(struct rootfs *r, int target_fd, const char *name)
{
	int fd = path_open_in_root(r->root_fd, "/dev/null", O_PATH);

	fd_later(r, fd);
	fd = fd < 0 ? fd : mnt_clone(fd, "", 0, NULL);
	fd_later(r, fd);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	return mnt_attach_at(fd, target_fd, name);
}

/*
 * The host's /dev/null, opened and looked at before anything of the image was
 * in reach: an image's could be anything. A clone that found no place serves
 * the next path.
 */
static int mask_file(struct rootfs *r, int target_fd, const char *name)
{
	int ret;

	if (SABOTAGED("mask_null")) /* whatever the image has there */
		return mask_by_own_null(r, target_fd, name);
	if (r->null_spare_fd < 0)
		r->null_spare_fd = r->null_used
					   ? mnt_clone(r->null_fd, "", 0, NULL)
					   : r->null_fd;
	if (r->null_spare_fd < 0)
		return r->null_spare_fd;
	ret = mnt_attach_at(r->null_spare_fd, target_fd, name);
	if (ret < 0)
		return ret;
	if (r->null_used)
		fd_later(r, r->null_spare_fd);
	r->null_used = true;
	r->null_spare_fd = -1;
	return 0;
}

/* A directory says EINVAL to a file that is to cover it. */
static int mask_by_name(struct rootfs *r, int fd, const char *name)
{
	int ret = mask_file(r, fd, name);

	if (ret == -EINVAL)
		ret = mask_dir(r, fd, name);
	return ret == -ENOENT ? 0 : ret;
}

static int mask_found(struct rootfs *r, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? mask_dir(r, fd, "") : mask_file(r, fd, "");
}

static int mask_path(struct rootfs *r, size_t i, struct err *err)
{
	const char *path = r->cfg.spec->linux_.masked_paths[i];
	char field[64];
	int fd, ret;
	const char *name = kept_name(r, path, &fd);

	if (name) {
		ret = mask_by_name(r, fd, name);
	} else {
		fd = path_find(r, "maskedPaths", i, path, err);
		if (fd < 0)
			return fd == -ENOENT || fd == -ENOTDIR ? 0 : fd;
		fd_later(r, fd);
		ret = mask_found(r, fd);
	}
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

/* A mount over "/" is not what a process sees that has it as its root. */
static bool is_root(const struct rootfs *r, int fd)
{
	struct stat a, b;

	return !fstat(fd, &a) && !fstat(r->root_fd, &b) &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int readonly_path(struct rootfs *r, size_t i, struct err *err)
{
	static const struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY };
	const char *path = r->cfg.spec->linux_.readonly_paths[i];
	int fd, tree_fd, ret;
	const char *name = kept_name(r, path, &fd);
	char field[64];

	if (!name) {
		name = "";
		fd = path_find(r, "readonlyPaths", i, path, err);
		if (fd < 0)
			return fd == -ENOENT || fd == -ENOTDIR ? 0 : fd;
		fd_later(r, fd);
		if (is_root(r, fd)) {
			r->root_readonly = true;
			return 0;
		}
	}
	tree_fd = mnt_clone(fd, name, AT_RECURSIVE | AT_SYMLINK_NOFOLLOW, &ro);
	if (tree_fd == -ENOENT && *name)
		return 0;
	ret = tree_fd < 0 ? tree_fd : mnt_attach_at(tree_fd, fd, name);
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

	if ((r->cfg.spec->root_readonly || r->root_readonly) &&
	    !SABOTAGED("mask_root"))
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
