/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_INIT_H
#define HULL_LIBCONTAINER_INIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "libcontainer/process/process.h"
#include "libcontainer/state.h"
#include "namespaces/ns.h"

struct rootfs;
struct vm;

/**
 * struct init - everything the two sides of a create or run share: filled in
 * before the clone, read by the child from its copy of the memory.
 * @ct:       the container, locked
 * @spec:     of the container
 * @ns:       what is made and what is joined
 * @rootfs:   opened
 * @ps:       what the process applies to itself
 * @filter:   compiled, if @ps.filter points at it
 * @notify: its agent, agent_fd -1 without one
 * @cgroup_fd: -1 without a cgroup
 * @hold:     keeps a systemd scope until init is in it
 * @outside:  init was cloned outside of its cgroup and waits to be put there
 * @gate_fd:  listening gate (create), or -1 (run)
 * @by_user:  hull runs without root
 * @ns_dir_fd: init's /proc/PID/ns while it waits at the gate of such a hull
 * @parent_sync, @child_sync: the two ends
 * @extra_env: NULL-terminated, at most 4
 * @first_fd: lowest descriptor that the workload must not inherit
 * @rows, @cols: of the terminal, or 0, 0
 * @need_ready: the parent waits for SYNC_READY before it says go
 * @joined:   a joiner has joined the namespaces already
 * @ignored:  signals that init inherited as ignored
 * @pidfd, @pid: of init, once cloned
 * @vm:       of a microVM, or NULL
 */
struct init {
	struct ct *ct;
	struct spec_process process; /* the spec's, less what cannot be had */
	const struct spec *spec;
	struct ns_plan ns;
	struct rootfs *rootfs;
	struct process_ctx ps;
	struct seccomp_prog filter;
	struct seccomp_notify notify;
	int cgroup_fd;
	struct cg_hold hold;
	int gate_fd;
	int ns_dir_fd;
	int proc_fd;
	int parent_sync;
	int child_sync;
	const char *extra_env[5];
	int first_fd;
	unsigned short rows;
	unsigned short cols;
	bool need_ready;
	bool joined;
	bool outside;
	bool by_user;
	uint32_t ignored;
	int pidfd;
	pid_t pid;
	struct vm *vm;
};

/**
 * init_waits() - true when the child must do nothing before its parent has
 * written id maps or moved it: into cgroups that clone3(2) could not reach, or
 * into v1 hierarchies, as its cgroup namespace begins where it is.
 */
bool init_waits(const struct init *in);

/** init_has_userns() - true when the workload lives in a user namespace. */
bool init_has_userns(const struct init *in);

/**
 * init_spawn() - clone the container's first process, through a joiner where
 * namespaces must be joined before the clone. Closes the child's sync end here.
 *
 * Return: 0 with @in->pid and @in->pidfd set; the child waits or works.
 */
int init_spawn(struct init *in, struct err *err);

/** init_child() - the child's whole life; does not return. */
void init_child(struct init *in) __attribute__((noreturn));

/**
 * init_handshake() - the parent's side up to the point where the child needs
 * nothing more: maps, v1 cgroups, oom score, record, hooks, console, limits.
 * @console_fd: receives the terminal's master, or -1
 *
 * Return: 0; the caller says go: init_go().
 */
int init_handshake(struct init *in, int *console_fd, struct err *err);

/**
 * init_go() - everything outside is done: the child may start the workload
 * (run), or go to its gate (create).
 *
 * Return: 0 once execve(2) has succeeded, or what the child reported; with a
 * gate 0 at once, except for a microVM, whose monitor waits at the gate.
 */
int init_go(struct init *in, struct err *err);

/** init_abort() - kill the child and reap it; nothing to do without one. */
void init_abort(struct init *in);

/**
 * init_own_cgroup() - config-linux.md, "Cgroup ownership": with a cgroup
 * namespace and a cgroup file system mounted for writing, the cgroup goes to
 * the process's user. In the parent, once the cgroup's limits are written.
 */
int init_own_cgroup(const struct init *in, struct err *err);

/** init_release() - close and free; the child is left alone. */
void init_release(struct init *in);

/**
 * child_unblock_signals() - in a fresh child: nothing blocked. What is ignored
 * is reset with SYNC_GO.
 */
void child_unblock_signals(void);

/**
 * child_exec() - last steps that init and exec share, after child_keep_fds():
 * environment, look-up of argv[0]; then @before(arg) (wait for go, gate,
 * hooks), then the filter and execve(2). Returns only on failure.
 */
int child_exec(const struct process_ctx *ps, const char *const *extra_env,
	       int (*before)(void *arg, struct err *err), void *arg,
	       struct err *err);

/**
 * child_keep_fds() - close every descriptor from @first up except those listed,
 * which move to @first, @first + 1, ... (close-on-exec) and are updated; -1
 * entries are passed over.
 *
 * Close-on-exec alone does not do: execve(2) resolves the program's path while
 * everything is still open, and "/proc/self/fd/N/..." would lead through a
 * directory of the host (CVE-2024-21626).
 */
int child_keep_fds(int first, int *const fds[], size_t count, struct err *err);

/** child_terminal() - make @slave_fd the controlling terminal and 0, 1, 2. */
int child_terminal(int slave_fd, struct err *err);

#endif
