/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_SUPERVISE_H
#define HULL_LIBCONTAINER_SUPERVISE_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct err;

/**
 * struct supervisor - hull in the foreground: passes signals to the workload,
 * carries bytes between its terminal and ours, waits.
 * @signal_fd: signals are blocked from supervise_block() on, so that none is
 *             lost between the clone and the loop, and none ends us half-way
 * @ready_fd:  of ready_listen(), borrowed, or negative
 * @old_child: what the caller does about SIGCHLD: where that is to ignore it,
 *             a child would vanish with its status
 */
struct supervisor {
	int signal_fd;
	int ready_fd;
	sigset_t old_mask;
	struct sigaction old_child;
	bool subreaper;
};

/** supervise_block() - before anything is made. Children undo the mask. */
int supervise_block(struct supervisor *s, struct err *err);

/**
 * supervise_begin() - before the clone.
 * @subreaper: adopt orphans of a container without a pid namespace of its own
 */
int supervise_begin(struct supervisor *s, bool subreaper, struct err *err);

/**
 * supervise() - until the process ends.
 * @pidfd, @pid: a child of the caller
 * @console_fd: master of its terminal, or -1
 * @status: receives the wait(2) status
 *
 * Our own terminal, if there is one, is in raw mode meanwhile and is restored
 * in every case; its size is copied at the start and at each SIGWINCH.
 */
int supervise(struct supervisor *s, int pidfd, pid_t pid, int console_fd,
	      int *status, struct err *err);

/** supervise_end() - no more supervision; signals are still blocked. */
void supervise_end(struct supervisor *s);

/**
 * supervise_unblock() - when nothing is left to be undone.
 * @drop: signals that came meanwhile were for a workload that has ended
 */
void supervise_unblock(struct supervisor *s, bool drop);

/** supervise_code() - wait(2) status as a shell's exit status. */
int supervise_code(int wait_status);

#endif
