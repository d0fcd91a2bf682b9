/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>

#include "oci-tests/unit/cgroups/fake.h"

/*
 * The code that touches files, on plain files. Device rules cannot be installed
 * there: cg_apply() runs with update and without a device list.
 */

static void fake_cgroup(const struct fake *f, const char *path)
{
	char name[256];
	static const struct {
		const char *file, *text;
	} files[] = {
		{ "cgroup.controllers", "cpuset cpu io memory hugetlb pids "
					"rdma misc\n" },
		{ "cgroup.subtree_control", "" },
		{ "cgroup.events", "populated 0\nfrozen 0\n" },
		{ "cgroup.procs", "" },
		{ "cgroup.type", "domain\n" },
		{ "memory.max", "max\n" },
		{ "memory.swap.max", "max\n" },
		{ "memory.low", "0\n" },
		{ "memory.current", "5000\n" },
		{ "cpu.max", "40000 200000\n" },
		{ "cpu.weight", "100\n" },
		{ "pids.max", "max\n" },
		{ "io.max", "8:0 rbps=7 wbps=max riops=max wiops=max\n" },
		{ "io.weight", "default 100\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(name, sizeof(name), "%s/%s", path, files[i].file);
		fake_file(f, name, files[i].text);
	}
}

static int open_fake(const char *path)
{
	struct cg_place place = fake_place(CG_MODE_UNIFIED, path);
	int fd = cg_open(&place);

	assert_true(fd >= 0);
	return fd;
}

static int update(int cg_fd, const char *path, const struct spec_resources *res,
		  struct err *err)
{
	struct cg_place place = fake_place(CG_MODE_UNIFIED, path);

	*err = (struct err){ 0 };
	return cg_apply(cg_fd, &place, res, true, err);
}

static void test_update(void **state)
{
	static const struct spec_throttle throttle[] = { { 8, 16, 1000 } };
	const struct spec_resources res = {
		.memory = { .limit = SET_I64(8192), .swap = SET_I64(10000) },
		.cpu = { .shares = SET_U64(512), .period = SET_U64(50000) },
		.block_io = { .weight = SET_U64(750),
			      .throttle = { throttle },
			      .throttle_count = { 1 } },
		.pids_limit = SET_I64(7),
	};
	struct fake *f = *state;
	int fds = fake_open_fds();
	auto_fd int fd = -1;
	struct err err;

	fake_cgroup(f, "c");
	fd = open_fake("/c");
	assert_int_equal(update(fd, "/c", &res, &err), 0);
	fake_expect(f, "c/memory.max", "8192");
	fake_expect(f, "c/memory.swap.max", "1808");
	fake_expect(f, "c/cpu.weight", "59");
	/* a period alone keeps the quota that is there */
	fake_expect(f, "c/cpu.max", "40000 50000");
	fake_expect(f, "c/pids.max", "7");
	/* no BFQ file: the general one */
	fake_expect(f, "c/io.weight", "7475");
	fake_expect(f, "c/io.max", "8:16 rbps=1000");
	auto_close_fd(&fd);
	assert_int_equal(fake_open_fds(), fds);
}

/* A weight is the end of being idle, however it comes; nothing else is. */
static void test_weight_ends_idle(void **state)
{
	static const struct spec_unified weight[] = { { "cpu.weight", "8" } };
	static const struct spec_unified both[] = { { "cpu.idle", "1" },
						    { "cpu.weight", "8" } };
	const struct {
		struct spec_resources res;
		const char *idle, *weight;
	} cases[] = {
		{ { .cpu = { .shares = SET_U64(512) } }, "0", "59" },
		{ { .unified = weight, .unified_count = 1 }, "0", "8" },
		{ { .unified = both, .unified_count = 2 }, "1", "100" },
		{ { .cpu = { .shares = SET_U64(512), .idle = SET_I64(1) } },
		  "1",
		  "100" },
		{ { .cpu = { .quota = SET_I64(5000) } }, "1", "100" },
	};
	struct fake *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_fd int fd = -1;
		struct err err;

		fake_cgroup(f, "c");
		fake_file(f, "c/cpu.idle", "1\n");
		fake_file(f, "c/cpu.weight", "100\n");
		fd = open_fake("/c");
		assert_int_equal(update(fd, "/c", &cases[i].res, &err), 0);
		fake_expect(f, "c/cpu.idle", cases[i].idle);
		fake_expect(f, "c/cpu.weight", cases[i].weight);
	}
}

