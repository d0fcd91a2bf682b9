/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/path.h"
#include "cgroups/internal.h"
#include "cgroups/stats.h"
#include "cgroups/v1.h"
#include "cgroups/watch.h"

/*
 * A host with v1 controllers beside cgroup2: the directory in the v2 tree is
 * the container's cgroup; where a limit needs a v1 controller, a twin at the
 * same path in that hierarchy carries it.
 */

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW)

static const struct cg_v1_ops *v1_ops(void)
{
	return cg_roots_are_fake() ? &cg_v1_plain : &cg_v1_libcgroup;
}

static unsigned ctrls_of(uint32_t v1_mask)
{
	unsigned ctrls = 0;

	for (unsigned i = 0; i < CG_CTRLS; i++)
		if (cg_ctrl_rows[i].v1_bit & v1_mask)
			ctrls |= 1u << i;
	return ctrls;
}

int cg_v1_open(const struct cg_place *place, enum cg_ctrl ctrl)
{
	auto_fd int root_fd = cg_v1_root_open(cg_ctrl_rows[ctrl].v1_name);

	if (root_fd < 0)
		return root_fd;
	return path_open_beneath(root_fd, cg_relative(place), DIR_FLAGS, 0);
}

int cg_v1_write(const struct cg_place *place, enum cg_ctrl ctrl, int dir_fd,
		const char *file, const char *value)
{
	return v1_ops()->write(ctrl, cg_relative(place), dir_fd, file, value);
}

/* ---- making */

/* cpuset.cpus or .mems of a new v1 cpuset is empty, and nobody can be put into
 * it then: take the parent's. */
static int cpuset_inherit(int parent_fd, int dir_fd, const char *file)
{
	char text[1024];
	ssize_t n = io_read_text(dir_fd, file, text, sizeof(text));

	if (n)
		return n < 0 ? (int)n : 0;
	n = io_read_text(parent_fd, file, text, sizeof(text));
	return n < 0 ? (int)n : io_write_text(dir_fd, file, text);
}

/* libcgroup does not do this, hence by descriptor. */
static int cpuset_fill(const char *path)
{
	auto_fd int fd = cg_v1_root_open("cpuset");
	char head[CG_PATH_MAX];

	if (fd < 0)
		return fd;
	for (const char *p = path; *p;) {
		size_t len = strcspn(p, "/");
		int next, rc;

		snprintf(head, sizeof(head), "%.*s", (int)len, p);
		next = path_open_beneath(fd, head, DIR_FLAGS, 0);
		if (next < 0)
			return next;
		rc = cpuset_inherit(fd, next, "cpuset.cpus");
		if (!rc)
			rc = cpuset_inherit(fd, next, "cpuset.mems");
		auto_close_fd(&fd);
		fd = next;
		if (rc < 0)
			return rc;
		p += len;
		p += strspn(p, "/");
	}
	return 0;
}

/* A twin that was there before: is it in use? Return: 1 when it is not there,
 * 0 when it may be taken, -EBUSY. */
static int twin_check(const struct cg_place *place, enum cg_ctrl ctrl,
		      struct err *err)
{
	auto_fd int fd = cg_v1_open(place, ctrl);
	const char *name = cg_ctrl_rows[ctrl].v1_name;
	int rc;

	if (fd == -ENOENT)
		return 1;
	rc = fd < 0 ? fd : cg_has_procs(fd);
	if (rc < 0)
		return err_code(err, rc, "cannot use cgroup '%s' of '%s'",
				place->path, name);
	if (rc)
		return err_set(err, -EBUSY,
			       "container's cgroup is not empty: processes "
			       "found in '%s' of the '%s' hierarchy",
			       place->path, name);
	return 0;
}

/* Twins that are not there yet, as a mask; or -errno. */
static int twins_missing(const struct cg_place *place, unsigned ctrls,
			 struct err *err)
{
	unsigned missing = 0;

	for (unsigned i = 0; i < CG_CTRLS; i++) {
		int rc = 0;

		if (ctrls & (1u << i))
			rc = twin_check(place, (enum cg_ctrl)i, err);
		if (rc < 0)
			return rc;
		if (rc)
			missing |= 1u << i;
	}
	return (int)missing;
}

static int twins_make(const struct cg_place *place, struct err *err)
{
	const char *path = cg_relative(place);
	unsigned ctrls = ctrls_of(place->v1_mask);
	int missing, rc = 0;

	if (!ctrls)
		return 0;
	missing = twins_missing(place, ctrls, err);
	if (missing < 0)
		return missing;
	if (missing)
		rc = v1_ops()->make((unsigned)missing, path);
	if (!rc && (ctrls & (1u << CG_CPUSET)))
		rc = cpuset_fill(path);
	if (!rc)
		return 0;
	if (missing)
		(void)v1_ops()->remove((unsigned)missing, path);
	return err_code(err, rc,
			"cannot create cgroup '%s' in the v1 "
			"hierarchies",
			place->path);
}

static int twins_join(const struct cg_place *place, pid_t pid, struct err *err)
{
	unsigned ctrls = ctrls_of(place->v1_mask);
	int rc;

	if (!ctrls)
		return 0;
	rc = v1_ops()->join(ctrls, cg_relative(place), pid);
	if (rc < 0)
		return err_code(err, rc,
				"cannot put process %d into cgroup '%s' of the "
				"v1 hierarchies",
				(int)pid, place->path);
	return 0;
}

