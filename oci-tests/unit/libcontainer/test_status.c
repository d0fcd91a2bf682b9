/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/libcontainer/lab.h"

#include <pthread.h>

#include "libcontainer/gate.h"

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(hull_status_name(HULL_CREATING), "creating");
	assert_string_equal(hull_status_name(HULL_CREATED), "created");
	assert_string_equal(hull_status_name(HULL_RUNNING), "running");
	assert_string_equal(hull_status_name(HULL_PAUSED), "paused");
	assert_string_equal(hull_status_name(HULL_STOPPED), "stopped");
	assert_string_equal(hull_status_name((enum hull_status)99), "unknown");
}

static void test_running_and_dead(void **state)
{
	const struct lab *lab = *state;
	auto_ct struct ct ct = CT_INIT;
	pid_t pid = lab_sleeper();
	struct hull_state got;
	siginfo_t info;
	int fd;

	lab_make(lab, "k1", pid, true);
	assert_int_equal(lab_status(lab, "k1"), HULL_RUNNING);
	assert_int_equal(ct_open(&lab->ctx, "k1", false, &ct, NULL), 0);
	fd = ct_pidfd(&ct);
	assert_true(fd >= 0);
	close(fd);
	kill(pid, SIGUSR1);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	/* a zombie: stopped, and the status is kept for later */
	assert_int_equal(ct_pidfd(&ct), -ESRCH);
	assert_int_equal(hull_state_get(&lab->ctx, "k1", &got, NULL), 0);
	assert_int_equal(got.status, HULL_STOPPED);
	assert_int_equal(got.pid, 0);
	assert_true(got.exit.recorded);
	assert_false(got.exit.end_exact);
	hull_state_release(&got);
	waitpid(pid, NULL, 0);
	assert_int_equal(ct_pidfd(&ct), -ESRCH);
	assert_int_equal(hull_state_get(&lab->ctx, "k1", &got, NULL), 0);
	if (geteuid() == 0) {
		assert_true(got.exit.status_known);
		assert_int_equal(got.exit.status, SIGUSR1);
	}
	assert_true(got.exit.end_ns > 1700000000000000000);
	hull_state_release(&got);
	assert_int_equal(hull_delete(&lab->ctx, "k1", false, NULL), 0);
}

