/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/path.h"
#include "base/path_walk.h"

#define RACE_TRIES 64
#define PARENT_MODE 0755 /* of directories above a new file */

/*
 * The last component of @path, or NULL when there is none that could be made:
 * it is "." or "..", or a slash follows it.
 */
static const char *last_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return NULL;
	return name;
}

/* The text before @name, "/" for none. */
static int parent_text(const char *path, const char *name, char out[PATH_MAX])
{
	size_t len = (size_t)(name - path);

	if (len >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(out, path, len);
	if (!len)
		out[len++] = '/';
	out[len] = '\0';
	return 0;
}

/* Component by component, each missing one made where it is missing. */
static int make_walk(int root_fd, const char *path, mode_t mode, unsigned what)
{
	struct walk_how how = {
		.flags = O_PATH | (what & WALK_MKFILE ? 0 : O_DIRECTORY),
		.mode = mode,
		.dir_mode = what & WALK_MKFILE ? PARENT_MODE : mode,
		.what = WALK_IN_ROOT | WALK_MKDIR | what,
	};
	int fd = -EAGAIN;

	/* ENOENT: somebody removed what had been made or found */
	for (int i = 0; i < RACE_TRIES; i++) {
		fd = walk_open(root_fd, path, &how);
		if (fd != -EAGAIN && fd != -ENOENT)
			break;
	}
	return fd;
}

/*
 * The usual case of a missing last component: its parent is there. Return:
 * descriptor, or -EEXIST when the name is a link that leads nowhere (or
 * somebody else was faster), which only the walk can sort out.
 */
static int make_last(int root_fd, const char *path, mode_t mode, unsigned what)
{
	const char *name = last_name(path);
	auto_fd int parent_fd = -1;
	char parent[PATH_MAX];
	int flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
	int ret;

	if (!name)
		return -EEXIST;
	ret = parent_text(path, name, parent);
	if (ret < 0)
		return ret;
	parent_fd = path_open_in_root(root_fd, parent, O_PATH | O_DIRECTORY);
	if (parent_fd < 0)
		return parent_fd;
	if (what & WALK_MKFILE)
		ret = mknodat(parent_fd, name, S_IFREG | mode, 0);
	else
		ret = mkdirat(parent_fd, name, mode);
	if (ret < 0)
		return -errno;
	if (!(what & WALK_MKFILE))
		flags |= O_DIRECTORY;
	ret = openat(parent_fd, name, flags);
	return ret < 0 ? -errno : ret;
}

static int make_in_root(int root_fd, const char *path, mode_t mode,
			unsigned what)
{
	int fd = make_last(root_fd, path, mode, what);

	if (fd == -EEXIST || fd == -ENOENT)
		fd = make_walk(root_fd, path, mode, what);
	return fd;
}

int path_mkdir_in_root(int root_fd, const char *path, mode_t mode)
{
	int fd = path_open_in_root(root_fd, path, O_PATH | O_DIRECTORY);

	if (fd != -ENOENT || !*path)
		return fd;
	return make_in_root(root_fd, path, mode, 0);
}

int path_mkfile_in_root(int root_fd, const char *path, mode_t mode)
{
	auto_fd int fd = path_open_in_root(root_fd, path, O_PATH);
	struct stat st;

	if (fd >= 0) {
		if (fstat(fd, &st) < 0)
			return -errno;
		return S_ISDIR(st.st_mode) ? -EISDIR : take_fd(&fd);
	}
	if (fd != -ENOENT || !*path)
		return fd;
	return make_in_root(root_fd, path, mode, WALK_MKFILE);
}

int path_parent_in_root(int root_fd, const char *path, mode_t mode,
			const char **name)
{
	const char *last = last_name(path);
	char parent[PATH_MAX];
	int ret;

	if (!last)
		return -EINVAL;
	ret = parent_text(path, last, parent);
	if (ret < 0)
		return ret;
	ret = path_mkdir_in_root(root_fd, parent, mode);
	if (ret >= 0)
		*name = last;
	return ret;
}
