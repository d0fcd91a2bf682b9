/* SPDX-License-Identifier: Apache-2.0 */
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

/*
 * Where a mount goes. Three ways, the cheapest first:
 * 1. its parent is a tmpfs that hull has just made (/dev): two calls;
 * 2. it exists and no link leads there (path_open_below): one call, and the
 *    text of the destination is the place;
 * 3. anything else: resolved inside the root, links and all, missing parts
 *    made; what it is called then is asked from the kernel by descriptor.
 * proc_check() judges the place, not the text.
 */

void fresh_add(struct rootfs *r, const char *dest, int mount_fd, int write_fd)
{
	if (r->fresh_count == ROOTFS_FRESH_MAX) {
		fd_later(r, mount_fd);
		if (write_fd != mount_fd)
			fd_later(r, write_fd);
		return;
	}
	r->fresh[r->fresh_count++] = (struct fresh){
		.dest = dest,
		.mount_fd = mount_fd,
		.write_fd = write_fd,
	};
}

/* What is mounted at @place hides the entries at and below it. */
static void fresh_drop(struct rootfs *r, const char *place)
{
	size_t len = strlen(place), kept = 0;

	for (size_t i = 0; i < r->fresh_count; i++) {
		const struct fresh *f = &r->fresh[i];

		if (!strncmp(f->dest, place, len) &&
		    (!f->dest[len] || f->dest[len] == '/')) {
			fd_later(r, f->mount_fd);
			if (f->write_fd != f->mount_fd)
				fd_later(r, f->write_fd);
		} else {
			r->fresh[kept++] = *f;
		}
	}
	r->fresh_count = kept;
	if (!strcmp(place, "/dev") || !strcmp(place, "/dev/pts")) {
		fd_later(r, r->pts_fd);
		r->pts_fd = -1;
	}
	if (!strcmp(place, "/proc")) {
		fd_later(r, r->proc_fd);
		r->proc_fd = -1;
	}
	if (!strcmp(place, "/sys")) {
		fd_later(r, r->sys_fd);
		r->sys_fd = -1;
	}
}

const struct fresh *fresh_find(const struct rootfs *r, const char *dest)
{
	for (size_t i = r->fresh_count; i > 0; i--)
		if (!strcmp(r->fresh[i - 1].dest, dest))
			return &r->fresh[i - 1];
	return NULL;
}

/* The entry that holds @dest as a direct child; @name receives its name. */
static const struct fresh *fresh_parent(const struct rootfs *r,
					const char *dest, const char **name)
{
	const char *slash = strrchr(dest, '/');

	for (size_t i = r->fresh_count; i > 0; i--) {
		const struct fresh *f = &r->fresh[i - 1];
		size_t len = strlen(f->dest);

		if (dest + len == slash && !strncmp(dest, f->dest, len)) {
			*name = slash + 1;
			return f;
		}
	}
	return NULL;
}

static bool target_in_fresh(struct rootfs *r, const char *dest, bool is_dir,
			    struct target *out)
{
	int flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
	const char *name;
	const struct fresh *f = fresh_parent(r, dest, &name);
	int ret;

	if (!f)
		return false;
	if (is_dir) {
		ret = mkdirat(f->write_fd, name, MOUNTPOINT_MODE);
		flags |= O_DIRECTORY;
	} else {
		ret = mknodat(f->write_fd, name, S_IFREG | MOUNTPOINT_FILE_MODE,
			      0);
	}
	if (ret < 0 && (errno != EEXIST || !is_dir))
		return false;
	out->made = !ret;
	out->fd = openat(f->mount_fd, name, flags);
	return out->fd >= 0;
}

/* "/proc/self/fd/N", as seen from the container's root. */
static int resolved_name(struct rootfs *r, int fd, char out[PATH_MAX])
{
	char link[64];
	ssize_t len;
	size_t root;

	if (!r->root_link[0]) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", r->root_fd);
		len = readlink(link, r->root_link, PATH_MAX - 1);
		if (len < 0)
			return -errno;
		r->root_link[len] = '\0';
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, out, PATH_MAX - 1);
	if (len < 0)
		return -errno;
	out[len] = '\0';

	root = strlen(r->root_link);
	if (root == 1)
		return 0;
	if (strncmp(out, r->root_link, root) || (out[root] && out[root] != '/'))
		return SABOTAGED("path_in_root") ? 0 : -EXDEV;
	memmove(out, out + root, (size_t)len - root + 1);
	if (!out[0])
		strcpy(out, "/");
	return 0;
}

