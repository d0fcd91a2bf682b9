/* SPDX-License-Identifier: Apache-2.0 */
#include "namespaces/ns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/sys.h"
#include "namespaces/idmap.h"

/*
 * struct holder - a process that is in a new user namespace and does nothing:
 * it reads from a pipe nobody writes to, so that it ends with its parent,
 * however that ends.
 */
struct holder {
	pid_t pid;
	int write_fd;
};

#define auto_holder __attribute__((cleanup(holder_end)))

static void holder_end(struct holder *h)
{
	int saved = errno;

	if (h->pid > 0) {
		kill(h->pid, SIGKILL);
		while (waitpid(h->pid, NULL, __WALL) < 0 && errno == EINTR)
			;
	}
	h->pid = 0;
	auto_close_fd(&h->write_fd);
	errno = saved;
}

static int holder_start(struct holder *h)
{
	/* no signal at its end: waitpid(__WALL) is all that is needed */
	struct clone_args args = { .flags = CLONE_NEWUSER };
	int fds[2];
	char c;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	h->write_fd = fds[1];
	h->pid = sys_clone3(&args, sizeof(args));
	if (h->pid == 0) {
		close(fds[1]);
		while (read(fds[0], &c, 1) < 0 && errno == EINTR)
			;
		_exit(0);
	}
	if (h->pid < 0) {
		int ret = -errno;

		close(fds[0]);
		return ret;
	}
	close(fds[0]);
	return 0;
}

int ns_userns_fd(int proc_fd, const struct spec_id_map *uid_maps,
		 size_t uid_count, const struct spec_id_map *gid_maps,
		 size_t gid_count, struct err *err)
{
	const struct idmap uids = { uid_maps, uid_count, "uidMappings" };
	const struct idmap gids = { gid_maps, gid_count, "gidMappings" };
	auto_holder struct holder holder = { .write_fd = -1 };
	char path[48];
	int ret, fd;

	ret = holder_start(&holder);
	if (ret)
		return err_code(err, ret, "cannot make a user namespace");
	ret = idmap_write(proc_fd, holder.pid, &uids, &gids, err);
	if (ret)
		return ret;
	/* a magic link, so not by path_open_beneath() */
	snprintf(path, sizeof(path), "%d/ns/user", (int)holder.pid);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(err, "cannot open the user namespace") : fd;
}
