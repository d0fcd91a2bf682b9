/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull/cmd.h"

static int run_wait(const struct call *call, const void *values,
		    struct err *err)
{
	int status = 0, rc;

	(void)values;
	rc = hull_wait(&call->ctx, call->args[0], &status, err);
	return rc < 0 ? rc : status;
}

const struct cmd cmd_wait = {
	.name = "wait",
	.args = "<container-id>",
	.summary = "wait for the end of a container",
	.about = "Exits with the status of the container's process, or 128+N "
		 "when signal N ended\n"
		 "it. hull-wait(1) says when that status can be known.\n",
	.min_args = 1,
	.max_args = 1,
	.run = run_wait,
};
