/* SPDX-License-Identifier: Apache-2.0 */
#include "namespaces/ns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/path.h"
#include "base/sabotage.h"
#include "base/sys.h"

static const struct ns_type *row_of(enum spec_ns_type type)
{
	size_t i = 0;

	while (ns_types[i].type != type)
		i++;
	return &ns_types[i];
}

static bool is_own(const struct ns_type *type, int fd)
{
	struct stat own, other;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/ns/%s", type->file);
	return !stat(path, &own) && !fstat(fd, &other) &&
	       own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

/* Return: descriptor of a namespace of the type, or -errno. */
static int open_path(const char *path, int flag, const char *field,
		     struct err *err)
{
	auto_fd int fd = -1;
	int type;

	/* O_NONBLOCK: it may be something else, a FIFO for one */
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return err_at(err, -errno, field, "cannot open '%s': %s", path,
			      err_text(errno));
	if (!path_is_fs(fd, NSFS_MAGIC))
		return err_at(err, -EINVAL, field, "'%s' is not a namespace",
			      path);
	type = ioctl(fd, NS_GET_NSTYPE);
	if (type < 0)
		return err_at(err, -errno, field,
			      "cannot tell the type of '%s': %s", path,
			      err_text(errno));
	if (type != flag && !SABOTAGED("plan_type"))
		return err_at(err, -EINVAL, field,
			      "'%s' is a namespace of another type", path);
	return take_fd(&fd);
}

/* A namespace that does not exist yet: clone3(2) makes it, or the child. */
static void plan_new(struct ns_plan *plan, int flag)
{
	plan->present |= flag;
	if (flag == CLONE_NEWCGROUP)
		plan->new_cgroup = true;
	else if (flag == CLONE_NEWTIME)
		plan->new_time = true;
	else
		plan->create |= flag;
}

int ns_flag(enum spec_ns_type type)
{
	return row_of(type)->flag;
}

static int plan_one(struct ns_plan *plan, const struct spec_namespace *ns,
		    size_t index, struct err *err)
{
	const struct ns_type *row = row_of(ns->type);
	int flag = row->flag;
	auto_fd int fd = -1;
	char field[64];

	snprintf(field, sizeof(field), "linux.namespaces[%zu]%s", index,
		 ns->path ? ".path" : "");
	if (plan->present & flag || plan->join_fd[ns->type] >= 0)
		return err_at(err, -EINVAL, field, "type '%s' is there twice",
			      spec_ns_names[ns->type]);
	if (!ns->path) {
		plan_new(plan, flag);
		return 0;
	}
	fd = open_path(ns->path, flag, field, err);
	if (fd < 0)
		return fd;
	if (is_own(row, fd))
		plan->own |= flag;
	/* setns(2) refuses the caller's own user namespace: nothing to do */
	if (flag & plan->own & CLONE_NEWUSER)
		return 0;
	plan->present |= flag;
	plan->join_fd[ns->type] = take_fd(&fd);
	return 0;
}

int ns_plan_init(struct ns_plan *plan, const struct spec_linux *linux_,
		 struct err *err)
{
	struct ns_plan made = { 0 };
	int ret = 0;

	for (size_t i = 0; i < SPEC_NS_TYPES; i++)
		made.join_fd[i] = -1;
	for (size_t i = 0; !ret && i < linux_->namespace_count; i++)
		ret = plan_one(&made, &linux_->namespaces[i], i, err);
	if (!ret && !made.new_time &&
	    (linux_->monotonic.set || linux_->boottime.set))
		ret = err_at(err, -EINVAL, "linux.timeOffsets",
			     "needs a new namespace of type 'time'");
	if (ret) {
		ns_plan_release(&made);
		return ret;
	}
	*plan = made;
	return 0;
}

void ns_plan_release(struct ns_plan *plan)
{
	for (size_t i = 0; i < SPEC_NS_TYPES; i++)
		auto_close_fd(&plan->join_fd[i]);
}
