/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <stdbool.h>

#include "base/auto.h"
#include "base/num.h"
#include "base/sabotage.h"
#include "base/sys.h"

int fd_set_cloexec(int fd, int on)
{
	if (fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) < 0)
		return -errno;
	return 0;
}

static int cloexec_walk(int first)
{
	auto_dir DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;

	if (!dir)
		return -errno;
	while ((errno = 0, entry = readdir(dir))) {
		uint32_t fd;
		int ret;

		if (num_u32(entry->d_name, &fd) < 0 || fd > INT_MAX ||
		    (int)fd < first)
			continue;
		ret = fd_set_cloexec((int)fd, 1);
		if (ret < 0 && ret != -EBADF)
			return ret;
	}
	return -errno;
}

int fd_cloexec_from(int first)
{
	if (!sys_close_range((unsigned)first, UINT_MAX, CLOSE_RANGE_CLOEXEC))
		return 0;
	/* before Linux 5.9, before 5.11, or an outer seccomp filter */
	if (errno != ENOSYS && errno != EINVAL && errno != EPERM)
		return -errno;
	return cloexec_walk(first);
}

/* One call instead of three fcntl(2): POLLNVAL is "not open". */
static void stdio_missing(bool missing[3])
{
	struct pollfd fds[3] = { { .fd = 0 }, { .fd = 1 }, { .fd = 2 } };
	bool polled = poll(fds, ARRAY_SIZE(fds), 0) >= 0;

	for (int i = 0; i < 3; i++)
		missing[i] = polled ? fds[i].revents & POLLNVAL
				    : fcntl(i, F_GETFD) < 0;
}

int fd_stdio_guard(void)
{
	bool missing[3];

	if (SABOTAGED("fd_stdio"))
		return 0;
	stdio_missing(missing);
	for (int i = 0; i < 3; i++) {
		int fd;

		if (!missing[i])
			continue;
		/* the lowest free number, hence i: those below are open */
		fd = open("/dev/null", O_RDWR); /* meant to be inherited */
		if (fd < 0)
			return -errno;
		if (fd != i) {
			close(fd);
			return -EBADF;
		}
	}
	return 0;
}
