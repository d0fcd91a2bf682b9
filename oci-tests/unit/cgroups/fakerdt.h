/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_TEST_CGROUPS_FAKERDT_H
#define HULL_TEST_CGROUPS_FAKERDT_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/auto.h"

/*
 * A resctrl file system of plain files. What the kernel puts into a new
 * directory comes by this program's own mkdirat(), which takes the place of the
 * C library's, and goes by its unlinkat().
 */

#define DEFAULT "    MB:0= 100;1= 100\n    L3:0=7ff;1=7ff\n"

static const char *files[] = { "schemata", "tasks" };
static int mkdir_error;

static void fill_dir(int dir_fd, const char *path)
{
	char name[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		int fd;

		snprintf(name, sizeof(name), "%s/%s", path, files[i]);
		fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL, 0644);
		assert_true(fd >= 0);
		if (!i)
			assert_true(write(fd, DEFAULT, strlen(DEFAULT)) > 0);
		close(fd);
	}
	if (strstr(path, "mon_groups"))
		return;
	snprintf(name, sizeof(name), "%s/mon_groups", path);
	assert_return_code(syscall(SYS_mkdirat, dir_fd, name, 0755), errno);
}

int mkdirat(int dir_fd, const char *path, mode_t mode)
{
	int ret;

	if (mkdir_error) {
		errno = mkdir_error;
		return -1;
	}
	ret = (int)syscall(SYS_mkdirat, dir_fd, path, mode);
	if (!ret)
		fill_dir(dir_fd, path);
	return ret;
}

int unlinkat(int dir_fd, const char *path, int flags)
{
	char name[PATH_MAX];

	for (size_t i = 0; flags && i < ARRAY_SIZE(files); i++) {
		snprintf(name, sizeof(name), "%s/%s", path, files[i]);
		syscall(SYS_unlinkat, dir_fd, name, 0);
	}
	snprintf(name, sizeof(name), "%s/mon_groups", path);
	if (flags)
		syscall(SYS_unlinkat, dir_fd, name, AT_REMOVEDIR);
	return (int)syscall(SYS_unlinkat, dir_fd, path, flags);
}

#endif
