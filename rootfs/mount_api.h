/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_ROOTFS_MOUNT_API_H
#define HULL_ROOTFS_MOUNT_API_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>

/*
 * The mount calls of Linux 5.2 and later, one step above libc. A "tree" is the
 * descriptor of a mount that open_tree(2) or fsmount(2) made: detached until
 * mnt_attach(), and naming the attached mount afterwards.
 */

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

struct err;

/**
 * mnt_setattr() - change attributes of a mount that a descriptor names.
 * @flags: 0 or AT_RECURSIVE
 *
 * Return: 0 or -errno (-EINVAL: not the root of a mount).
 */
int mnt_setattr(int fd, unsigned int flags, const struct mount_attr *attr);

/**
 * mnt_clone() - a detached copy of a mount, or of the part below a directory.
 * @dir_fd, @path: as for openat(2); AT_EMPTY_PATH is added for ""
 * @flags: AT_RECURSIVE, AT_SYMLINK_NOFOLLOW
 * @attr:  attributes of the copy (of all its mounts with AT_RECURSIVE), set
 *         before anybody can reach it, or NULL
 *
 * Return: tree, or -errno.
 */
int mnt_clone(int dir_fd, const char *path, unsigned int flags,
	      const struct mount_attr *attr);

/**
 * mnt_attach() - attach a tree to the file or directory that a descriptor
 * names, on top of what is mounted there.
 *
 * Return: 0, or -ENOTDIR (one is a directory, the other is not), or -errno.
 */
int mnt_attach(int tree_fd, int target_fd);

/**
 * mnt_attach_at() - as mnt_attach(), to the child of a directory that is called
 * @name. A link of that name is not followed.
 * @name: without '/'
 *
 * Return: 0, -ENOENT, -EINVAL (a file over a directory, or the other way), or
 * -errno as mnt_attach().
 */
int mnt_attach_at(int tree_fd, int dir_fd, const char *name);

/**
 * mnt_fs_open() - begin a new filesystem.
 *
 * Return: descriptor of its configuration, or -errno (-ENODEV: no such type).
 */
int mnt_fs_open(const char *type);

/** mnt_fs_set() - one option; @value NULL for one without value. */
int mnt_fs_set(int fs_fd, const char *key, const char *value);

/**
 * mnt_fs_mount() - make the filesystem and its detached mount.
 * @attrs: MOUNT_ATTR_*
 *
 * Return: tree, or -errno.
 */
int mnt_fs_mount(int fs_fd, unsigned int attrs);

/**
 * mnt_fs_reason() - what the kernel logged about the last failure on a
 * configuration descriptor, as " (text)"; "" when it said nothing. Keeps errno.
 *
 * Return: @buf.
 */
const char *mnt_fs_reason(int fs_fd, char *buf, size_t size);

#endif
