/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/process/process.h"

#include "base/err.h"
#include "base/sys.h"
#include "libcontainer/process/steps.h"

/* All that is wrong in one answer; the first code is the result. */
int process_check(const struct process_ctx *ctx, struct err *err)
{
	uint64_t effective, permitted, inheritable;
	int ret, more;

	if (sys_capget(&effective, &permitted, &inheritable) < 0)
		return err_sys(err, "cannot read hull's capabilities");
	ret = lsm_check(ctx, err);
	more = caps_check(ctx, permitted, err);
	if (!ret)
		ret = more;
	more = rlimit_check(ctx, effective, err);
	return ret ? ret : more;
}