/* A mount point below a read-only tmpfs of ours: make it through the clone. */
static void make_behind_ro(struct rootfs *r, const char *dest, bool is_dir)
{
	for (size_t i = r->fresh_count; i > 0; i--) {
		const struct fresh *f = &r->fresh[i - 1];
		size_t len = strlen(f->dest);
		int fd;

		if (!str_starts(dest, f->dest) || dest[len] != '/')
			continue;
		if (is_dir)
			fd = path_mkdir_in_root(f->write_fd, dest + len,
						MOUNTPOINT_MODE);
		else
			fd = path_mkfile_in_root(f->write_fd, dest + len,
						 MOUNTPOINT_FILE_MODE);
		if (fd >= 0)
			close(fd);
		return;
	}
}

static int make_target(struct rootfs *r, const char *path, bool is_dir)
{
	if (is_dir)
		return path_mkdir_in_root(r->root_fd, path, MOUNTPOINT_MODE);
	return path_mkfile_in_root(r->root_fd, path, MOUNTPOINT_FILE_MODE);
}

static int open_or_make(struct rootfs *r, size_t i, bool is_dir,
			struct target *out)
{
	const char *path = r->cfg.spec->mounts[i].destination;
	int fd = path_open_in_root(r->root_fd, path, O_PATH);

	if (fd == -ENOENT) {
		out->made = true;
		fd = make_target(r, path, is_dir);
	}
	if (fd == -EROFS) {
		make_behind_ro(r, r->plans[i].dest, is_dir);
		fd = make_target(r, path, is_dir);
	}
	return fd;
}

static int check_place(size_t i, const struct spec_mount *m, bool bind,
		       const char *place, int tree_fd, struct err *err)
{
	const char *why = proc_check(place, bind ? NULL : m->type, tree_fd);

	if (!why || SABOTAGED("target_place"))
		return 0;
	if (strcmp(place, m->destination))
		return mount_err(err, i, ".destination", -EPERM,
				 "'%s' is '%s': %s", m->destination, place,
				 why);
	return mount_err(err, i, ".destination", -EPERM, "'%s': %s",
			 m->destination, why);
}

/*
 * Only the last component is missing: made in a parent that no link leads to.
 * Whatever fails here (somebody was faster, a link) the third way sorts out.
 */
static int make_last(struct rootfs *r, const char *dest, bool is_dir)
{
	int flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
	const char *slash = strrchr(dest, '/');
	int parent_fd = r->root_fd, ret;
	char parent[PATH_MAX];

	if (slash != dest) {
		memcpy(parent, dest + 1, (size_t)(slash - dest - 1));
		parent[slash - dest - 1] = '\0';
		parent_fd = path_open_below(r->root_fd, parent,
					    O_PATH | O_DIRECTORY, 0);
		if (parent_fd < 0)
			return parent_fd;
		fd_later(r, parent_fd);
	}
	if (is_dir)
		ret = mkdirat(parent_fd, slash + 1, MOUNTPOINT_MODE);
	else
		ret = mknodat(parent_fd, slash + 1,
			      S_IFREG | MOUNTPOINT_FILE_MODE, 0);
	if (ret < 0)
		return -errno;
	if (is_dir)
		flags |= O_DIRECTORY;
	ret = openat(parent_fd, slash + 1, flags);
	return ret < 0 ? -errno : ret;
}

/*
 * proc and sysfs go to a real directory at exactly that place: with a link on
 * the way, another container that shares the volume could have chosen it.
 */
static int target_real_dir(struct rootfs *r, size_t i, struct target *out,
			   struct err *err)
{
	const struct spec_mount *m = &r->cfg.spec->mounts[i];
	const char *dest = r->plans[i].dest;
	int flags = O_PATH | O_DIRECTORY;
	int fd = path_open_below(r->root_fd, dest + 1, flags, 0);

	if (fd == -ENOENT)
		fd = make_last(r, dest, true);
	if (fd == -ENOENT) { /* more than the end is missing */
		fd = open_or_make(r, i, true, out);
		fd_later(r, fd);
		fd = path_open_below(r->root_fd, dest + 1, flags, 0);
	}
	if (fd == -ELOOP || fd == -ENOTDIR)
		return mount_err(
			err, i, ".destination", -ENOTDIR,
			"'%s': filesystem '%s' must be mounted on ordinary directory, and this is, or leads through, something else: not a directory",
			m->destination, m->type);
	if (fd < 0)
		return mount_err(err, i, ".destination", fd,
				 "cannot open '%s': %s", m->destination,
				 err_text(fd));
	out->fd = fd;
	return 0;
}

