/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_JOIN_H
#define HULL_LIBCONTAINER_JOIN_H

#include "libcontainer/init.h"
#include "libcontainer/vm_attach.h"

/**
 * struct join - an additional process on its way into a container.
 * @init_pidfd: the container's first process
 * @ns_flags: CLONE_NEW* to join
 * @ns_given, @ns: init has handed its namespaces over: gate_namespaces()
 * @ps, @filter, @proc_fd, @first_fd, @rows, @cols, @extra_env: as in struct
 *           init
 * @cgroup_fd: where it starts, or -1
 * @notify: the filter's agent, agent_fd -1 without one; @spec and @state (the
 *          container's state document) are for it
 * @place:    where the container's cgroup is, for a process that could not be
 *            cloned into it: its driver puts it there
 * @outside:  that was so
 * @vm: of a microVM, or NULL
 * @pid, @pidfd: of the new process, once it is there
 */
struct join {
	int init_pidfd;
	int ns_flags;
	bool ns_given;
	struct ns_plan ns;
	struct process_ctx ps;
	struct seccomp_prog filter;
	struct seccomp_notify notify;
	const struct spec *spec;
	char *state;
	int cgroup_fd;
	int proc_fd;
	int parent_sync;
	int child_sync;
	int first_fd;
	unsigned short rows;
	unsigned short cols;
	const char *extra_env[4];
	struct vm_session *vm;
	pid_t pid;
	int pidfd;
	const struct cg_place *place;
	bool outside;
};

/**
 * join_spawn() - start the process; it waits for SYNC_GO with everything
 * applied to it already.
 * @console_fd: receives the terminal's master where process.terminal is set
 *
 * Return: 0, -EBUSY (the cgroup takes no processes: try another), ...
 */
int join_spawn(struct join *j, int *console_fd, struct err *err);

/** join_go() - let it execute. Return: 0 once execve(2) has succeeded. */
int join_go(struct join *j, struct err *err);

/** join_abort() - kill and reap it. */
void join_abort(struct join *j);

#endif
