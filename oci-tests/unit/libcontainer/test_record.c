/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/libcontainer/lab.h"

#include "libcontainer/exitwatch.h"
#include "libcontainer/pins.h"

/* Mounts of this namespace below the root. */
static int mount_count(const struct lab *lab)
{
	char line[PATH_MAX];
	FILE *f = fopen("/proc/self/mountinfo", "re");
	int n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, lab->root) != NULL;
	fclose(f);
	return n;
}

static bool is_pinned(const struct lab *lab)
{
	return lab_exists(lab, ".pinned", "k1") && mount_count(lab) == 1;
}

/* A container whose init ends as told once it gets a byte. */
static pid_t begin(const struct lab *lab, int code, int sig, int *go_fd,
		   bool pin)
{
	struct ct ct = CT_INIT;
	int pipe_fd[2], pidfd;
	char c;
	pid_t pid;

	assert_int_equal(pipe2(pipe_fd, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pipe_fd[1]);
		if (read(pipe_fd[0], &c, 1) < 0)
			_exit(99);
		if (sig)
			raise(sig);
		_exit(code);
	}
	close(pipe_fd[0]);
	*go_fd = pipe_fd[1];
	lab_make(lab, "k1", pid, true);
	assert_int_equal(ct_open(&lab->ctx, "k1", true, &ct, NULL), 0);
	pidfd = ct_pidfd(&ct);
	assert_true(pidfd >= 0);
	if (pin)
		assert_int_equal(record_pin(&ct, pidfd, NULL), 0);
	close(pidfd);
	ct_close(&ct);
	return pid;
}

/* Until the other process watches a pidfd (and sleeps). */
static void until_it_waits(pid_t pid)
{
	char path[PATH_MAX], text[64];
	struct proc_stat stat;

	for (;;) {
		for (int fd = 3; fd < 32; fd++) {
			snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
			if (readlink(path, text, sizeof(text)) < 5 ||
			    !memmem(text, sizeof(text), "pidfd", 5))
				continue;
			lab_sleep_ms(10);
			if (!proc_read_stat(pid, &stat) && stat.state == 'S')
				return;
		}
		lab_sleep_ms(1);
	}
}

static void expect_status(const struct lab *lab, bool known, int status)
{
	struct hull_state got;

	assert_int_equal(hull_state_get(&lab->ctx, "k1", &got, NULL), 0);
	assert_int_equal(got.status, HULL_STOPPED);
	assert_true(got.exit.recorded);
	assert_int_equal(got.exit.status_known, known);
	if (known)
		assert_int_equal(got.exit.status, status);
	hull_state_release(&got);
}

/* Nobody waited in time, nobody looked: the mount still knows. */
static void test_pin(void **state)
{
	static const struct {
		int code, sig, status;
	} cases[] = { { 0, 0, 0 }, { 42, 0, 42 << 8 }, { 0, 9, 9 } };
	const struct lab *lab = *state;

	if (geteuid() != 0 || exitwatch_needed())
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int fd;
		pid_t pid = begin(lab, cases[i].code, cases[i].sig, &fd, true);

		assert_true(is_pinned(lab));
		assert_int_equal(lab_status(lab, "k1"), HULL_RUNNING);
		close(fd);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		expect_status(lab, true, cases[i].status);
		expect_status(lab, true, cases[i].status);
		/* known is known: nothing has to be kept any longer */
		assert_false(lab_exists(lab, ".pinned", NULL));
		assert_int_equal(mount_count(lab), 0);
		lab_delete(lab, "k1");
	}
}

/* wait(1) is the first to ask, long after the end. */
static void test_pin_wait(void **state)
{
	const struct lab *lab = *state;
	int fd, status = 0;
	pid_t pid = begin(lab, 9, 0, &fd, true);

	close(fd);
	waitpid(pid, NULL, 0);
	if (geteuid() == 0 && !exitwatch_needed()) {
		assert_int_equal(hull_wait(&lab->ctx, "k1", &status, NULL), 0);
		assert_int_equal(status, 9);
		expect_status(lab, true, 9 << 8);
	}
	lab_delete(lab, "k1");
}

/* A second container keeps the namespace, the last one takes it away. */
static void test_pins_of_two(void **state)
{
	const struct lab *lab = *state;
	struct hull_state got;
	int fd;
	pid_t pid;

	if (geteuid() != 0 || exitwatch_needed())
		skip();
	pid = begin(lab, 4, 0, &fd, true);
	for (int i = 0; i < 3; i++) {
		auto_ct struct ct ct = CT_INIT;
		auto_fd int pidfd = sys_pidfd_open(getpid(), 0);

		lab_make(lab, "k2", getpid(), true);
		assert_int_equal(ct_open(&lab->ctx, "k2", true, &ct, NULL), 0);
		assert_int_equal(record_pin(&ct, pidfd, NULL), 0);
		assert_int_equal(mount_count(lab), 1);
		assert_int_equal(ct_remove(&ct, NULL), 0);
		assert_true(is_pinned(lab));
	}
	close(fd);
	waitpid(pid, NULL, 0);
	assert_int_equal(hull_state_get(&lab->ctx, "k1", &got, NULL), 0);
	assert_int_equal(got.exit.status, 4 << 8);
	hull_state_release(&got);
	lab_delete(lab, "k1");
	assert_int_equal(mount_count(lab), 0);
}