static void *outlive(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

/* /proc shows 'Z' for a leader that has left its threads behind. */
static void test_leader_gone(void **state)
{
	const struct lab *lab = *state;
	auto_ct struct ct ct = CT_INIT;
	struct proc_stat stat;
	pid_t pid = fork();
	int fd;

	if (!pid) {
		pthread_t thread;

		pthread_create(&thread, NULL, outlive, NULL);
		pthread_exit(NULL);
	}
	do {
		lab_sleep_ms(5);
		assert_int_equal(proc_read_stat(pid, &stat), 0);
	} while (stat.state != 'Z');
	lab_make(lab, "k1", pid, true);
	assert_int_equal(lab_status(lab, "k1"), HULL_RUNNING);
	assert_int_equal(ct_open(&lab->ctx, "k1", false, &ct, NULL), 0);
	fd = ct_pidfd(&ct);
	assert_true(fd >= 0);
	close(fd);
	lab_delete(lab, "k1"); /* kills */
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Before start: what the gate and the lock say. */
static void test_before_start(void **state)
{
	const struct lab *lab = *state;
	auto_ct struct ct ct = CT_INIT;
	pid_t pid = lab_sleeper(), other;
	auto_fd int gate = -1;
	struct hull_state got;

	lab_make(lab, "k1", pid, false);
	/* `run` at work, or killed before it let the workload go */
	assert_int_equal(lab_status(lab, "k1"), HULL_CREATING);
	assert_int_equal(ct_open(&lab->ctx, "k1", false, &ct, NULL), 0);
	gate = gate_listen(ct.dir_fd, NULL);
	assert_true(gate >= 0);
	assert_int_equal(lab_status(lab, "k1"), HULL_CREATED);
	assert_int_equal(ct_lock(&ct, NULL), 0);
	assert_int_equal(ct_status(&ct), HULL_CREATED);
	/* somebody else has the lock: `create` is not done yet */
	other = fork();
	if (!other)
		_exit(lab_status(lab, "k1") != HULL_CREATING);
	assert_int_equal(hull_state_get(&lab->ctx, "k1", &got, NULL), 0);
	assert_int_equal(got.pid, pid);
	hull_state_release(&got);
	waitpid(other, NULL, 0);
	assert_int_equal(lab_status(lab, "k1"), HULL_CREATING);
	/* "started" is saved before the gate is opened */
	ct.st.started = true;
	assert_int_equal(ct_save(&ct, NULL), 0);
	assert_int_equal(lab_status(lab, "k1"), HULL_CREATED);
	auto_close_fd(&gate);
	assert_int_equal(lab_status(lab, "k1"), HULL_RUNNING);
	ct_unlock(&ct);
	lab_delete(lab, "k1");
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_delete_rules(void **state)
{
	const struct lab *lab = *state;
	auto_ct struct ct ct = CT_INIT;
	struct err err = { 0 };
	auto_fd int gate = -1;
	pid_t pid = lab_sleeper();

	lab_make(lab, "k1", pid, true);
	assert_int_equal(hull_delete(&lab->ctx, "k1", false, &err), -EBUSY);
	assert_string_equal(err.msg, "cannot delete container k1 that is not "
				     "stopped: running");
	assert_true(lab_lives(pid));
	assert_int_equal(hull_delete(&lab->ctx, "k1", true, &err), 0);
	assert_false(lab_lives(pid));
	waitpid(pid, NULL, 0);
	/* a created one goes without force */
	pid = lab_sleeper();
	lab_make(lab, "k1", pid, false);
	assert_int_equal(ct_open(&lab->ctx, "k1", false, &ct, NULL), 0);
	gate = gate_listen(ct.dir_fd, NULL);
	assert_int_equal(hull_delete(&lab->ctx, "k1", false, &err), 0);
	assert_false(lab_lives(pid));
	waitpid(pid, NULL, 0);
	assert_false(lab_exists(lab, "k1", NULL));
}

/* Somebody hangs with the lock in hand. */
static void test_busy(void **state)
{
	const struct lab *lab = *state;
	auto_ct struct ct ct = CT_INIT;
	struct err err = { 0 };
	int pipe_fd[2];
	pid_t holder;
	char c;

	lab_make(lab, "k1", 0, false);
	assert_int_equal(pipe2(pipe_fd, O_CLOEXEC), 0);
	holder = fork();
	if (!holder) {
		struct ct mine = CT_INIT;

		if (!ct_open(&lab->ctx, "k1", true, &mine, NULL) &&
		    write(pipe_fd[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(pipe_fd[0], &c, 1), 1);
	ct.root_fd = ct_root_open(&lab->ctx, false, NULL);
	assert_int_equal(statedir_open(&ct, "k1", LOCK_TRY, NULL), -EBUSY);
	assert_int_equal(statedir_open(&ct, "k1", 50, &err), -EBUSY);
	assert_non_null(strstr(err.msg, "busy"));
	/* state, list and kill do not wait */
	assert_int_equal(lab_status(lab, "k1"), HULL_CREATING);
	assert_int_equal(hull_kill(&lab->ctx, "k1", 9, true, NULL), 0);
	lab_end(holder);
	lab_delete(lab, "k1");
	close(pipe_fd[0]);
	close(pipe_fd[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names), LAB_TEST(test_running_and_dead),
		LAB_TEST(test_leader_gone),   LAB_TEST(test_before_start),
		LAB_TEST(test_delete_rules),  LAB_TEST(test_busy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
