/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/hooks.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "base/sabotage.h"
#include "base/signals.h"
#include "base/sys.h"
#include "libcontainer/process/process.h"

#define OUTPUT_MAX ((size_t)64 * 1024)
#define SHOWN_MAX 1600 /* of the output's end, in a message */

/**
 * struct hook_run - one hook at work.
 * @deadline_ms: CLOCK_MONOTONIC, 0: none
 * @exec_errno: written by the child, which shares our memory until execve(2)
 */
struct hook_run {
	const struct spec_hook *hook;
	const char *const *env;
	const struct seccomp_prog *filter;
	int cwd_fd;
	int state_fd;
	int out_read;
	int out_write;
	int pidfd;
	pid_t pid;
	int64_t deadline_ms;
	bool timed_out;
	volatile int exec_errno;
	char *output;
	size_t output_len;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* A file in memory, because a pipe holds 64 KiB and a hook may not read. */
static int make_state_fd(const char *json)
{
	auto_fd int fd = memfd_create("hull-state", MFD_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	ret = io_write_full(fd, json, strlen(json));
	if (ret)
		return ret;
	return lseek(fd, 0, SEEK_SET) < 0 ? -errno : take_fd(&fd);
}

/*
 * 0, 1 and 2 get their places through copies above them: any of the sources
 * may be one of the three when hull was started with those closed.
 */
static int child_stdio(const struct hook_run *run)
{
	int in = fcntl(run->state_fd, F_DUPFD_CLOEXEC, 3);
	int out = fcntl(run->out_write, F_DUPFD_CLOEXEC, 3);

	if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 ||
	    dup2(out, 2) < 0)
		return -1;
	return 0;
}

static void close_others(void)
{
	if (SABOTAGED("hooks_close_fds"))
		return;
	if (!sys_close_range(3, ~0U, 0))
		return;
	/* Linux before 5.9, or an outer filter */
	for (int fd = 3; fd < 4096; fd++)
		close(fd);
}

/*
 * Between vfork(2) and execve(2): no allocation, no return; tables of signals
 * and descriptors are the child's own, memory is not.
 */
static void __attribute__((noreturn)) child_exec_hook(struct hook_run *run)
{
	const char *const alone[] = { run->hook->path, NULL };
	const char *const *args = run->hook->args ? run->hook->args : alone;
	sigset_t none;
	int ret = 0;

	for (int sig = 1; sig < NSIG; sig++)
		sys_signal_default(sig);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if ((run->cwd_fd < 0 || !fchdir(run->cwd_fd)) &&
	    child_stdio(run) >= 0) {
		close_others();
		if (run->filter && !SABOTAGED("hooks_filter"))
			ret = process_filter(run->filter, NULL, NULL);
		if (!ret)
			execve(run->hook->path, (char *const *)(uintptr_t)args,
			       (char *const *)(uintptr_t)run->env);
	}
	run->exec_errno = ret ? -ret : errno;
	_exit(127);
}

static int spawn_hook(struct hook_run *run)
{
	sigset_t all, old;
	pid_t pid;

	/* a handler of ours must not run in the child: it shares our memory */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid = vfork();
	if (!pid)
		child_exec_hook(run);
	if (pid < 0)
		pid = -errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (pid < 0)
		return pid;
	run->pid = pid;
	run->pidfd = sys_pidfd_open(pid, 0);
	return run->pidfd < 0 ? -errno : 0;
}

/* One read(2): what exceeds the limit is dropped. Return: something came. */
static bool take_output(struct hook_run *run)
{
	size_t room = OUTPUT_MAX - run->output_len;
	char spare[4096];
	ssize_t n;

	if (run->out_read < 0)
		return false;
	do
		n = read(run->out_read,
			 room ? run->output + run->output_len : spare,
			 room ? room : sizeof(spare));
	while (n < 0 && errno == EINTR);
	if (!n || (n < 0 && errno != EAGAIN))
		auto_close_fd(&run->out_read);
	if (n > 0 && room)
		run->output_len += (size_t)n;
	return n > 0;
}

static int wait_ms(const struct hook_run *run)
{
	int64_t left;

	if (!run->deadline_ms)
		return -1;
	left = run->deadline_ms - now_ms();
	if (left < 0)
		left = 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}

/* Until the process has ended or has to be killed. Its descendants may keep
 * the pipe open: nobody waits for them. */
static int watch(struct hook_run *run)
{
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = run->pidfd, .events = POLLIN },
			{ .fd = run->out_read, .events = POLLIN },
		};
		int n = poll(fds, ARRAY_SIZE(fds), wait_ms(run));

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0 && fds[0].revents)
			return 0;
		if (run->deadline_ms && now_ms() >= run->deadline_ms) {
			run->timed_out = true;
			return 0;
		}
		if (n > 0 && fds[1].revents)
			take_output(run);
	}
}

