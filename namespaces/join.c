/* SPDX-License-Identifier: Apache-2.0 */
#include "namespaces/ns.h"

#include <errno.h>
#include <sched.h>

#include "base/auto.h"
#include "base/err.h"

int ns_join(const struct ns_plan *plan, int which, int *refused,
	    struct err *err)
{
	if (refused)
		*refused = 0;
	for (size_t i = 0; i < ARRAY_SIZE(ns_types); i++) {
		const struct ns_type *type = &ns_types[i];
		int fd = plan->join_fd[type->type];

		if (fd < 0 || !(which & type->flag))
			continue;
		if (!setns(fd, type->flag))
			continue;
		if (errno != EPERM || !refused)
			return err_sys(err, "cannot join the %s namespace",
				       spec_ns_names[type->type]);
		*refused |= type->flag;
	}
	return 0;
}

int ns_join_process(int pidfd, int flags, struct err *err)
{
	if (flags && setns(pidfd, flags) < 0)
		return err_sys(err, "cannot join the container's namespaces");
	return 0;
}
