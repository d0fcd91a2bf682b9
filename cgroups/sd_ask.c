/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/helper.h"
#include "base/num.h"
#include "base/str.h"
#include "base/sys.h"
#include "cgroups/internal.h"
#include "cgroups/systemd.h"

/*
 * hull is linked statically, libsystemd is a shared library only: a program of
 * its own asks systemd, and is executed by nobody who does not use this driver.
 */

#define HELPER "hull-systemd"
#define SOCKET_FD 0
#define WAIT_MS 40000

/* Where libsystemd looks for the user's bus. */
static const char *const passed_on[] = {
	"XDG_RUNTIME_DIR",
	"DBUS_SESSION_BUS_ADDRESS",
};

/* ---- the command line */

static size_t count_words(const struct sd_props *props)
{
	size_t n = 6;

	for (const struct sd_prop *p = props ? props->first : NULL; p;
	     p = p->next)
		n += 4 + p->count;
	return n;
}

/* execve(2) takes char *const[] and changes nothing. */
static char *word(const char *text)
{
	union {
		const char *in;
		char *out;
	} u = { .in = text };

	return u.out;
}

static char **make_argv(struct arena *arena, enum cg_manager manager,
			const char *const words[3],
			const struct sd_props *props)
{
	char **argv = arena_array(arena, count_words(props), sizeof(*argv));
	size_t n = 0;

	if (!argv)
		return NULL;
	argv[n++] = word(HELPER);
	argv[n++] =
		word(manager == CG_MANAGER_SYSTEMD_USER ? "user" : "system");
	for (size_t i = 0; i < 3; i++)
		if (words[i])
			argv[n++] = word(words[i]);
	for (const struct sd_prop *p = props ? props->first : NULL; p;
	     p = p->next) {
		argv[n++] = word(p->name);
		argv[n++] = arena_printf(arena, "%u", p->since);
		argv[n++] = word(p->sig);
		argv[n++] = arena_printf(arena, "%zu", p->count);
		if (!argv[n - 1] || !argv[n - 3])
			return NULL;
		for (size_t i = 0; i < p->count; i++)
			argv[n++] = word(p->values[i]);
	}
	argv[n] = NULL;
	return argv;
}

static char **make_env(struct arena *arena)
{
	char **env =
		arena_array(arena, ARRAY_SIZE(passed_on) + 1, sizeof(*env));
	size_t n = 0;

	for (size_t i = 0; env && i < ARRAY_SIZE(passed_on); i++) {
		const char *value = getenv(passed_on[i]);

		/* what systemd itself has told the user's sessions */
		if (!value && !i)
			value = arena_printf(arena, "/run/user/%u", geteuid());
		if (!value)
			continue;
		env[n] = arena_printf(arena, "%s=%s", passed_on[i], value);
		if (!env[n++])
			return NULL;
	}
	return env;
}

/* ---- the process */

static void __attribute__((noreturn))
run_helper(int helper_fd, int sock, char *const argv[], char *const envp[])
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	helper_fd = fcntl(helper_fd, F_DUPFD_CLOEXEC, 3);
	sock = fcntl(sock, F_DUPFD_CLOEXEC, 3);
	if (helper_fd < 0 || sock < 0 || null_fd < 0 ||
	    dup2(null_fd, STDOUT_FILENO) < 0 ||
	    dup2(null_fd, STDERR_FILENO) < 0 || dup2(sock, SOCKET_FD) < 0)
		_exit(126);
	/* a session of its own: a terminal's signals are hull's to act on */
	if (setsid() >= 0 && !sys_close_range(3, ~0U, CLOSE_RANGE_CLOEXEC))
		sys_execveat(helper_fd, "", argv, envp, AT_EMPTY_PATH);
	_exit(127);
}

