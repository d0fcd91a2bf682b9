/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull/create.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "cmd/hull/cmd.h"

static const struct opt rows[] = { CREATE_OPTS };

_Static_assert(HULL_ISOLATION_AUTO == 0 && HULL_ISOLATION_PROCESS == 1 &&
		       HULL_ISOLATION_VM == 2,
	       "--isolation's words");
_Static_assert(sizeof(enum hull_isolation) == sizeof(uint32_t),
	       "OPT_WORD writes it");

int create_options(const struct call *call, const void *values,
		   struct hull_create_options *out, struct err *err)
{
	*out = *(const struct hull_create_options *)values;
	if (out->isolation == HULL_ISOLATION_AUTO)
		out->isolation = call->isolation;
	if (strcmp(call->program, "hull-vm") != 0)
		return 0;
	if (out->isolation == HULL_ISOLATION_PROCESS)
		return err_set(err, -EINVAL,
			       "hull-vm makes microVMs: --isolation process is "
			       "for hull");
	out->isolation = HULL_ISOLATION_VM;
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
	struct hull_create_options options;
	int rc = create_options(call, values, &options, err);

	if (rc < 0)
		return rc;
	return hull_create(&call->ctx, call->args[0], &options, err);
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
