/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/process/process.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/resource.h>

#include "base/err.h"
#include "base/sabotage.h"
#include "libcontainer/process/steps.h"

/* glibc's enum of resources is no int, and the spec holds the number. */
static int set_limit(pid_t pid, int resource, const struct rlimit *want,
		     struct rlimit *old)
{
	return prlimit(pid, (__rlimit_resource_t)resource, want, old);
}

int process_limits(pid_t pid, const struct spec_process *process,
		   struct err *err)
{
	for (size_t i = 0; i < process->rlimit_count; i++) {
		const struct spec_rlimit *limit = &process->rlimits[i];
		struct rlimit want = {
			.rlim_cur = (rlim_t)limit->soft,
			.rlim_max = (rlim_t)limit->hard,
		};

		if (set_limit(pid, limit->resource, &want, NULL) < 0)
			return err_sys(err, "error setting rlimit %s",
				       limit->type);
	}
	return 0;
}

int step_rlimits(struct apply *a, struct err *err)
{
	if (a->ctx->parent_sets_limits || SABOTAGED("rlimit_set"))
		return 0;
	return process_limits(0, a->ctx->process, err);
}

int rlimit_check(const struct process_ctx *ctx, uint64_t effective,
		 struct err *err)
{
	const struct spec_process *process = ctx->process;
	int ret = 0;

	if (effective & (1ULL << CAP_SYS_RESOURCE) || SABOTAGED("rlimit_raise"))
		return 0;
	for (size_t i = 0; i < process->rlimit_count; i++) {
		const struct spec_rlimit *limit = &process->rlimits[i];
		char field[64];
		struct rlimit now;

		if (set_limit(0, limit->resource, NULL, &now) < 0 ||
		    limit->hard <= now.rlim_max)
			continue;
		snprintf(field, sizeof(field), "process.rlimits[%zu].hard", i);
		ret = err_add(err, -EPERM, field,
			      "%s: a hard limit cannot be raised without "
			      "CAP_SYS_RESOURCE",
			      limit->type);
	}
	return ret;
}
