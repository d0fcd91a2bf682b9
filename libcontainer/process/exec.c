/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/process/process.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <unistd.h>

#include "base/err.h"
#include "base/sabotage.h"
#include "base/sys.h"
#include "libcontainer/process/seccomp_notify.h"

/*
 * struct sock_fprog wants a pointer to what the kernel only reads.
 */
int process_filter(const struct seccomp_prog *filter,
		   const struct seccomp_notify *notify, struct err *err)
{
	union {
		const void *from;
		struct sock_filter *to;
	} insns = { .from = filter->insns };
	struct sock_fprog prog = {
		.len = filter->count,
		.filter = insns.to,
	};

	int ret;

	if (notify)
		ret = seccomp_notify_load(filter->flags, &prog, notify);
	else
		ret = sys_seccomp(SECCOMP_SET_MODE_FILTER, filter->flags,
				  &prog);
	if (!ret)
		return 0;
	if (errno == EACCES)
		return err_at(err, -EACCES, "linux.seccomp",
			      "error loading seccomp filter: needs "
			      "process.noNewPrivileges or CAP_SYS_ADMIN");
	return err_at(err, -errno, "linux.seccomp",
		      "error loading seccomp filter: %s", err_text(errno));
}

/*
 * Between the filter and execve(2) there is nothing: each further call would
 * have to be allowed by the profile. What follows a failed execve(2) only
 * formats text in memory.
 */
int process_exec(const struct process_ctx *ctx, const char *path,
		 char *const *env, struct err *err)
{
	union {
		const char *const *from;
		char *const *to;
	} args = { .from = ctx->process->args };
	int ret;

	if (ctx->filter && !SABOTAGED("exec_filter")) {
		ret = process_filter(ctx->filter, ctx->notify, err);
		if (ret) {
			err_stage(err, "seccomp");
			return ret;
		}
	}
	execve(path, args.to, env);
	ret = err_sys(err, "exec %s", path);
	err_stage(err, "exec");
	return ret;
}
