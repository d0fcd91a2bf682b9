/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/path.h"
#include "base/sabotage.h"
#include "base/str.h"
#include "rootfs/internal.h"
#include "rootfs/mount_api.h"

/* runtime-spec config-linux.md, "Default Devices" (console and ptmx are made
 * elsewhere) */
static const struct spec_device defaults[] = {
	{ .type = 'c', .path = "/dev/null", .major = 1, .minor = 3 },
	{ .type = 'c', .path = "/dev/zero", .major = 1, .minor = 5 },
	{ .type = 'c', .path = "/dev/full", .major = 1, .minor = 7 },
	{ .type = 'c', .path = "/dev/random", .major = 1, .minor = 8 },
	{ .type = 'c', .path = "/dev/urandom", .major = 1, .minor = 9 },
	{ .type = 'c', .path = "/dev/tty", .major = 5, .minor = 0 },
};
#define DEFAULT_MODE 0666

/**
 * struct node - a device to make.
 * @dir_fd: directory that receives it, writable
 * @at_fd:  the same directory as the container sees it, for a bind
 * @field:  JSON path for errors, "" for a default device
 */
struct node {
	const struct spec_device *dev;
	mode_t mode; /* with type */
	int dir_fd;
	int at_fd;
	const char *name;
	char field[48];
};

static mode_t type_bits(char type)
{
	switch (type) {
	case 'b':
		return S_IFBLK;
	case 'p':
		return S_IFIFO;
	default:
		return S_IFCHR;
	}
}

static dev_t node_dev(const struct node *n)
{
	if (n->dev->type == 'p')
		return 0;
	return makedev((unsigned int)n->dev->major,
		       (unsigned int)n->dev->minor);
}

static bool node_matches(const struct node *n, const struct stat *st)
{
	if ((st->st_mode & S_IFMT) != (n->mode & S_IFMT))
		return false;
	return n->dev->type == 'p' || st->st_rdev == node_dev(n);
}

static int node_err(const struct node *n, int code, const char *what,
		    struct err *err)
{
	return err_at(err, code, n->field, "cannot %s '%s': %s", what,
		      n->dev->path, err_text(code));
}

