/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_BASE_PATH_H
#define HULL_BASE_PATH_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * The one module that resolves names below a directory that somebody else
 * controls. Everything returns an O_CLOEXEC descriptor or -errno. openat2(2)
 * does the work; where an outer seccomp filter or an old kernel denies it
 * (ENOSYS, EPERM) a walk over O_PATH|O_NOFOLLOW components gives the same
 * result. EAGAIN (a rename raced with the look-up) is retried a bounded number
 * of times.
 */

/**
 * path_open_own() - open an absolute path below the process's own root, which
 * links cannot leave; magic links are refused (-ELOOP).
 * @flags: as path_open_in_root()
 *
 * Return: descriptor, or -errno.
 */
int path_open_own(const char *path, int flags);

/**
 * path_open_in_root() - open a path as if @root_fd were "/": absolute links
 * and ".." stay inside (RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS).
 * @root_fd: directory, borrowed
 * @path:    absolute or relative, taken from @root_fd either way
 * @flags:   open(2) flags; O_CLOEXEC is added. O_NOFOLLOW concerns the last
 *           component, as ever
 *
 * Return: descriptor, or -errno (-ELOOP, -ENOENT, -ENOTDIR, -EAGAIN ...).
 */
int path_open_in_root(int root_fd, const char *path, int flags);

/**
 * path_open_beneath() - open a relative path that may contain no link at all
 * and may not leave @dir_fd's mount (BENEATH, NO_SYMLINKS, NO_MAGICLINKS,
 * NO_XDEV): for procfs, cgroupfs and the state directory.
 * @mode: for O_CREAT; the caller's umask applies
 *
 * Return: descriptor, or -errno (-EXDEV: absolute, "..", another mount;
 * -ELOOP: a link).
 */
int path_open_beneath(int dir_fd, const char *path, int flags, mode_t mode);

/**
 * path_open_below() - as path_open_beneath(), but mounts may be crossed: lxcfs
 * and LXD put files of their own over those of /proc.
 */
int path_open_below(int dir_fd, const char *path, int flags, mode_t mode);

/**
 * path_mkdir_in_root() - make a directory and its parents inside a root, as
 * `mkdir -p` would in a chroot; links on the way are followed inside the root.
 * @mode: of the directories that are made, as for mkdir(2). The set-up code
 *        runs with umask 0 and gets it exactly; a chmod(2) here would be one
 *        more call for each directory
 *
 * Return: O_PATH descriptor of the directory, or -errno (-ENOTDIR: something
 * on the way, or the end, is no directory).
 */
int path_mkdir_in_root(int root_fd, const char *path, mode_t mode);

/**
 * path_mkfile_in_root() - as path_mkdir_in_root() for the parents (0755), and
 * an empty regular file at the end unless something that is no directory
 * exists there.
 * @mode: of the file that is made
 *
 * Return: O_PATH descriptor of the file, or -errno (-EISDIR).
 */
int path_mkfile_in_root(int root_fd, const char *path, mode_t mode);

/**
 * path_parent_in_root() - open the directory that holds the last component,
 * making missing parents with @mode; for mknodat, symlinkat, unlinkat.
 * @name: receives the last component (a pointer into @path)
 *
 * Return: O_PATH descriptor, or -errno (-EINVAL: no last component, it is "."
 * or "..", or a slash follows it).
 */
int path_parent_in_root(int root_fd, const char *path, mode_t mode,
			const char **name);

/**
 * path_clean() - normalise an absolute path text: no empty component, no ".",
 * ".." folded ("/.." is "/"). Purely textual: used for comparing and showing,
 * never for deciding what is opened.
 * @out: receives the path, always absolute; may not overlap @path
 *
 * Return: 0 or -ENAMETOOLONG.
 */
int path_clean(const char *path, char *out, size_t size);

/** path_is_fs() - true when @fd lies on a filesystem of this magic. */
bool path_is_fs(int fd, unsigned long magic);

/**
 * path_force_fallback() - test switch: use the component walker from now on.
 */
void path_force_fallback(bool on);

#endif
