/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/process/child.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "namespaces/ns.h"

#define MADE                                                        \
	(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS | \
	 CLONE_NEWCGROUP)

/* A process in namespaces of its own, and its pidfd. */
struct holder {
	pid_t pid;
	int pidfd;
};

static struct holder hold(int flags)
{
	struct holder h;
	int fds[2];
	char c;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	h.pid = fork();
	assert_true(h.pid >= 0);
	if (!h.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		c = unshare(flags) ? 'n' : 'y';
		if (write(fds[1], &c, 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	assert_int_equal(read(fds[0], &c, 1), 1);
	assert_int_equal(c, 'y');
	close(fds[0]);
	close(fds[1]);
	h.pidfd = sys_pidfd_open(h.pid, 0);
	assert_true(h.pidfd >= 0);
	return h;
}

static void release(struct holder *h)
{
	kill(h->pid, SIGKILL);
	waitpid(h->pid, NULL, 0);
	close(h->pidfd);
}

static bool same(pid_t a, pid_t b, const char *file)
{
	struct stat st[2];
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", a, file);
	CHECK(!stat(path, &st[0]));
	snprintf(path, sizeof(path), "/proc/%d/ns/%s", b, file);
	CHECK(!stat(path, &st[1]));
	return st[0].st_ino == st[1].st_ino;
}

static void expect_joined(pid_t pid, int flags)
{
	for (size_t i = 0; i < ARRAY_SIZE(ns_types); i++) {
		bool want = flags & ns_types[i].flag;

		if (!(MADE & ns_types[i].flag))
			continue;
		CHECK(same(getpid(), pid, ns_types[i].file) == want);
	}
}

static void join_process(void *arg)
{
	const struct holder *h = arg;
	struct err err = { 0 };

	CHECK_OK(ns_join_process(h->pidfd, 0, &err), &err);
	expect_joined(h->pid, 0);
	CHECK_OK(ns_join_process(h->pidfd, CLONE_NEWUTS | CLONE_NEWIPC, &err),
		 &err);
	expect_joined(h->pid, CLONE_NEWUTS | CLONE_NEWIPC);
	CHECK_OK(ns_join_process(h->pidfd, MADE, &err), &err);
	expect_joined(h->pid, MADE);
}

static void join_dead(void *arg)
{
	const struct holder *h = arg;
	struct err err = { 0 };

	CHECK(ns_join_process(h->pidfd, CLONE_NEWUTS, &err) == -ESRCH);
	CHECK(strstr(err.msg, "no such process"));
}

static void test_by_pidfd(void **state)
{
	struct holder h;

	(void)state;
	NEED_ROOT();
	h = hold(MADE);
	child_ok(join_process, &h);
	kill(h.pid, SIGKILL);
	waitpid(h.pid, NULL, 0);
	child_ok(join_dead, &h);
	close(h.pidfd);
}

static void join_paths(void *arg)
{
	const struct holder *h = arg;
	struct spec_namespace list[SPEC_NS_TYPES];
	char paths[SPEC_NS_TYPES][64];
	struct spec_linux linux_ = { .namespaces = list };
	struct err err = { 0 };
	struct ns_plan plan;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(ns_types); i++) {
		if (!(MADE & ns_types[i].flag))
			continue;
		snprintf(paths[n], sizeof(paths[n]), "/proc/%d/ns/%s", h->pid,
			 ns_types[i].file);
		list[n].type = ns_types[i].type;
		list[n].path = paths[n];
		n++;
	}
	linux_.namespace_count = n;
	CHECK_OK(ns_plan_init(&plan, &linux_, &err), &err);
	CHECK(plan.present == MADE && !plan.create && !plan.new_cgroup);
	CHECK_OK(ns_join(&plan, CLONE_NEWNET, NULL, &err), &err);
	expect_joined(h->pid, CLONE_NEWNET);
	CHECK_OK(ns_join(&plan, ~0, NULL, &err), &err);
	expect_joined(h->pid, MADE);
	ns_plan_release(&plan);
}

static void test_by_path(void **state)
{
	struct holder h;

	(void)state;
	NEED_ROOT();
	h = hold(MADE);
	child_ok(join_paths, &h);
	release(&h);
}

/* User, then what only its root may join. */
static void join_user(void *arg)
{
	const struct holder *h = arg;
	struct err err = { 0 };

	CHECK_OK(ns_join_process(h->pidfd, CLONE_NEWUSER | CLONE_NEWUTS, &err),
		 &err);
	CHECK(same(getpid(), h->pid, "user") && same(getpid(), h->pid, "uts"));
}

static void test_user(void **state)
{
	struct holder h;

	(void)state;
	NEED_ROOT();
	h = hold(CLONE_NEWUSER | CLONE_NEWUTS);
	child_ok(join_user, &h);
	release(&h);
}

static void join_denied(void *arg)
{
	const struct holder *h = arg;
	struct ns_plan plan = { 0 };
	int refused = -1;
	char path[64];
	struct err err = { 0 };

	for (size_t i = 0; i < SPEC_NS_TYPES; i++)
		plan.join_fd[i] = -1;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", h->pid);
	plan.join_fd[SPEC_NS_NETWORK] = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(plan.join_fd[SPEC_NS_NETWORK] >= 0);
	CHECK(!setresuid(1000, 1000, 1000));
	CHECK(ns_join(&plan, ~0, NULL, &err) == -EPERM);
	CHECK(!strcmp(err.msg, "cannot join the network namespace: operation "
			       "not permitted"));
	CHECK_OK(ns_join(&plan, ~0, &refused, &err), &err);
	CHECK(refused == CLONE_NEWNET);
	CHECK_OK(ns_join(&plan, ~CLONE_NEWNET, &refused, &err), &err);
	CHECK(refused == 0);
	/* any other failure is one */
	plan.join_fd[SPEC_NS_NETWORK] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	CHECK(ns_join(&plan, ~0, &refused, &err) == -EINVAL);
}

static void test_denied(void **state)
{
	struct holder h;

	(void)state;
	NEED_ROOT();
	h = hold(CLONE_NEWNET);
	child_ok(join_denied, &h);
	release(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_pidfd),
		cmocka_unit_test(test_by_path),
		cmocka_unit_test(test_user),
		cmocka_unit_test(test_denied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
