/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CMD_HULL_VMM_FSPROC_H
#define HULL_CMD_HULL_VMM_FSPROC_H

struct err;
struct guest_mem;
struct vm_config;

/**
 * struct fsproc - the fs server's process.
 * @pidfd: readable once it has ended
 * @ctl_fd: the VMM's end of the socket; the process ends when it is closed
 */
struct fsproc {
	int pidfd;
	int ctl_fd;
};

/**
 * fsproc_start() - fork the server of the root filesystem: "/" as this process
 * sees it. To be called before there is a second thread, by a process that
 * still has all its privileges: the server keeps some that the VMM gives up.
 *
 * Return: 0 or -errno.
 */
int fsproc_start(const struct vm_config *config, const struct guest_mem *mem,
		 struct fsproc *proc, struct err *err);

#endif
