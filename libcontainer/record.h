/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_RECORD_H
#define HULL_LIBCONTAINER_RECORD_H

#include <stdint.h>
#include <sys/types.h>

struct ct;
struct err;

/**
 * record_pin() - let the kernel keep init's exit status without a process:
 * bind-mount its pidfd (Linux 6.14; the status is told since 6.15) in a mount
 * namespace that no container and no service sees, see pins.h. Where mounts
 * are not allowed or not known this does nothing.
 * @pidfd: init's, borrowed
 *
 * Return: 0 (also when it cannot be), or -errno of an unexpected failure.
 */
int record_pin(struct ct *ct, int pidfd, struct err *err);

/** record_unpin() - undo; nothing there is fine. Comes before the removal of
 * the container's directory, by which a pin that was left would be found. */
void record_unpin(struct ct *ct);

/**
 * record_end() - init has ended: fill in ct->st.exit from a known wait status,
 * else from what the kernel kept (zombie, pinned pidfd), and from the cgroup
 * (oom, peak). What is recorded already stays, but a status that was unknown
 * is looked for again. Saves when the lock is held.
 * @wait_status: status of wait(2), or NULL when the caller has none
 * @exact: the caller saw the end itself, now
 */
void record_end(struct ct *ct, const int *wait_status, _Bool exact);

/**
 * record_zombie() - the wait status of a process that has ended and has not
 * been reaped yet.
 *
 * Return: true; false also when the caller may not see it.
 */
_Bool record_zombie(pid_t pid, uint64_t start_time, int *status);

#endif
