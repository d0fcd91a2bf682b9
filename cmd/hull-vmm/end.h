/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CMD_HULL_VMM_END_H
#define HULL_CMD_HULL_VMM_END_H

#include "microvm/vmm.h"

/**
 * end_write() - the exit record.
 *
 * Return: 0 or -errno.
 */
int end_write(int exit_fd, const struct vm_exit *end);

/**
 * end_as() - end this process as the workload ended: the same code, or by the
 * same signal. Process 1 of a pid namespace cannot be killed by its own
 * signals: it ends with 128 + N then.
 * @own_pid: getpid(), asked for before the jail
 * @status: as wait(2) has it
 */
_Noreturn void end_as(int own_pid, int status);

#endif
