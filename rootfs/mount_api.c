/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/mount_api.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"

#ifndef SYS_open_tree_attr
#define SYS_open_tree_attr                                 \
	467 /* Linux 6.15; one number everywhere but alpha \
	     */
#endif

int mnt_setattr(int fd, unsigned int flags, const struct mount_attr *attr)
{
	struct mount_attr copy = *attr; /* glibc's prototype lacks the const */

	if (mount_setattr(fd, "", flags | AT_EMPTY_PATH, &copy, sizeof(copy)))
		return -errno;
	return 0;
}

/* Return: tree, -ENOSYS when the call is missing or an outer filter denies
 * it, or -errno. */
static int clone_with_attr(int dir_fd, const char *path, unsigned int flags,
			   const struct mount_attr *attr)
{
	struct mount_attr copy = *attr;
	long fd = syscall(SYS_open_tree_attr, dir_fd, path, flags, &copy,
			  sizeof(copy));

	if (fd >= 0)
		return (int)fd;
	return errno == EPERM ? -ENOSYS : -errno;
}

int mnt_clone(int dir_fd, const char *path, unsigned int flags,
	      const struct mount_attr *attr)
{
	unsigned int tree_flags = flags | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
	auto_fd int tree_fd = -1;
	int ret;

	if (!*path)
		tree_flags |= AT_EMPTY_PATH;
	if (attr) {
		ret = clone_with_attr(dir_fd, path, tree_flags, attr);
		if (ret != -ENOSYS)
			return ret;
	}
	tree_fd = open_tree(dir_fd, path, tree_flags);
	if (tree_fd < 0)
		return -errno;
	if (attr) {
		ret = mnt_setattr(tree_fd, flags & AT_RECURSIVE, attr);
		if (ret < 0)
			return ret;
	}
	return take_fd(&tree_fd);
}

/* move_mount(2) says EINVAL where mount(2) says ENOTDIR. */
static bool kinds_differ(int tree_fd, int target_fd)
{
	struct stat a, b;

	if (fstat(tree_fd, &a) < 0 || fstat(target_fd, &b) < 0)
		return false;
	return S_ISDIR(a.st_mode) != S_ISDIR(b.st_mode);
}

int mnt_attach_at(int tree_fd, int dir_fd, const char *name)
{
	unsigned int flags = MOVE_MOUNT_F_EMPTY_PATH;
	int code;

	if (!*name)
		flags |= MOVE_MOUNT_T_EMPTY_PATH;
	if (!move_mount(tree_fd, "", dir_fd, name, flags))
		return 0;
	code = -errno;
	if (code == -EINVAL && !*name && kinds_differ(tree_fd, dir_fd))
		code = -ENOTDIR;
	return code;
}

int mnt_attach(int tree_fd, int target_fd)
{
	return mnt_attach_at(tree_fd, target_fd, "");
}

int mnt_fs_open(const char *type)
{
	int fd = fsopen(type, FSOPEN_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int mnt_fs_set(int fs_fd, const char *key, const char *value)
{
	unsigned int cmd = value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;

	return fsconfig(fs_fd, cmd, key, value, 0) ? -errno : 0;
}

int mnt_fs_mount(int fs_fd, unsigned int attrs)
{
	int fd;

	if (fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		return -errno;
	fd = fsmount(fs_fd, FSMOUNT_CLOEXEC, attrs);
	return fd < 0 ? -errno : fd;
}

/* One message per read(2): "e TEXT", "w TEXT" or "i TEXT". */
const char *mnt_fs_reason(int fs_fd, char *buf, size_t size)
{
	int saved = errno;
	char line[256];
	ssize_t len;

	buf[0] = '\0';
	while ((len = read(fs_fd, line, sizeof(line) - 1)) > 2) {
		line[len] = '\0';
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == 'e')
			snprintf(buf, size, " (%s)", line + 2);
	}
	errno = saved;
	return buf;
}
