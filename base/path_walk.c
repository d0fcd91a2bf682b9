/* SPDX-License-Identifier: Apache-2.0 */
#include "base/path_walk.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdint.h>
#include <string.h>

#include "base/auto.h"
#include "base/path.h"
#include "base/statx.h"

#define LINKS_MAX 40    /* as MAXSYMLINKS of the kernel */
#define OPENS_MAX 16384 /* an image must not keep the walker busy for long */

/**
 * struct walk - how far a walk has come.
 * @dir_fd: where it began, borrowed
 * @at_fd:  where it is; equal to @dir_fd or owned
 * @done:   names from @dir_fd to @at_fd, without links, "." and ".."
 * @rest:   what is left to resolve
 */
struct walk {
	const struct walk_how *how;
	int dir_fd;
	int at_fd;
	unsigned links;
	unsigned opens;
	uint64_t mount_id;
	size_t done_len;
	char done[PATH_MAX];
	char rest[PATH_MAX];
};

struct node {
	mode_t mode;
	uint64_t mount_id;
};

/*
 * The mount tells a bind mount of the same filesystem, too; kernels before 5.8
 * and old seccomp filters leave only the device number.
 */
static int node_stat(int fd, struct node *node)
{
	struct statx stx;
	struct stat st;

	if (!statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW,
		   STATX_BASIC_STATS | STATX_MNT_ID, &stx) &&
	    (stx.stx_mask & STATX_MNT_ID)) {
		node->mode = stx.stx_mode;
		node->mount_id = stx.stx_mnt_id;
		return 0;
	}
	if (fstat(fd, &st) < 0)
		return -errno;
	node->mode = st.st_mode;
	node->mount_id = st.st_dev;
	return 0;
}

static int check_mount(const struct walk *w, const struct node *node)
{
	if (!(w->how->what & WALK_NO_XDEV) || node->mount_id == w->mount_id)
		return 0;
	return -EXDEV;
}

static void leave(struct walk *w)
{
	if (w->at_fd != w->dir_fd)
		auto_close_fd(&w->at_fd);
	w->at_fd = w->dir_fd;
}

