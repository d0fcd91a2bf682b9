/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/path.h"
#include "base/sabotage.h"
#include "cgroups/internal.h"

static int open_place_root(const struct cg_place *place, struct err *err)
{
	int fd = cg_root_open(place->mode);

	if (fd == -ENOTSUP)
		return err_set(err, fd, "no cgroup2 file system");
	return fd < 0 ? err_code(err, fd, "cannot open the cgroup root") : fd;
}

/* How many lines cgroup.procs has below a cgroup: for the message only. */
static int busy(const struct cg_place *place, int cg_fd, struct err *err)
{
	auto_free pid_t *pids = NULL;
	size_t count = 0;

	(void)cg_procs(cg_fd, &pids, &count, NULL);
	return err_set(err, -EBUSY,
		       "container's cgroup is not empty: %zu process(es) "
		       "found in '%s'",
		       count, place->path);
}

/* A cgroup that was there already: of nobody, or of another container? */
static int check_unused(const struct cg_place *place, int cg_fd,
			struct err *err)
{
	int rc = cg_is_populated(cg_fd);

	if (rc < 0)
		return err_code(err, rc, "cannot read cgroup.events of '%s'",
				place->path);
	if (rc && !SABOTAGED("cgroup_empty"))
		return busy(place, cg_fd, err);
	rc = cg_is_frozen(cg_fd);
	if (rc < 0)
		return err_code(err, rc, "cannot tell if cgroup '%s' is frozen",
				place->path);
	if (rc && !SABOTAGED("cgroup_frozen"))
		return err_set(err, -EBUSY,
			       "container's cgroup unexpectedly frozen: '%s'",
			       place->path);
	return 0;
}

static int prepare(const struct cg_place *place, int root_fd, int cg_fd,
		   bool fresh, struct err *err)
{
	const struct cg_ops *ops = cg_ops(place);
	const char *path = cg_relative(place);
	int rc = fresh ? 0 : check_unused(place, cg_fd, err);

	if (rc < 0)
		return rc;
	if (ops->enable_all)
		cg_enable_all(root_fd, cg_fd, path);
	else if (strchr(path, '/'))
		cg_join_threaded(cg_fd); /* the root itself never is */
	return ops->twins_make(place, err);
}

int cg_create(const struct cg_place *place, struct err *err)
{
	struct cg_made made;
	auto_fd int root_fd = -1, cg_fd = -1;
	int rc;

	if (place->manager == CG_MANAGER_DISABLED)
		return err_set(err, -ENOTSUP, "cgroups are disabled");
	root_fd = open_place_root(place, err);
	if (root_fd < 0)
		return root_fd;
	cg_fd = cg_mkdir_path(root_fd, cg_relative(place), &made);
	if (cg_fd < 0)
		return err_code(err, cg_fd, "cannot create cgroup '%s'",
				place->path);
	rc = prepare(place, root_fd, cg_fd, made.any, err);
	if (rc < 0) {
		cg_unmake_path(root_fd, cg_relative(place), &made);
		return rc;
	}
	return take_fd(&cg_fd);
}

bool cg_exists(const struct cg_place *place)
{
	char path[CG_PATH_MAX + 64];

	return place->manager != CG_MANAGER_DISABLED &&
	       !cg_host_path(place, path, sizeof(path)) && !access(path, F_OK);
}

int cg_open(const struct cg_place *place)
{
	auto_fd int root_fd = -1;

	if (place->manager == CG_MANAGER_DISABLED)
		return -ENOENT;
	root_fd = cg_root_open(place->mode);
	if (root_fd < 0)
		return root_fd;
	return path_open_beneath(root_fd, cg_relative(place),
				 O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
}

int cg_open_own(void)
{
	struct cg_place own = { .mode = cg_mode_probe() };
	int rc = cg_own_path(own.path, sizeof(own.path));

	return rc < 0 ? rc : cg_open(&own);
}
