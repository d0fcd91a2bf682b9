/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/path.h"
#include "cgroups/driver.h"

/* Kill and wait: with cgroup.kill also those that are frozen end. */
static int empty(int cg_fd, const struct cg_place *place, struct err *err)
{
	int rc = cg_is_populated(cg_fd);

	if (rc == -ENOENT || rc == -ENODEV)
		return 0;
	if (!rc)
		return 0;
	rc = cg_kill(cg_fd, err);
	if (rc < 0)
		return rc;
	rc = cg_event_wait(cg_fd, "populated", 0, CG_WAIT_MS);
	if (!rc || rc == -ENODEV || rc == -ENOENT)
		return 0;
	if (rc == -ETIMEDOUT)
		return err_set(err, rc,
			       "processes in cgroup '%s' are still there "
			       "%d s after SIGKILL",
			       place->path, CG_WAIT_MS / 1000);
	return err_code(err, rc, "cannot empty cgroup '%s'", place->path);
}

static int destroy_v2(int root_fd, const struct cg_place *place,
		      struct err *err)
{
	const struct cg_driver *driver = cg_driver(place->manager);
	const char *path = cg_relative(place);
	auto_fd int cg_fd = -1;
	int rc;

	/* empty and without children: one call */
	if (!driver->end && !unlinkat(root_fd, path, AT_REMOVEDIR))
		return 0;
	cg_fd = path_open_beneath(root_fd, path,
				  O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (cg_fd == -ENOENT) {
		if (driver->end)
			driver->end(place);
		return 0;
	}
	if (cg_fd < 0)
		return err_code(err, cg_fd, "cannot open cgroup '%s'",
				place->path);
	rc = empty(cg_fd, place, err);
	if (rc < 0)
		return rc;
	if (driver->end)
		driver->end(place);
	rc = cg_rmdir_tree(root_fd, path, CG_WAIT_MS);
	if (rc < 0)
		return err_code(err, rc, "cannot remove cgroup '%s'",
				place->path);
	return 0;
}

/* The usual end: everybody is gone, nothing was made below. */
static bool remove_empty(const struct cg_place *place)
{
	char path[CG_PATH_MAX + 64];

	return !place->v1_mask && !cg_driver(place->manager)->end &&
	       !cg_host_path(place, path, sizeof(path)) &&
	       (!rmdir(path) || errno == ENOENT);
}

int cg_destroy(const struct cg_place *place, struct err *err)
{
	auto_fd int root_fd = -1;
	int rc;

	if (place->manager == CG_MANAGER_DISABLED || remove_empty(place))
		return 0;
	root_fd = cg_root_open(place->mode);
	if (root_fd < 0)
		return err_code(err, root_fd, "cannot open the cgroup root");
	/* the twins only after everybody has been killed through v2 */
	rc = destroy_v2(root_fd, place, err);
	return rc < 0 ? rc : cg_ops(place)->twins_remove(place, err);
}
