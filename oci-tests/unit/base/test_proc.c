/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/proc.h"
#include "base/sys.h"
#include "oci-tests/unit/base/tmp.h"

/* A child that waits to be killed. */
static pid_t spawn_sleeper(void)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	return pid;
}

static void wait_for_zombie(pid_t pid)
{
	siginfo_t info;

	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static void test_read_stat(void **state)
{
	struct proc_stat self, child;
	pid_t pid;

	(void)state;
	assert_int_equal(proc_read_stat(getpid(), &self), 0);
	assert_int_equal(self.state, 'R');
	assert_int_equal(self.ppid, getppid());
	assert_true(self.start_time > 0);

	pid = spawn_sleeper();
	assert_int_equal(proc_read_stat(pid, &child), 0);
	assert_int_equal(child.ppid, getpid());
	assert_true(child.start_time >= self.start_time);
	kill(pid, SIGTERM);
	wait_for_zombie(pid);
	assert_int_equal(proc_read_stat(pid, &child), 0);
	assert_int_equal(child.state, 'Z');
	assert_int_equal(child.exit_code, SIGTERM);
	tmp_wait(pid);
	assert_int_equal(proc_read_stat(pid, &child), -ESRCH);
	assert_int_equal(proc_read_stat(0, &child), -ESRCH);
	assert_int_equal(proc_read_stat(-1, &child), -ESRCH);
}

/* The name may try to look like the fields that follow it. */
static void test_hostile_name(void **state)
{
	static const char *const names[] = { ") R 1 1 1", "a) Z (b", "((((",
					     "))))",      "",        " ",
					     "x\ny) R 1" };
	struct proc_stat st;
	char old[16];

	(void)state;
	assert_int_equal(prctl(PR_GET_NAME, old), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(prctl(PR_SET_NAME, names[i]), 0);
		assert_int_equal(proc_read_stat(getpid(), &st), 0);
		assert_int_equal(st.state, 'R');
		assert_int_equal(st.ppid, getppid());
		assert_true(st.start_time > 0);
	}
	prctl(PR_SET_NAME, old);
}

static void test_open(void **state)
{
	pid_t pid = spawn_sleeper();
	auto_fd int fd = -1;
	struct proc_stat st;
	int before = tmp_open_fds();

	(void)state;
	assert_int_equal(proc_read_stat(pid, &st), 0);
	assert_int_equal(proc_open(pid, st.start_time + 1), -ESRCH);
	assert_int_equal(proc_open(pid, st.start_time - 1), -ESRCH);
	assert_int_equal(proc_open(0, st.start_time), -ESRCH);
	assert_int_equal(proc_open(-5, st.start_time), -ESRCH);
	assert_int_equal(tmp_open_fds(), before);
	fd = proc_open(pid, st.start_time);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_false(proc_is_dead(fd));
	assert_int_equal(sys_pidfd_send_signal(fd, SIGKILL, NULL, 0), 0);
	wait_for_zombie(pid);
	assert_true(proc_is_dead(fd));
	close(fd);
	fd = proc_open(pid, st.start_time); /* a zombie */
	assert_true(fd >= 0);
	tmp_wait(pid);
	assert_true(proc_is_dead(fd));
	assert_int_equal(proc_open(pid, st.start_time), -ESRCH);
	assert_false(proc_is_dead(-1));
}

static void test_exit_status(void **state)
{
	static const struct {
		int code, signal;
	} cases[] = { { 0, 0 }, { 7, 0 }, { 255, 0 }, { 0, SIGKILL } };
	auto_fd int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int go[2], status = 0x7777, want, ret;
		auto_fd int fd = -1;
		pid_t pid;
		char c;

		assert_int_equal(pipe2(go, O_CLOEXEC), 0);
		pid = fork();
		if (!pid) {
			close(go[1]);
			if (read(go[0], &c, 1) == 0 && cases[i].signal)
				kill(getpid(), cases[i].signal);
			_exit(cases[i].code);
		}
		fd = sys_pidfd_open(pid, 0);
		assert_true(fd >= 0);
		ret = proc_exit_status(fd, &status);
		assert_true(ret == -EAGAIN || ret == -EOPNOTSUPP);
		close(go[1]);
		close(go[0]);
		wait_for_zombie(pid);
		ret = proc_exit_status(fd, &status);
		assert_true(ret == -EAGAIN || ret == -EOPNOTSUPP);
		assert_int_equal(status, 0x7777);
		want = tmp_wait(pid);
		ret = proc_exit_status(fd, &status);
		if (ret == -EOPNOTSUPP)
			skip(); /* before Linux 6.15 */
		assert_int_equal(ret, 0);
		assert_int_equal(status, want);
	}
	/* no pidfd at all */
	assert_int_equal(proc_exit_status(null_fd, &(int){ 0 }), -EOPNOTSUPP);
	assert_int_equal(proc_exit_status(-1, &(int){ 0 }), -EBADF);
}