/* What is left by a hull that was killed while it made or removed a pin: the
 * next pin is made all the same, and nothing stays. */
static void test_pin_leftovers(void **state)
{
	const struct lab *lab = *state;

	if (geteuid() != 0 || exitwatch_needed())
		skip();
	for (unsigned int set = 0; set < 8; set++) {
		char path[PATH_MAX];
		int fd;
		pid_t pid;

		if (set & 4) { /* a dead namespace */
			auto_ct struct ct ct = CT_INIT;
			auto_fd int pidfd = sys_pidfd_open(getpid(), 0);

			lab_make(lab, "k1", getpid(), true);
			assert_int_equal(
				ct_open(&lab->ctx, "k1", true, &ct, NULL), 0);
			assert_int_equal(record_pin(&ct, pidfd, NULL), 0);
			lab_path(lab, ".pinned", "k1", path);
			assert_int_equal(unlink(path), 0);
			lab_path(lab, ".pinned", NULL, path);
			assert_int_equal(rmdir(path), 0);
			lab_path(lab, "k1", "state.json", path);
			assert_int_equal(unlink(path), 0);
			lab_path(lab, "k1", NULL, path);
			assert_int_equal(rmdir(path), 0);
		}
		lab_path(lab, ".pinned", NULL, path);
		if (set & 3)
			assert_int_equal(mkdir(path, 0700), 0);
		if (set & 2)
			lab_write(lab, ".pinned", "k1", "", 0);
		if (set == 1 || set == 2)
			lab_write(lab, ".pins", NULL, "", 0);
		pid = begin(lab, 8, 0, &fd, true);
		assert_true(is_pinned(lab));
		close(fd);
		waitpid(pid, NULL, 0);
		expect_status(lab, true, 8 << 8);
		lab_delete(lab, "k1");
		assert_int_equal(mount_count(lab), 0);
		assert_false(lab_exists(lab, ".pins", NULL));
	}
}

