/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <sys/resource.h>

#include "oci-tests/unit/cgroups/fake.h"

/* Directories of a plain file system: rmdir(2) answers ENOTEMPTY there where
 * cgroupfs says EBUSY. */

static void test_mkdir(void **state)
{
	struct fake *f = *state;
	struct cg_made made;
	int fd;

	fd = cg_mkdir_path(f->fd, "a/b/c", &made);
	assert_true(fd >= 0);
	close(fd);
	assert_true(made.any);
	assert_int_equal(made.depth, 0);
	fd = cg_mkdir_path(f->fd, "a/b/c", &made);
	assert_true(fd >= 0);
	close(fd);
	assert_false(made.any);
	fd = cg_mkdir_path(f->fd, "a/b/d/e", &made);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(made.depth, 2);
	cg_unmake_path(f->fd, "a/b/d/e", &made);
	assert_int_equal(faccessat(f->fd, "a/b/d", F_OK, 0), -1);
	assert_int_equal(faccessat(f->fd, "a/b", F_OK, 0), 0);
}

/* What had been made is removed when it does not come to a good end. */
static void test_mkdir_fails(void **state)
{
	struct fake *f = *state;
	struct cg_made made;

	fake_file(f, "a/file", "");
	assert_int_equal(cg_mkdir_path(f->fd, "a/file/x", &made), -ENOTDIR);
	assert_int_equal(cg_mkdir_path(f->fd, "a/file", &made), -ENOTDIR);
	assert_int_equal(symlinkat("/tmp", f->fd, "link"), 0);
	assert_true(cg_mkdir_path(f->fd, "link", &made) < 0);
	assert_true(cg_mkdir_path(f->fd, "link/hull-cgroups-x/y", &made) < 0);
	assert_int_equal(access("/tmp/hull-cgroups-x", F_OK), -1);
}

static void test_rmdir_deep(void **state)
{
	struct fake *f = *state;
	struct rlimit old, few = { 16, 16 };
	int fd = dup(f->fd), fds;

	for (int i = 0; i < 3000; i++) {
		int next;

		assert_int_equal(mkdirat(fd, "d", 0755), 0);
		next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(fd);
		fd = next;
	}
	close(fd);
	fds = fake_open_fds();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	few.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_int_equal(cg_rmdir_tree(f->fd, "d", 60000), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(faccessat(f->fd, "d", F_OK, 0), -1);
	assert_int_equal(fake_open_fds(), fds);
	assert_int_equal(cg_rmdir_tree(f->fd, "d", 0), 0);
}

static void test_rmdir_wide(void **state)
{
	struct fake *f = *state;
	char name[64];

	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "w/%d/%d/%d", i % 7, i % 50, i);
		fake_dir(f, name);
	}
	assert_int_equal(cg_rmdir_tree(f->fd, "w", 10000), 0);
	assert_int_equal(faccessat(f->fd, "w", F_OK, 0), -1);
}

/* Something that will not go: the time is kept. */
static void test_rmdir_busy(void **state)
{
	struct fake *f = *state;
	int64_t begin = cg_now_ms();

	fake_dir(f, "b/c/d");
	fake_file(f, "b/c/file", "");
	assert_int_equal(cg_rmdir_tree(f->fd, "b", 200), -EBUSY);
	assert_true(cg_now_ms() - begin < 5000);
	assert_int_equal(faccessat(f->fd, "b/c/d", F_OK, 0), -1);
}

static int count_dirs(int dir_fd, void *arg)
{
	(void)dir_fd;
	++*(int *)arg;
	return 0;
}

static int stop_at_two(int dir_fd, void *arg)
{
	(void)dir_fd;
	return ++*(int *)arg == 2 ? -EPIPE : 0;
}

static void test_walk(void **state)
{
	struct fake *f = *state;
	int count = 0;

	fake_dir(f, "t/a/b");
	fake_dir(f, "t/a/c");
	fake_dir(f, "t/d");
	assert_int_equal(cg_walk(f->fd, count_dirs, &count), 0);
	assert_int_equal(count, 6);
	count = 0;
	assert_int_equal(cg_walk(f->fd, stop_at_two, &count), -EPIPE);
}

static void test_words(void **state)
{
	uint64_t v = 0;

	(void)state;
	assert_true(cg_has_word("cpu io memory\n", "memory"));
	assert_true(cg_has_word("cpu", "cpu"));
	assert_false(cg_has_word("cpuset io", "cpu"));
	assert_false(cg_has_word("", "cpu"));
	assert_int_equal(cg_key_u64("a 1\nbc 22\n", "bc", &v), 0);
	assert_int_equal(v, 22);
	assert_int_equal(cg_key_u64("a 1\nbc 22", "b", &v), -ENOENT);
	assert_int_equal(cg_key_u64("a x\n", "a", &v), -EINVAL);
	assert_int_equal(cg_key_u64("a\n", "a", &v), -ENOENT);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_mkdir),      TEST(test_mkdir_fails),
		TEST(test_rmdir_deep), TEST(test_rmdir_wide),
		TEST(test_rmdir_busy), TEST(test_walk),
		TEST(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
