/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CMD_HULL_VMM_RUN_H
#define HULL_CMD_HULL_VMM_RUN_H

/** vmm_run() - `hull-vmm run FD`: the container's init in vm mode. Ends the
 * process, or returns its exit status. */
int vmm_run(int config_fd);

/** vmm_attach() - `hull-vmm attach FD`: one more process in the VM. */
int vmm_attach(int config_fd);

/**
 * block_signals() - all of them, in all threads to come.
 *
 * Return: a signalfd with those that go to the workload, or -errno.
 */
int block_signals(void);

#endif
