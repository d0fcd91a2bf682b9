/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull/cmd.h"

static int run_pause(const struct call *call, const void *values,
		     struct err *err)
{
	(void)values;
	return hull_pause(&call->ctx, call->args[0], err);
}

static int run_resume(const struct call *call, const void *values,
		      struct err *err)
{
	(void)values;
	return hull_resume(&call->ctx, call->args[0], err);
}

const struct cmd cmd_pause = {
	.name = "pause",
	.args = "<container-id>",
	.summary = "freeze all processes of a container",
	.about = "Returns once all of them stand still.\n",
	.min_args = 1,
	.max_args = 1,
	.run = run_pause,
};

const struct cmd cmd_resume = {
	.name = "resume",
	.args = "<container-id>",
	.summary = "let the processes of a paused container go on",
	.min_args = 1,
	.max_args = 1,
	.run = run_resume,
};
