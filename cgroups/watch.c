/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroups/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/path.h"

static int no_controller(int code, struct err *err)
{
	if (code == -ENOENT)
		return err_set(err, -ENOTSUP,
			       "the container has no memory controller");
	return err_code(err, code, "cannot watch for OOM");
}

int cg_watch_events(int cg_fd, const char *file, struct err *err)
{
	auto_fd int file_fd = path_open_beneath(cg_fd, file, O_RDONLY, 0);
	auto_fd int fd = -1;
	char path[64];

	if (file_fd < 0)
		return no_controller(file_fd, err);
	fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd < 0)
		return err_sys(err, "cannot watch for OOM");
	/* inotify wants a path: our own descriptor's link is one */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file_fd);
	if (inotify_add_watch(fd, path, IN_MODIFY) < 0)
		return err_sys(err, "cannot watch '%s' for OOM", file);
	return take_fd(&fd);
}

int cg_watch_v1_oom(int memory_fd, struct err *err)
{
	auto_fd int fd = -1, file_fd = -1;
	char text[64];
	int rc;

	file_fd =
		path_open_beneath(memory_fd, "memory.oom_control", O_RDONLY, 0);
	if (file_fd < 0)
		return no_controller(file_fd, err);
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return err_sys(err, "cannot watch for OOM");
	/* the kernel takes its own references to both descriptors */
	snprintf(text, sizeof(text), "%d %d", fd, file_fd);
	rc = io_write_text(memory_fd, "cgroup.event_control", text);
	if (rc < 0)
		return err_code(err, rc, "cannot watch for OOM");
	return take_fd(&fd);
}
