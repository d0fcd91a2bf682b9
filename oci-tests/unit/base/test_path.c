/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "base/auto.h"
#include "base/path.h"
#include "oci-tests/unit/base/deny.h"
#include "oci-tests/unit/base/pathtree.h"

/* clang-format off */
static const struct open_case {
	const char *path;
	int flags;
	int ret;          /* 0 or -errno */
	const char *want; /* name in the root of what has to be opened */
} in_root[] = {
	{ "file",              O_PATH,   0, "file" },
	{ "/file",             O_RDONLY, 0, "file" },
	{ "///file",           O_RDONLY, 0, "file" },
	{ "/",                 O_PATH,   0, "." },
	{ ".",                 O_RDONLY, 0, "." },
	{ "..",                O_PATH,   0, "." },
	{ "/../../..",         O_PATH,   0, "." },
	{ "a/b/f",             O_RDWR,   0, "a/b/f" },
	{ "a//b/./f",          O_RDONLY, 0, "a/b/f" },
	{ "a/b/../../file",    O_RDONLY, 0, "file" },
	{ "../../secret",      O_RDONLY, 0, "secret" },
	{ "a/rel",             O_PATH,   0, "a/b" },
	{ "a/rel/f",           O_RDONLY, 0, "a/b/f" },
	{ "a/rel/../f",        O_RDONLY, 0, "a/f" },
	{ "a/up",              O_RDONLY, 0, "secret" },
	{ "abs",               O_RDONLY | O_DIRECTORY, 0, "a/b" },
	{ "abs/../f",          O_RDONLY, 0, "a/f" },
	{ "absfile",           O_RDONLY, 0, "a/b/f" },
	{ "out",               O_RDONLY, 0, "secret" },
	{ "outdir/secret",     O_RDONLY, -ENOENT, NULL },
	{ "dots",              O_RDONLY, 0, "a/b/f" },
	{ "slash",             O_PATH,   0, "a/b" },
	{ "fslash",            O_PATH,   -ENOTDIR, NULL },
	{ "here/here/file",    O_PATH,   0, "file" },
	{ "top/a/b",           O_PATH,   0, "a/b" },
	{ "parent/parent/a",   O_PATH,   0, "a" },
	{ "b/f",               O_PATH,   0, "a/b/f" },
	{ "link40",            O_RDONLY, 0, "file" },
	{ "link41",            O_RDONLY, -ELOOP, NULL },
	{ "loop1",             O_PATH,   -ELOOP, NULL },
	{ "loop1/x",           O_PATH,   -ELOOP, NULL },
	{ "eternal",           O_PATH,   -ELOOP, NULL },
	{ "dangling",          O_PATH,   -ENOENT, NULL },
	{ "dangabs",           O_RDONLY, -ENOENT, NULL },
	{ "none",              O_PATH,   -ENOENT, NULL },
	{ "none/x",            O_PATH,   -ENOENT, NULL },
	{ "",                  O_PATH,   -ENOENT, NULL },
	{ "file/",             O_PATH,   -ENOTDIR, NULL },
	{ "file/x",            O_PATH,   -ENOTDIR, NULL },
	{ "file/..",           O_PATH,   -ENOTDIR, NULL },
	{ "a/",                O_PATH,   0, "a" },
	{ "a/b//",             O_RDONLY, 0, "a/b" },
	{ "a/b",               O_WRONLY, -EISDIR, NULL },
	{ "file",              O_PATH | O_DIRECTORY, -ENOTDIR, NULL },
	{ "absfile",           O_PATH | O_DIRECTORY, -ENOTDIR, NULL },
	{ "abs",               O_PATH | O_NOFOLLOW, 0, "abs" },
	{ "abs",               O_RDONLY | O_NOFOLLOW, -ELOOP, NULL },
	{ "abs/",              O_PATH | O_NOFOLLOW, 0, "a/b" },
	{ "abs",               O_PATH | O_NOFOLLOW | O_DIRECTORY, -ENOTDIR, NULL },
	{ "loop1",             O_PATH | O_NOFOLLOW, 0, "loop1" },
	{ "a/rel/f",           O_RDONLY | O_NOFOLLOW, 0, "a/b/f" },
	{ "new",               O_RDWR | O_CREAT, -EINVAL, NULL },
};

