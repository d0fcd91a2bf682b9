/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_BASE_SOCK_H
#define HULL_BASE_SOCK_H

#include <stddef.h>
#include <sys/types.h>

#define SOCK_MAX_FDS 16

/**
 * sock_connect() - connect to a stream socket in the filesystem; a path too
 * long for sun_path is reached through its directory's descriptor.
 *
 * Return: descriptor (close-on-exec), or -errno.
 */
int sock_connect(const char *path);

/**
 * sock_listen_at() - bind and listen on a name in a directory.
 * @dir_fd: directory, borrowed
 * @name:   no slash
 *
 * Return: descriptor (close-on-exec, mode 0600 on the inode), or -errno.
 */
int sock_listen_at(int dir_fd, const char *name);

/** sock_connect_at() - connect to a name in a directory; as sock_connect(). */
int sock_connect_at(int dir_fd, const char *name);

/**
 * sock_send() - one message with at most SOCK_MAX_FDS descriptors attached.
 * @len: at least 1
 *
 * Return: 0, or -errno (SIGPIPE is never raised).
 */
int sock_send(int fd, const void *data, size_t len, const int *fds,
	      size_t fd_count);

/**
 * sock_recv() - one message; descriptors arrive close-on-exec, and those that
 * the caller has no room for are closed.
 * @fds:      room for @fd_count descriptors, filled with -1 first
 *
 * Return: bytes (0: end of file), or -errno.
 */
ssize_t sock_recv(int fd, void *data, size_t size, int *fds, size_t fd_count);

#endif
