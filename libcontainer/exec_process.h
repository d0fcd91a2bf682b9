/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_EXEC_PROCESS_H
#define HULL_LIBCONTAINER_EXEC_PROCESS_H

struct arena;
struct err;
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

#endif