/* Many at once, with the first and the last one over and over. */
static void test_pin_storm(void **state)
{
	const struct lab *lab = *state;
	int status;

	if (geteuid() != 0 || exitwatch_needed())
		skip();
	for (int w = 0; w < 4; w++) {
		char id[8];

		snprintf(id, sizeof(id), "w%d", w);
		if (fork())
			continue;
		for (int i = 0; i < 100; i++) {
			struct ct ct = CT_INIT;
			int pidfd = sys_pidfd_open(getpid(), 0), fd;

			if (ct_new(&lab->ctx, id, &ct, NULL) ||
			    record_pin(&ct, pidfd, NULL))
				_exit(1);
			close(pidfd);
			fd = pins_open(ct.root_fd, id);
			if (fd < 0 || proc_exit_status(fd, &status) != -EAGAIN)
				_exit(2);
			close(fd);
			if (ct_remove(&ct, NULL))
				_exit(3);
			ct_close(&ct);
		}
		_exit(0);
	}
	for (int w = 0; w < 4; w++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(mount_count(lab), 0);
	assert_false(lab_exists(lab, ".pins", NULL));
}

/* The first look found nothing (no pin): unknown stays unknown. */
static void test_no_pin(void **state)
{
	const struct lab *lab = *state;
	int fd, status;
	struct err err = { 0 };
	pid_t pid = begin(lab, 3, 0, &fd, false);

	close(fd);
	waitpid(pid, NULL, 0);
	expect_status(lab, false, 0);
	assert_int_equal(hull_wait(&lab->ctx, "k1", &status, &err), -ENODATA);
	assert_non_null(strstr(err.msg, "nobody saw how"));
	lab_delete(lab, "k1");
}

static void test_wait_status(void **state)
{
	const struct lab *lab = *state;
	auto_ct struct ct ct = CT_INIT;
	int fd, status = 5 << 8;
	pid_t pid = begin(lab, 5, 0, &fd, true);
	struct hull_state got;

	close(fd);
	waitpid(pid, NULL, 0);
	assert_int_equal(ct_open(&lab->ctx, "k1", true, &ct, NULL), 0);
	record_end(&ct, &status, true);
	status = 6 << 8;
	record_end(&ct, &status, true);
	ct_close(&ct);
	expect_status(lab, true, 5 << 8);
	assert_int_equal(hull_state_get(&lab->ctx, "k1", &got, NULL), 0);
	assert_true(got.exit.end_exact);
	hull_state_release(&got);
	lab_delete(lab, "k1");
}

/* Without the right to mount there is no pin and no failure. */
static void test_pin_denied(void **state)
{
	const struct lab *lab = *state;
	int fd, status;
	pid_t pid, child;

	if (geteuid() != 0)
		skip();
	pid = begin(lab, 0, 0, &fd, false);
	child = fork();
	if (!child) {
		struct ct ct = CT_INIT;
		int pidfd;

		if (sys_capset(0, 0, 0) ||
		    ct_open(&lab->ctx, "k1", true, &ct, NULL))
			_exit(1);
		pidfd = ct_pidfd(&ct);
		if (record_pin(&ct, pidfd, NULL))
			_exit(2);
		record_unpin(&ct);
		_exit(lab_exists(lab, ".pinned", NULL) ? 3 : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(fd);
	waitpid(pid, NULL, 0);
	lab_delete(lab, "k1");
}

/* What wait(1) of other processes would be told, each way to the status. */
static void test_wait(void **state)
{
	static const struct {
		int code, sig, status;
	} cases[] = { { 0, 0, 0 }, { 7, 0, 7 }, { 0, 15, 143 } };
	const struct lab *lab = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases) * 2; i++) {
		size_t k = i / 2;
		int fd, status = 0;
		pid_t pid = begin(lab, cases[k].code, cases[k].sig, &fd, false);
		pid_t waiter = fork();

		if (!waiter) {
			close(fd);
			if (hull_wait(&lab->ctx, "k1", &status, NULL))
				_exit(255);
			_exit(status);
		}
		until_it_waits(waiter);
		close(fd);
		/* with the parent at once, and with one that takes its time */
		if (i % 2)
			lab_sleep_ms(30);
		waitpid(pid, NULL, 0);
		assert_int_equal(waitpid(waiter, &status, 0), waiter);
		assert_int_equal(WEXITSTATUS(status), cases[k].status);
		/* saved: who comes later is told the same */
		assert_int_equal(hull_wait(&lab->ctx, "k1", &status, NULL), 0);
		assert_int_equal(status, cases[k].status);
		lab_delete(lab, "k1");
	}
}

static void test_wait_errors(void **state)
{
	const struct lab *lab = *state;
	struct err err = { 0 };
	int status;

	assert_int_equal(hull_wait(&lab->ctx, "k1", &status, &err), -ENOENT);
	assert_string_equal(err.msg, "container does not exist");
	lab_make(lab, "k1", 0, false);
	assert_int_equal(hull_wait(&lab->ctx, "k1", &status, &err), -ESRCH);
	lab_delete(lab, "k1");
}

/* Deleted while somebody waits: the waiter still hears how it ended. */
static void test_wait_and_delete(void **state)
{
	const struct lab *lab = *state;
	int fd, status;
	pid_t pid = begin(lab, 0, 0, &fd, true);
	pid_t waiter = fork();

	if (!waiter) {
		close(fd);
		_exit(hull_wait(&lab->ctx, "k1", &status, NULL) ? 255 : status);
	}
	until_it_waits(waiter);
	lab_delete(lab, "k1");
	waitpid(pid, NULL, 0);
	assert_int_equal(waitpid(waiter, &status, 0), waiter);
	assert_int_equal(WEXITSTATUS(status), 137);
	close(fd);
}

/* The way of kernels before 6.15; needs the initial namespaces. */
static void test_exitwatch(void **state)
{
	for (int code = 0; code < 3; code++) {
		int pipe_fd[2], status = -1, fd;
		pid_t pid;
		char c;

		assert_int_equal(pipe2(pipe_fd, O_CLOEXEC), 0);
		pid = fork();
		if (!pid) {
			close(pipe_fd[1]);
			_exit(read(pipe_fd[0], &c, 1) ? 99 : code);
		}
		close(pipe_fd[0]);
		fd = exitwatch_open(pid);
		close(pipe_fd[1]);
		waitpid(pid, NULL, 0);
		if (fd < 0)
			skip();
		if (exitwatch_read(fd, pid, &status)) {
			close(fd);
			skip(); /* no proc connector in this kernel */
		}
		assert_int_equal(status, code << 8);
		close(fd);
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_pin),
		LAB_TEST(test_pin_wait),
		LAB_TEST(test_pins_of_two),
		LAB_TEST(test_pin_leftovers),
		LAB_TEST(test_pin_storm),
		LAB_TEST(test_no_pin),
		LAB_TEST(test_wait_status),
		LAB_TEST(test_pin_denied),
		LAB_TEST(test_wait),
		LAB_TEST(test_wait_errors),
		LAB_TEST(test_wait_and_delete),
		LAB_TEST(test_exitwatch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
