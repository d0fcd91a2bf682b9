/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_READY_H
#define HULL_LIBCONTAINER_READY_H

#include <stdbool.h>
#include <sys/types.h>

struct err;
struct launch;
struct spec;

/*
 * sd_notify(3) for services of Type=notify. The container cannot reach
 * systemd's socket, and would not be believed: systemd knows its main process
 * as hull. So it gets a socket of hull's, bound into it read-only in a
 * directory of its own (<state>/notify on /run/notify), and what it says there
 * hull says to systemd, with MAINPID added.
 */

#define READY_DIR "notify"

/**
 * ready_prepare() - at create and run, if NOTIFY_SOCKET is set: the directory,
 * its mount in @spec (a copy in the container's arena), the variable.
 */
int ready_prepare(struct launch *l, const struct spec **spec, struct err *err);

/**
 * ready_listen() - the socket, in the state directory, for whoever waits: run
 * or start.
 *
 * Return: descriptor, -ENOENT when there is nobody to tell (no NOTIFY_SOCKET,
 * or the container was made without one), or -errno.
 */
int ready_listen(int state_dir_fd, struct err *err);

/**
 * ready_relay() - pass on what the container has said, if it is of the kind
 * that a container may say: READY, STATUS, RELOADING, STOPPING, WATCHDOG,
 * EXTEND_TIMEOUT_USEC. Never blocks.
 * @main_pid: whom systemd is to take for the service's main process
 *
 * Return: 1 when READY was in it, 0, or -errno (nobody listens any more).
 */
int ready_relay(int fd, pid_t main_pid);

/**
 * ready_wait() - relay until the workload is ready or has ended, and see to it
 * that systemd has read everything before hull ends.
 */
int ready_wait(int fd, int pidfd, pid_t main_pid, struct err *err);

#endif
