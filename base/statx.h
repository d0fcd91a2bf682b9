/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_BASE_STATX_H
#define HULL_BASE_STATX_H

#include <sys/stat.h>

/*
 * statx(2), which glibc has in <sys/stat.h>. musl has nothing before 1.2.5, and
 * then a struct without stx_mnt_id: there the kernel's own header tells, with
 * names that do not meet musl's.
 */
#ifndef __GLIBC__
#define statx hull_statx
#define statx_timestamp hull_statx_timestamp
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
