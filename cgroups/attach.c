/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/path.h"
#include "base/sabotage.h"
#include "cgroups/internal.h"

#define JOIN_TRIES 5

/* A task that is still being made gives EINVAL for a moment (TASK_NEW). */
int cg_join_dir(int dir_fd, pid_t pid)
{
	struct timespec ts = { .tv_nsec = 30 * 1000000 };
	char text[16];
	int rc = -EINVAL;

	snprintf(text, sizeof(text), "%d", (int)pid);
	for (int i = 0; i < JOIN_TRIES && rc == -EINVAL; i++) {
		if (i)
			nanosleep(&ts, NULL);
		rc = io_write_text(dir_fd, "cgroup.procs", text);
	}
	return rc;
}

/*
 * A sub-cgroup is named from the container's own; "/" is that one. ".." is
 * refused as text, and the descriptor walk below cannot leave it either, so a
 * neighbour whose name begins alike is out of reach.
 */
static bool is_inside(const char *sub)
{
	while (*sub) {
		size_t len;

		sub += strspn(sub, "/");
		len = strcspn(sub, "/");
		if (len == 2 && sub[0] == '.' && sub[1] == '.')
			return false;
		sub += len;
	}
	return true;
}

int cg_open_sub(int cg_fd, const char *sub, struct err *err)
{
	const char *name = sub ? sub + strspn(sub, "/") : "";
	int fd;

	if (sub && !is_inside(sub) && !SABOTAGED("attach_inside"))
		return err_set(err, -EINVAL, "bad sub cgroup path: '%s'", sub);
	if (SABOTAGED("attach_inside"))
		return openat(cg_fd, name, O_RDONLY | O_CLOEXEC);
	fd = path_open_beneath(cg_fd, *name ? name : ".",
			       O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd < 0)
		return err_code(err, fd, "cannot open sub cgroup '%s'",
				sub ? sub : "");
	return fd;
}

static int join_v2(int cg_fd, const struct cg_place *place, pid_t pid,
		   const char *sub, struct err *err)
{
	auto_fd int dir_fd = cg_open_sub(cg_fd, sub, err);
	int rc;

	if (dir_fd < 0)
		return dir_fd;
	rc = cg_join_dir(dir_fd, pid);
	if (rc < 0)
		return err_code(
			err, rc, "error adding pid %d to cgroups: '%s'%s%s",
			(int)pid, place->path, sub && *sub ? ", below it " : "",
			sub ? sub : "");
	return 0;
}

int cg_attach(int cg_fd, const struct cg_place *place, pid_t pid, bool v2,
	      const char *sub, struct err *err)
{
	const struct cg_ops *ops = cg_ops(place);
	const char *colon = sub ? strchr(sub, ':') : NULL;
	int rc = 0;

	/* "memory:path" names one v1 hierarchy */
	if (ops->join_named && colon &&
	    cg_ctrl_find(sub, (size_t)(colon - sub)) >= 0)
		return ops->join_named(place, pid, sub, err);
	if (v2)
		rc = join_v2(cg_fd, place, pid, sub, err);
	return rc < 0 ? rc : ops->twins_join(place, pid, err);
}