static int node_open(const struct node *n, int dir_fd, struct stat *st)
{
	auto_fd int fd =
		openat(dir_fd, n->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return fstat(fd, st) < 0 ? -errno : take_fd(&fd);
}

static int node_existing(const struct node *n, struct err *err)
{
	struct stat st;

	if (fstatat(n->at_fd, n->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return node_err(n, -errno, "look at", err);
	if (node_matches(n, &st) || SABOTAGED("devices_existing"))
		return 0;
	return err_at(err, -EEXIST, n->field,
		      "cannot make device '%s': something else is in its place",
		      n->dev->path);
}

/*
 * Read-only does not concern what is written to a device, but its inode: the
 * container's root shall not chmod(2) the host's /dev/null.
 */
int host_device_clone(const char *path, mode_t type, dev_t dev)
{
	static const struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
			    MOUNT_ATTR_NOEXEC,
		.propagation = MS_PRIVATE,
	};
	auto_fd int tree_fd = mnt_clone(AT_FDCWD, path, 0, &attr);
	struct stat st;

	if (tree_fd < 0)
		return tree_fd;
	if (fstat(tree_fd, &st) < 0)
		return -errno;
	if (((st.st_mode & S_IFMT) != type || st.st_rdev != dev) &&
	    !SABOTAGED("devices_host"))
		return -ENXIO;
	return take_fd(&tree_fd);
}

/* A user namespace may not make devices: the host's own is bound. */
static int node_bind(struct rootfs *r, const struct node *n, struct err *err)
{
	auto_fd int tree_fd = -1, target_fd = -1;
	struct stat st;
	int ret;

	tree_fd =
		host_device_clone(n->dev->path, n->mode & S_IFMT, node_dev(n));
	if (tree_fd < 0)
		return node_err(n, tree_fd, "bind the host's", err);
	if (mknodat(n->dir_fd, n->name, S_IFREG, 0) < 0 && errno != EEXIST)
		return node_err(n, -errno, "make a place for device", err);
	target_fd = node_open(n, n->at_fd, &st);
	if (target_fd < 0)
		return node_err(n, target_fd, "open the place of device", err);
	if (!S_ISREG(st.st_mode) && !node_matches(n, &st))
		return node_existing(n, err);
	ret = mnt_attach(tree_fd, target_fd);
	if (ret < 0)
		return node_err(n, ret, "bind device", err);
	fd_later(r, take_fd(&tree_fd));
	fd_later(r, take_fd(&target_fd));
	return 0;
}

/* The name could have been exchanged since mknodat(2): by descriptor, and
 * only after a look at what it is. */
static int node_chown(const struct node *n, struct err *err)
{
	struct stat st;
	auto_fd int fd = node_open(n, n->dir_fd, &st);

	if (fd < 0)
		return node_err(n, fd, "open device", err);
	if (!node_matches(n, &st))
		return node_existing(n, err);
	if (fchownat(fd, "", n->dev->uid, n->dev->gid, AT_EMPTY_PATH) < 0)
		return node_err(n, -errno, "set the owner of", err);
	return 0;
}

static bool is_mounted_over(const struct rootfs *r, const char *path)
{
	char clean[PATH_MAX];

	if (path_clean(path, clean, sizeof(clean)) < 0)
		return false;
	for (size_t i = 0; i < r->cfg.spec->mount_count; i++)
		if (!strcmp(r->plans[i].dest, clean))
			return true;
	return false;
}

static int node_make(struct rootfs *r, const struct node *n, struct err *err)
{
	/* "-v /dev/urandom:/dev/random": who mounts something there wants
	 * that, unless he lists the device too and it is another */
	if (is_mounted_over(r, n->dev->path))
		return n->field[0] ? node_existing(n, err) : 0;
	if (r->cfg.userns && n->dev->type != 'p')
		return node_bind(r, n, err);
	if (mknodat(n->dir_fd, n->name, n->mode, node_dev(n)) < 0) {
		if (errno == EEXIST)
			return node_existing(n, err);
		if (errno == EPERM && n->dev->type != 'p')
			return node_bind(r, n, err);
		return node_err(n, -errno, "make device", err);
	}
	if (n->dev->uid || n->dev->gid)
		return node_chown(n, err);
	return 0;
}

const char *device_node_name(const char *path)
{
	if (!str_starts(path, "/dev/"))
		return NULL;
	path += strlen("/dev/");
	if (!*path || strchr(path, '/') || !strcmp(path, ".") ||
	    !strcmp(path, ".."))
		return NULL;
	return path;
}

static bool spec_has(const struct spec *spec, const char *path)
{
	char clean[PATH_MAX];

	for (size_t i = 0; i < spec->linux_.device_count; i++)
		if (!path_clean(spec->linux_.devices[i].path, clean,
				sizeof(clean)) &&
		    !strcmp(clean, path))
			return true;
	return false;
}

/* "/mnt/" names the device "/mnt", as in runc and crun. */
static const char *without_slash(struct rootfs *r, const char *path)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	return arena_strndup(&r->arena, path, len);
}

static void spec_node_init(const struct rootfs *r, size_t i, struct node *out)
{
	const struct spec_device *d = &r->cfg.spec->linux_.devices[i];
	mode_t mode = d->mode_set ? d->mode & 07777 : DEFAULT_MODE;

	*out = (struct node){ .dev = d, .mode = type_bits(d->type) | mode };
	snprintf(out->field, sizeof(out->field), "linux.devices[%zu]", i);
}

/* linux.devices[i]: anywhere, its parents made as needed. */
static int spec_node_make(struct rootfs *r, size_t i, const struct fresh *dev,
			  struct err *err)
{
	const struct spec_device *d = &r->cfg.spec->linux_.devices[i];
	struct node n;

	spec_node_init(r, i, &n);
	n.name = device_node_name(d->path);
	n.dir_fd = dev->write_fd;
	n.at_fd = dev->mount_fd;
	if (n.name && !strcmp(n.name, "ptmx"))
		return 0; /* links.c */
	if (!n.name) {
		const char *path = without_slash(r, d->path);

		if (!path)
			return node_err(&n, -ENOMEM, "name", err);
		n.dir_fd = path_parent_in_root(r->root_fd, path,
					       MOUNTPOINT_MODE, &n.name);
		if (n.dir_fd < 0)
			return node_err(&n, n.dir_fd, "make a directory for",
					err);
		n.at_fd = n.dir_fd;
		fd_later(r, n.dir_fd);
	}
	return node_make(r, &n, err);
}

static int default_nodes_make(struct rootfs *r, const struct fresh *dev,
			      struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(defaults); i++) {
		struct node n = {
			.dev = &defaults[i],
			.mode = S_IFCHR | DEFAULT_MODE,
			.dir_fd = dev->write_fd,
			.at_fd = dev->mount_fd,
			.name = defaults[i].path + strlen("/dev/"),
		};
		int ret;

		if (spec_has(r->cfg.spec, defaults[i].path))
			continue;
		ret = node_make(r, &n, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int make_in_dev(struct rootfs *r, const struct fresh *dev,
		       struct err *err)
{
	int ret = default_nodes_make(r, dev, err);

	for (size_t i = 0; !ret && i < r->cfg.spec->linux_.device_count; i++) {
		fds_flush(r);
		ret = spec_node_make(r, i, dev, err);
	}
	return ret < 0 ? ret : links_make(dev->write_fd, err);
}

/* A /dev that is somebody else's gets no nodes from us, so what the
 * configuration lists has to be there. */
static int devices_in_bound_dev(struct rootfs *r, struct err *err)
{
	static const struct fresh none = { .mount_fd = -1, .write_fd = -1 };
	char clean[PATH_MAX];
	int ret = 0;

	for (size_t i = 0; !ret && i < r->cfg.spec->linux_.device_count; i++) {
		auto_fd int fd = -1;
		struct node n;
		struct stat st;

		spec_node_init(r, i, &n);
		if (path_clean(n.dev->path, clean, sizeof(clean)) < 0)
			return node_err(&n, -ENAMETOOLONG, "look at", err);
		if (!str_starts(clean, "/dev/")) {
			fds_flush(r);
			ret = spec_node_make(r, i, &none, err);
			continue;
		}
		fd = path_open_in_root(r->root_fd, clean, O_PATH);
		if (fd < 0 || fstat(fd, &st) < 0)
			return node_err(&n, fd < 0 ? fd : -errno,
					"find in the bound '/dev'", err);
		if (!node_matches(&n, &st))
			return err_at(
				err, -EEXIST, n.field,
				"'%s' of the bound '/dev' is no such device",
				n.dev->path);
	}
	return ret;
}

int devices_make(struct rootfs *r, struct err *err)
{
	const struct fresh *found = fresh_find(r, "/dev");
	struct fresh dev;
	int fd, ret;

	if (r->cfg.no_devices)
		return 0;
	if (!r->own_dev)
		return devices_in_bound_dev(r, err);
	if (found)
		return make_in_dev(r, found, err);
	fd = path_mkdir_in_root(r->root_fd, "/dev", MOUNTPOINT_MODE);
	if (fd < 0)
		return err_code(err, fd, "cannot open '/dev'");
	dev = (struct fresh){ .mount_fd = fd, .write_fd = fd };
	ret = make_in_dev(r, &dev, err);
	fd_later(r, fd);
	return ret;
}
