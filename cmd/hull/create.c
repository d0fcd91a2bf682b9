/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull/create.h"

#include <errno.h>

#include "base/auto.h"
#include "base/err.h"
#include "cmd/hull/cmd.h"

static const struct opt rows[] = { CREATE_OPTS };

int create_check(const struct call *call, struct err *err)
{
	if (call->vm)
		return err_set(err, -ENOTSUP,
			       "microVM isolation is not built into this hull");
	return 0;
}

unsigned int create_preserved(const void *values)
{
	const struct hull_create_options *options = values;

	return options->preserve_fds;
}

static int run_create(const struct call *call, const void *values,
		      struct err *err)
{
	int rc = create_check(call, err);

	if (rc < 0)
		return rc;
	return hull_create(&call->ctx, call->args[0], values, err);
}

const struct cmd cmd_create = {
	.name = "create",
	.args = "<container-id>",
	.summary = "create a container, without starting its process",
	.about =
		"The bundle's config.json is read once, here: later edits of it "
		"change nothing.\n"
		"The container's process waits until hull start.\n",
	.opts = { OPT_SET(rows) },
	.values_size = sizeof(struct hull_create_options),
	.min_args = 1,
	.max_args = 1,
	.preserved = create_preserved,
	.run = run_create,
};