static bool needs_real_dir(const struct rootfs *r, size_t i)
{
	const char *type = r->cfg.spec->mounts[i].type;

	return r->plans[i].kind == MOUNT_KIND_FS &&
	       !SABOTAGED("target_real_dir") &&
	       (!strcmp(type, "proc") || !strcmp(type, "sysfs"));
}

static int target_resolved(struct rootfs *r, size_t i, bool is_dir, int tree_fd,
			   struct target *out, struct err *err)
{
	const struct spec_mount *m = &r->cfg.spec->mounts[i];
	bool bind = r->plans[i].kind == MOUNT_KIND_BIND;
	char place[PATH_MAX];
	auto_fd int fd = open_or_make(r, i, is_dir, out);
	int ret;

	if (fd < 0)
		return mount_err(err, i, ".destination", fd,
				 "cannot make the mount point '%s': %s",
				 m->destination, err_text(fd));
	ret = resolved_name(r, fd, place);
	if (ret < 0)
		return mount_err(err, i, ".destination", ret,
				 "cannot tell where '%s' leads: %s",
				 m->destination, err_text(ret));
	ret = check_place(i, m, bind, place, tree_fd, err);
	if (!ret)
		ret = left_check(r, i, place, err);
	if (ret < 0)
		return ret;
	fresh_drop(r, place);
	out->exact = !strcmp(place, r->plans[i].dest);
	out->fd = take_fd(&fd);
	return 0;
}

/* The first way, for what is new there: a mount finds it by its name, as nobody
 * else can have touched that tmpfs. */
static bool name_in_fresh(struct rootfs *r, const char *dest,
			  struct target *out)
{
	const char *name;
	const struct fresh *f = fresh_parent(r, dest, &name);

	if (!f || mkdirat(f->write_fd, name, MOUNTPOINT_MODE) < 0)
		return false;
	*out = (struct target){
		.fd = f->mount_fd,
		.name = name,
		.made = true,
		.exact = true,
	};
	return true;
}

/* The first two ways, and the second's usual case of a missing end. */
static bool target_unlinked(struct rootfs *r, const char *dest, bool is_dir,
			    struct target *out)
{
	int fd;

	if (target_in_fresh(r, dest, is_dir, out))
		return true;
	out->made = false;
	fd = path_open_below(r->root_fd, dest + 1, O_PATH, 0);
	if (fd == -ENOENT) {
		fd = make_last(r, dest, is_dir);
		out->made = fd >= 0;
	}
	out->fd = fd;
	return fd >= 0;
}

int target_open(struct rootfs *r, size_t i, bool is_dir, int tree_fd,
		struct target *out, struct err *err)
{
	const struct mount_plan *plan = &r->plans[i];
	const struct spec_mount *m = &r->cfg.spec->mounts[i];
	bool bind = plan->kind == MOUNT_KIND_BIND;
	int ret;

	*out = (struct target){ .fd = -1, .name = "", .exact = true };
	if (plan->plain || needs_real_dir(r, i)) {
		ret = check_place(i, m, bind, plan->dest, tree_fd, err);
		if (ret < 0)
			return ret;
	}
	if (needs_real_dir(r, i)) {
		ret = target_real_dir(r, i, out, err);
		if (ret < 0)
			return ret;
	} else if (!plan->plain || !target_unlinked(r, plan->dest, is_dir, out))
		return target_resolved(r, i, is_dir, tree_fd, out, err);
	fresh_drop(r, plan->dest);
	ret = left_check(r, i, plan->dest, err);
	if (ret < 0)
		fd_later(r, out->fd);
	return ret;
}

int target_place(struct rootfs *r, size_t i, struct target *out,
		 struct err *err)
{
	const struct mount_plan *plan = &r->plans[i];
	bool simple = plan->plain && !needs_real_dir(r, i) &&
		      !(plan->opts.what & MOUNT_COPYUP);
	int ret;

	if (!simple || !fresh_parent(r, plan->dest, &out->name))
		return target_open(r, i, true, -1, out, err);
	ret = check_place(i, &r->cfg.spec->mounts[i], false, plan->dest, -1,
			  err);
	if (ret < 0)
		return ret;
	if (!name_in_fresh(r, plan->dest, out))
		return target_open(r, i, true, -1, out, err);
	fresh_drop(r, plan->dest);
	return 0;
}

int target_existing(struct rootfs *r, size_t i, struct err *err)
{
	const struct spec_mount *m = &r->cfg.spec->mounts[i];
	int fd = path_open_in_root(r->root_fd, m->destination, O_PATH);

	if (fd < 0)
		return mount_err(err, i, ".destination", fd,
				 "cannot open '%s': %s", m->destination,
				 err_text(fd));
	return fd;
}
