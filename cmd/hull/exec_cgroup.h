/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CMD_HULL_EXEC_CGROUP_H
#define HULL_CMD_HULL_EXEC_CGROUP_H

#include "base/arena.h"
#include "cmd/hull/opt.h"

struct err;

/** struct exec_cgroups - exec's --cgroup values, one controller in each. */
struct exec_cgroups {
	struct arena arena;
	struct opt_list paths;
};

/**
 * exec_cgroups_parse() - "CTRL,CTRL:PATH" becomes one entry per controller.
 *
 * Return: 0; -EINVAL for an empty controller, one that is given twice, and a
 * path without controller that is not alone; -ENOMEM. Release in either case
 * but an error.
 */
int exec_cgroups_parse(const struct opt_list *given, struct exec_cgroups *out,
		       struct err *err);
void exec_cgroups_release(struct exec_cgroups *cgroups);

#endif
