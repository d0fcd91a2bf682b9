/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_BASE_FD_H
#define HULL_BASE_FD_H

/**
 * fd_cloexec_from() - mark every descriptor from @first up close-on-exec
 * (close_range(2) with CLOSE_RANGE_CLOEXEC, or a walk over /proc/self/fd).
 *
 * Return: 0 or -errno.
 */
int fd_cloexec_from(int first);

/**
 * fd_set_cloexec() - set or clear close-on-exec.
 *
 * Return: 0 or -errno (-EBADF: not open).
 */
int fd_set_cloexec(int fd, int on);

/**
 * fd_stdio_guard() - open /dev/null on those of 0, 1, 2 that are closed, so
 * that no later descriptor lands there.
 *
 * Return: 0 or -errno.
 */
int fd_stdio_guard(void);

#endif
