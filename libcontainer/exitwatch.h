/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_EXITWATCH_H
#define HULL_LIBCONTAINER_EXITWATCH_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * How a process that is nobody's child of ours ended, on kernels whose pidfds
 * do not tell (before Linux 6.15): the proc connector announces each end on
 * the machine. Root of the initial user, pid and network namespaces only.
 */

/** exitwatch_needed() - false when a pidfd tells the status of a process that
 * has been reaped; tried with a child. */
bool exitwatch_needed(void);

/**
 * exitwatch_open() - subscribe to the end of one process. Look whether it is
 * still alive afterwards: what happened before is not told.
 *
 * Return: descriptor (non-blocking, close-on-exec), or -errno.
 */
int exitwatch_open(pid_t pid);

/**
 * exitwatch_read() - the end of the process, which its pidfd has announced:
 * the message comes a moment later. Waits at most a second or so.
 *
 * Return: 0, or -EAGAIN (nothing was told).
 */
int exitwatch_read(int fd, pid_t pid, int *wait_status);

#endif