int sd_ask_start(struct cg_hold *hold, enum cg_manager manager,
		 const char *verb, const char *unit, const char *arg,
		 const struct sd_props *props, struct err *err)
{
	const char *const words[3] = { verb, unit, arg };
	struct clone_args args = { .flags = CLONE_CLEAR_SIGHAND };
	auto_arena struct arena arena = { 0 };
	auto_fd int helper_fd = -1, own = -1, other = -1;
	char **argv, **env;
	int pair[2];

	helper_fd = helper_open(HELPER);
	if (helper_fd < 0)
		return err_code(err, helper_fd,
				"the systemd cgroup driver: cannot find "
				"'" HELPER "' beside hull");
	argv = make_argv(&arena, manager, words, props);
	env = make_env(&arena);
	if (!argv || !env)
		return err_set(err, -ENOMEM, "out of memory");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, "cannot make a socket");
	own = pair[0];
	other = pair[1];
	hold->pid = sys_clone3(&args, sizeof(args));
	if (hold->pid == 0)
		run_helper(helper_fd, other, argv, env);
	if (hold->pid < 0) {
		hold->pid = 0;
		return err_sys(err, "cannot start '" HELPER "'");
	}
	hold->fd = take_fd(&own);
	return 0;
}

static int wait_readable(const struct cg_hold *hold)
{
	struct pollfd pfd = { .fd = hold->fd, .events = POLLIN };
	int64_t end = cg_now_ms() + WAIT_MS;
	int n;

	do {
		int64_t left = end - cg_now_ms();

		n = poll(&pfd, 1, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n ? 0 : -ETIMEDOUT;
}

/* "error ERRNO TEXT" */
static int take_error(const char *text, struct err *err)
{
	char number[16];
	uint32_t code;
	size_t len = strcspn(text, " ");

	snprintf(number, sizeof(number), "%.*s", (int)len, text);
	if (num_u32(number, &code) < 0 || !code || code > 4095)
		code = EIO;
	text += len;
	text += *text == ' ';
	return err_set(err, -(int)code, "the systemd cgroup driver: %s", text);
}

int sd_ask_answer(struct cg_hold *hold, char out[SD_ANSWER_MAX],
		  struct err *err)
{
	char text[SD_ANSWER_MAX];
	ssize_t n;
	int rc = wait_readable(hold);

	if (rc == -ETIMEDOUT)
		return err_set(err, rc, "systemd did not answer within %d s",
			       WAIT_MS / 1000);
	if (rc < 0)
		return err_code(err, rc, "waiting for systemd");
	n = recv(hold->fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	if (n < 0)
		return err_sys(err, "waiting for systemd");
	if (n == 0)
		return err_set(err, -EIO,
			       "'" HELPER "' ended without an answer (is "
			       "libsystemd installed?)");
	text[n] = '\0';
	if (str_starts(text, "error "))
		return take_error(text + 6, err);
	if (!str_starts(text, "ok "))
		return err_set(err, -EPROTO,
			       "unexpected answer from '" HELPER "'");
	if (out)
		memcpy(out, text + 3, (size_t)n - 2);
	return 0;
}

int sd_ask_send(struct cg_hold *hold, const char *text, struct err *err)
{
	if (send(hold->fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		return err_sys(err, "cannot reach '" HELPER "'");
	return 0;
}

void cg_hold_release(struct cg_hold *hold)
{
	int saved = errno;

	auto_close_fd(&hold->fd);
	if (hold->pid > 0) {
		kill(hold->pid, SIGKILL);
		while (waitpid(hold->pid, NULL, __WALL) < 0 && errno == EINTR)
			;
	}
	hold->pid = 0;
	errno = saved;
}

int sd_ask(enum cg_manager manager, const char *verb, const char *unit,
	   const char *arg, const struct sd_props *props,
	   char out[SD_ANSWER_MAX], struct err *err)
{
	struct cg_hold hold = CG_HOLD_INIT;
	int rc;

	rc = sd_ask_start(&hold, manager, verb, unit, arg, props, err);
	if (!rc)
		rc = sd_ask_answer(&hold, out, err);
	cg_hold_release(&hold);
	return rc;
}
