/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/process/child.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/io.h"
#include "base/proc.h"
#include "libcontainer/process/steps.h"

static const struct spec_rlimit two[] = {
	{ .resource = RLIMIT_NOFILE,
	  .type = "RLIMIT_NOFILE",
	  .soft = 33,
	  .hard = 44 },
	{ .resource = RLIMIT_CORE,
	  .type = "RLIMIT_CORE",
	  .soft = 0,
	  .hard = 0 },
};

static const struct spec_process with_two = { .rlimits = two,
					      .rlimit_count = 2 };

static void apply_two(void *arg)
{
	const bool by_parent = arg;
	const struct process_ctx ctx = {
		.process = &with_two,
		.proc_fd = -1,
		.parent_sets_limits = by_parent,
	};
	struct rlimit before, now;
	struct err err = { 0 };

	CHECK(!getrlimit(RLIMIT_NOFILE, &before));
	CHECK_OK(process_apply(&ctx, &err), &err);
	CHECK(!getrlimit(RLIMIT_NOFILE, &now));
	if (by_parent) {
		CHECK(now.rlim_cur == before.rlim_cur);
		return;
	}
	CHECK(now.rlim_cur == 33 && now.rlim_max == 44);
	CHECK(!getrlimit(RLIMIT_CORE, &now) && now.rlim_max == 0);
}

static void test_limits(void **state)
{
	(void)state;
	NEED_ROOT();
	child_ok(apply_two, NULL);
	child_ok(apply_two, state);
}

static void sleeper(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
}

static void test_from_outside(void **state)
{
	struct err err = { 0 };
	struct rlimit now;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (!pid)
		sleeper();
	assert_int_equal(process_limits(pid, &with_two, &err), 0);
	assert_int_equal(prlimit(pid, RLIMIT_NOFILE, NULL, &now), 0);
	assert_int_equal(now.rlim_max, 44);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(process_limits(pid, &with_two, &err), -ESRCH);
}

/* Raising needs CAP_SYS_RESOURCE: known before anything is made. */
static void check_raise(void *arg)
{
	static const struct spec_rlimit limits[] = {
		{ .resource = RLIMIT_CORE, .type = "RLIMIT_CORE" },
		{ .resource = RLIMIT_NOFILE,
		  .type = "RLIMIT_NOFILE",
		  .soft = 10,
		  .hard = 65 },
		{ .resource = RLIMIT_MEMLOCK,
		  .type = "RLIMIT_MEMLOCK",
		  .soft = UINT64_MAX,
		  .hard = UINT64_MAX },
	};
	static const struct spec_process process = { .rlimits = limits,
						     .rlimit_count = 3 };
	const struct process_ctx ctx = { .process = &process };
	const struct rlimit files = { 64, 64 }, memory = { 4096, 4096 };
	struct err err = { 0 };

	(void)arg;
	CHECK(!setrlimit(RLIMIT_NOFILE, &files));
	CHECK(!setrlimit(RLIMIT_MEMLOCK, &memory));
	CHECK(!sys_capset(0, 0, 0));
	CHECK(process_check(&ctx, &err) == -EPERM);
	CHECK(!strcmp(err.field, "process.rlimits[1].hard"));
	CHECK(!strcmp(err.msg,
		      "process.rlimits[1].hard: RLIMIT_NOFILE: a hard limit "
		      "cannot be raised without CAP_SYS_RESOURCE\n"
		      "process.rlimits[2].hard: RLIMIT_MEMLOCK: a hard limit "
		      "cannot be raised without CAP_SYS_RESOURCE"));
}

static void test_check(void **state)
{
	(void)state;
	child_ok(check_raise, NULL);
}

/* ---- oom_score_adj */
static void oom(void *arg)
{
	struct spec_process process = { .oom_score_adj_set = true,
					.oom_score_adj = 500 };
	int proc_fd = proc_root_open();
	char text[32], path[64];
	struct err err = { 0 };

	(void)arg;
	CHECK(proc_fd >= 0);
	CHECK_OK(process_oom_score(proc_fd, getpid(), &process, &err), &err);
	snprintf(path, sizeof(path), "%d/oom_score_adj", getpid());
	CHECK(io_read_text(proc_fd, path, text, sizeof(text)) > 0);
	CHECK(!strcmp(text, "500"));
	/* unset leaves it alone */
	process.oom_score_adj_set = false;
	process.oom_score_adj = 7;
	CHECK(!process_oom_score(proc_fd, getpid(), &process, &err));
	CHECK(io_read_text(proc_fd, path, text, sizeof(text)) > 0);
	CHECK(!strcmp(text, "500"));
	process.oom_score_adj_set = true;
	process.oom_score_adj = -900;
	CHECK(!sys_capset(0, 0, 0));
	CHECK(process_oom_score(proc_fd, getpid(), &process, &err) == -EACCES);
	CHECK(!strcmp(err.field, "process.oomScoreAdj"));
	CHECK(strstr(err.msg, "permission denied"));
}

static void test_oom_score(void **state)
{
	(void)state;
	child_ok(oom, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_from_outside),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_oom_score),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
