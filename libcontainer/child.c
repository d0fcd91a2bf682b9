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
#include "base/fd.h"
#include "base/io.h"

uint64_t signals_ignored(int proc_fd)
{
	char name[32], text[4096];
	const char *line;

	snprintf(name, sizeof(name), "%d/status", (int)getpid());
	if (io_read_text(proc_fd, name, text, sizeof(text)) < 0)
		return UINT64_MAX; /* unknown: look at every one */
	line = strstr(text, "\nSigIgn:");
	return line ? strtoull(line + strlen("\nSigIgn:"), NULL, 16)
		    : UINT64_MAX;
}

void child_reset_signals(uint64_t ignored)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int sig = 1; ignored && sig <= 64; sig++) {
		if (ignored & (1ULL << (sig - 1)))
			sigaction(sig, &dfl, NULL);
	}
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

int child_exec(const struct process_ctx *ps, const char *const *extra_env,
	       int first_fd, int (*before)(void *arg, struct err *err),
	       void *arg, struct err *err)
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
	/*
	 * The workload gets 0, 1, 2 and what was asked to be preserved. This
	 * comes before the filter, which may deny close_range(2).
	 */
	ret = fd_cloexec_from(first_fd);
	if (ret)
		return err_code(err, ret, "cannot mark descriptors");
	ret = before(arg, err);
	if (ret)
		return ret;
	ret = process_exec(ps, path, env, err);
	err_wrap(err, "unable to start container process");
	return ret;
}