/* The child is ours and not reaped yet, so its pid cannot be another's. */
static int reap(const struct hook_run *run, bool force, int *status)
{
	if (force || run->timed_out)
		kill(run->pid, SIGKILL);
	while (waitpid(run->pid, status, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* ", output: ..." with the last lines, where the reason mostly stands. */
static const char *output_text(struct hook_run *run, char *buf, size_t size)
{
	size_t len = run->output_len, from;

	while (len && (run->output[len - 1] == '\n' || !run->output[len - 1]))
		len--;
	buf[0] = '\0';
	if (!len)
		return buf;
	from = len > SHOWN_MAX ? len - SHOWN_MAX : 0;
	snprintf(buf, size, ", output: %s%.*s", from ? "..." : "",
		 (int)(len - from), run->output + from);
	return buf;
}

static int judge(struct hook_run *run, int status, struct err *err)
{
	char text[SHOWN_MAX + 64];
	const char *name;

	if (run->exec_errno)
		return err_set(err, -run->exec_errno, "%s",
			       err_text(run->exec_errno));
	output_text(run, text, sizeof(text));
	if (run->timed_out)
		return err_set(err, -ETIMEDOUT, "timed out after %u s%s",
			       run->hook->timeout_s, text);
	if (WIFSIGNALED(status)) {
		name = signal_name(WTERMSIG(status));
		return err_set(err, -EIO, "killed by signal %d (%s)%s%s",
			       WTERMSIG(status), name ? name : "?",
			       WTERMSIG(status) == SIGSYS ? ": bad system call"
							  : "",
			       text);
	}
	if (WEXITSTATUS(status))
		return err_set(err, -EIO, "exit status %d%s",
			       WEXITSTATUS(status), text);
	return 0;
}

static int run_to_end(struct hook_run *run, struct err *err)
{
	int status = 0;
	int ret, reaped;

	ret = spawn_hook(run);
	auto_close_fd(&run->out_write);
	if (run->pid <= 0)
		return err_code(err, ret, "cannot start a process");
	if (!ret)
		ret = watch(run);
	reaped = reap(run, ret != 0, &status);
	if (!ret)
		ret = reaped;
	if (ret)
		return err_code(err, ret, "cannot wait for it");
	while (run->output_len < OUTPUT_MAX && take_output(run))
		;
	return judge(run, status, err);
}

static int prepare(struct hook_run *run, const char *json)
{
	int fds[2];

	run->output = malloc(OUTPUT_MAX);
	if (!run->output)
		return -ENOMEM;
	run->state_fd = make_state_fd(json);
	if (run->state_fd < 0)
		return run->state_fd;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	run->out_read = fds[0];
	run->out_write = fds[1];
	if (fcntl(run->out_read, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	if (run->hook->timeout_s)
		run->deadline_ms =
			now_ms() + (int64_t)run->hook->timeout_s * 1000;
	return 0;
}

static int run_hook(const struct spec_hook *hook, const char *json, int cwd_fd,
		    const struct hooks_as *as, struct err *err)
{
	static const char *const no_env[] = { NULL };
	struct hook_run run = {
		.hook = hook,
		.env = hook->env_set   ? hook->env
		       : as && as->env ? as->env
				       : no_env,
		.filter = as ? as->filter : NULL,
		.cwd_fd = cwd_fd,
		.state_fd = -1,
		.out_read = -1,
		.out_write = -1,
		.pidfd = -1,
	};
	int ret = prepare(&run, json);

	ret = ret ? err_code(err, ret, "cannot prepare it")
		  : run_to_end(&run, err);
	auto_close_fd(&run.state_fd);
	auto_close_fd(&run.out_read);
	auto_close_fd(&run.out_write);
	auto_close_fd(&run.pidfd);
	free(run.output);
	return ret;
}

static int run_all(const struct spec *spec, enum spec_hook_kind kind,
		   const char *json, int cwd_fd, const struct hooks_as *as,
		   struct err *err)
{
	for (size_t i = 0; i < spec->hooks.count[kind]; i++) {
		const struct spec_hook *hook = &spec->hooks.list[kind][i];
		struct err why = { 0 };
		int ret = run_hook(hook, json, cwd_fd, as, &why);

		if (!ret)
			continue;
		err_wrap(&why, "error running %s hook #%zu: '%s'",
			 spec_hook_names[kind], i, hook->path);
		if (kind != SPEC_HOOK_POSTSTOP) {
			if (err)
				*err = why;
			return ret;
		}
		log_warn("%s", why.msg);
	}
	return 0;
}

int hooks_run(const struct spec *spec, enum spec_hook_kind kind,
	      const char *state_json, int cwd_fd, const struct hooks_as *as,
	      struct err *err)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	struct sigaction old;
	int ret;

	if (!spec->hooks.count[kind])
		return 0;
	/* where SIGCHLD is ignored, children vanish with their status */
	sigaction(SIGCHLD, &dfl, &old);
	ret = run_all(spec, kind, state_json, cwd_fd, as, err);
	sigaction(SIGCHLD, &old, NULL);
	return ret;
}