static int join_named(const struct cg_place *place, pid_t pid, const char *sub,
		      struct err *err)
{
	size_t len = strcspn(sub, ":");
	int ctrl = cg_ctrl_find(sub, len), rc;
	auto_fd int twin_fd = -1, dir_fd = -1;

	if (!(cg_ctrl_rows[ctrl].v1_bit & place->v1_mask))
		return err_set(err, -ENOTSUP,
			       "the container has no cgroup in the '%.*s' "
			       "hierarchy",
			       (int)len, sub);
	twin_fd = cg_v1_open(place, (enum cg_ctrl)ctrl);
	if (twin_fd < 0)
		return err_code(err, twin_fd, "cannot open cgroup '%s' of '%s'",
				place->path, cg_ctrl_rows[ctrl].v1_name);
	dir_fd = cg_open_sub(twin_fd, sub + len + 1, err);
	if (dir_fd < 0)
		return dir_fd;
	rc = cg_join_dir(dir_fd, pid);
	if (rc < 0)
		return err_code(err, rc,
				"cannot put process %d into sub cgroup '%s'",
				(int)pid, sub);
	return 0;
}

/* ---- removing */

static int twins_remove(const struct cg_place *place, struct err *err)
{
	unsigned ctrls = ctrls_of(place->v1_mask), there = 0;
	int rc;

	for (unsigned i = 0; i < CG_CTRLS; i++) {
		auto_fd int fd = -1;

		if (!(ctrls & (1u << i)))
			continue;
		fd = cg_v1_open(place, (enum cg_ctrl)i);
		if (fd >= 0)
			there |= 1u << i;
	}
	if (!there)
		return 0;
	rc = v1_ops()->remove(there, cg_relative(place));
	if (rc < 0)
		return err_code(err, rc,
				"cannot remove cgroup '%s' from the v1 "
				"hierarchies",
				place->path);
	return 0;
}

/* ---- update: more limits than at create */

static int move_all(int cg_fd, const struct cg_place *place, unsigned ctrls,
		    struct err *err)
{
	for (unsigned i = 0; i < CG_CTRLS; i++) {
		auto_fd int dir_fd = -1;
		int rc;

		if (!(ctrls & (1u << i)))
			continue;
		dir_fd = cg_v1_open(place, (enum cg_ctrl)i);
		rc = dir_fd < 0 ? dir_fd : cg_move_procs(cg_fd, dir_fd);
		if (rc < 0)
			return err_code(err, rc,
					"cannot move the container into the "
					"'%s' hierarchy",
					cg_ctrl_rows[i].v1_name);
	}
	return 0;
}

int cg_place_add(struct cg_place *place, int cg_fd,
		 const struct spec_resources *res, struct err *err)
{
	struct cg_place more = *place;
	uint32_t need = 0;
	int rc;

	if (place->mode != CG_MODE_HYBRID)
		return 0;
	rc = cg_needs(place->mode, res, &need, err);
	if (rc < 0)
		return rc;
	more.v1_mask = need & ~place->v1_mask;
	if (!more.v1_mask)
		return 0;
	rc = twins_make(&more, err);
	if (rc < 0)
		return rc;
	/* from here on the twins have to be known, whatever comes */
	place->v1_mask |= more.v1_mask;
	return move_all(cg_fd, &more, ctrls_of(more.v1_mask), err);
}

/* ---- what a container leaves behind */

static void record_memory(int dir_fd, struct cg_record *out)
{
	char text[256];

	if (io_read_text(dir_fd, "memory.oom_control", text, sizeof(text)) >=
		    0 &&
	    !cg_key_u64(text, "oom_kill", &out->oom_kills))
		out->oom_known = true;
	if (!cg_read_u64(dir_fd, "memory.max_usage_in_bytes",
			 &out->memory_peak_bytes))
		out->peak_known = true;
}

static void record(int cg_fd, const struct cg_place *place,
		   struct cg_record *out)
{
	auto_fd int dir_fd = -1;

	if (!(place->v1_mask & CG_V1_MEMORY)) {
		cg_record_v2(cg_fd, place, out);
		return;
	}
	dir_fd = cg_v1_open(place, CG_MEMORY);
	if (dir_fd >= 0)
		record_memory(dir_fd, out);
	cg_record_cpu(cg_fd, out);
}

static int oom_watch(int cg_fd, const struct cg_place *place, struct err *err)
{
	auto_fd int dir_fd = -1;

	if (!(place->v1_mask & CG_V1_MEMORY))
		return cg_watch_events(cg_fd, "memory.events", err);
	dir_fd = cg_v1_open(place, CG_MEMORY);
	if (dir_fd < 0)
		return err_code(err, dir_fd, "cannot watch for OOM");
	return cg_watch_v1_oom(dir_fd, err);
}

const struct cg_ops cg_ops_hybrid = {
	.name = "hybrid",
	.twins_make = twins_make,
	.twins_join = twins_join,
	.twins_remove = twins_remove,
	.join_named = join_named,
	.record = record,
	.stats = cg_stats_hybrid,
	.oom_watch = oom_watch,
};
