/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_GATE_H
#define HULL_LIBCONTAINER_GATE_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct ns_plan;

#define GATE_NAME "gate.sock"

/*
 * The start gate: a listening unix socket in the state directory, inherited by
 * init, close-on-exec. `start` connects and says go; init answers with a
 * struct err if the last steps fail, or with nothing: the connection closes
 * when execve(2) succeeds. A connection is refused once the workload runs, so
 * "created or running?" is the kernel's own answer and no flag that a killed
 * `start` could have left wrong.
 */

/** gate_listen() - make the gate; called by create before the clone. */
int gate_listen(int dir_fd, struct err *err);

/**
 * gate_wait() - init: wait for go.
 * @ns_dir_fd: its /proc/PID/ns, for gate_namespaces(); -1: they are not given
 *
 * Return: the connection, kept open (close-on-exec) for gate_fail(); or -errno.
 */
int gate_wait(int listen_fd, int ns_dir_fd, struct err *err);

/** gate_fail() - init: tell start why the workload cannot run. */
void gate_fail(int conn_fd, const struct err *err);

/** gate_is_waiting() - true while init waits at the gate. */
bool gate_is_waiting(int dir_fd);

/**
 * gate_open() - start: say go and wait for the outcome.
 * @pidfd: init's, to notice its death
 *
 * Return: 0 when the workload was executed, -ECONNREFUSED when nobody waits,
 * or what init reported.
 */
int gate_open(int dir_fd, int pidfd, struct err *err);

/** struct gate_go - what a "go" carries: see report_go(). */
struct gate_go {
	const void *payload;
	size_t len;
	const int *fds;
	size_t fd_count;
};

/** gate_open_with() - as gate_open(), for an init that awaits more. */
int gate_open_with(int dir_fd, int pidfd, const struct gate_go *go,
		   struct err *err);

/**
 * gate_namespaces() - ask init for its namespaces. It is not dumpable while it
 * waits, so that /proc shows them to root alone.
 * @out: join_fd is filled in; release with ns_plan_release()
 *
 * Return: 0, -ECONNREFUSED or -ENOENT when nobody waits, -EPIPE when it does
 * not give them, -ESRCH with @err filled in when it has died.
 */
int gate_namespaces(int dir_fd, int pidfd, struct ns_plan *out,
		    struct err *err);

#endif