static void test_bfq(void **state)
{
	const struct spec_resources res = {
		.block_io = { .weight = SET_U64(750) },
	};
	struct fake *f = *state;
	auto_fd int fd = -1;
	struct err err;

	fake_cgroup(f, "c");
	fake_file(f, "c/io.bfq.weight", "100\n");
	fd = open_fake("/c");
	assert_int_equal(update(fd, "/c", &res, &err), 0);
	fake_expect(f, "c/io.bfq.weight", "750");
	fake_expect(f, "c/io.weight", "default 100");
}

/* The last write fails: everything before is as it was. */
static void test_rollback(void **state)
{
	static const struct spec_throttle throttle[] = { { 8, 0, 1000 } };
	static const struct spec_unified unified[] = {
		{ "memory.low", "1" },
		{ "memory.nonsense", "1" },
	};
	const struct spec_resources res = {
		.memory = { .limit = SET_I64(8192), .swap = SET_I64(8192) },
		.cpu = { .shares = SET_U64(512), .quota = SET_I64(1000) },
		.block_io = { .throttle = { throttle },
			      .throttle_count = { 1 } },
		.pids_limit = SET_I64(7),
		.unified = unified,
		.unified_count = 2,
	};
	struct fake *f = *state;
	auto_fd int fd = -1;
	struct err err;

	fake_cgroup(f, "c");
	fd = open_fake("/c");
	assert_int_equal(update(fd, "/c", &res, &err), -ENOENT);
	assert_string_equal(
		err.msg, "linux.resources.unified[\"memory.nonsense\"]: this "
			 "host has no 'memory.nonsense'");
	fake_expect(f, "c/memory.max", "max");
	fake_expect(f, "c/memory.swap.max", "max");
	fake_expect(f, "c/memory.low", "0");
	fake_expect(f, "c/cpu.max", "40000 200000");
	fake_expect(f, "c/cpu.weight", "100");
	fake_expect(f, "c/pids.max", "max");
	fake_expect(f, "c/io.max", "8:0 rbps=7 wbps=max riops=max wiops=max");
}

static void test_missing_swap(void **state)
{
	struct spec_resources res = {
		.memory = { .limit = SET_I64(8192), .swap = SET_I64(8192) },
	};
	struct fake *f = *state;
	auto_fd int fd = -1;
	struct err err;

	fake_cgroup(f, "c");
	assert_int_equal(unlinkat(f->fd, "c/memory.swap.max", 0), 0);
	fd = open_fake("/c");
	assert_int_equal(update(fd, "/c", &res, &err), 0);
	fake_expect(f, "c/memory.max", "8192");
	res.memory.swap.v = -1;
	assert_int_equal(update(fd, "/c", &res, &err), 0);
	res.memory.swap.v = 9000;
	assert_int_equal(update(fd, "/c", &res, &err), -ENOENT);
	assert_string_equal(err.field, "linux.resources.memory.swap");
}

static void test_check_before(void **state)
{
	struct spec_resources res = {
		.memory = { .limit = SET_I64(5000),
			    .check_before_update = true },
	};
	struct fake *f = *state;
	auto_fd int fd = -1;
	struct err err;

	fake_cgroup(f, "c");
	fd = open_fake("/c");
	assert_int_equal(update(fd, "/c", &res, &err), -EBUSY);
	fake_expect(f, "c/memory.max", "max");
	res.memory.limit.v = 5001;
	assert_int_equal(update(fd, "/c", &res, &err), 0);
}

