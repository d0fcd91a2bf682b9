/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/path.h"
#include "cgroups/internal.h"

#define BASE "/sys/fs/cgroup"
#define HYBRID_DIR "unified"

static struct cg_roots fake; /* all zero: the host's own */

void cg_roots_override(const struct cg_roots *roots)
{
	fake = roots ? *roots : (struct cg_roots){ 0 };
}

bool cg_roots_are_fake(void)
{
	return fake.base != NULL;
}

const char *cg_self_file(void)
{
	return fake.self ? fake.self : "/proc/self/cgroup";
}

static bool is_magic(const char *path, unsigned long magic)
{
	struct statfs st;

	return !statfs(path, &st) && (unsigned long)st.f_type == magic;
}

enum cg_mode cg_mode_probe(void)
{
	if (cg_roots_are_fake())
		return fake.mode;
	if (is_magic(BASE, CGROUP2_SUPER_MAGIC))
		return CG_MODE_UNIFIED;
	if (is_magic(BASE "/" HYBRID_DIR, CGROUP2_SUPER_MAGIC))
		return CG_MODE_HYBRID;
	return CG_MODE_NONE;
}

/* The mount points themselves are the host's: followed as they are (systemd
 * makes "cpu" a link to "cpu,cpuacct"), then checked. */
static int open_root(const char *name, unsigned long magic)
{
	char path[512];
	auto_fd int fd = -1;
	int n = snprintf(path, sizeof(path), "%s/%s",
			 fake.base ? fake.base : BASE, name);

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!cg_roots_are_fake() && !path_is_fs(fd, magic))
		return -ENOTSUP;
	return take_fd(&fd);
}

int cg_root_open(enum cg_mode mode)
{
	if (mode == CG_MODE_NONE)
		return -ENOTSUP;
	return open_root(mode == CG_MODE_HYBRID ? HYBRID_DIR : "",
			 CGROUP2_SUPER_MAGIC);
}

int cg_host_path(const struct cg_place *place, char *buf, size_t size)
{
	int n = snprintf(buf, size, "%s%s%s", fake.base ? fake.base : BASE,
			 place->mode == CG_MODE_HYBRID ? "/" HYBRID_DIR : "",
			 place->path);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int cg_v1_root_open(const char *name)
{
	int fd = open_root(name, CGROUP_SUPER_MAGIC);

	return fd == -ENOTSUP ? -ENOENT : fd;
}

int cg_root_controllers(enum cg_mode mode, char *buf, size_t size)
{
	auto_fd int fd = cg_root_open(mode);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = io_read_text(fd, "cgroup.controllers", buf, size);
	return n < 0 ? (int)n : 0;
}

int cg_controllers(char *buf, size_t size)
{
	return cg_root_controllers(cg_mode_probe(), buf, size);
}

const char *cg_relative(const struct cg_place *place)
{
	return place->path[0] && place->path[1] ? place->path + 1 : ".";
}

const struct cg_ops *cg_ops(const struct cg_place *place)
{
	return place->mode == CG_MODE_HYBRID ? &cg_ops_hybrid : &cg_ops_unified;
}
