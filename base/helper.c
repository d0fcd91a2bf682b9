/* SPDX-License-Identifier: Apache-2.0 */
#include "base/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"

#ifndef HULL_LIBEXEC
#define HULL_LIBEXEC "/usr/local/libexec/hull"
#endif

/* Below the directory of hull's own program. */
static const char *const places[] = { "", "../libexec/hull/", "../lib/hull/" };

static int open_at(int dir_fd, const char *place, const char *name)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s%s", place, name);
	int fd;

	if (len < 0 || (size_t)len >= sizeof(path))
		return -ENAMETOOLONG;
	fd = openat(dir_fd, path, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int helper_open_from(const char *program, const char *name)
{
	const char *slash = strrchr(program, '/');
	auto_fd int dir_fd = -1;
	char dir[PATH_MAX];

	if (!slash || (size_t)(slash - program) + 2 > sizeof(dir))
		return -ENOENT;
	memcpy(dir, program, (size_t)(slash - program) + 1);
	dir[slash - program + 1] = '\0';
	dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		int fd = open_at(dir_fd, places[i], name);

		if (fd != -ENOENT)
			return fd;
	}
	return -ENOENT;
}

/* In a detached mount the link reads "/", in a memfd "/memfd:...". */
static int from_exe(const char *name)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n < 0)
		return -errno;
	exe[n] = '\0';
	if (n < 2 || !strncmp(exe, "/memfd:", 7))
		return -ENOENT;
	return helper_open_from(exe, name);
}

static bool is_own_program(const char *path)
{
	struct stat self, st;

	return !stat("/proc/self/exe", &self) && !stat(path, &st) &&
	       st.st_dev == self.st_dev && st.st_ino == self.st_ino;
}

/* Where the shell found it, if that is what runs here. */
static bool search_path(const char *own, char out[PATH_MAX])
{
	const char *dirs = getenv("PATH");

	while (dirs && *dirs) {
		size_t len = strcspn(dirs, ":");
		int n = snprintf(out, PATH_MAX, "%.*s/%s", (int)len, dirs, own);

		if (n < PATH_MAX && is_own_program(out))
			return true;
		dirs += len + (dirs[len] == ':');
	}
	return false;
}

/* A link to hull in some other directory has no helpers beside it. */
static int from_argv(const char *name)
{
	const char *own = program_invocation_name;
	auto_free char *real = NULL;
	char found[PATH_MAX];

	if (own && !strchr(own, '/'))
		own = search_path(own, found) ? found : NULL;
	if (!own)
		return -ENOENT;
	real = realpath(own, NULL);
	return real ? helper_open_from(real, name) : -ENOENT;
}

int helper_open(const char *name)
{
	int fd = from_exe(name);

	if (fd == -ENOENT)
		fd = from_argv(name);
	if (fd == -ENOENT)
		fd = open_at(AT_FDCWD, HULL_LIBEXEC "/", name);
	if (fd == -ENOENT)
		fd = open_at(AT_FDCWD, HULL_LIBEXEC "/../../lib/hull/", name);
	return fd;
}
