/* SPDX-License-Identifier: Apache-2.0 */
#include "namespaces/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/sys.h"

#define WAIT_MS 10000 /* subuid(5) may be asked of a network, by way of NSS */
#define TEXT_MAX 512

static const char *const system_dirs[] = { "/usr/bin", "/usr/local/bin", "/bin",
					   NULL };

static bool find(const char *const *dirs, const char *name, char *path,
		 size_t size)
{
	for (size_t i = 0; dirs[i]; i++) {
		snprintf(path, size, "%s/%s", dirs[i], name);
		if (!access(path, X_OK))
			return true;
	}
	return false;
}

/* NAME PID (INSIDE OUTSIDE SIZE)... */
static char **make_argv(struct arena *arena, const char *name, pid_t pid,
			const struct idmap *map)
{
	char **argv = arena_array(arena, 3 + 3 * map->count, sizeof(*argv));
	size_t n = 0;

	if (!argv)
		return NULL;
	argv[n++] = arena_printf(arena, "%s", name);
	argv[n++] = arena_printf(arena, "%d", (int)pid);
	for (size_t i = 0; i < map->count; i++) {
		argv[n++] =
			arena_printf(arena, "%u", map->maps[i].container_id);
		argv[n++] = arena_printf(arena, "%u", map->maps[i].host_id);
		argv[n++] = arena_printf(arena, "%u", map->maps[i].size);
	}
	for (size_t i = 0; i < n; i++) {
		if (!argv[i])
			return NULL;
	}
	return argv;
}

static void __attribute__((noreturn))
run(const char *path, int out_fd, char *const argv[])
{
	char *const envp[] = { NULL };
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(out_fd, STDOUT_FILENO) >= 0 &&
	    dup2(out_fd, STDERR_FILENO) >= 0 &&
	    !sys_close_range(3, ~0U, CLOSE_RANGE_CLOEXEC))
		execve(path, argv, envp);
	_exit(127);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* What it says, until it ends; the first bytes are kept. */
static int listen_to(int fd, char text[TEXT_MAX])
{
	int64_t end = now_ms() + WAIT_MS;
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	size_t len = 0;

	text[0] = '\0';
	for (;;) {
		int64_t left = end - now_ms();
		char buf[256];
		ssize_t n;
		int ready = poll(&pfd, 1, left > 0 ? (int)left : 0);

		if (ready == 0)
			return -ETIMEDOUT;
		n = ready < 0 ? -1 : read(fd, buf, sizeof(buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		if ((size_t)n > TEXT_MAX - 1 - len)
			n = (ssize_t)(TEXT_MAX - 1 - len);
		memcpy(text + len, buf, (size_t)n);
		len += (size_t)n;
		text[len] = '\0';
	}
}

static int explain(const char *name, int ret, int status, char *text,
		   const struct idmap *map, struct err *err)
{
	if (ret)
		return err_at(err, ret, map->field, "%s: %s", name,
			      err_text(ret));
	if (!status)
		return 0;
	for (size_t len = strlen(text); len && text[len - 1] == '\n';)
		text[--len] = '\0';
	return err_at(err, -EPERM, map->field, "%s has refused the mapping%s%s",
		      name, *text ? ": " : "", text);
}

int idtool_run(const char *const *dirs, const char *name, pid_t pid,
	       const struct idmap *map, struct err *err)
{
	/* no signal at its end: waitpid(__WALL) is all that is needed */
	struct clone_args args = { .flags = CLONE_CLEAR_SIGHAND };
	auto_arena struct arena arena = { 0 };
	auto_fd int read_fd = -1;
	char **argv = make_argv(&arena, name, pid, map);
	int fds[2], status = -1, ret;
	char text[TEXT_MAX], path[PATH_MAX];
	pid_t child;

	if (!find(dirs ? dirs : system_dirs, name, path, sizeof(path)))
		return err_at(err, -ENOENT, map->field,
			      "more than one's own id can be mapped by '%s' "
			      "only, which is not installed",
			      name);
	if (!argv)
		return err_set(err, -ENOMEM, "out of memory");
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, "cannot make a pipe");
	read_fd = fds[0];
	child = sys_clone3(&args, sizeof(args));
	if (child == 0)
		run(path, fds[1], argv);
	ret = child < 0 ? -errno : 0;
	close(fds[1]);
	if (!ret) {
		ret = listen_to(read_fd, text);
		if (ret)
			kill(child, SIGKILL);
		while (waitpid(child, &status, __WALL) < 0 && errno == EINTR)
			;
	}
	return explain(name, ret, status, text, map, err);
}
