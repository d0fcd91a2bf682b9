/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "rootfs/internal.h"

/*
 * tmpcopyup: what the image has in the directory, copied into the tmpfs that
 * will cover it. Everything by descriptor and single names, no link is
 * followed; other filesystems mounted below are not descended into.
 */

#define DEPTH_MAX 64
#define KNOWN_LISTS 4096
#define NAMES_MAX 65536 /* bytes of one file's list of extended attributes */

/* A file with more than one name, so that its second name can be a link. */
struct known {
	struct known *next;
	dev_t dev;
	ino_t ino;
	char path[]; /* in the tmpfs, relative */
};

struct copy {
	int root_fd;          /* the tmpfs */
	dev_t dev;            /* of the source */
	struct known **known; /* KNOWN_LISTS of them, by number of the inode */
	char path[PATH_MAX]; /* of the present directory, relative, "" at top */
	unsigned int depth;
	struct err *err;
};

static int copy_dir(struct copy *c, int from_fd, int to_fd);

static int copy_err(struct copy *c, int code, const char *what,
		    const char *name)
{
	return err_set(c->err, code, "cannot %s '%s%s%s': %s", what, c->path,
		       *c->path ? "/" : "", name, err_text(code));
}

/* An attribute that tmpfs or a user namespace does not take is left out. */
static void copy_xattrs(int from_fd, int to_fd)
{
	auto_free char *names = NULL, *value = NULL;
	ssize_t len = flistxattr(from_fd, NULL, 0);

	if (len <= 0 || len > NAMES_MAX)
		return;
	names = malloc((size_t)len);
	value = malloc(XATTR_SIZE_MAX);
	if (!names || !value)
		return;
	len = flistxattr(from_fd, names, (size_t)len);
	for (char *name = names; len > 0 && name < names + len;
	     name += strlen(name) + 1) {
		ssize_t size = fgetxattr(from_fd, name, value, XATTR_SIZE_MAX);

		if (size >= 0)
			(void)!fsetxattr(to_fd, name, value, (size_t)size, 0);
	}
}

/* Owner before mode: chown(2) clears set-id bits, and file capabilities, so
 * the extended attributes come after it too. Times last. */
static int copy_meta(int from_fd, int to_fd, const struct stat *st)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fchown(to_fd, st->st_uid, st->st_gid) < 0 ||
	    fchmod(to_fd, st->st_mode & 07777) < 0)
		return -errno;
	copy_xattrs(from_fd, to_fd);
	return futimens(to_fd, times) < 0 ? -errno : 0;
}

/* sendfile(2) reads any filesystem into the page cache of another. */
static int copy_data(int from_fd, int to_fd)
{
	for (;;) {
		ssize_t n = sendfile(to_fd, from_fd, NULL, 1 << 30);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
	}
}