static const struct open_case beneath[] = {
	{ "file",            O_RDONLY, 0, "file" },
	{ "a/b/f",           O_RDONLY, 0, "a/b/f" },
	{ "a//./b/f",        O_PATH,   0, "a/b/f" },
	{ "a/../file",       O_RDONLY, 0, "file" },
	{ ".",               O_PATH,   0, "." },
	{ "a/..",            O_PATH,   0, "." },
	{ "..",              O_PATH,   -EXDEV, NULL },
	{ "../secret",       O_RDONLY, -EXDEV, NULL },
	{ "a/../../secret",  O_RDONLY, -EXDEV, NULL },
	{ "/file",           O_RDONLY, -EXDEV, NULL },
	{ "/",               O_PATH,   -EXDEV, NULL },
	{ "a/rel",           O_PATH,   -ELOOP, NULL },
	{ "a/rel/f",         O_RDONLY, -ELOOP, NULL },
	{ "here/file",       O_RDONLY, -ELOOP, NULL },
	{ "abs",             O_PATH | O_NOFOLLOW, 0, "abs" },
	{ "dangling",        O_RDONLY, -ELOOP, NULL },
	{ "none",            O_RDONLY, -ENOENT, NULL },
	{ "",                O_RDONLY, -ENOENT, NULL },
	{ "file/",           O_RDONLY, -ENOTDIR, NULL },
	{ "new1",            O_RDWR | O_CREAT | O_EXCL, 0, "new1" },
	{ "new1",            O_RDWR | O_CREAT | O_EXCL, -EEXIST, NULL },
	{ "new1",            O_RDWR | O_CREAT, 0, "new1" },
	{ "a/new2",          O_WRONLY | O_CREAT, 0, "a/new2" },
	{ "none/new3",       O_WRONLY | O_CREAT, -ENOENT, NULL },
	{ "new4/",           O_WRONLY | O_CREAT, -EISDIR, NULL },
	{ "a",               O_WRONLY | O_CREAT, -EISDIR, NULL },
	{ "dangling",        O_WRONLY | O_CREAT, -ELOOP, NULL },
	{ "dangling",        O_WRONLY | O_CREAT | O_EXCL, -EEXIST, NULL },
};
/* clang-format on */

static void check_case(const struct tree *t, const struct open_case *c, int got)
{
	auto_fd int fd = got;

	if (c->ret ? got != c->ret : got < 0)
		fail_msg("'%s' flags %#x: %d, expected %d", c->path, c->flags,
			 got, c->ret);
	if (c->ret)
		return;
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	if (tmp_fd_ino(fd) != tmp_ino(t->root, c->want))
		fail_msg("'%s': not '%s'", c->path, c->want);
}

static void check_tables(const struct tree *t)
{
	int before = tmp_open_fds();

	for (size_t i = 0; i < ARRAY_SIZE(in_root); i++)
		check_case(t, &in_root[i],
			   path_open_in_root(t->root, in_root[i].path,
					     in_root[i].flags));
	for (size_t i = 0; i < ARRAY_SIZE(beneath); i++)
		check_case(t, &beneath[i],
			   path_open_beneath(t->root, beneath[i].path,
					     beneath[i].flags, 0600));
	unlinkat(t->root, "new1", 0);
	unlinkat(t->root, "a/new2", 0);
	for (size_t i = 0; i < ARRAY_SIZE(beneath); i++)
		check_case(t, &beneath[i],
			   path_open_below(t->root, beneath[i].path,
					   beneath[i].flags, 0600));
	assert_int_equal(tmp_open_fds(), before);
	unlinkat(t->root, "new1", 0);
	unlinkat(t->root, "a/new2", 0);
}

static void test_open(void **state)
{
	check_tables(*state);
}

static void test_open_fallback(void **state)
{
	path_force_fallback(true);
	check_tables(*state);
}

