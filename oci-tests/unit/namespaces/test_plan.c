/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/process/child.h"

#include <sched.h>
#include <sys/stat.h>

#include "namespaces/ns.h"

#define ALL                                                                 \
	"\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\"},"        \
	"{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"mount\"},"       \
	"{\"type\":\"user\"},{\"type\":\"cgroup\"},{\"type\":\"time\"}],"   \
	"\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1}]," \
	"\"gidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1}],"

static int plan_of(const struct spec_namespace *list, size_t count,
		   struct ns_plan *plan, struct err *err)
{
	const struct spec_linux linux_ = { .namespaces = list,
					   .namespace_count = count };

	return ns_plan_init(plan, &linux_, err);
}

static void test_table(void **state)
{
	int seen = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ns_types); i++) {
		char path[64];
		struct stat st;

		assert_int_equal(seen & (1 << ns_types[i].type), 0);
		seen |= 1 << ns_types[i].type;
		assert_int_not_equal(ns_types[i].flag, 0);
		snprintf(path, sizeof(path), "/proc/self/ns/%s",
			 ns_types[i].file);
		assert_int_equal(stat(path, &st), 0);
	}
	assert_int_equal(seen, (1 << SPEC_NS_TYPES) - 1);
	assert_int_equal(ns_types[0].type, SPEC_NS_USER);
	assert_int_equal(ns_types[SPEC_NS_TYPES - 1].type, SPEC_NS_PID);
}

static void test_new_ones(void **state)
{
	const int made = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
			 CLONE_NEWUTS | CLONE_NEWNS | CLONE_NEWUSER;
	auto_arena struct arena arena = { 0 };
	struct err err = { 0 };
	struct ns_plan plan;

	(void)state;
	assert_int_equal(
		ns_plan_init(&plan, &doc_parse(&arena, "", ALL)->linux_, &err),
		0);
	assert_int_equal(plan.create, made);
	assert_int_equal(plan.present, made | CLONE_NEWCGROUP | CLONE_NEWTIME);
	assert_true(plan.new_cgroup);
	assert_true(plan.new_time);
	for (size_t i = 0; i < SPEC_NS_TYPES; i++)
		assert_int_equal(plan.join_fd[i], -1);
	ns_plan_release(&plan);
}

static void test_none(void **state)
{
	struct err err = { 0 };
	struct ns_plan plan;

	(void)state;
	assert_int_equal(plan_of(NULL, 0, &plan, &err), 0);
	assert_int_equal(plan.create | plan.present, 0);
	assert_false(plan.new_cgroup || plan.new_time);
	ns_plan_release(&plan);
}

/* Each type by the path of the caller's own, which is joined all the same. */
static void test_paths(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ns_types); i++) {
		char path[64];
		struct spec_namespace ns = { ns_types[i].type, path };
		struct err err = { 0 };
		struct ns_plan plan;

		snprintf(path, sizeof(path), "/proc/self/ns/%s",
			 ns_types[i].file);
		assert_int_equal(plan_of(&ns, 1, &plan, &err), 0);
		assert_int_equal(plan.create, 0);
		assert_false(plan.new_cgroup || plan.new_time);
		if (ns.type == SPEC_NS_USER) { /* shared: cannot be joined */
			assert_int_equal(plan.join_fd[ns.type], -1);
			assert_int_equal(plan.present, 0);
			continue;
		}
		assert_true(plan.join_fd[ns.type] >= 0);
		assert_true(fcntl(plan.join_fd[ns.type], F_GETFD) & FD_CLOEXEC);
		assert_int_equal(plan.present, ns_types[i].flag);
		ns_plan_release(&plan);
		assert_int_equal(plan.join_fd[ns.type], -1);
	}
}

static void test_refused(void **state)
{
	char fifo[PATH_MAX];
	const struct {
		struct spec_namespace list[2];
		size_t count;
		int want;
		const char *field, *text;
	} cases[] = {
		{ { { SPEC_NS_NETWORK, "/proc/self/ns/uts" } },
		  1,
		  -EINVAL,
		  "linux.namespaces[0].path",
		  "another type" },
		{ { { SPEC_NS_MOUNT, NULL }, { SPEC_NS_PID, "/no/such/path" } },
		  2,
		  -ENOENT,
		  "linux.namespaces[1].path",
		  "no such file" },
		{ { { SPEC_NS_NETWORK, "/etc/passwd" } },
		  1,
		  -EINVAL,
		  "linux.namespaces[0].path",
		  "not a namespace" },
		{ { { SPEC_NS_NETWORK, "/dev/null" } },
		  1,
		  -EINVAL,
		  "linux.namespaces[0].path",
		  "not a namespace" },
		/* would block, were it opened as a file */
		{ { { SPEC_NS_NETWORK, fifo } },
		  1,
		  -EINVAL,
		  "linux.namespaces[0].path",
		  "not a namespace" },
		{ { { SPEC_NS_PID, NULL }, { SPEC_NS_PID, NULL } },
		  2,
		  -EINVAL,
		  "linux.namespaces[1]",
		  "'pid' is there twice" },
		{ { { SPEC_NS_UTS, NULL },
		    { SPEC_NS_UTS, "/proc/self/ns/uts" } },
		  2,
		  -EINVAL,
		  "linux.namespaces[1].path",
		  "'uts' is there twice" },
		{ { { SPEC_NS_UTS, "/proc/self/ns/uts" },
		    { SPEC_NS_UTS, "/proc/self/ns/uts" } },
		  2,
		  -EINVAL,
		  "linux.namespaces[1].path",
		  "'uts' is there twice" },
	};

	snprintf(fifo, sizeof(fifo), "%s/fifo", (char *)*state);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = { 0 };
		struct ns_plan plan;
		int before = dup(0), after;

		close(before);
		assert_int_equal(
			plan_of(cases[i].list, cases[i].count, &plan, &err),
			cases[i].want);
		assert_string_equal(err.field, cases[i].field);
		assert_non_null(strstr(err.msg, cases[i].text));
		after = dup(0); /* nothing stayed open */
		close(after);
		assert_int_equal(before, after);
	}
}

static void test_offsets_need_time(void **state)
{
	const struct spec_namespace joined = { SPEC_NS_TIME,
					       "/proc/self/ns/time" };
	struct spec_linux linux_ = { .boottime = { .set = true, .secs = 1 } };
	struct err err = { 0 };
	struct ns_plan plan;

	(void)state;
	assert_int_equal(ns_plan_init(&plan, &linux_, &err), -EINVAL);
	assert_string_equal(err.field, "linux.timeOffsets");
	linux_.namespaces = &joined;
	linux_.namespace_count = 1;
	assert_int_equal(ns_plan_init(&plan, &linux_, &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_new_ones),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_paths),
		cmocka_unit_test_setup_teardown(test_refused, dir_setup,
						dir_teardown),
		cmocka_unit_test(test_offsets_need_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
