/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "base/sabotage.h"
#include "cgroups/driver.h"
#include "spec/spec.h"

#define FIELD "linux.cgroupsPath"
#define SELF_MAX 16384 /* bytes: 12 hierarchies of long paths */

/* Append the components of @from to @to: one slash before each, no ".". */
static int path_append(char *to, const char *from)
{
	size_t used = strlen(to);

	for (;;) {
		size_t len;

		from += strspn(from, "/");
		len = strcspn(from, "/");
		if (!len)
			return 0;
		if (len == 2 && from[0] == '.' && from[1] == '.' &&
		    !SABOTAGED("path_cgroup"))
			return -EINVAL;
		if (len != 1 || from[0] != '.') {
			if (used + len + 2 > CG_PATH_MAX)
				return -ENAMETOOLONG;
			to[used++] = '/';
			memcpy(to + used, from, len);
			used += len;
			to[used] = '\0';
		}
		from += len;
	}
}

int cg_own_path(char *buf, size_t size)
{
	auto_fd int fd = open(cg_self_file(), O_RDONLY | O_CLOEXEC);
	char text[SELF_MAX];
	ssize_t n;
	size_t len;

	if (fd < 0)
		return -errno;
	/* one record of procfs: one read(2) has it all */
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	if ((size_t)n == sizeof(text) - 1)
		return -EFBIG;
	text[n] = '\0';
	for (char *line = text; *line; line += strcspn(line, "\n")) {
		line += *line == '\n';
		if (strncmp(line, "0::", 3))
			continue;
		line += 3;
		len = strcspn(line, "\n");
		if (len >= size)
			return -ENAMETOOLONG;
		memcpy(buf, line, len);
		buf[len] = '\0';
		return 0;
	}
	return -ENOENT;
}

/*
 * A relative place is taken from the parent of hull's own cgroup: hull's own
 * has a process in it (hull), so it can have no children with controllers.
 */
static int path_parent_of_own(char path[CG_PATH_MAX], struct err *err)
{
	char own[CG_PATH_MAX];
	char *slash;
	int rc = cg_own_path(own, sizeof(own));

	if (rc < 0)
		return err_code(err, rc, "cannot tell hull's own cgroup");
	slash = strrchr(own, '/');
	if (slash)
		*slash = '\0';
	rc = path_append(path, own);
	if (rc == -EINVAL)
		return err_set(err, rc,
			       "hull's own cgroup '%s' lies outside its cgroup "
			       "namespace; give an absolute " FIELD,
			       own);
	return rc < 0 ? err_code(err, rc, "hull's own cgroup") : 0;
}

int cg_path_place(struct cg_place *place, const char *cgroups_path,
		  const char *id, struct err *err)
{
	char *path = place->path;
	const char *given = cgroups_path && *cgroups_path ? cgroups_path : id;
	int rc = 0;

	path[0] = '\0';
	if (given != cgroups_path || *given != '/')
		rc = path_parent_of_own(path, err);
	if (rc < 0)
		return rc;
	rc = path_append(path, given);
	if (rc == -EINVAL)
		return err_at(err, rc, FIELD, "'%s' has a '..' in it", given);
	if (rc < 0)
		return err_at(err, rc, FIELD, "'%s' is too long", given);
	if (!path[0])
		return err_at(err, -EINVAL, FIELD, "'%s' is the root cgroup",
			      given);
	return 0;
}

/*
 * Without cgroups no limit can hold, so none may be asked for. Device rules are
 * let through: engines send their default list with every config.json.
 */
static int check_disabled(const struct spec_resources *res, struct err *err)
{
	const char *field = NULL;

	for (size_t i = 0; res && i < CG_CTRLS && !field; i++)
		field = cg_ctrl_rows[i].wanted(res);
	if (res && res->unified_count && !field)
		field = "linux.resources.unified";
	if (field)
		return err_at(err, -ENOTSUP, field,
			      "cgroups are disabled (--cgroup-manager)");
	return 0;
}

static int place_fill(struct cg_place *place, const char *cgroups_path,
		      const char *id, const struct spec_resources *res,
		      struct err *err)
{
	int rc;

	place->mode = cg_mode_probe();
	if (place->mode == CG_MODE_NONE)
		return err_set(err, -ENOTSUP,
			       "no cgroup2 file system on /sys/fs/cgroup or "
			       "/sys/fs/cgroup/unified");
	rc = cg_driver(place->manager)->place(place, cgroups_path, id, err);
	if (!rc && res)
		rc = cg_needs(place->mode, res, &place->v1_mask, err);
	return rc;
}

int cg_place_init(struct cg_place *place, enum cg_manager manager,
		  const char *cgroups_path, const char *id,
		  const struct spec_resources *res, struct err *err)
{
	struct cg_place p = { .manager = manager };
	int rc;

	if (manager == CG_MANAGER_DISABLED) {
		p.mode = CG_MODE_NONE;
		rc = check_disabled(res, err);
	} else {
		rc = place_fill(&p, cgroups_path, id, res, err);
	}
	if (rc < 0)
		return rc;
	log_debug("cgroup '%s' (%s, %s)", p.path,
		  p.path[0] ? cg_driver(p.manager)->name : "none",
		  p.mode == CG_MODE_HYBRID ? "hybrid" : "unified");
	*place = p;
	return 0;
}
