/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CMD_HULL_VMM_KLOG_H
#define HULL_CMD_HULL_VMM_KLOG_H

#include "cmd/hull-vmm/machine.h"

#define KLOG_BYTES_PER_S (64U << 10)

/**
 * klog_init() - read the guest's kernel log from a pipe, line by line.
 * @fd: non-blocking, taken
 * @to_log: each line goes to the log (that it is the guest's is said in it)
 *
 * Return: 0 or -errno of epoll_ctl(2).
 */
int klog_init(struct klog *klog, struct loop *loop, int fd, bool to_log);

/** klog_finish() - what is left in the pipe, once the guest has ended. */
void klog_finish(struct klog *klog);

#endif
