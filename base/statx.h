/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_BASE_STATX_H
#define HULL_BASE_STATX_H

#include <sys/stat.h>

/*
 * statx(2), which glibc has in <sys/stat.h> and musl before 1.2.5 nowhere: the
 * struct is in the kernel's own header then.
 */
#ifndef __GLIBC__
#include <linux/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int statx(int dir_fd, const char *path, int flags,
			unsigned int mask, struct statx *stx)
{
	return (int)syscall(SYS_statx, dir_fd, path, flags, mask, stx);
}
#endif

#endif
