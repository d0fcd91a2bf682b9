/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/libcontainer/lab.h"

#include "libcontainer/gate.h"

/* What the child at the gate does once it may go. */
enum play { PLAY_EXEC, PLAY_FAIL, PLAY_EXEC_FAILS, PLAY_DIE, PLAY_SILENT };

static void child(int gate_fd, enum play play)
{
	char *args[] = { (char[]){ "true" }, NULL };
	struct err err = { 0 };
	int conn = gate_wait(gate_fd, -1, &err);

	if (conn < 0)
		_exit(90);
	switch (play) {
	case PLAY_EXEC:
		execv("/bin/true", args);
		break;
	case PLAY_EXEC_FAILS:
		execv("/nonexistent", args);
		break;
	case PLAY_DIE:
		raise(SIGKILL);
		break;
	case PLAY_SILENT: /* a copy of the connection outlives init */
		if (!fork()) {
			lab_sleep_ms(300);
			_exit(0);
		}
		_exit(7);
	case PLAY_FAIL:
		break;
	}
	err_at(&err, -EACCES, "process.args", "cannot run %s", "it");
	err_stage(&err, "exec");
	gate_fail(conn, &err);
	_exit(1);
}

struct scene {
	int dir_fd;
	int pidfd;
	pid_t pid;
};

static struct scene begin(const struct lab *lab, enum play play)
{
	struct scene s = { .dir_fd = open(lab->root,
					  O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	int gate_fd;

	assert_false(gate_is_waiting(s.dir_fd));
	gate_fd = gate_listen(s.dir_fd, NULL);
	assert_true(gate_fd >= 0);
	s.pid = fork();
	if (!s.pid)
		child(gate_fd, play);
	close(gate_fd);
	s.pidfd = sys_pidfd_open(s.pid, 0);
	return s;
}

static void end(struct scene *s)
{
	assert_false(gate_is_waiting(s->dir_fd));
	assert_int_equal(unlinkat(s->dir_fd, GATE_NAME, 0), 0);
	close(s->dir_fd);
	close(s->pidfd);
}

static int status_of(const struct scene *s)
{
	int status = 0;

	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	return status;
}

static void test_exec(void **state)
{
	struct scene s = begin(*state, PLAY_EXEC);
	struct stat st;

	assert_int_equal(fstatat(s.dir_fd, GATE_NAME, &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(gate_open(s.dir_fd, s.pidfd, NULL), 0);
	assert_int_equal(status_of(&s), 0);
	assert_int_equal(gate_open(s.dir_fd, s.pidfd, NULL), -ECONNREFUSED);
	end(&s);
}

static void test_fail(void **state)
{
	static const enum play plays[] = { PLAY_FAIL, PLAY_EXEC_FAILS };

	for (size_t i = 0; i < ARRAY_SIZE(plays); i++) {
		struct scene s = begin(*state, plays[i]);
		struct err err = { 0 };

		assert_int_equal(gate_open(s.dir_fd, s.pidfd, &err), -EACCES);
		assert_string_equal(err.msg, "process.args: cannot run it");
		assert_string_equal(err.field, "process.args");
		assert_string_equal(err.stage, "exec");
		assert_int_equal(WEXITSTATUS(status_of(&s)), 1);
		end(&s);
	}
}

/* Any number of looks, also with the listener's queue full, and a connection
 * that says something else: none of them opens the gate. */
static void test_probes(void **state)
{
	struct scene s = begin(*state, PLAY_EXEC);
	char path[64];

	for (int i = 0; i < 200; i++)
		assert_true(gate_is_waiting(s.dir_fd));
	kill(s.pid, SIGSTOP);
	for (int i = 0; i < 100; i++)
		assert_true(gate_is_waiting(s.dir_fd));
	kill(s.pid, SIGCONT);
	for (int i = 0; i < 3; i++) {
		struct sockaddr addr = { .sa_family = AF_UNIX };
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		/* "./gate.sock" from its own directory */
		snprintf(path, sizeof(path), "/proc/self/fd/%d", s.dir_fd);
		assert_int_equal(chdir(path), 0);
		memcpy(addr.sa_data, GATE_NAME, sizeof(GATE_NAME));
		assert_int_equal(connect(fd, &addr, sizeof(addr)), 0);
		assert_int_equal(write(fd, "go away!", i == 1 ? 3 : 8),
				 i == 1 ? 3 : 8);
		close(fd);
	}
	assert_int_equal(chdir("/"), 0);
	assert_true(gate_is_waiting(s.dir_fd));
	assert_true(lab_lives(s.pid));
	assert_int_equal(gate_open(s.dir_fd, s.pidfd, NULL), 0);
	assert_int_equal(status_of(&s), 0);
	end(&s);
}

/* One that connects and then says nothing holds the gate for a moment only. */
static void test_stuck_probe(void **state)
{
	struct scene s = begin(*state, PLAY_EXEC);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr addr = { .sa_family = AF_UNIX };
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", s.dir_fd);
	assert_int_equal(chdir(path), 0);
	memcpy(addr.sa_data, GATE_NAME, sizeof(GATE_NAME));
	assert_int_equal(connect(fd, &addr, sizeof(addr)), 0);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(gate_open(s.dir_fd, s.pidfd, NULL), 0);
	assert_int_equal(status_of(&s), 0);
	close(fd);
	end(&s);
}

static void test_death(void **state)
{
	struct scene s = begin(*state, PLAY_SILENT);
	struct err err = { 0 };

	assert_int_equal(gate_open(s.dir_fd, s.pidfd, &err), -ESRCH);
	assert_non_null(strstr(err.msg, "died"));
	assert_int_equal(WEXITSTATUS(status_of(&s)), 7);
	lab_sleep_ms(400);
	end(&s);
	/* killed from outside while it waits */
	s = begin(*state, PLAY_EXEC);
	kill(s.pid, SIGKILL);
	status_of(&s);
	assert_int_equal(gate_open(s.dir_fd, s.pidfd, &err), -ECONNREFUSED);
	end(&s);
}

/* A second start at the same time finds nobody. */
static void test_two_starts(void **state)
{
	for (int i = 0; i < 50; i++) {
		struct scene s = begin(*state, PLAY_EXEC);
		pid_t other = fork();
		int status, mine;

		if (!other)
			_exit(gate_open(s.dir_fd, s.pidfd, NULL) ? 1 : 0);
		mine = gate_open(s.dir_fd, s.pidfd, NULL);
		assert_int_equal(waitpid(other, &status, 0), other);
		assert_int_equal(!mine + !status, 1);
		assert_int_equal(status_of(&s), 0);
		end(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_exec),   LAB_TEST(test_fail),
		LAB_TEST(test_probes), LAB_TEST(test_stuck_probe),
		LAB_TEST(test_death),  LAB_TEST(test_two_starts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
