/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull/cmd.h"

static int run_start(const struct call *call, const void *values,
		     struct err *err)
{
	(void)values;
	return hull_start(&call->ctx, call->args[0], err);
}

const struct cmd cmd_start = {
	.name = "start",
	.args = "<container-id>",
	.summary = "start the process of a created container",
	.min_args = 1,
	.max_args = 1,
	.run = run_start,
};