static int open_component(struct walk *w, int at_fd, const char *name)
{
	int fd;

	if (++w->opens > OPENS_MAX)
		return -ELOOP;
	fd = openat(at_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Step into a directory whose descriptor is given; it is taken. */
static int enter(struct walk *w, const char *name, int *fd)
{
	size_t len = strlen(name);

	if (w->done_len + len + 2 > sizeof(w->done))
		return -ENAMETOOLONG;
	w->done[w->done_len++] = '/';
	memcpy(w->done + w->done_len, name, len + 1);
	w->done_len += len;
	leave(w);
	w->at_fd = take_fd(fd);
	return 0;
}

/* The first component of @path is cut off and copied; false at the end. */
static bool next_name(const char **path, char name[NAME_MAX + 1], int *ret)
{
	size_t len;

	*path += strspn(*path, "/");
	len = strcspn(*path, "/");
	*ret = 0;
	if (!len)
		return false;
	if (len > NAME_MAX) {
		*ret = -ENAMETOOLONG;
		return false;
	}
	memcpy(name, *path, len);
	name[len] = '\0';
	*path += len;
	return true;
}

/*
 * "..": go down again from the start by names that were no links. Opening ".."
 * itself would follow a directory that somebody moves out of the root
 * meanwhile. Who swaps a name now gets an error, and nothing is left.
 */
static int step_up(struct walk *w)
{
	char *slash = strrchr(w->done, '/');
	const char *path = w->done;
	char name[NAME_MAX + 1];
	int ret;

	if (!slash)
		return w->how->what & WALK_IN_ROOT ? 0 : -EXDEV;
	*slash = '\0';
	w->done_len = (size_t)(slash - w->done);
	leave(w);
	while (next_name(&path, name, &ret)) {
		auto_fd int fd = open_component(w, w->at_fd, name);
		struct node node = { 0 };

		if (fd < 0)
			return fd == -ENOENT ? -EAGAIN : fd;
		ret = node_stat(fd, &node);
		if (ret < 0)
			return ret;
		if (!S_ISDIR(node.mode))
			return -EAGAIN;
		leave(w);
		w->at_fd = take_fd(&fd);
	}
	return ret;
}

/* Put a link's text in the place of its name. */
static int expand_link(struct walk *w, int link_fd)
{
	char text[PATH_MAX];
	size_t rest_len = strlen(w->rest);
	ssize_t len;

	if (!(w->how->what & WALK_IN_ROOT) || ++w->links > LINKS_MAX ||
	    path_is_fs(link_fd, PROC_SUPER_MAGIC))
		return -ELOOP;
	len = readlinkat(link_fd, "", text, sizeof(text));
	if (len < 0)
		return -errno;
	if (!len)
		return -ENOENT;
	/* @rest is empty or begins with a slash */
	if ((size_t)len + rest_len >= sizeof(w->rest))
		return -ENAMETOOLONG;
	memmove(w->rest + len, w->rest, rest_len + 1);
	memcpy(w->rest, text, (size_t)len);
	if (text[0] == '/') {
		leave(w);
		w->done_len = 0;
		w->done[0] = '\0';
	}
	return 0;
}

/*
 * Make what is missing. That somebody else was faster is no error: the caller
 * looks at what is there now in any case.
 */
static int make_component(struct walk *w, const char *name, bool last)
{
	const struct walk_how *how = w->how;
	int ret;

	if (last && (how->what & WALK_MKFILE))
		ret = mknodat(w->at_fd, name, S_IFREG | how->mode, 0);
	else if (how->what & WALK_MKDIR)
		ret = mkdirat(w->at_fd, name, how->dir_mode);
	else
		return -ENOENT;
	return ret < 0 && errno != EEXIST ? -errno : 0;
}

/* The final open, relative to the directory that the walk has reached. */
static int open_last(struct walk *w, const char *name)
{
	auto_fd int fd = -1;
	struct node node = { 0 };
	int ret;

	fd = openat(w->at_fd, name, w->how->flags | O_NOFOLLOW | O_CLOEXEC,
		    w->how->mode);
	if (fd < 0)
		return -errno;
	if (!(w->how->what & WALK_NO_XDEV))
		return take_fd(&fd);
	/* something may have been mounted there since it was looked at */
	ret = node_stat(fd, &node);
	if (!ret)
		ret = check_mount(w, &node);
	return ret < 0 ? ret : take_fd(&fd);
}

/* The last component is there, its O_PATH descriptor is taken. */
static int finish(struct walk *w, const char *name, const struct node *node,
		  int *fd)
{
	int flags = w->how->flags;
	bool is_link = S_ISLNK(node->mode);

	if ((flags & O_DIRECTORY) && !S_ISDIR(node->mode))
		return -ENOTDIR;
	if ((w->how->what & WALK_MKFILE) && S_ISDIR(node->mode))
		return -EISDIR;
	if (flags & O_PATH)
		return take_fd(fd);
	if ((flags & O_CREAT) && (flags & O_EXCL))
		return -EEXIST;
	return is_link ? -ELOOP : open_last(w, name);
}

static bool follows_last(int flags)
{
	bool exclusive = (flags & O_CREAT) && (flags & O_EXCL);

	return !(flags & O_NOFOLLOW) && !exclusive;
}

/*
 * One component. Return: 0 to go on, a descriptor + 1 at the end, or -errno.
 * With @slash, more follows or a slash does: it must be a directory.
 */
static int step(struct walk *w, const char *name, bool last, bool slash)
{
	const int flags = w->how->flags;
	auto_fd int fd = open_component(w, w->at_fd, name);
	struct node node = { 0 };
	int ret;

	if (fd == -ENOENT && last && (flags & O_CREAT)) {
		ret = slash ? -EISDIR : open_last(w, name);
		return ret < 0 ? ret : ret + 1;
	}
	if (fd == -ENOENT) {
		if (last && slash && (w->how->what & WALK_MKFILE))
			return -EISDIR;
		ret = make_component(w, name, last);
		if (ret < 0)
			return ret;
		fd = open_component(w, w->at_fd, name);
	}
	if (fd < 0)
		return fd;
	ret = node_stat(fd, &node);
	if (!ret)
		ret = check_mount(w, &node);
	if (ret < 0)
		return ret;
	if (S_ISLNK(node.mode) && (!last || slash || follows_last(flags)))
		return expand_link(w, fd);
	if (!last || slash) {
		if (!S_ISDIR(node.mode))
			return -ENOTDIR;
		return enter(w, name, &fd);
	}
	ret = finish(w, name, &node, &fd);
	return ret < 0 ? ret : ret + 1;
}

/* The path ended in a directory by name, a slash, "." or "..". */
static int finish_here(struct walk *w)
{
	int flags = w->how->flags;

	if (w->how->what & WALK_MKFILE)
		return -EISDIR;
	if (flags & O_CREAT)
		return flags & O_EXCL ? -EEXIST : -EISDIR;
	return open_last(w, ".");
}

static int walk_all(struct walk *w)
{
	char name[NAME_MAX + 1];
	int ret;

	for (;;) {
		const char *rest = w->rest;
		bool slash, last;

		if (!next_name(&rest, name, &ret))
			return ret < 0 ? ret : finish_here(w);
		slash = *rest == '/';
		last = !rest[strspn(rest, "/")];
		memmove(w->rest, rest, strlen(rest) + 1);
		if (!strcmp(name, "."))
			continue;
		if (!strcmp(name, ".."))
			ret = step_up(w);
		else
			ret = step(w, name, last, slash);
		if (ret)
			return ret < 0 ? ret : ret - 1;
	}
}

int walk_open(int dir_fd, const char *path, const struct walk_how *how)
{
	struct walk w = { .how = how, .dir_fd = dir_fd, .at_fd = dir_fd };
	size_t len = strlen(path);
	struct node node = { 0 };
	int ret;

	if (!len)
		return -ENOENT;
	if (len >= sizeof(w.rest))
		return -ENAMETOOLONG;
	if (*path == '/' && !(how->what & WALK_IN_ROOT))
		return -EXDEV;
	if (how->what & WALK_NO_XDEV) {
		ret = node_stat(dir_fd, &node);
		if (ret < 0)
			return ret;
		w.mount_id = node.mount_id;
	}
	memcpy(w.rest, path, len + 1);
	ret = walk_all(&w);
	leave(&w);
	return ret;
}
