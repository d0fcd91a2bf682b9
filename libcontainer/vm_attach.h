/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_VM_ATTACH_H
#define HULL_LIBCONTAINER_VM_ATTACH_H

#include <stdbool.h>

struct arena;
struct ct;
struct err;
struct spec_process;

/**
 * struct vm_session - an additional process of a microVM: hull-vmm joins the
 * container in its place and passes on to the agent what concerns it.
 * @vmm_fd:    hull-vmm
 * @ctl_fd, @stream_fd: connections to vm.sock
 * @report_fd: hull-vmm's end; @answer_fd: ours
 * @config_fd: sealed memory with struct vm_attach and the process
 */
struct vm_session {
	int vmm_fd;
	int ctl_fd;
	int stream_fd[3];
	int report_fd;
	int answer_fd;
	int config_fd;
};

/**
 * vm_session_open() - everything that exec needs of the host.
 * @process: what is to run in the guest; becomes what hull-vmm itself applies
 */
int vm_session_open(struct vm_session *s, struct ct *ct,
		    struct spec_process *process, struct err *err);
void vm_session_close(struct vm_session *s);

/**
 * vm_session_keep_fds() - as vm_keep_fds().
 * @sync_fd, @slave_fd: updated
 */
int vm_session_keep_fds(struct vm_session *s, int *sync_fd, int *slave_fd,
			struct err *err);

/** vm_session_exec() - become hull-vmm. Returns only on failure. */
int vm_session_exec(const struct vm_session *s, struct err *err);

/** vm_session_wait() - until the process runs, or why it does not. */
int vm_session_wait(struct vm_session *s, struct err *err);

#endif