static void test_page_size(void **state)
{
	static const struct spec_hugepage pages[] = { { "3MB", 1 } };
	const struct spec_resources res = { .hugepages = pages,
					    .hugepage_count = 1 };
	struct fake *f = *state;
	auto_fd int fd = -1;
	struct err err;

	fake_cgroup(f, "c");
	fd = open_fake("/c");
	assert_int_equal(update(fd, "/c", &res, &err), -ENOENT);
	assert_string_equal(err.msg,
			    "linux.resources.hugepageLimits[0].pageSize: this "
			    "host has no 'hugetlb.3MB.max'");
}

/* Controllers are passed on from the top down, as far as needed. */
static void test_enable(void **state)
{
	struct fake *f = *state;
	struct cg_place place = fake_place(CG_MODE_UNIFIED, "/a/b");
	struct err err = { 0 };
	auto_fd int fd = -1;

	fake_cgroup(f, "a/b");
	fake_cgroup(f, "a");
	fake_cgroup(f, ".");
	fake_file(f, "cgroup.controllers", "cpu io memory pids\n");
	fake_file(f, "a/cgroup.controllers", "cpu memory\n");
	fake_file(f, "a/cgroup.subtree_control", "cpu\n");
	fake_file(f, "a/b/cgroup.controllers", "cpu\n");
	fd = cg_create(&place, &err);
	assert_true(fd >= 0);
	fake_expect(f, "cgroup.subtree_control", "+cpu +io +memory +pids");
	fake_expect(f, "a/cgroup.subtree_control", "+memory");
	fake_expect(f, "a/b/cgroup.subtree_control", "");
	auto_close_fd(&fd);

	/* nothing to write when the last one has it all */
	fake_file(f, "cgroup.subtree_control", "");
	fake_file(f, "a/b/cgroup.controllers", "pids memory cpu io\n");
	fd = cg_create(&place, &err);
	assert_true(fd >= 0);
	fake_expect(f, "cgroup.subtree_control", "");
}

static void test_enable_refused(void **state)
{
	const struct spec_resources res = { .pids_limit = SET_I64(7) };
	struct fake *f = *state;
	struct err err = { 0 };
	auto_fd int fd = -1;

	fake_cgroup(f, "a/b");
	fake_cgroup(f, "a");
	fake_cgroup(f, ".");
	assert_int_equal(unlinkat(f->fd, "a/b/pids.max", 0), 0);
	fake_file(f, "a/cgroup.controllers", "memory\n");
	fake_file(f, "a/b/cgroup.controllers", "memory\n");
	fd = open_fake("/a/b");
	assert_int_equal(update(fd, "/a/b", &res, &err), -ENOTSUP);
	assert_string_equal(err.msg, "linux.resources.pids.limit: controller "
				     "'pids' not available in cgroup '/a'");
	fake_expect(f, "cgroup.subtree_control", "+pids");
	fake_file(f, "a/cgroup.controllers", "memory pids\n");
	fake_file(f, "a/cgroup.type", "threaded\n");
	fake_file(f, "a/b/cgroup.controllers", "pids\n");
	/* the controller is there and the file is not: another reason */
	assert_int_equal(update(fd, "/a/b", &res, &err), -ENOENT);
	assert_string_equal(err.msg,
			    "linux.resources.pids.limit: this host has "
			    "no 'pids.max'");
}

static void test_threaded(void **state)
{
	const struct spec_resources res = {
		.memory = { .limit = SET_I64(1) },
	};
	struct fake *f = *state;
	struct cg_place place = fake_place(CG_MODE_UNIFIED, "/a/b");
	struct err err = { 0 };
	auto_fd int fd = -1;

	fake_cgroup(f, "a/b");
	fake_cgroup(f, "a");
	fake_cgroup(f, ".");
	fake_file(f, "cgroup.subtree_control", "cpu memory\n");
	fake_file(f, "cgroup.controllers", "cpu memory\n");
	fake_file(f, "a/cgroup.controllers", "cpu memory\n");
	fake_file(f, "a/cgroup.type", "domain threaded\n");
	fake_file(f, "a/b/cgroup.controllers", "cpu\n");
	fake_file(f, "a/b/cgroup.type", "domain invalid\n");
	assert_int_equal(unlinkat(f->fd, "a/b/memory.max", 0), 0);
	assert_int_equal(unlinkat(f->fd, "a/b/memory.swap.max", 0), 0);
	fd = cg_create(&place, &err);
	assert_true(fd >= 0);
	fake_expect(f, "a/b/cgroup.type", "threaded");
	assert_int_equal(update(fd, "/a/b", &res, &err), -EOPNOTSUPP);
	assert_non_null(strstr(err.msg, "it is threaded"));
}

