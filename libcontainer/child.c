/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/sabotage.h"
#include "base/sys.h"

void child_unblock_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int child_terminal(int slave_fd, struct err *err)
{
	if (ioctl(slave_fd, TIOCSCTTY, 0) < 0)
		return err_sys(err, "cannot take the controlling terminal");
	for (int fd = 0; fd <= 2; fd++) {
		if (dup2(slave_fd, fd) < 0)
			return err_sys(err, "cannot move the terminal to %d",
				       fd);
	}
	return 0;
}

int child_keep_fds(int first, int *const fds[], size_t count, struct err *err)
{
	int end = first;

	/* above the places they are to have, so that no move hits another */
	for (size_t i = 0; i < count; i++) {
		int fd;

		if (*fds[i] < 0 || *fds[i] >= first + (int)count)
			continue;
		fd = fcntl(*fds[i], F_DUPFD_CLOEXEC, first + (int)count);
		if (fd < 0)
			return err_sys(err, "cannot move a descriptor");
		*fds[i] = fd;
	}
	for (size_t i = 0; i < count; i++) {
		if (*fds[i] < 0)
			continue;
		if (dup3(*fds[i], end, O_CLOEXEC) < 0)
			return err_sys(err, "cannot move a descriptor");
		*fds[i] = end++;
	}
	if (!SABOTAGED("child_close_fds") &&
	    sys_close_range((unsigned int)end, ~0U, 0) < 0)
		return err_sys(err, "cannot close descriptors");
	return 0;
}

int child_exec(const struct process_ctx *ps, const char *const *extra_env,
	       int (*before)(void *arg, struct err *err), void *arg,
	       struct err *err)
{
	auto_free char **env = NULL;
	auto_free char *path = NULL;
	int ret;

	ret = process_env(ps->process, extra_env, &env, err);
	if (!ret)
		ret = process_resolve(ps->process, &path, err);
	if (ret) {
		err_wrap(err, "unable to start container process");
		return ret;
	}
	ret = before(arg, err);
	if (ret)
		return ret;
	ret = process_exec(ps, path, env, err);
	err_wrap(err, "unable to start container process");
	return ret;
}
