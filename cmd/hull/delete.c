/* SPDX-License-Identifier: Apache-2.0 */
#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "cmd/hull/cmd.h"
#include "cmd/hull/match.h"

struct delete_args {
	bool force;
	bool regex;
};

/* clang-format off */
static const struct opt rows[] = {
	{ "force", 'f', OPT_SWITCH, NULL,
	  "kill the container first; no error when it does not exist",
	  offsetof(struct delete_args, force) },
	{ "regex", 'r', OPT_SWITCH, NULL,
	  "the id is a regular expression: delete all containers that match",
	  offsetof(struct delete_args, regex) },
};
/* clang-format on */

/* As crun: those that cannot be deleted are reported, and the rest goes on. */
static int delete_matching(const struct call *call, bool force, struct err *err)
{
	char **ids = NULL;
	int rc;

	rc = match_ids(&call->ctx, call->args[0], &ids, err);
	if (rc < 0)
		return rc;
	for (char **id = ids; *id; id++) {
		struct err one = { 0 };

		if (hull_delete(&call->ctx, *id, force, &one) < 0) {
			err_wrap(&one, "%s", *id);
			log_error(&one);
		}
	}
	match_free(ids);
	return 0;
}

static int run_delete(const struct call *call, const void *values,
		      struct err *err)
{
	const struct delete_args *args = values;

	if (args->regex)
		return delete_matching(call, args->force, err);
	return hull_delete(&call->ctx, call->args[0], args->force, err);
}

const struct cmd cmd_delete = {
	.name = "delete",
	.args = "<container-id>",
	.summary = "delete a stopped container",
	.about = "A created container, whose process was never started, may be "
		 "deleted as well.\n",
	.opts = { OPT_SET(rows) },
	.values_size = sizeof(struct delete_args),
	.min_args = 1,
	.max_args = 1,
	.run = run_delete,
};
