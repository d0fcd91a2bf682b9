/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/libcontainer/lab.h"

#include "libcontainer/gate.h"

/* Containers with a cgroup of their own; root and a cgroup2 tree only. */

struct box {
	struct cg_place place;
	int cg_fd;
	pid_t init;
	pid_t other; /* second process in the same cgroup */
};

static void can_or_skip(void)
{
	if (geteuid() != 0 || cg_mode_probe() == CG_MODE_NONE)
		skip();
}

static void leave(int sig)
{
	_exit(sig);
}

/* @deaf: SIGTERM does nothing */
static pid_t member(const struct box *b, bool deaf)
{
	int pipe_fd[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe2(pipe_fd, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGUSR1, leave);
		if (deaf)
			signal(SIGTERM, SIG_IGN);
		if (write(pipe_fd[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(pipe_fd[0], &c, 1), 1);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	assert_int_equal(cg_attach(b->cg_fd, &b->place, pid, true, NULL, NULL),
			 0);
	return pid;
}

static struct box begin(const struct lab *lab, bool deaf)
{
	struct box b = { .cg_fd = -1 };
	struct err err = { 0 };
	struct ct ct = CT_INIT;
	char path[64];

	snprintf(path, sizeof(path), "/hull-unit-%d/k1", (int)getpid());
	if (cg_place_init(&b.place, CG_MANAGER_CGROUPFS, path, "k1", NULL,
			  &err))
		fail_msg("%s", err.msg);
	b.cg_fd = cg_create(&b.place, &err);
	if (b.cg_fd < 0)
		fail_msg("%s", err.msg);
	b.init = member(&b, deaf);
	b.other = member(&b, deaf);
	lab_make(lab, "k1", b.init, true);
	assert_int_equal(ct_open(&lab->ctx, "k1", true, &ct, NULL), 0);
	ct.st.cgroup = b.place;
	assert_int_equal(ct_save(&ct, NULL), 0);
	assert_int_equal(ct_save_config(&ct, "{}", 2, NULL), 0);
	ct_close(&ct);
	return b;
}

/* The parent directory is ours as well: the tests leave nothing. */
static void end(const struct lab *lab, struct box *b)
{
	struct cg_place parent = b->place;

	close(b->cg_fd);
	lab_delete(lab, "k1");
	assert_int_equal(cg_open(&b->place), -ENOENT);
	while (wait(NULL) > 0)
		;
	*strrchr(parent.path, '/') = '\0';
	assert_int_equal(cg_destroy(&parent, NULL), 0);
}

static bool dies(pid_t pid)
{
	for (int i = 0; i < 1000 && lab_lives(pid); i++)
		lab_sleep_ms(5);
	return !lab_lives(pid);
}

static void test_one_signal(void **state)
{
	const struct lab *lab = *state;
	struct err err = { 0 };
	struct box b;

	can_or_skip();
	b = begin(lab, false);
	assert_int_equal(hull_kill(&lab->ctx, "k1", 0, false, NULL), 0);
	assert_int_equal(hull_kill(&lab->ctx, "k1", 0, true, NULL), 0);
	assert_int_equal(hull_kill(&lab->ctx, "k1", -1, false, NULL), -EINVAL);
	assert_int_equal(hull_kill(&lab->ctx, "k1", 65, false, NULL), -EINVAL);
	assert_true(lab_lives(b.init));
	assert_int_equal(hull_kill(&lab->ctx, "k1", SIGTERM, false, NULL), 0);
	assert_true(dies(b.init));
	assert_true(lab_lives(b.other));
	assert_int_equal(hull_kill(&lab->ctx, "k1", SIGTERM, false, &err),
			 -ESRCH);
	assert_string_equal(err.msg, "container not running");
	/* init is gone, the other is not: --all reaches it, and SIGKILL */
	assert_int_equal(hull_kill(&lab->ctx, "k1", SIGTERM, true, NULL), 0);
	assert_true(dies(b.other));
	assert_int_equal(hull_kill(&lab->ctx, "k1", SIGKILL, true, NULL), 0);
	assert_int_equal(hull_kill(&lab->ctx, "k1", SIGKILL, false, &err),
			 -ESRCH);
	end(lab, &b);
}

/* Init leads no pid namespace, so SIGKILL goes to all. */
static void test_shared_pids(void **state)
{
	const struct lab *lab = *state;
	struct box b;

	can_or_skip();
	b = begin(lab, true);
	assert_int_equal(hull_kill(&lab->ctx, "k1", SIGTERM, true, NULL), 0);
	lab_sleep_ms(20);
	assert_true(lab_lives(b.init) && lab_lives(b.other));
	assert_int_equal(hull_kill(&lab->ctx, "k1", SIGKILL, false, NULL), 0);
	assert_true(dies(b.init));
	assert_true(dies(b.other));
	end(lab, &b);
	b = begin(lab, true);
	lab_end(b.init);
	assert_int_equal(hull_kill(&lab->ctx, "k1", SIGKILL, false, NULL), 0);
	assert_true(dies(b.other));
	end(lab, &b);
}

static void test_pause(void **state)
{
	const struct lab *lab = *state;
	struct err err = { 0 };
	struct box b;

	can_or_skip();
	b = begin(lab, false);
	assert_int_equal(hull_resume(&lab->ctx, "k1", &err), -EINVAL);
	assert_string_equal(err.msg, "container not paused");
	assert_int_equal(hull_pause(&lab->ctx, "k1", NULL), 0);
	assert_int_equal(lab_status(lab, "k1"), HULL_PAUSED);
	assert_int_equal(hull_pause(&lab->ctx, "k1", &err), -EINVAL);
	assert_string_equal(err.msg, "container not running");
	assert_int_equal(hull_delete(&lab->ctx, "k1", false, &err), -EBUSY);
	assert_string_equal(err.msg, "cannot delete container k1 that is not "
				     "stopped: paused");
	/* what is caught waits until the container is resumed */
	assert_int_equal(hull_kill(&lab->ctx, "k1", SIGUSR1, false, NULL), 0);
	lab_sleep_ms(50);
	assert_true(lab_lives(b.init));
	assert_int_equal(hull_resume(&lab->ctx, "k1", NULL), 0);
	assert_true(dies(b.init));
	assert_int_equal(hull_pause(&lab->ctx, "k1", &err), -EINVAL);
	assert_string_equal(err.msg, "container not running");
	assert_int_equal(hull_resume(&lab->ctx, "k1", &err), -EINVAL);
	assert_string_equal(err.msg, "container not paused");
	end(lab, &b);
}

static void test_kill_paused(void **state)
{
	const struct lab *lab = *state;
	struct box b;

	can_or_skip();
	for (int all = 0; all < 2; all++) {
		b = begin(lab, true);
		assert_int_equal(hull_pause(&lab->ctx, "k1", NULL), 0);
		assert_int_equal(hull_kill(&lab->ctx, "k1", SIGKILL, all, NULL),
				 0);
		assert_true(dies(b.init));
		assert_int_equal(cg_is_frozen(b.cg_fd), 0);
		assert_int_equal(lab_status(lab, "k1"), HULL_STOPPED);
		end(lab, &b);
	}
	b = begin(lab, true);
	assert_int_equal(hull_pause(&lab->ctx, "k1", NULL), 0);
	end(lab, &b); /* delete -f */
	assert_true(!lab_lives(b.init) && !lab_lives(b.other));
}

static void test_pids(void **state)
{
	const struct lab *lab = *state;
	pid_t *pids;
	size_t count;
	struct box b;

	can_or_skip();
	b = begin(lab, false);
	assert_int_equal(hull_pids(&lab->ctx, "k1", &pids, &count, NULL), 0);
	assert_int_equal(count, 2);
	assert_true((pids[0] == b.init) ^ (pids[1] == b.init));
	free(pids);
	kill(b.init, SIGKILL);
	kill(b.other, SIGKILL);
	while (wait(NULL) > 0)
		;
	assert_int_equal(hull_pids(&lab->ctx, "k1", &pids, &count, NULL), 0);
	assert_int_equal(count, 0);
	free(pids);
	end(lab, &b);
	assert_int_equal(hull_pids(&lab->ctx, "k1", &pids, &count, NULL),
			 -ENOENT);
}

static void test_events(void **state)
{
	const struct lab *lab = *state;
	struct err err = { 0 };
	int oom_fd, exit_fd;
	uint64_t ooms = 1;
	struct box b;
	char *json;

	can_or_skip();
	b = begin(lab, false);
	if (hull_stats(&lab->ctx, "k1", &json, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(*json, '{');
	assert_non_null(strstr(json, "\"pids\":"));
	free(json);
	assert_int_equal(hull_watch(&lab->ctx, "k1", &oom_fd, &exit_fd, NULL),
			 0);
	assert_false(proc_is_dead(exit_fd));
	kill(b.init, SIGKILL);
	assert_true(dies(b.init));
	assert_true(proc_is_dead(exit_fd));
	close(exit_fd);
	if (oom_fd >= 0)
		close(oom_fd);
	if (!hull_oom_kills(&lab->ctx, "k1", &ooms, NULL))
		assert_true(ooms == 0);
	assert_int_equal(hull_stats(&lab->ctx, "k1", &json, &err), -ESRCH);
	assert_string_equal(err.msg, "container with id k1 is not running");
	assert_int_equal(hull_watch(&lab->ctx, "k1", &oom_fd, &exit_fd, &err),
			 -ESRCH);
	assert_int_equal(hull_update(&lab->ctx, "k1", "{}", 2, &err), -EINVAL);
	assert_string_equal(err.msg, "container not running");
	end(lab, &b);
}

/* state.json is gone or broken while the container lives: its processes are
 * found through the cgroup that config.json names. */
static void test_lost_state(void **state)
{
	const struct lab *lab = *state;
	char config[2048], path[PATH_MAX];
	struct box b;

	can_or_skip();
	for (int i = 0; i < 2; i++) {
		b = begin(lab, true);
		snprintf(config, sizeof(config),
			 "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},"
			 "\"linux\":{\"cgroupsPath\":\"%s\"}}",
			 b.place.path);
		lab_write(lab, "k1", "config.json", config, strlen(config));
		lab_path(lab, "k1", "state.json", path);
		if (i)
			unlink(path);
		else
			assert_int_equal(truncate(path, 40), 0);
		end(lab, &b);
		assert_true(!lab_lives(b.init) && !lab_lives(b.other));
	}
}

/* Without a cgroup: what cannot be done is said. */
static void test_no_cgroup(void **state)
{
	const struct lab *lab = *state;
	pid_t pid = lab_sleeper();
	struct err err = { 0 };
	size_t count;
	pid_t *pids;
	char *json;

	lab_make(lab, "k1", pid, true);
	assert_int_equal(hull_pause(&lab->ctx, "k1", &err), -ENOTSUP);
	assert_int_equal(hull_pids(&lab->ctx, "k1", &pids, &count, &err),
			 -ENOTSUP);
	assert_int_equal(hull_stats(&lab->ctx, "k1", &json, &err), -ENOTSUP);
	assert_int_equal(hull_update(&lab->ctx, "k1", "{}", 2, &err), -ENOTSUP);
	assert_int_equal(hull_kill(&lab->ctx, "k1", SIGTERM, true, &err),
			 -ENOTSUP);
	assert_true(lab_lives(pid));
	assert_int_equal(hull_kill(&lab->ctx, "k1", SIGKILL, true, NULL), 0);
	assert_true(dies(pid));
	waitpid(pid, NULL, 0);
	lab_delete(lab, "k1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_one_signal), LAB_TEST(test_shared_pids),
		LAB_TEST(test_pause),      LAB_TEST(test_kill_paused),
		LAB_TEST(test_pids),       LAB_TEST(test_events),
		LAB_TEST(test_lost_state), LAB_TEST(test_no_cgroup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
