/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/process/process.h"

#include "libcontainer/process/steps.h"

int process_check(const struct process_ctx *ctx, struct err *err)
{
	int ret, more;

	ret = lsm_check(ctx, err);
	more = caps_check(ctx, err);
	if (!ret)
		ret = more;
	more = rlimit_check(ctx, err);
	return ret ? ret : more;
}