/* A cgroup that somebody uses, or that is frozen, is not taken. */
static void test_create_used(void **state)
{
	struct fake *f = *state;
	struct cg_place place = fake_place(CG_MODE_UNIFIED, "/c");
	struct err err = { 0 };

	fake_cgroup(f, "c");
	fake_cgroup(f, ".");
	fake_file(f, "c/cgroup.procs", "17\n18\n");
	fake_file(f, "c/cgroup.events", "populated 1\nfrozen 0\n");
	assert_int_equal(cg_create(&place, &err), -EBUSY);
	assert_string_equal(err.msg, "container's cgroup is not empty: 2 "
				     "process(es) found in '/c'");
	fake_file(f, "c/cgroup.events", "populated 0\nfrozen 1\n");
	assert_int_equal(cg_create(&place, &err), -EBUSY);
	assert_non_null(strstr(err.msg, "container's cgroup unexpectedly "
					"frozen"));
	/* and it is still there */
	assert_int_equal(faccessat(f->fd, "c/cgroup.procs", F_OK, 0), 0);
}

static void test_create_made(void **state)
{
	struct fake *f = *state;
	struct cg_place place = fake_place(CG_MODE_UNIFIED, "/x/y/z");
	struct err err = { 0 };
	int fd;

	fake_cgroup(f, ".");
	fd = cg_create(&place, &err);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(faccessat(f->fd, "x/y/z", F_OK, 0), 0);
	assert_int_equal(cg_destroy(&place, &err), 0);
	assert_int_equal(cg_destroy(&place, &err), 0);
	assert_int_equal(cg_open(&place), -ENOENT);
	/* parents stay */
	assert_int_equal(faccessat(f->fd, "x/y", F_OK, 0), 0);
}

static void test_procs(void **state)
{
	struct fake *f = *state;
	auto_free pid_t *pids = NULL;
	auto_fd int fd = -1;
	struct err err = { 0 };
	size_t count;

	fake_file(f, "c/cgroup.procs", "30\n10\n0\n");
	fake_file(f, "c/a/cgroup.procs", "20\n10\n");
	fake_file(f, "c/a/b/cgroup.procs", "5\n");
	fake_dir(f, "c/none");
	fd = open_fake("/c");
	assert_int_equal(cg_procs(fd, &pids, &count, &err), 0);
	assert_int_equal(count, 4);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(pids[i], ((pid_t[]){ 5, 10, 20, 30 })[i]);
	fake_file(f, "c/a/cgroup.procs", "1x\n");
	free(take_ptr(&pids));
	assert_int_equal(cg_procs(fd, &pids, &count, &err), -EINVAL);
}

static void test_events(void **state)
{
	struct fake *f = *state;
	auto_fd int fd = -1;

	fake_cgroup(f, "c");
	fd = open_fake("/c");
	assert_int_equal(cg_is_frozen(fd), 0);
	assert_int_equal(cg_is_populated(fd), 0);
	fake_file(f, "c/cgroup.events", "populated 1\nfrozen 1\n");
	assert_int_equal(cg_is_frozen(fd), 1);
	assert_int_equal(cg_is_populated(fd), 1);
	/* before Linux 5.2 */
	fake_file(f, "c/cgroup.events", "populated 1\n");
	assert_int_equal(cg_is_frozen(fd), 0);
	fake_file(f, "c/cgroup.freeze", "1\n");
	assert_int_equal(cg_is_frozen(fd), 1);
}

