/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_STATEDIR_H
#define HULL_LIBCONTAINER_STATEDIR_H

#include <stdbool.h>
#include <stddef.h>

struct ct;
struct err;
struct hull_context;

#define STATE_FILE "state.json"
#define CONFIG_FILE "config.json"

#define LOCK_NONE 0
#define LOCK_WAIT (-1)
#define LOCK_TRY (-2)

/**
 * statedir_open() - open a container's directory below ct->root_fd and read
 * its state; ct_open() without the search for the root.
 * @lock_ms: LOCK_NONE, LOCK_WAIT, LOCK_TRY, or how long to wait for the lock
 *
 * Return: as ct_open(); -EBUSY when the lock could not be had in time.
 */
int statedir_open(struct ct *ct, const char *id, int lock_ms, struct err *err);

/** statedir_lock() - as ct_lock(), with @lock_ms as above; -EBUSY. */
int statedir_lock(struct ct *ct, int lock_ms, struct err *err);

/** statedir_is_held() - true when another process holds the lock. */
bool statedir_is_held(const struct ct *ct);

/**
 * statedir_only_own() - true when the directory has no other names than
 * hull's own.
 * @count: receives how many names there are, without state.json; may be NULL
 */
bool statedir_only_own(int dir_fd, size_t *count);

/**
 * statedir_flock() - take an exclusive flock(2).
 * @wait_ms: as @lock_ms above
 *
 * Return: 0, -EBUSY, or -errno.
 */
int statedir_flock(int fd, int wait_ms);

/** state_load() - read state.json into ct->st; part of statedir_open(). */
int state_load(struct ct *ct, const char *id, struct err *err);

#endif
