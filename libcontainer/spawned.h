/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_SPAWNED_H
#define HULL_LIBCONTAINER_SPAWNED_H

#include <sys/types.h>

#include "libcontainer/container.h"

/*
 * run and exec for a caller that looks after the process itself, as the agent
 * of a microVM does.
 */

/**
 * struct spawned - a process that runs.
 * @pid, @pidfd: a child of the caller, who reaps it
 * @console_fd: master of its terminal, or -1; the caller reads it
 */
struct spawned {
	pid_t pid;
	int pidfd;
	int console_fd;
};
#define SPAWNED_INIT                          \
	{                                     \
		.pidfd = -1, .console_fd = -1 \
	}

/**
 * run_spawn() - create and start: as a foreground hull_run() up to the point
 * where that would wait. Its standard streams are the caller's, or a terminal.
 * On failure nothing is left.
 */
int run_spawn(const struct hull_context *ctx, const char *id,
	      const struct hull_create_options *opt, struct spawned *out,
	      struct err *err);

/** exec_spawn() - the same for hull_exec(). */
int exec_spawn(const struct hull_context *ctx, const char *id,
	       const struct hull_exec_options *opt, struct spawned *out,
	       struct err *err);

#endif