/* C14: a kill that fails half-way leaves nothing frozen. */
static void test_kill_thaws(void **state)
{
	struct fake *f = *state;
	struct err err = { 0 };
	auto_fd int fd = -1;

	fake_cgroup(f, "c");
	fake_file(f, "c/cgroup.freeze", "0\n");
	fake_file(f, "c/cgroup.procs", "nonsense\n");
	fd = open_fake("/c");
	assert_true(cg_kill(fd, &err) < 0);
	fake_expect(f, "c/cgroup.freeze", "0");
}

/* Without cgroup.kill: each process of the list, and the cgroup is thawed. */
static void test_kill_by_hand(void **state)
{
	struct fake *f = *state;
	struct err err = { 0 };
	auto_fd int fd = -1;
	char text[64];
	int status = 0;
	pid_t pid = fork();

	if (!pid)
		for (;;)
			pause();
	fake_cgroup(f, "c");
	fake_file(f, "c/cgroup.freeze", "0\n");
	snprintf(text, sizeof(text), "%d\n", (int)pid);
	fake_file(f, "c/sub/cgroup.procs", text);
	fd = open_fake("/c");
	assert_int_equal(cg_kill(fd, &err), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	fake_expect(f, "c/cgroup.freeze", "0");
	/* it is gone now: no error */
	assert_int_equal(cg_kill(fd, &err), 0);
}

/* No answer to a freeze: thawed again, and the caller is told. */
static void test_freeze_fails(void **state)
{
	struct fake *f = *state;
	struct err err = { 0 };
	auto_fd int fd = -1;

	fake_cgroup(f, "c");
	fake_file(f, "c/cgroup.freeze", "0\n");
	fake_file(f, "c/cgroup.events", "nonsense\n");
	fd = open_fake("/c");
	assert_true(cg_freeze(fd, true, &err) < 0);
	fake_expect(f, "c/cgroup.freeze", "0");
	fake_file(f, "c/cgroup.events", "frozen 0\n");
	assert_int_equal(cg_event_wait(fd, "frozen", 1, 150), -ETIMEDOUT);
	assert_int_equal(cg_freeze(fd, false, &err), 0);
}

static void test_sub(void **state)
{
	static const char *const bad[] = { "..",  "../foobar",  "a/../../b",
					   "/..", "/a/../../b", "x/.." };
	struct fake *f = *state;
	struct cg_place place = fake_place(CG_MODE_UNIFIED, "/foo");
	auto_fd int fd = -1;
	struct err err = { 0 };

	fake_file(f, "foo/cgroup.procs", "");
	fake_file(f, "foo/in/cgroup.procs", "");
	fake_file(f, "foobar/cgroup.procs", "");
	assert_int_equal(symlinkat("../foobar", f->fd, "foo/link"), 0);
	fd = open_fake("/foo");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(cg_attach(fd, &place, 1, true, bad[i], &err),
				 -EINVAL);
		assert_non_null(strstr(err.msg, "bad sub cgroup path"));
	}
	assert_true(cg_attach(fd, &place, 1, true, "link", &err) < 0);
	assert_int_equal(cg_attach(fd, &place, 1, true, "bar", &err), -ENOENT);
	assert_string_equal(err.msg, "cannot open sub cgroup 'bar': no such "
				     "file or directory");
	fake_expect(f, "foobar/cgroup.procs", "");
	assert_int_equal(cg_attach(fd, &place, 77, true, "/in", &err), 0);
	fake_expect(f, "foo/in/cgroup.procs", "77");
	assert_int_equal(cg_attach(fd, &place, 78, true, "/", &err), 0);
	assert_int_equal(cg_attach(fd, &place, 78, true, NULL, &err), 0);
	fake_expect(f, "foo/cgroup.procs", "78");
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_update),
		TEST(test_weight_ends_idle),
		TEST(test_bfq),
		TEST(test_rollback),
		TEST(test_missing_swap),
		TEST(test_check_before),
		TEST(test_page_size),
		TEST(test_enable),
		TEST(test_enable_refused),
		TEST(test_threaded),
		TEST(test_create_used),
		TEST(test_create_made),
		TEST(test_procs),
		TEST(test_events),
		TEST(test_kill_thaws),
		TEST(test_kill_by_hand),
		TEST(test_freeze_fails),
		TEST(test_sub),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