static void test_write(void **state)
{
	auto_fd int proc = proc_root_open();
	char buf[32], path[64];

	(void)state;
	assert_true(proc >= 0);
	assert_int_equal(proc_write(proc, "self/comm", "hull-one"), 0);
	assert_int_equal(prctl(PR_GET_NAME, buf), 0);
	assert_string_equal(buf, "hull-one");
	assert_int_equal(proc_write(proc, "thread-self/comm", "hull-two"), 0);
	assert_int_equal(prctl(PR_GET_NAME, buf), 0);
	assert_string_equal(buf, "hull-two");
	snprintf(path, sizeof(path), "%d/comm", (int)getpid());
	assert_int_equal(proc_write(proc, path, "hull-three"), 0);

	assert_int_equal(proc_write(proc, "self/none", "x"), -ENOENT);
	assert_int_equal(proc_write(proc, "self/oom_score_adj", "x"), -EINVAL);
	assert_int_equal(proc_write(proc, "self/../../x", "x"), -EXDEV);
	assert_int_equal(proc_write(proc, "/self/comm", "x"), -EXDEV);
	assert_int_equal(proc_write(proc, "self/fd/1", "x"), -ELOOP);
	assert_int_equal(proc_write(proc, "self/root/etc/x", "x"), -ELOOP);
	assert_int_equal(proc_write(proc, "mounts", "x"), -ELOOP);
	assert_int_equal(proc_write(proc, "self", "x"), -ELOOP);
}

/* A tree that only looks like procfs. */
static void test_write_hostile_self(void **state)
{
	const struct tmp *tmp = *state;
	static const char *const targets[] = { "..",       "1/..",       "dir",
					       "/proc/1",  "1x",         "",
					       "1/task/x", "1/task/1/.." };

	assert_int_equal(mkdirat(tmp->fd, "dir", 0755), 0);
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		if (!*targets[i]) /* symlink(2) refuses it */
			continue;
		assert_int_equal(symlinkat(targets[i], tmp->fd, "self"), 0);
		assert_int_equal(proc_write(tmp->fd, "self/f", "x"), -EXDEV);
		assert_int_equal(unlinkat(tmp->fd, "self", 0), 0);
	}
}

/* What follows needs a mount namespace; status 77 for "may not". */
static int enter_namespace(void)
{
	int flags = CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0);

	if (unshare(flags))
		return 77;
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ? 77 : 0;
}

static void run_in_namespace(int (*check)(const struct tmp *),
			     const struct tmp *tmp)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		int ret = enter_namespace();

		_exit(ret ? ret : check(tmp));
	}
	status = tmp_wait(pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

/* CVE-2019-16884 and its kin: something else where a proc file should be. */
static int check_mounted_over(const struct tmp *tmp)
{
	int proc = proc_root_open();
	char path[64];

	(void)tmp;
	if (proc < 0)
		return 1;
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)getpid());
	if (mount("/proc/sys/kernel/ostype", path, NULL, MS_BIND, NULL))
		return 77;
	if (proc_write(proc, "self/comm", "x") != -EXDEV)
		return 2;
	/* a whole other procfs directory over our own */
	snprintf(path, sizeof(path), "/proc/%d", (int)getpid());
	if (mount("/proc/1", path, NULL, MS_BIND, NULL))
		return 77;
	if (proc_write(proc, "self/comm", "x") != -EXDEV)
		return 3;
	return 0;
}

static void test_mounted_over(void **state)
{
	run_in_namespace(check_mounted_over, *state);
}

static int check_root_open(const struct tmp *tmp)
{
	if (mount(tmp->path, "/proc", NULL, MS_BIND, NULL))
		return 77;
	if (proc_root_open() != -ENOTSUP)
		return 1;
	if (umount2("/proc", MNT_DETACH))
		return 2;
	/* procfs, but not its root */
	if (mount("/proc/sys", "/proc", NULL, MS_BIND, NULL))
		return 77;
	return proc_root_open() != -ENOTSUP ? 3 : 0;
}

static void test_root_open_refuses(void **state)
{
	run_in_namespace(check_root_open, *state);
}

static int check_private(const struct tmp *tmp)
{
	int proc = proc_private_open();
	char name[17] = "", path[64];

	(void)tmp;
	if (proc == -EPERM || proc == -ENOSYS)
		return 77;
	if (proc < 0 || !(fcntl(proc, F_GETFD) & FD_CLOEXEC))
		return 1;
	/* out of reach of what is done to /proc */
	snprintf(path, sizeof(path), "/proc/%d", (int)getpid());
	if (mount("/proc/1", path, NULL, MS_BIND, NULL))
		return 77;
	if (proc_write(proc, "self/comm", "private") ||
	    prctl(PR_GET_NAME, name) || strcmp(name, "private"))
		return 2;
	return 0;
}

static void test_private(void **state)
{
	run_in_namespace(check_private, *state);
}

#define tmp_test(f) cmocka_unit_test_setup_teardown(f, tmp_setup, tmp_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_stat),
		cmocka_unit_test(test_hostile_name),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_exit_status),
		cmocka_unit_test(test_write),
		tmp_test(test_write_hostile_self),
		tmp_test(test_mounted_over),
		tmp_test(test_root_open_refuses),
		tmp_test(test_private),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
