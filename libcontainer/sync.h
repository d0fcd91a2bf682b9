/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_SYNC_H
#define HULL_LIBCONTAINER_SYNC_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * The handshake between hull and the process it cloned: one socket pair of
 * whole messages. The end of the stream is a message too: from the child it
 * means that execve(2) succeeded (its end is close-on-exec), from the parent
 * that hull is dead and the child must not go on.
 */
enum sync_step {
	SYNC_ERROR,      /* up: err holds what failed; the child exits */
	SYNC_PID,        /* up, from a joiner: pid, and its pidfd attached */
	SYNC_MAPPED,     /* down: uid_map and gid_map are written */
	SYNC_HOOKS,      /* up: mounts are there, root not entered yet */
	SYNC_HOOKS_DONE, /* down: hooks of the runtime have run; pid */
	SYNC_CONSOLE,    /* up: master of the terminal attached */
	SYNC_READY,      /* up: nothing is left but the start */
	SYNC_GO,         /* down: recorded, limits set: start; ignored */
	SYNC_STEPS,
};

struct sync_msg {
	enum sync_step step;
	pid_t pid;
	uint32_t ignored; /* SYNC_GO: signals that the caller ignores */
	struct err err;   /* SYNC_ERROR only; not transmitted otherwise */
};

/** sync_step_name() - for messages and logs. */
const char *sync_step_name(enum sync_step step);

/**
 * sync_pair() - make the socket pair.
 *
 * Return: 0 or -errno.
 */
int sync_pair(int *parent_fd, int *child_fd);

/** sync_send() - @fd: a descriptor to attach, or -1. Return: 0 or -errno. */
int sync_send(int sock, enum sync_step step, pid_t pid, int fd);

/** sync_send_go() - SYNC_GO. @pid: of the child, as hull numbers it. Return: 0
 * or -errno. */
int sync_send_go(int sock, pid_t pid, uint32_t ignored);

/**
 * sync_wait_go() - wait for SYNC_GO, then reset the signals it names.
 * @pid: receives the caller's own pid as hull numbers it; or NULL
 */
int sync_wait_go(int sock, pid_t *pid, struct err *err);

/** sync_send_error() - tell the other side why this one stops. */
void sync_send_error(int sock, const struct err *err);

/**
 * sync_recv() - next message.
 * @fd: receives the attached descriptor or -1; may be NULL
 *
 * Return: 1, 0 at the end of the stream, -EPROTO for a malformed message, or
 * -errno.
 */
int sync_recv(int sock, struct sync_msg *msg, int *fd);

/**
 * sync_expect() - receive, and demand this step. An error sent by the other
 * side, its end, or another step becomes the error of this call.
 */
int sync_expect(int sock, enum sync_step step, pid_t *pid, int *fd,
		struct err *err);

/**
 * sync_expect_of() - as sync_expect(), from a process that others share the
 * other side with, so that its end alone does not end the stream.
 * @pidfd: the process
 *
 * Return: 0, -ESRCH when it has ended and said nothing, or as sync_expect().
 */
int sync_expect_of(int pidfd, int sock, enum sync_step step, pid_t *pid,
		   int *fd, struct err *err);

/**
 * sync_blame() - after a step of our own has failed: has the other side told
 * why it ended? Then that is the reason, and ours a consequence: of a process
 * that is gone its cgroup is gone, too. Waits for nothing.
 *
 * Return: the other side's code with its @err, or @ret with @err as it was.
 */
int sync_blame(int sock, int ret, struct err *err);

#endif