/* As under Docker's older seccomp profiles (EPERM) or before Linux 5.6. */
static void test_openat2_denied(void **state)
{
	static const int errors[] = { ENOSYS, EPERM };

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		pid_t pid = fork();

		if (!pid) { /* cmocka's failure would longjmp out of here */
			struct tree *t = *state;
			int fd;

			if (deny_syscall(SYS_openat2, errors[i]))
				_exit(1);
			fd = path_open_in_root(t->root, "absfile", O_RDONLY);
			if (fd < 0)
				_exit(2);
			if (path_open_in_root(t->root, "loop1", 0) != -ELOOP)
				_exit(3);
			_exit(path_mkdir_in_root(t->root, "d/e", 0755) < 0);
		}
		assert_int_equal(tmp_wait(pid), 0);
	}
}

/* A machine full of renames must not hang hull. */
static void test_endless_eagain(void **state)
{
	const struct tree *t = *state;
	pid_t pid = fork();

	if (!pid) {
		if (deny_syscall(SYS_openat2, EAGAIN))
			_exit(1);
		_exit(path_open_in_root(t->root, "file", O_RDONLY) != -EAGAIN);
	}
	assert_int_equal(tmp_wait(pid), 0);
}

static void test_magic_links(void **state)
{
	static const char *const paths[] = {
		"/proc/self/exe", "/proc/self/root", "/proc/self/cwd/x",
		"/proc/self/fd/1", "/proc/self/ns/mnt"
	};
	auto_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	for (int fallback = 0; fallback < 2; fallback++) {
		path_force_fallback(fallback);
		for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
			assert_int_equal(
				path_open_in_root(root, paths[i], O_PATH),
				-ELOOP);
	}
	path_force_fallback(false);
}

/* Long ways round: they end, and both ways alike. */
static void test_long_paths(void **state)
{
	const struct tree *t = *state;
	char path[PATH_MAX + 100] = "";

	while (strlen(path) < PATH_MAX - 20)
		strcat(path, "a/b/../../");
	strcat(path, "file");
	for (int fallback = 0; fallback < 2; fallback++) {
		auto_fd int fd = -1;

		path_force_fallback(fallback);
		fd = path_open_in_root(t->root, path, O_RDONLY);
		assert_true(fd >= 0);
		assert_int_equal(tmp_fd_ino(fd), tmp_ino(t->root, "file"));
	}
	memset(path, 'x', NAME_MAX + 1);
	path[NAME_MAX + 1] = '\0';
	for (int fallback = 0; fallback < 2; fallback++) {
		path_force_fallback(fallback);
		assert_int_equal(path_open_in_root(t->root, path, O_PATH),
				 -ENAMETOOLONG);
	}
	memset(path, '/', PATH_MAX);
	path[PATH_MAX] = '\0';
	for (int fallback = 0; fallback < 2; fallback++) {
		path_force_fallback(fallback);
		assert_int_equal(path_open_in_root(t->root, path, O_PATH),
				 -ENAMETOOLONG);
		assert_int_equal(path_mkdir_in_root(t->root, path, 0755),
				 -ENAMETOOLONG);
	}
}

static unsigned next_random(unsigned *seed)
{
	*seed = *seed * 1103515245 + 12345;
	return *seed >> 16;
}

/* Random ways through the tree: the walker says what the kernel says. */
static void test_same_answers(void **state)
{
	static const char *const parts[] = { "a",   "b",     "f",    "file",
					     "rel", "abs",   "top",  "here",
					     "..",  ".",     "",     "parent",
					     "up",  "slash", "none", "dangling",
					     "out", "loop1", "link9" };
	static const int flags[] = { O_PATH, O_RDONLY, O_PATH | O_NOFOLLOW,
				     O_RDONLY | O_NOFOLLOW,
				     O_PATH | O_DIRECTORY };
	const struct tree *t = *state;
	unsigned seed = 1;

	for (int i = 0; i < 20000; i++) {
		int n = 1 + (int)(next_random(&seed) % 6), got[2][2];
		int flag = flags[next_random(&seed) % ARRAY_SIZE(flags)];
		char path[128] = "";

		for (int j = 0; j < n; j++) {
			unsigned r = next_random(&seed) % ARRAY_SIZE(parts);

			strcat(path, j ? "/" : "");
			strcat(path, parts[r]);
		}
		for (int fallback = 0; fallback < 2; fallback++) {
			path_force_fallback(fallback);
			got[0][fallback] =
				path_open_in_root(t->root, path, flag);
			got[1][fallback] =
				path_open_beneath(t->root, path, flag, 0);
		}
		for (int k = 0; k < 2; k++) {
			auto_fd int one = got[k][0], two = got[k][1];

			if (one < 0 ? one != two : two < 0)
				fail_msg("'%s' flags %#x: %d, walker %d", path,
					 flag, one, two);
			if (one >= 0)
				assert_int_equal(tmp_fd_ino(one),
						 tmp_fd_ino(two));
		}
	}
}

