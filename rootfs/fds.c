/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/auto.h"
#include "base/sys.h"
#include "rootfs/internal.h"

static int fd_compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Neighbours go with one close_range(2). */
static void fds_close(int *fds, size_t count)
{
	qsort(fds, count, sizeof(*fds), fd_compare);
	for (size_t i = 0; i < count;) {
		size_t end = i + 1;

		while (end < count && fds[end] == fds[end - 1] + 1)
			end++;
		if (end - i == 1 || sys_close_range((unsigned)fds[i],
						    (unsigned)fds[end - 1], 0))
			for (size_t k = i; k < end; k++)
				close(fds[k]);
		i = end;
	}
}

void fd_later(struct rootfs *r, int fd)
{
	if (fd < 0 || r->later_count == ROOTFS_LATER_MAX)
		return; /* left open: execve(2) closes it */
	r->later[r->later_count++] = fd;
	if (fd >= ROOTFS_LATER_FD)
		r->later_high = true;
}

void fds_flush(struct rootfs *r)
{
	if (r->later_count < ROOTFS_LATER_MAX * 3 / 4 &&
	    !(r->later_high && r->later_count >= ROOTFS_LATER_MAX / 4))
		return;
	fds_close(r->later, r->later_count);
	r->later_count = 0;
	r->later_high = false;
}
