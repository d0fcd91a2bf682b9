/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/state.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/sabotage.h"

#define ROOT_OF_ROOT "/run/hull"
#define ID_PATTERN "^[A-Za-z0-9_+][A-Za-z0-9_+.-]*$"

static bool id_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '.' ||
	       c == '-';
}

int ct_check_id(const char *id, struct err *err)
{
	size_t len = strlen(id);
	bool good = len && *id != '.' && *id != '-';

	if (SABOTAGED("stateroot_id"))
		return 0;
	for (size_t i = 0; good && i < len; i++)
		good = id_char(id[i]);
	if (!good)
		return err_set(
			err, -EINVAL,
			"invalid container id: it must match " ID_PATTERN);
	if (len > NAME_MAX)
		return err_set(err, -EINVAL,
			       "invalid container id: %zu bytes, at most %d "
			       "matching " ID_PATTERN " are allowed",
			       len, NAME_MAX);
	return 0;
}

/* <dir>/hull, or -ENOENT where @dir is unset or empty. */
static int below(const char *dir, char *out, size_t size)
{
	int len;

	if (!dir || !*dir)
		return -ENOENT;
	if (*dir != '/')
		return -EINVAL;
	len = snprintf(out, size, "%s/hull", dir);
	return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}

static int user_root(char *out, size_t size, struct err *err)
{
	char dir[64];
	int ret = below(getenv("XDG_RUNTIME_DIR"), out, size);

	if (ret == -ENOENT) {
		snprintf(dir, sizeof(dir), "/run/user/%u", geteuid());
		ret = below(dir, out, size);
	}
	return ret ? err_code(err, ret, "XDG_RUNTIME_DIR") : 0;
}

static int given_root(const char *root, char *out, size_t size, struct err *err)
{
	int ret;

	if (*root != '/')
		return err_set(err, -EINVAL,
			       "state root '%s' is not an absolute path", root);
	ret = path_clean(root, out, size);
	if (ret)
		return err_code(err, ret, "state root '%s'", root);
	if (!strcmp(out, "/"))
		return err_set(err, -EINVAL, "state root cannot be '/'");
	/* ".." after a link is the kernel's business, not ours */
	snprintf(out, size, "%s", root);
	return 0;
}

/* The parents as `mkdir -p` makes them; an error shows at the last one. */
static void make_parents(const char *path)
{
	char dir[PATH_MAX];
	size_t len = strlen(path);

	if (len >= sizeof(dir))
		return;
	for (size_t i = 1; i < len; i++) {
		if (path[i] != '/')
			continue;
		memcpy(dir, path, i);
		dir[i] = '\0';
		mkdir(dir, 0755);
	}
}

static int open_root(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/*
 * Below XDG_RUNTIME_DIR the sticky bit tells cleaners that this directory
 * stays (XDG base directory specification); a umask must not matter.
 */
static int make_root(const char *path)
{
	mode_t mode = 0700 | (geteuid() ? S_ISVTX : 0);
	auto_fd int fd = -1;

	make_parents(path);
	if (mkdir(path, 0700) < 0)
		return errno == EEXIST ? open_root(path) : -errno;
	fd = open_root(path);
	if (fd < 0)
		return fd;
	if (fchmod(fd, mode) < 0)
		return -errno;
	return take_fd(&fd);
}

static int check_root(int fd, const char *path, struct err *err)
{
	mode_t others = 022;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(err, "cannot look at state root '%s'", path);
	if (st.st_uid != geteuid() && !SABOTAGED("stateroot_owner"))
		return err_set(err, -EPERM,
			       "state root '%s' belongs to uid %u, not to %u",
			       path, st.st_uid, geteuid());
	/* a user's own group: with it come umasks of 002 */
	if (st.st_uid && st.st_gid == st.st_uid)
		others = 002;
	if (st.st_mode & others && !SABOTAGED("stateroot_mode"))
		return err_set(err, -EPERM,
			       "state root '%s' may be written by others (mode "
			       "%04o)",
			       path, st.st_mode & 07777);
	return 0;
}

static int try_root(const char *path, bool make, struct err *err)
{
	auto_fd int fd = open_root(path);
	int ret;

	if (fd == -ENOENT && make)
		fd = make_root(path);
	if (fd == -ENOENT && !make)
		return err_set(err, -ENOENT, "state root '%s' does not exist",
			       path);
	if (fd < 0)
		return err_code(err, fd, "cannot open state root '%s'", path);
	ret = check_root(fd, path, err);
	return ret ? ret : take_fd(&fd);
}

int ct_root_open(const struct hull_context *ctx, bool make, struct err *err)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	char path[PATH_MAX];
	int ret;

	if (ctx && ctx->root) {
		ret = given_root(ctx->root, path, sizeof(path), err);
		return ret ? ret : try_root(path, make, err);
	}
	if (geteuid() != 0) {
		ret = user_root(path, sizeof(path), err);
		return ret ? ret : try_root(path, make, err);
	}
	ret = try_root(ROOT_OF_ROOT, make, err);
	/*
	 * Root of a user namespace only, whose /run is somebody else's: what
	 * could not be made there is not there later either.
	 */
	if ((ret == -EACCES || ret == -EPERM || ret == -EROFS ||
	     (ret == -ENOENT && proc_in_userns())) &&
	    xdg && *xdg && !user_root(path, sizeof(path), NULL))
		ret = try_root(path, make, err);
	return ret;
}