/* Mounts inside the tree; status 77 for "may not". */
static int check_mounts(const struct tree *t)
{
	int flags = CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0);

	/* by path: a descriptor's mount is the one outside the namespace */
	if (unshare(flags) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    chdir(t->tmp->path) || chdir("root"))
		return 77;
	/* the second: the same filesystem, even the same directory */
	if (mount("none", "empty", "tmpfs", 0, NULL) ||
	    mount("a/b", "a/b", NULL, MS_BIND, NULL) ||
	    mount("/proc/self/status", "file", NULL, MS_BIND, NULL))
		return 77;
	for (int fallback = 0; fallback < 2; fallback++) {
		int root = open(".", O_PATH | O_DIRECTORY);

		path_force_fallback(fallback);
		if (path_open_beneath(root, "empty", O_PATH, 0) != -EXDEV ||
		    path_open_beneath(root, "a/b/f", O_RDONLY, 0) != -EXDEV ||
		    path_open_beneath(root, "file", O_RDONLY, 0) != -EXDEV)
			return 1 + fallback;
		if (path_open_beneath(root, "a/f", O_RDONLY, 0) < 0 ||
		    path_open_below(root, "empty", O_PATH, 0) < 0 ||
		    path_open_below(root, "a/b/f", O_RDONLY, 0) < 0 ||
		    path_open_in_root(root, "a/b/../../file", O_RDONLY) < 0)
			return 3 + fallback;
	}
	return 0;
}

static void test_mounts(void **state)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(check_mounts(*state));
	status = tmp_wait(pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

static void test_is_fs(void **state)
{
	auto_fd int proc = open("/proc", O_PATH | O_CLOEXEC);
	const struct tree *t = *state;

	assert_true(path_is_fs(proc, PROC_SUPER_MAGIC));
	assert_false(path_is_fs(proc, SYSFS_MAGIC));
	assert_false(path_is_fs(t->root, PROC_SUPER_MAGIC));
	assert_false(path_is_fs(-1, PROC_SUPER_MAGIC));
}

static void test_clean(void **state)
{
	static const struct {
		const char *path, *want;
	} cases[] = {
		{ "/", "/" },
		{ "", "/" },
		{ "//", "/" },
		{ "/a", "/a" },
		{ "a", "/a" },
		{ "/a/", "/a" },
		{ "/a//b/./c/", "/a/b/c" },
		{ "/a/..", "/" },
		{ "/a/../..", "/" },
		{ "/..", "/" },
		{ "/../a", "/a" },
		{ "/a/b/../c", "/a/c" },
		{ "/a/b/../../c", "/c" },
		{ "/.", "/" },
		{ "/...", "/..." },
		{ "/..a/.b", "/..a/.b" },
		{ "/a../b.", "/a../b." },
		{ "../../x", "/x" },
	};
	char out[64], small[4];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(path_clean(cases[i].path, out, sizeof(out)),
				 0);
		assert_string_equal(out, cases[i].want);
	}
	assert_int_equal(path_clean("/ab", small, 4), 0);
	assert_string_equal(small, "/ab");
	assert_int_equal(path_clean("/abc", small, 4), -ENAMETOOLONG);
	assert_int_equal(path_clean("/a/b", small, 4), -ENAMETOOLONG);
	assert_int_equal(path_clean("/", small, 2), 0);
	assert_int_equal(path_clean("/", small, 1), -ENAMETOOLONG);
	assert_int_equal(path_clean("/", small, 0), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		tree_test(test_open),
		tree_test(test_open_fallback),
		tree_test(test_openat2_denied),
		tree_test(test_endless_eagain),
		cmocka_unit_test(test_magic_links),
		tree_test(test_long_paths),
		tree_test(test_same_answers),
		tree_test(test_mounts),
		tree_test(test_is_fs),
		cmocka_unit_test(test_clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
