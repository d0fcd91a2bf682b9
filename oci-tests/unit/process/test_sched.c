/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/process/child.h"

#include <sched.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "libcontainer/process/steps.h"

#define WORDS 4 /* of a bit map of 256 */

static void test_number_lists(void **state)
{
	static const struct {
		const char *text;
		unsigned long want[WORDS];
		int ret;
	} cases[] = {
		{ "0", { 1 }, 0 },
		{ "0-1,3", { 11 }, 0 },
		{ "3,0-1", { 11 }, 0 },
		{ "0-3,2", { 15 }, 0 },
		{ " 1 , 2", { 6 }, 0 },
		{ "63-64,255", { 1UL << 63, 1, 0, 1UL << 63 }, 0 },
		{ "007", { 128 }, 0 },
		{ "0-255", { ~0UL, ~0UL, ~0UL, ~0UL }, 0 },
		{ "256", { 0 }, -ERANGE },
		{ "0-256", { 0 }, -ERANGE },
		{ "99999999999999999999999", { 0 }, -ERANGE },
		{ "", { 0 }, -EINVAL },
		{ "x", { 0 }, -EINVAL },
		{ "1,", { 0 }, -EINVAL },
		{ ",1", { 0 }, -EINVAL },
		{ "1,,2", { 0 }, -EINVAL },
		{ "2-1", { 0 }, -EINVAL },
		{ "1-", { 0 }, -EINVAL },
		{ "-1", { 0 }, -EINVAL },
		{ "1-2-3", { 0 }, -EINVAL },
		{ "1 2", { 0 }, -EINVAL },
		{ "+1", { 0 }, -EINVAL },
		{ "0x1", { 0 }, -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned long bits[WORDS];

		memset(bits, 0xff, sizeof(bits));
		assert_int_equal(numlist_parse(cases[i].text, bits, WORDS * 64),
				 cases[i].ret);
		if (!cases[i].ret)
			assert_memory_equal(bits, cases[i].want, sizeof(bits));
	}
}

static void apply(const struct process_ctx *ctx)
{
	struct err err = { 0 };

	CHECK_OK(process_apply(ctx, &err), &err);
}

static void batch(void *arg)
{
	const struct spec_process process = {
		.scheduler = { .set = true, .policy = SCHED_BATCH, .nice = 7 },
		.io_priority = { .set = true, .class = 2, .priority = 6 },
	};
	const struct process_ctx ctx = { .process = &process, .proc_fd = -1 };

	(void)arg;
	apply(&ctx);
	CHECK(sched_getscheduler(0) == SCHED_BATCH);
	CHECK(getpriority(PRIO_PROCESS, 0) == 7);
	CHECK(syscall(SYS_ioprio_get, 1, 0) == (2 << 13 | 6));
}

static void real_time(void *arg)
{
	const struct spec_process process = {
		.scheduler = { .set = true,
			       .policy = SCHED_FIFO,
			       .priority = 3,
			       .flags = 1 },
	};
	const struct process_ctx ctx = { .process = &process, .proc_fd = -1 };
	struct sched_param param;

	(void)arg;
	apply(&ctx);
	/* SCHED_FLAG_RESET_ON_FORK shows in the policy */
	CHECK(sched_getscheduler(0) == (SCHED_FIFO | SCHED_RESET_ON_FORK));
	CHECK(!sched_getparam(0, &param) && param.sched_priority == 3);
}

static void deadline(void *arg)
{
	const struct spec_process process = {
		.scheduler = { .set = true,
			       .policy = 6,
			       .runtime_ns = 1000000,
			       .deadline_ns = 20000000,
			       .period_ns = 20000000 },
	};
	const struct process_ctx ctx = { .process = &process, .proc_fd = -1 };

	(void)arg;
	apply(&ctx);
	CHECK(sched_getscheduler(0) == 6);
}

/* The kernel has one errno for two reasons: the message names both. */
static void deadline_on_one_cpu(void *arg)
{
	const struct spec_process process = {
		.scheduler = { .set = true,
			       .policy = 6,
			       .runtime_ns = 1000000,
			       .deadline_ns = 20000000,
			       .period_ns = 20000000 },
	};
	struct err err = { 0 };

	(void)arg;
	CHECK_OK(process_affinity(0, "final", "0", &err), &err);
	CHECK(process_scheduler(0, &process, &err) == -EPERM);
	CHECK(!strcmp(err.field, "process.scheduler"));
	CHECK(strstr(err.msg, "operation not permitted: SCHED_DEADLINE needs "
			      "CAP_SYS_NICE and all CPUs"));
}

static void test_scheduler(void **state)
{
	(void)state;
	NEED_ROOT();
	child_ok(batch, NULL);
	if (!have_cap(CAP_SYS_NICE))
		SKIP("needs CAP_SYS_NICE");
	child_ok(real_time, NULL);
	child_ok(deadline, NULL);
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
		child_ok(deadline_on_one_cpu, NULL);
}

static void affinity(void *arg)
{
	struct err err = { 0 };
	cpu_set_t set;

	(void)arg;
	CHECK_OK(process_affinity(0, "final", "0", &err), &err);
	CHECK(!sched_getaffinity(0, sizeof(set), &set));
	CHECK(CPU_COUNT(&set) == 1 && CPU_ISSET(0, &set));
	/* CPUs that do not exist do not hurt beside one that does */
	CHECK_OK(process_affinity(getpid(), "final", "0,8000-8191", &err),
		 &err);
	CHECK(process_affinity(0, "final", "8000", &err) == -EINVAL);
	CHECK(!strcmp(err.field, "process.execCPUAffinity.final"));
	CHECK(process_affinity(0, "final", "8192", &err) == -ERANGE);
	CHECK(process_affinity(0, "final", "all", &err) == -EINVAL);
	CHECK(!strcmp(err.msg, "process.execCPUAffinity.final: 'all' is not a "
			       "list of CPUs"));
}

static void test_affinity(void **state)
{
	(void)state;
	child_ok(affinity, NULL);
}

static void policy(void *arg)
{
	struct spec_mempolicy mempolicy = { .set = true,
					    .mode = 3,
					    .nodes = "0" };
	const struct spec_process process = { 0 };
	const struct process_ctx ctx = { .process = &process,
					 .mempolicy = &mempolicy,
					 .proc_fd = -1 };
	unsigned long nodes[16] = { 0 };
	struct err err = { 0 };
	int mode = -1;

	(void)arg;
	apply(&ctx);
	CHECK(!syscall(SYS_get_mempolicy, &mode, nodes, 1024, 0, 0));
	CHECK(mode == 3 && nodes[0] == 1); /* MPOL_INTERLEAVE */
	mempolicy.mode = 2;
	mempolicy.flags = 1 << 15; /* MPOL_BIND, STATIC_NODES */
	apply(&ctx);
	CHECK(!syscall(SYS_get_mempolicy, &mode, nodes, 1024, 0, 0));
	CHECK(mode == (2 | 1 << 15));
	mempolicy = (struct spec_mempolicy){ .set = true };
	apply(&ctx);
	CHECK(!syscall(SYS_get_mempolicy, &mode, NULL, 0, 0, 0) && mode == 0);
	mempolicy.nodes = "zero";
	CHECK(process_apply(&ctx, &err) == -EINVAL);
	CHECK(!strcmp(err.field, "linux.memoryPolicy.nodes"));
	CHECK(!strcmp(err.stage, "memory policy"));
}

static void test_memory_policy(void **state)
{
	(void)state;
	NEED_ROOT();
	if (syscall(SYS_get_mempolicy, NULL, NULL, 0, 0, 0) < 0)
		SKIP("the kernel has no memory policies");
	child_ok(policy, NULL);
}

static void domain(void *arg)
{
	const struct spec_personality want = { .set = true,
					       .domain = PER_LINUX32 };
	const struct spec_process process = { 0 };
	const struct process_ctx ctx = { .process = &process,
					 .personality = &want,
					 .proc_fd = -1 };

	(void)arg;
	apply(&ctx);
	CHECK(personality(0xffffffff) == PER_LINUX32);
}

static void test_personality(void **state)
{
	(void)state;
	NEED_ROOT();
	child_ok(domain, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_number_lists),
		cmocka_unit_test(test_scheduler),
		cmocka_unit_test(test_affinity),
		cmocka_unit_test(test_memory_policy),
		cmocka_unit_test(test_personality),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
