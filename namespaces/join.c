/* SPDX-License-Identifier: Apache-2.0 */
#include "namespaces/ns.h"

#include <sched.h>

#include "base/auto.h"
#include "base/err.h"

int ns_join(const struct ns_plan *plan, int which, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(ns_types); i++) {
		const struct ns_type *type = &ns_types[i];
		int fd = plan->join_fd[type->type];

		if (fd < 0 || !(which & type->flag))
			continue;
		if (setns(fd, type->flag) < 0)
			return err_sys(err, "cannot join the %s namespace",
				       spec_ns_names[type->type]);
	}
	return 0;
}

int ns_join_process(int pidfd, int flags, struct err *err)
{
	if (flags && setns(pidfd, flags) < 0)
		return err_sys(err, "cannot join the container's namespaces");
	return 0;
}
