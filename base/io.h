/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_BASE_IO_H
#define HULL_BASE_IO_H

#include <stddef.h>
#include <sys/types.h>

struct err;

/**
 * io_read_full() - read until @len bytes, end of file or an error.
 *
 * Return: bytes read, or -errno (EINTR is retried).
 */
ssize_t io_read_full(int fd, void *buf, size_t len);

/**
 * io_write_full() - write all of @len bytes.
 *
 * Return: 0, or -errno (EINTR is retried).
 */
int io_write_full(int fd, const void *buf, size_t len);

/**
 * io_read_text() - read a small text file (proc, sysfs, cgroup) whole.
 * @dir_fd: directory, borrowed; @name is opened beneath it without following
 *          links (openat2: BENEATH, NO_SYMLINKS, NO_MAGICLINKS)
 * @buf:    receives the text, NUL-terminated, final newline removed
 *
 * Return: length, -EFBIG when it does not fit in @size - 1, or -errno.
 */
ssize_t io_read_text(int dir_fd, const char *name, char *buf, size_t size);

/**
 * io_write_text() - write a string to an existing file in one write(2), as
 * proc, sysfs and cgroup files want it.
 * @dir_fd: as for io_read_text(); the file is never created
 *
 * Return: 0, or -errno.
 */
int io_write_text(int dir_fd, const char *name, const char *text);

/**
 * io_load() - read a regular file into fresh memory.
 * @fd:        open for reading, borrowed
 * @max_bytes: a larger file is refused before anything is read
 * @data:      receives memory that the caller frees; one NUL byte follows
 * @len:       receives the length
 *
 * Return: 0, -EFBIG, -EINVAL (not a regular file), -ENOMEM or -errno.
 */
int io_load(int fd, size_t max_bytes, char **data, size_t *len);

/**
 * io_replace() - write a file atomically: a temporary name in the same
 * directory (O_EXCL), exchanged for what was there (renameat2(2)). It is not
 * made to survive a crash of the machine: fsync(2) is the caller's.
 * @dir_fd: directory, borrowed
 * @name:   final name, no slash
 * @mode:   exact mode of the file (umask does not matter)
 *
 * Return: 0, or -errno; on failure the temporary file is gone.
 */
int io_replace(int dir_fd, const char *name, const void *data, size_t len,
	       mode_t mode);

#endif
