/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_EXEC_PROCESS_H
#define HULL_LIBCONTAINER_EXEC_PROCESS_H

#include <stdbool.h>

struct arena;
struct ct;
struct err;
struct hull_context;
struct hull_exec_options;
struct spec;
struct spec_process;

/**
 * exec_process_make() - the `process` of an exec: the given object, or the
 * container's own with the options applied. What an object leaves out
 * (capabilities, rlimits, labels, oom score) is the container's.
 */
int exec_process_make(struct arena *arena, const struct spec *spec,
		      const struct hull_exec_options *opt,
		      struct spec_process **out, struct err *err);

/**
 * exec_open() - ct_open() with the lock, of a container that can be entered.
 * @ignore_paused: of a paused one once it is resumed. The new process would be
 *	frozen with the others, and the lock kept from whoever resumes them, so
 *	the wait is before both, and a signal ends it
 *
 * Return: 0, -EINVAL (not in this status), or -errno as ct_open().
 */
int exec_open(const struct hull_context *ctx, const char *id,
	      bool ignore_paused, struct ct *ct, struct err *err);

#endif
