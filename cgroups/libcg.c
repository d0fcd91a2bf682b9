/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <libcgroup.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "cgroups/v1.h"

/*
 * v1 hierarchies by libcgroup. Its tables of mounts are process-wide and read
 * once, at the first limit that needs a v1 hierarchy.
 *
 * Three things it cannot do are done by descriptor:
 * - a new cpuset does not inherit cpus and mems (hybrid.c, cpuset_fill());
 * - cgroup_attach_task_pid() moves one thread, so processes that run already
 *   are moved through cgroup.procs (cg_move_procs());
 * - cgroup_delete_cgroup_ext() gives up on a cgroup whose dying tasks are not
 *   gone yet: what it leaves is removed by cg_rmdir_tree().
 */

static int lcg_code(int ecode)
{
	switch (ecode) {
	case 0:
		return 0;
	case ECGOTHER:
		return -cgroup_get_last_errno();
	case ECGROUPNOTALLOWED:
	case ECGROUPNOTOWNER:
		return -EPERM;
	case ECGROUPNOTEXIST:
	case ECGROUPVALUENOTEXIST:
	case ECGROUPSUBSYSNOTMOUNTED:
		return -ENOENT;
	case ECGINVAL:
		return -EINVAL;
	case ECGNONEMPTY:
		return -EBUSY;
	case ECGMAXVALUESEXCEEDED:
		return -E2BIG;
	case ECGFAIL:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

/* libcgroup's own default is stdout, which belongs to hull's callers. */
static void __attribute__((format(printf, 3, 0)))
lcg_log(void *userdata, int level, const char *fmt, va_list ap)
{
	char text[512];
	size_t len;

	(void)userdata;
	(void)level;
	vsnprintf(text, sizeof(text), fmt, ap);
	len = strcspn(text, "\n");
	text[len] = '\0';
	log_debug("libcgroup: %s", text);
}

static int lcg_init(void)
{
	static bool done;
	int rc = 0;

	if (!done) {
		cgroup_set_logger(lcg_log, CGROUP_LOG_ERROR, NULL);
		rc = cgroup_init();
	}
	done = !rc;
	return lcg_code(rc);
}

static void lcg_free(struct cgroup **cg)
{
	if (*cg)
		cgroup_free(cg);
}

#define auto_cgroup __attribute__((cleanup(lcg_free)))

/* A cgroup object with the given controllers, or NULL. */
static struct cgroup *lcg_new(unsigned ctrls, const char *path)
{
	struct cgroup *cg;

	if (lcg_init() < 0)
		return NULL;
	cg = cgroup_new_cgroup(path);
	for (unsigned i = 0; cg && i < CG_CTRLS; i++) {
		if (!(ctrls & (1u << i)))
			continue;
		if (!cgroup_add_controller(cg, cg_ctrl_rows[i].v1_name))
			lcg_free(&cg);
	}
	return cg;
}

static int lcg_make(unsigned ctrls, const char *path)
{
	auto_cgroup struct cgroup *cg = lcg_new(ctrls, path);

	return cg ? lcg_code(cgroup_create_cgroup(cg, 1)) : -ENOMEM;
}

static int lcg_write(enum cg_ctrl ctrl, const char *path, int dir_fd,
		     const char *file, const char *value)
{
	auto_cgroup struct cgroup *cg = NULL;
	struct cgroup_controller *c;
	int rc;

	if (faccessat(dir_fd, file, F_OK, 0) < 0)
		return -errno; /* libcgroup has no code of its own for this */
	cg = lcg_new(1u << ctrl, path);
	if (!cg)
		return -ENOMEM;
	c = cgroup_get_controller(cg, cg_ctrl_rows[ctrl].v1_name);
	rc = cgroup_add_value_string(c, file, value);
	if (!rc)
		rc = cgroup_modify_cgroup(cg);
	return lcg_code(rc);
}

static int lcg_join(unsigned ctrls, const char *path, pid_t pid)
{
	auto_cgroup struct cgroup *cg = lcg_new(ctrls, path);

	return cg ? lcg_code(cgroup_attach_task_pid(cg, pid)) : -ENOMEM;
}

static int plain_remove(unsigned ctrls, const char *path)
{
	int rc = 0;

	for (unsigned i = 0; i < CG_CTRLS; i++) {
		auto_fd int root_fd = -1;
		int one;

		if (!(ctrls & (1u << i)))
			continue;
		root_fd = cg_v1_root_open(cg_ctrl_rows[i].v1_name);
		one = root_fd < 0 ? root_fd
				  : cg_rmdir_tree(root_fd, path, CG_WAIT_MS);
		if (one < 0 && one != -ENOENT)
			rc = one;
	}
	return rc;
}

static int lcg_remove(unsigned ctrls, const char *path)
{
	auto_cgroup struct cgroup *cg = lcg_new(ctrls, path);

	if (cg)
		(void)cgroup_delete_cgroup_ext(
			cg, CGFLAG_DELETE_RECURSIVE |
				    CGFLAG_DELETE_IGNORE_MIGRATION);
	return plain_remove(ctrls, path);
}

const struct cg_v1_ops cg_v1_libcgroup = {
	.name = "libcgroup",
	.make = lcg_make,
	.write = lcg_write,
	.join = lcg_join,
	.remove = lcg_remove,
};

/* ---- without libcgroup */

static int plain_make(unsigned ctrls, const char *path)
{
	for (unsigned i = 0; i < CG_CTRLS; i++) {
		auto_fd int root_fd = -1, dir_fd = -1;
		struct cg_made made;

		if (!(ctrls & (1u << i)))
			continue;
		root_fd = cg_v1_root_open(cg_ctrl_rows[i].v1_name);
		if (root_fd < 0)
			return root_fd;
		dir_fd = cg_mkdir_path(root_fd, path, &made);
		if (dir_fd < 0)
			return dir_fd;
	}
	return 0;
}

static int plain_write(enum cg_ctrl ctrl, const char *path, int dir_fd,
		       const char *file, const char *value)
{
	(void)ctrl;
	(void)path;
	return io_write_text(dir_fd, file, value);
}

static int plain_join(unsigned ctrls, const char *path, pid_t pid)
{
	for (unsigned i = 0; i < CG_CTRLS; i++) {
		auto_fd int root_fd = -1, dir_fd = -1;
		int rc;

		if (!(ctrls & (1u << i)))
			continue;
		root_fd = cg_v1_root_open(cg_ctrl_rows[i].v1_name);
		dir_fd = root_fd < 0
				 ? root_fd
				 : path_open_beneath(root_fd, path,
						     O_RDONLY | O_DIRECTORY, 0);
		rc = dir_fd < 0 ? dir_fd : cg_join_dir(dir_fd, pid);
		if (rc < 0)
			return rc;
	}
	return 0;
}

const struct cg_v1_ops cg_v1_plain = {
	.name = "plain",
	.make = plain_make,
	.write = plain_write,
	.join = plain_join,
	.remove = plain_remove,
};
