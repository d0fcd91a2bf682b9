/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_MICROVM_SESSION_SESSION_H
#define HULL_MICROVM_SESSION_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

/*
 * The host's end of a session: hands stdio, signals and the size of the
 * terminal to the agent and learns how the workload ended. The same code serves
 * the container's own process (a thread of hull-vmm) and each exec
 * (`hull-vmm attach`, a process in the container's namespaces).
 */

/**
 * struct session
 * @ctl_fd: control stream
 * @connect: opens one more stream to the agent's port: a descriptor or -errno
 * @exec: EXEC and not START
 * @tty: stdio is one terminal, on descriptor 0: put into raw mode, SIGWINCH is
 *       passed on
 * @json, @json_len: of START or EXEC
 * @signals_fd: signalfd with every signal that is to be passed on
 * @started: called once the workload runs (@err NULL) or will not (@err set)
 */
struct session {
	int ctl_fd;
	int (*connect)(void *arg);
	void (*started)(void *arg, const struct err *err);
	void *arg;
	bool exec;
	bool tty;
	const char *json;
	size_t json_len;
	int signals_fd;
};

/**
 * struct session_end
 * @status: as wait(2) has it
 * @oom: something was killed for lack of memory in the guest
 */
struct session_end {
	int status;
	bool oom;
};

/**
 * session_run() - the whole of it: from START or EXEC to EXITED, with standard
 * input, output and error being descriptors 0, 1 and 2.
 *
 * Return: 0 with @end filled in; else -errno: the workload did not start
 * (@started was called with the reason) or the agent is gone.
 */
int session_run(const struct session *session, struct session_end *end,
		struct err *err);

#endif
