/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/process/process.h"

#include <errno.h>
#include <limits.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "libcontainer/process/steps.h"

#define NODES_MAX 1024 /* MAX_NUMNODES of the largest configuration */
#define LONG_BITS (sizeof(unsigned long) * CHAR_BIT)

int step_mempolicy(struct apply *a, struct err *err)
{
	const struct spec_mempolicy *want = a->ctx->mempolicy;
	unsigned long nodes[NODES_MAX / LONG_BITS];
	unsigned long *mask = NULL;
	unsigned long mask_bits = 0;
	int ret;

	if (!want || !want->set)
		return 0;
	if (want->nodes && *want->nodes) {
		ret = numlist_parse(want->nodes, nodes, NODES_MAX);
		if (ret)
			return err_at(err, ret, "linux.memoryPolicy.nodes",
				      "'%s' is not a list of nodes",
				      want->nodes);
		mask = nodes;
		mask_bits = NODES_MAX + 1; /* the kernel takes one off */
	}
	if (syscall(SYS_set_mempolicy, want->mode | (int)want->flags, mask,
		    mask_bits) < 0)
		return err_at(err, -errno, "linux.memoryPolicy",
			      "cannot be set: %s", err_text(errno));
	return 0;
}
