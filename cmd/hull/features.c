/* SPDX-License-Identifier: Apache-2.0 */
#include "base/auto.h"
#include "cmd/hull/cmd.h"
#include "cmd/hull/print.h"

static int run_features(const struct call *call, const void *values,
			struct err *err)
{
	auto_free char *json = NULL;
	int rc;

	(void)call;
	(void)values;
	rc = hull_features(&json, err);
	return rc < 0 ? rc : print_text(json, err);
}

const struct cmd cmd_features = {
	.name = "features",
	.args = "",
	.summary = "show what this hull supports, as JSON",
	.about = "The document is the one that runtime-spec's features.md "
		 "describes.\n",
	.run = run_features,
};
