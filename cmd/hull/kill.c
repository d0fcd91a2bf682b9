/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/signals.h"
#include "cmd/hull/cmd.h"
#include "cmd/hull/match.h"

struct kill_args {
	bool all;
	bool regex;
};

/* clang-format off */
static const struct opt rows[] = {
	{ "all", 'a', OPT_SWITCH, NULL,
	  "signal all processes; no error when the container has stopped",
	  offsetof(struct kill_args, all) },
	{ "regex", 'r', OPT_SWITCH, NULL,
	  "the id is a regular expression: signal all containers that match",
	  offsetof(struct kill_args, regex) },
};
/* clang-format on */

/* As crun: those that cannot be signalled are reported, and the rest goes on.
 */
static int kill_matching(const struct call *call, int sig, bool all,
			 struct err *err)
{
	char **ids = NULL;
	int rc;

	rc = match_ids(&call->ctx, call->args[0], &ids, err);
	if (rc < 0)
		return rc;
	for (char **id = ids; *id; id++) {
		struct err one = { 0 };

		if (hull_kill(&call->ctx, *id, sig, all, &one) < 0) {
			err_wrap(&one, "%s", *id);
			log_error(&one);
		}
	}
	match_free(ids);
	return 0;
}

static int run_kill(const struct call *call, const void *values,
		    struct err *err)
{
	const struct kill_args *args = values;
	const char *name = "TERM";
	int sig;

	if (call->arg_count > 1 && call->args[1][0])
		name = call->args[1];
	sig = signal_number(name);
	if (sig < 0)
		return err_code(err, sig, "unknown signal \"%s\"", name);
	if (args->regex)
		return kill_matching(call, sig, args->all, err);
	return hull_kill(&call->ctx, call->args[0], sig, args->all, err);
}

const struct cmd cmd_kill = {
	.name = "kill",
	.args = "<container-id> [signal]",
	.summary = "send a signal (default: TERM) to a container's init",
	.about = "The signal is a number or a name, with or without SIG.\n",
	.opts = { OPT_SET(rows), .ordered = true },
	.values_size = sizeof(struct kill_args),
	.min_args = 1,
	.max_args = 2,
	.run = run_kill,
};