static int copy_file(int from_dir, int to_dir, const char *name)
{
	auto_fd int from_fd = -1, to_fd = -1;
	struct stat st;
	int ret;

	from_fd = openat(from_dir, name,
			 O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (from_fd < 0 || fstat(from_fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EAGAIN; /* exchanged while we looked */
	to_fd = openat(to_dir, name,
		       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		       0600);
	if (to_fd < 0)
		return -errno;
	ret = copy_data(from_fd, to_fd);
	return ret < 0 ? ret : copy_meta(from_fd, to_fd, &st);
}

static int copy_link(int from_dir, int to_dir, const char *name,
		     const struct stat *st)
{
	char text[PATH_MAX];
	ssize_t len = readlinkat(from_dir, name, text, sizeof(text) - 1);

	if (len < 0)
		return -errno;
	text[len] = '\0';
	if (symlinkat(text, to_dir, name) < 0 ||
	    fchownat(to_dir, name, st->st_uid, st->st_gid,
		     AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int copy_node(int to_dir, const char *name, const struct stat *st)
{
	if (mknodat(to_dir, name, st->st_mode, st->st_rdev) < 0 ||
	    fchownat(to_dir, name, st->st_uid, st->st_gid,
		     AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int copy_subdir(struct copy *c, int from_dir, int to_dir,
		       const char *name, const struct stat *st)
{
	auto_fd int from_fd = -1, to_fd = -1;
	size_t len = strlen(c->path);
	int ret;

	if (c->depth == DEPTH_MAX || len + 1 + strlen(name) >= sizeof(c->path))
		return copy_err(c, -ENAMETOOLONG, "descend into", name);
	from_fd = openat(from_dir, name,
			 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (from_fd < 0 || mkdirat(to_dir, name, 0700) < 0)
		return copy_err(c, -errno, "copy", name);
	to_fd = openat(to_dir, name,
		       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to_fd < 0)
		return copy_err(c, -errno, "copy", name);
	if (st->st_dev == c->dev) {
		snprintf(c->path + len, sizeof(c->path) - len, "%s%s",
			 len ? "/" : "", name);
		c->depth++;
		ret = copy_dir(c, from_fd, to_fd);
		c->depth--;
		c->path[len] = '\0';
		if (ret < 0)
			return ret;
	}
	ret = copy_meta(from_fd, to_fd, st);
	return ret < 0 ? copy_err(c, ret, "copy", name) : 0;
}

/* An image may have any number of such files. */
static struct known **list_of(const struct copy *c, const struct stat *st)
{
	return &c->known[st->st_ino % KNOWN_LISTS];
}

/* Return: 1 when the file was there under another name, and is now linked. */
static int copy_known(struct copy *c, int to_dir, const char *name,
		      const struct stat *st)
{
	for (struct known *k = *list_of(c, st); k; k = k->next)
		if (k->dev == st->st_dev && k->ino == st->st_ino)
			return linkat(c->root_fd, k->path, to_dir, name, 0) < 0
				       ? -errno
				       : 1;
	return 0;
}

static int remember(struct copy *c, const char *name, const struct stat *st)
{
	size_t size = strlen(c->path) + 1 + strlen(name) + 1;
	struct known *k = malloc(sizeof(*k) + size);
	struct known **list = list_of(c, st);

	if (!k)
		return -ENOMEM;
	k->dev = st->st_dev;
	k->ino = st->st_ino;
	snprintf(k->path, size, "%s%s%s", c->path, *c->path ? "/" : "", name);
	k->next = *list;
	*list = k;
	return 0;
}

static int copy_other(struct copy *c, int from_dir, int to_dir,
		      const char *name, const struct stat *st)
{
	bool many = st->st_nlink > 1;
	int ret = many ? copy_known(c, to_dir, name, st) : 0;

	if (ret)
		return ret < 0 ? ret : 0;
	if (S_ISREG(st->st_mode))
		ret = copy_file(from_dir, to_dir, name);
	else if (S_ISLNK(st->st_mode))
		ret = copy_link(from_dir, to_dir, name, st);
	else
		ret = copy_node(to_dir, name, st);
	return ret || !many ? ret : remember(c, name, st);
}

static int copy_entry(struct copy *c, int from_dir, int to_dir,
		      const char *name)
{
	struct stat st;
	int ret;

	if (fstatat(from_dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return copy_err(c, -errno, "look at", name);
	if (S_ISDIR(st.st_mode))
		return copy_subdir(c, from_dir, to_dir, name, &st);
	if (st.st_dev != c->dev)
		return 0;
	ret = copy_other(c, from_dir, to_dir, name, &st);
	return ret < 0 ? copy_err(c, ret, "copy", name) : 0;
}

static int copy_dir(struct copy *c, int from_fd, int to_fd)
{
	int fd = fcntl(from_fd, F_DUPFD_CLOEXEC, 0);
	auto_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir)
		return copy_err(c, -errno, "read", "");
	for (errno = 0; (entry = readdir(dir)); errno = 0) {
		int ret;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		ret = copy_entry(c, from_fd, to_fd, entry->d_name);
		if (ret < 0)
			return ret;
	}
	return errno ? copy_err(c, -errno, "read", "") : 0;
}

static void forget_all(struct known **lists)
{
	for (size_t i = 0; i < KNOWN_LISTS; i++)
		while (lists[i]) {
			struct known *next = lists[i]->next;

			free(lists[i]);
			lists[i] = next;
		}
}

/* The top: what no option of the mount has set is the directory's own. */
static int copy_top(int to_fd, const struct stat *st, bool keep_mode,
		    bool keep_owner)
{
	if (!keep_owner && fchown(to_fd, st->st_uid, st->st_gid) < 0)
		return -errno;
	if (!keep_mode && fchmod(to_fd, st->st_mode & 07777) < 0)
		return -errno;
	return 0;
}

int tmpfs_copy_up(int from_fd, int tree_fd, bool keep_mode, bool keep_owner,
		  struct err *err)
{
	int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	auto_fd int from = openat(from_fd, ".", flags);
	auto_fd int to = openat(tree_fd, ".", flags);
	auto_free struct known **known = calloc(KNOWN_LISTS, sizeof(*known));
	struct copy c = { .root_fd = to, .known = known, .err = err };
	struct stat st;
	int ret;

	if (!known)
		return err_set(err, -ENOMEM, "out of memory");
	if (from < 0 || to < 0 || fstat(from, &st) < 0)
		return err_sys(err, "cannot open the directory");
	c.dev = st.st_dev;
	ret = copy_dir(&c, from, to);
	forget_all(known);
	if (ret < 0)
		return ret;
	ret = copy_top(to, &st, keep_mode, keep_owner);
	return ret < 0 ? err_code(err, ret, "cannot set mode and owner") : 0;
}
