/* SPDX-License-Identifier: Apache-2.0 */
#include "base/auto.h"
#include "cmd/hull/cmd.h"
#include "cmd/hull/create.h"

/* clang-format off */
static const struct opt rows[] = {
	CREATE_OPTS,
	{ "detach", 'd', OPT_SWITCH, NULL,
	  "return once the container's process runs",
	  CREATE_AT(detach) },
	{ "keep", 0, OPT_SWITCH, NULL,
	  "do not delete the container when it has ended",
	  CREATE_AT(keep) },
	{ "no-subreaper", 0, OPT_SWITCH, NULL,
	  "do not adopt orphaned processes of the container",
	  CREATE_AT(no_subreaper) },
};
/* clang-format on */

static int run_run(const struct call *call, const void *values, struct err *err)
{
	struct hull_create_options options;
	int status = 0, rc;

	rc = create_options(call, values, &options, err);
	if (rc < 0)
		return rc;
	rc = hull_run(&call->ctx, call->args[0], &options, &status, err);
	return rc < 0 ? rc : status;
}

const struct cmd cmd_run = {
	.name = "run",
	.args = "<container-id>",
	.summary = "create a container, start it and wait for its end",
	.about = "Exits with the status of the container's process, or 128+N "
		 "when signal N ended\n"
		 "it, and deletes the container. With --detach it returns once "
		 "the process runs.\n",
	.opts = { OPT_SET(rows) },
	.values_size = sizeof(struct hull_create_options),
	.min_args = 1,
	.max_args = 1,
	.preserved = create_preserved,
	.run = run_run,
};
