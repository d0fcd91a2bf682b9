/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/num.h"
#include "base/sabotage.h"
#include "base/sock.h"
#include "spec/spec.h"

#define LISTEN_FDS_MAX 1024

void listen_fds_take(struct listen_fds *l)
{
	const char *pid = getenv("LISTEN_PID");
	const char *fds = getenv("LISTEN_FDS");
	const char *names = getenv("LISTEN_FDNAMES");
	uint32_t want_pid, count;
	size_t n = 0;

	memset(l, 0, sizeof(*l));
	if (!pid || !fds || num_u32(pid, &want_pid) || num_u32(fds, &count))
		return;
	if (want_pid != (uint32_t)getpid() || !count || count > LISTEN_FDS_MAX)
		return;
	l->count = count;
	snprintf(l->fds, sizeof(l->fds), "LISTEN_FDS=%u", count);
	snprintf(l->pid, sizeof(l->pid), "LISTEN_PID=1");
	l->env[n++] = l->fds;
	l->env[n++] = l->pid;
	if (names && asprintf(&l->names, "LISTEN_FDNAMES=%s", names) < 0)
		l->names = NULL;
	if (l->names)
		l->env[n++] = l->names;
}

void listen_fds_release(struct listen_fds *l)
{
	free(l->names);
	memset(l, 0, sizeof(*l));
}

int handover_check_fds(unsigned int count, struct err *err)
{
	for (unsigned int i = 0; i < count; i++) {
		int flags = fcntl((int)(3 + i), F_GETFD);

		if ((flags < 0 || flags & FD_CLOEXEC) &&
		    !SABOTAGED("handover_open"))
			return err_set(err, -EBADF,
				       "descriptor %u, which is to be "
				       "preserved, is not open",
				       3 + i);
	}
	return 0;
}

int handover_send_fd(const char *socket_path, const char *name, int fd,
		     struct err *err)
{
	auto_fd int sock = -1;
	int ret;

	sock = sock_connect(socket_path);
	if (sock < 0)
		return err_code(err, sock, "cannot connect to '%s'",
				socket_path);
	ret = sock_send(sock, name, strlen(name), &fd, 1);
	if (ret)
		return err_code(err, ret, "cannot send to '%s'", socket_path);
	return 0;
}

int handover_pid_file(const char *path, pid_t pid, struct err *err)
{
	char *for_dir, *for_base;
	auto_fd int dir_fd = -1;
	char text[16];
	int len, ret;

	for_dir = strdupa(path);
	for_base = strdupa(path);
	dir_fd = open(dirname(for_dir), O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return err_sys(err,
			       "cannot open the directory of pid file '%s'",
			       path);
	len = snprintf(text, sizeof(text), "%d", (int)pid);
	ret = io_replace(dir_fd, basename(for_base), text, (size_t)len, 0644);
	if (ret)
		return err_code(err, ret, "cannot write pid file '%s'", path);
	return 0;
}

int handover_console_rule(bool terminal, bool detach, const char *socket_path,
			  struct err *err)
{
	if (socket_path && !terminal)
		return err_set(
			err, -EINVAL,
			"a console socket was given, but process.terminal "
			"is not set");
	if (socket_path && !detach)
		return err_set(
			err, -EINVAL,
			"a console socket needs --detach: without it hull "
			"shows the terminal itself");
	if (terminal && detach && !socket_path)
		return err_set(err, -EINVAL,
			       "process.terminal: a console socket is needed "
			       "when the terminal's user is not hull itself");
	return 0;
}

void handover_tty_size(const struct spec_process *process, bool own,
		       unsigned short *rows, unsigned short *cols)
{
	struct winsize size = { 0 };

	if (process->console_size_set) {
		*rows = process->console_height;
		*cols = process->console_width;
		return;
	}
	if (own && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0 &&
	    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		size = (struct winsize){ 0 };
	*rows = size.ws_row;
	*cols = size.ws_col;
}
