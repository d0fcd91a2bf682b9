/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_PROCESS_SECCOMP_NOTIFY_H
#define HULL_LIBCONTAINER_PROCESS_SECCOMP_NOTIFY_H

#include "libcontainer/process/process.h"

/**
 * seccomp_notify_load() - put the caller under a filter and hand its listener
 * to the agent. From the filter on, the caller makes no system call itself.
 *
 * Return: 0, or -1 with errno set: of seccomp(2), clone(2), mmap(2), or EPIPE
 * when the agent has gone.
 */
int seccomp_notify_load(unsigned int flags, struct sock_fprog *prog,
			const struct seccomp_notify *notify);

#endif
