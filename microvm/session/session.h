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
 * @plain: session_plain(), of when that could still be asked
 * @json, @json_len: of START or EXEC
 * @signals_fd: signalfd with every signal that is to be passed on, or -1.
 *              SIGPIPE is blocked or ignored.
 * @started: called once the workload runs (@err NULL) or will not (@err set)
 * @timeout_ms: for the agent to start the workload, and for its output to end
 *              after that; 0: SESSION_START_MS, SESSION_DRAIN_MS, and for ever
 *              between the agent's first answer to START and the workload's
 *              start, as the container's own hooks run then. Neither runs
 *              while the container is frozen, nor while a reader of the output
 *              is what holds it up.
 */
struct session {
	int ctl_fd;
	int (*connect)(void *arg);
	void (*started)(void *arg, const struct err *err);
	void *arg;
	bool exec;
	bool tty;
	unsigned int plain;
	const char *json;
	size_t json_len;
	int signals_fd;
	int timeout_ms;
};
#define SESSION_START_MS 30000
#define SESSION_DRAIN_MS 5000

/**
 * struct session_end
 * @status: as wait(2) has it
 * @oom: something was killed for lack of memory in the guest
 */
struct session_end {
	int status;
	bool oom;
};

/** session_plain() - which of descriptors 0 to 2 are regular files, as bits;
 * before the filter, which has no fstat(2). */
unsigned int session_plain(void);

/**
 * session_run() - the whole of it: from START or EXEC to EXITED, with standard
 * input, output and error being descriptors 0, 1 and 2 (see fd_stdio_guard()).
 *
 * Return: 0 with @end filled in; else -errno: the workload did not start
 * (@started was called with the reason), the agent is gone (-EPIPE), does not
 * keep to the protocol (-EPROTO) or says nothing (-ETIMEDOUT). Who reads
 * standard output or error no more is found out when something is written, and
 * the agent is told by the end of its stream (shutdown(2), SHUT_RD).
 */
int session_run(const struct session *session, struct session_end *end,
		struct err *err);

#endif
