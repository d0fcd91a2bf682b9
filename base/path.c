/* SPDX-License-Identifier: Apache-2.0 */
#include "base/path.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/auto.h"
#include "base/path_walk.h"
#include "base/sabotage.h"
#include "base/sys.h"

/* A rename or mount anywhere on the machine makes ".." uncertain (EAGAIN). */
#define RACE_TRIES 64

/* Whether openat2(2) can be used; learnt from its first answers. */
static enum { UNKNOWN, USABLE, DENIED } openat2_state;

void path_force_fallback(bool on)
{
	openat2_state = on ? DENIED : UNKNOWN;
}

/* EPERM may also be the file's own (O_NOATIME): ask for what nobody refuses. */
static bool openat2_denied(void)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC };
	int fd = sys_openat2(AT_FDCWD, "/", &how, sizeof(how));

	if (fd >= 0)
		close(fd);
	return fd < 0;
}

/* Return: descriptor, -errno, or -ENOSYS when the walker has to do it. */
static int try_openat2(int dir_fd, const char *path, int flags, mode_t mode,
		       uint64_t resolve)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = resolve,
	};

	for (int i = 0; openat2_state != DENIED && i < RACE_TRIES; i++) {
		int fd = sys_openat2(dir_fd, path, &how, sizeof(how));
		bool odd = fd < 0 && (errno == ENOSYS || errno == EPERM);

		if (odd && openat2_state == UNKNOWN) {
			int saved = errno;

			openat2_state = openat2_denied() ? DENIED : USABLE;
			errno = saved;
			if (openat2_state == DENIED)
				return -ENOSYS;
		} else {
			openat2_state = USABLE;
		}
		if (fd >= 0)
			return fd;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
	return openat2_state == DENIED ? -ENOSYS : -EAGAIN;
}

static int open_how(int dir_fd, const char *path, int flags, mode_t mode,
		    uint64_t resolve)
{
	struct walk_how how = { .flags = flags, .mode = mode };
	int fd = try_openat2(dir_fd, path, flags, mode, resolve);

	if (fd != -ENOSYS)
		return fd;
	if (resolve & RESOLVE_IN_ROOT)
		how.what |= WALK_IN_ROOT;
	if (resolve & RESOLVE_NO_XDEV)
		how.what |= WALK_NO_XDEV;
	for (int i = 0; i < RACE_TRIES; i++) {
		fd = walk_open(dir_fd, path, &how);
		if (fd != -EAGAIN)
			break;
	}
	return fd;
}

int path_open_in_root(int root_fd, const char *path, int flags)
{
	if (flags & O_CREAT)
		return -EINVAL; /* path_mkfile_in_root() does that */
	if (SABOTAGED("path_in_root"))
		return open_how(root_fd, path + strspn(path, "/"), flags, 0, 0);
	return open_how(root_fd, path, flags, 0,
			RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

int path_open_own(const char *path, int flags)
{
	auto_fd int root_fd = -1;
	int fd = try_openat2(AT_FDCWD, path, flags, 0,
			     SABOTAGED("path_in_root") ? 0
						       : RESOLVE_NO_MAGICLINKS);

	if (fd != -ENOSYS)
		return fd;
	root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root_fd < 0 ? -errno : path_open_in_root(root_fd, path, flags);
}

int path_open_beneath(int dir_fd, const char *path, int flags, mode_t mode)
{
	if (SABOTAGED("path_no_xdev"))
		return path_open_below(dir_fd, path, flags, mode);
	return open_how(dir_fd, path, flags, mode,
			RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
				RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV);
}

int path_open_below(int dir_fd, const char *path, int flags, mode_t mode)
{
	if (SABOTAGED("path_below_links"))
		return open_how(dir_fd, path, flags, mode, RESOLVE_BENEATH);
	return open_how(dir_fd, path, flags, mode,
			RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
				RESOLVE_NO_MAGICLINKS);
}

bool path_is_fs(int fd, unsigned long magic)
{
	struct statfs fs;

	return !fstatfs(fd, &fs) && (unsigned long)fs.f_type == magic;
}

int path_clean(const char *path, char *out, size_t size)
{
	size_t len = 0;

	while (*path) {
		size_t n;

		path += strspn(path, "/");
		n = strcspn(path, "/");
		if (n == 2 && !memcmp(path, "..", 2)) {
			while (len && out[--len] != '/')
				;
		} else if (n && !(n == 1 && *path == '.')) {
			if (len + 1 + n >= size)
				return -ENAMETOOLONG;
			out[len++] = '/';
			memcpy(out + len, path, n);
			len += n;
		}
		path += n;
	}
	if (size < 2)
		return -ENAMETOOLONG;
	if (!len)
		out[len++] = '/';
	out[len] = '\0';
	return 0;
}
