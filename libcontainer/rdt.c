/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/rdt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/path.h"
#include "cgroups/resctrl.h"
#include "libcontainer/state.h"
#include "rootfs/mountinfo.h"
#include "spec/spec.h"

#define RESCTRL_MAGIC 0x7655821 /* RDTGROUP_SUPER_MAGIC, linux/magic.h */

/* A mount may be hidden by a later one: what is opened has to be it. */
static int open_mount(const char *path)
{
	auto_fd int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return path_is_fs(fd, RESCTRL_MAGIC) ? take_fd(&fd) : -ENOENT;
}

/* Return: descriptor, -ENOENT when there is none, or -errno. */
static int find_mount(void)
{
	auto_file FILE *f = fopen("/proc/self/mountinfo", "re");
	auto_free char *line = NULL;
	size_t size = 0;
	int fd = -ENOENT;

	if (!f)
		return -errno;
	while (fd < 0 && getline(&line, &size, f) > 0) {
		struct mountinfo m;

		if (mountinfo_parse(line, &m) && !strcmp(m.type, "resctrl") &&
		    !strcmp(m.root, "/"))
			fd = open_mount(m.path);
	}
	return fd;
}

static int need_mount(struct err *err)
{
	int fd = find_mount();

	if (fd == -ENOENT)
		return err_at(err, -ENOTSUP, "linux.intelRdt",
			      "no resctrl file system is mounted");
	if (fd < 0)
		return err_at(err, fd, "linux.intelRdt",
			      "cannot open the resctrl file system: %s",
			      err_text(fd));
	return fd;
}

int rdt_plan(struct ct *ct, const struct spec *spec, const char *id,
	     struct err *err)
{
	const struct spec_rdt *rdt = &spec->linux_.rdt;
	auto_fd int fd = -1;
	struct rdt_place place;
	int ret;

	if (!rdt->set)
		return 0;
	fd = need_mount(err);
	if (fd < 0)
		return fd;
	rdt_place_of(rdt, id, &place);
	ret = rdt_check(fd, rdt, &place, err);
	if (!ret)
		ct->st.rdt = place;
	return ret;
}

int rdt_begin(struct ct *ct, const struct spec *spec, struct err *err)
{
	auto_fd int fd = -1;

	if (!ct->st.rdt.group[0])
		return 0;
	fd = need_mount(err);
	return fd < 0 ? fd
		      : rdt_make(fd, &spec->linux_.rdt, ct->st.id, &ct->st.rdt,
				 err);
}

int rdt_join(const struct ct *ct, pid_t pid, struct err *err)
{
	auto_fd int fd = -1;

	if (!ct->st.rdt.group[0])
		return 0;
	fd = need_mount(err);
	return fd < 0 ? fd : rdt_attach(fd, &ct->st.rdt, ct->st.id, pid, err);
}

int rdt_end(const struct ct *ct, struct err *err)
{
	auto_fd int fd = -1;

	if (!ct->st.rdt.own && !ct->st.rdt.mon)
		return 0;
	fd = find_mount();
	/* to unmount it is to remove all classes */
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return err_code(err, fd, "cannot open the resctrl file system");
	return rdt_remove(fd, &ct->st.rdt, ct->st.id, err);
}
