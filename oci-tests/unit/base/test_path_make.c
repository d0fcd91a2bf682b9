/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>

#include "base/auto.h"
#include "base/path.h"
#include "oci-tests/unit/base/pathtree.h"

/* Each test body runs on a fresh tree, once in either mode. */
#define both_modes(f)                                                    \
	tree_test(f), cmocka_unit_test_setup_teardown(f, fallback_setup, \
						      tree_teardown)

static int fallback_setup(void **state)
{
	path_force_fallback(true);
	return tree_setup(state);
}

/* clang-format off */
static const struct make_case {
	const char *path;
	int ret;
	const char *want; /* name in the root of what has to be there then */
} mkdir_cases[] = {
	{ "/",             0, "." },
	{ ".",             0, "." },
	{ "../..",         0, "." },
	{ "a/b",           0, "a/b" },
	{ "new",           0, "new" },
	{ "/x/y/z",        0, "x/y/z" },
	{ "x/y/w/",        0, "x/y/w" },
	{ "//x//./v//",    0, "x/v" },
	{ "abs/n1",        0, "a/b/n1" },
	{ "a/rel/n2/n3",   0, "a/b/n2/n3" },
	{ "../../n4",      0, "n4" },
	{ "x/../n5/n6",    0, "n5/n6" },
	{ "m1/../m2",      0, "m2" },
	{ "m3/m4/../../m5/.", 0, "m5" },
	/* links that lead nowhere lead somewhere then, and inside */
	{ "dangling",      0, "no/where" },
	{ "dangabs/sub",   0, "fresh/dir/sub" },
	{ "dangout",       0, "outside/made" },
	{ "outdir/in",     0, "outside/in" },
	{ "file",          -ENOTDIR, NULL },
	{ "file/x",        -ENOTDIR, NULL },
	{ "file/x/y",      -ENOTDIR, NULL },
	{ "absfile",       -ENOTDIR, NULL },
	{ "absfile/x",     -ENOTDIR, NULL },
	{ "out",           -ENOTDIR, NULL },
	{ "loop1",         -ELOOP, NULL },
	{ "loop1/x",       -ELOOP, NULL },
	{ "eternal",       -ELOOP, NULL },
	{ "",              -ENOENT, NULL },
};

static const struct make_case mkfile_cases[] = {
	{ "file",          0, "file" },
	{ "absfile",       0, "a/b/f" },
	{ "new",           0, "new" },
	{ "/x/y/z",        0, "x/y/z" },
	{ "abs/n1",        0, "a/b/n1" },
	{ "out",           0, "secret" },
	{ "../../n4",      0, "n4" },
	{ "m1/../m2",      0, "m2" },
	{ "dangling",      0, "no/where" },
	{ "dangabs",       0, "fresh/dir" },
	{ "dangout",       0, "outside/made" },
	{ "outdir/secret", 0, "outside/secret" },
	{ "/",             -EISDIR, NULL },
	{ "a/b",           -EISDIR, NULL },
	{ "abs",           -EISDIR, NULL },
	{ "a/..",          -EISDIR, NULL },
	{ "a/.",           -EISDIR, NULL },
	{ "newer/",        -EISDIR, NULL },
	{ "newer/..",      -EISDIR, NULL },
	{ "file/x",        -ENOTDIR, NULL },
	{ "file/",         -ENOTDIR, NULL },
	{ "loop1",         -ELOOP, NULL },
	{ "",              -ENOENT, NULL },
};
/* clang-format on */

static void check_made(const struct tree *t, const struct make_case *c, int got,
		       mode_t type)
{
	auto_fd int fd = got;
	struct stat st;

	if (c->ret ? got != c->ret : got < 0)
		fail_msg("'%s': %d, expected %d", c->path, got, c->ret);
	if (c->ret)
		return;
	assert_int_equal(fcntl(fd, F_GETFL) & O_PATH, O_PATH);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & S_IFMT, type);
	if (st.st_ino != tmp_ino(t->root, c->want))
		fail_msg("'%s': not '%s'", c->path, c->want);
}

static int count_entries(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *dir = fdopendir(fd);
	int count = -2; /* "." and ".." */

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	return count;
}

static void assert_untouched(const struct tree *t)
{
	assert_int_equal(count_entries(t->outside), 2);
	assert_int_equal(count_entries(t->tmp->fd), 3);
}

static void test_mkdir(void **state)
{
	const struct tree *t = *state;
	int before = tmp_open_fds();

	for (int again = 0; again < 2; again++)
		for (size_t i = 0; i < ARRAY_SIZE(mkdir_cases); i++)
			check_made(t, &mkdir_cases[i],
				   path_mkdir_in_root(
					   t->root, mkdir_cases[i].path, 0755),
				   S_IFDIR);
	assert_int_equal(tmp_open_fds(), before);
	assert_untouched(t);
}

static void test_mkfile(void **state)
{
	const struct tree *t = *state;
	int before = tmp_open_fds();

	for (int again = 0; again < 2; again++)
		for (size_t i = 0; i < ARRAY_SIZE(mkfile_cases); i++)
			check_made(t, &mkfile_cases[i],
				   path_mkfile_in_root(
					   t->root, mkfile_cases[i].path, 0644),
				   S_IFREG);
	assert_int_equal(tmp_open_fds(), before);
	assert_untouched(t);
}

static mode_t mode_of(const struct tree *t, const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(t->root, name, &st, 0), 0);
	return st.st_mode & 07777;
}

static void test_modes(void **state)
{
	const struct tree *t = *state;
	auto_fd int one = path_mkdir_in_root(t->root, "p/q", 01777);
	auto_fd int two = path_mkdir_in_root(t->root, "p/r", 0700);
	auto_fd int three = path_mkfile_in_root(t->root, "s/t/u", 0666);
	auto_fd int four = path_mkfile_in_root(t->root, "s/v", 0);

	assert_true(one >= 0 && two >= 0 && three >= 0 && four >= 0);
	assert_int_equal(mode_of(t, "p"), 01777);
	assert_int_equal(mode_of(t, "p/q"), 01777);
	assert_int_equal(mode_of(t, "p/r"), 0700);
	assert_int_equal(mode_of(t, "s"), 0755);
	assert_int_equal(mode_of(t, "s/t"), 0755);
	assert_int_equal(mode_of(t, "s/t/u"), 0666);
	assert_int_equal(mode_of(t, "s/v"), 0);
	assert_int_equal(mode_of(t, "a"), 0755);
}

/* What is no directory and no regular file serves as a target, too. */
static void test_mkfile_takes_others(void **state)
{
	const struct tree *t = *state;
	struct stat st;
	auto_fd int fd = -1;

	assert_int_equal(mkfifoat(t->root, "fifo", 0600), 0);
	assert_int_equal(symlinkat("../fifo", t->root, "a/tofifo"), 0);
	fd = path_mkfile_in_root(t->root, "a/tofifo", 0644);
	assert_true(fd >= 0); /* and did not wait for a writer */
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
}

static void test_parent(void **state)
{
	static const struct {
		const char *path;
		int ret;
		const char *want, *name;
	} cases[] = {
		{ "file", 0, ".", "file" },
		{ "/file", 0, ".", "file" },
		{ "a/b/f", 0, "a/b", "f" },
		{ "a/rel/none", 0, "a/b", "none" },
		{ "x/y/z", 0, "x/y", "z" },
		{ "dangling/z", 0, "no/where", "z" },
		{ "abs", 0, ".", "abs" },
		{ "../../abs", 0, ".", "abs" },
		{ "file/x", -ENOTDIR, NULL, NULL },
		{ "loop1/x", -ELOOP, NULL, NULL },
		{ "", -EINVAL, NULL, NULL },
		{ "/", -EINVAL, NULL, NULL },
		{ "a/", -EINVAL, NULL, NULL },
		{ ".", -EINVAL, NULL, NULL },
		{ "..", -EINVAL, NULL, NULL },
		{ "a/..", -EINVAL, NULL, NULL },
		{ "a/.", -EINVAL, NULL, NULL },
	};
	const struct tree *t = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *name = NULL, *path = cases[i].path;
		auto_fd int fd =
			path_parent_in_root(t->root, path, 0755, &name);

		if (cases[i].ret) {
			assert_int_equal(fd, cases[i].ret);
			assert_null(name);
			continue;
		}
		assert_true(fd >= 0);
		assert_int_equal(tmp_fd_ino(fd),
				 tmp_ino(t->root, cases[i].want));
		assert_string_equal(name, cases[i].name);
		assert_true(name >= path && name <= path + strlen(path));
	}
	assert_untouched(t);
}

/* ---- an attacker who owns the tree and changes it all the time */

static pid_t start_attacker(const struct tree *t, const char *one, int two_fd,
			    const char *two)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		if (renameat2(t->root, one, two_fd, two, RENAME_EXCHANGE))
			_exit(1);
}

static void stop_attacker(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	status = tmp_wait(pid);
	assert_true(WIFSIGNALED(status)); /* it did rename to the end */
}

/* A directory and a link to the outside take turns. */
static void test_race_open(void **state)
{
	static const char *const paths[] = {
		"turn/secret",
		"turn/../turn/secret",
		"a/../turn/secret",
		"turn",
	};
	const struct tree *t = *state;
	ino_t inside, secret = tmp_ino(t->outside, "secret");
	ino_t outside = tmp_fd_ino(t->outside);
	int opened = 0, refused = 0;
	pid_t pid;

	assert_int_equal(mkdirat(t->root, "turn", 0755), 0);
	tmp_file(t->root, "turn/secret", "inside");
	inside = tmp_ino(t->root, "turn/secret");
	assert_int_equal(symlinkat("../outside", t->root, "link"), 0);
	pid = start_attacker(t, "turn", t->root, "link");
	/* on a busy machine the attacker's turn may come late */
	for (int i = 0;
	     i < 20000 || ((!opened || !refused) && i < 20 * 1000 * 1000);
	     i++) {
		const char *path = paths[i % ARRAY_SIZE(paths)];
		auto_fd int fd = path_open_in_root(t->root, path, O_RDONLY);

		opened += fd >= 0;
		refused += fd < 0;
		if (fd < 0)
			continue;
		assert_true(tmp_fd_ino(fd) != secret);
		assert_true(tmp_fd_ino(fd) != outside);
		if (i % ARRAY_SIZE(paths) < 3)
			assert_true(tmp_fd_ino(fd) == inside);
	}
	stop_attacker(pid);
	assert_true(opened > 0 && refused > 0);
}

/* A directory that is moved out of the root while ".." is on the way. */
static void test_race_dotdot(void **state)
{
	const struct tree *t = *state;
	ino_t secret = tmp_ino(t->outside, "secret");
	ino_t outer = tmp_ino(t->tmp->fd, "secret");
	pid_t pid = start_attacker(t, "a/b", t->outside, "dir");

	for (int i = 0; i < 20000; i++) {
		auto_fd int fd = path_open_in_root(
			t->root, i % 2 ? "a/b/../secret" : "a/b/../../secret",
			O_RDONLY);

		if (fd < 0)
			continue;
		assert_true(tmp_fd_ino(fd) != secret);
		assert_true(tmp_fd_ino(fd) != outer);
	}
	stop_attacker(pid);
}

/* Making things where a link to the outside comes and goes. */
static void test_race_make(void **state)
{
	const struct tree *t = *state;
	int made = 0;
	pid_t pid;

	assert_int_equal(mkdirat(t->root, "turn", 0755), 0);
	assert_int_equal(symlinkat("../outside", t->root, "link"), 0);
	pid = start_attacker(t, "turn", t->root, "link");
	for (int i = 0; i < 3000; i++) {
		char path[32];
		int fd;

		snprintf(path, sizeof(path), "turn/n%d/x", i % 50);
		fd = i / 50 % 2 ? path_mkfile_in_root(t->root, path, 0644)
				: path_mkdir_in_root(t->root, path, 0755);
		made += fd >= 0;
		auto_close_fd(&fd);
		if (i % 50 == 49) {
			unlinkat(t->root, path, 0);
			unlinkat(t->root, path, AT_REMOVEDIR);
		}
	}
	stop_attacker(pid);
	assert_true(made > 0);
	assert_untouched(t);
}

/* Two of us at once: whoever loses the race for mkdir(2) finds the same. */
static void test_race_with_ourselves(void **state)
{
	const struct tree *t = *state;
	pid_t pid = fork();
	int failed = 0;

	for (int i = 0; i < 500; i++) {
		char path[64];
		int fd;

		snprintf(path, sizeof(path), "dangling/%d/y/z", i);
		fd = path_mkdir_in_root(t->root, path, 0755);
		failed += fd < 0;
		auto_close_fd(&fd);
		strcat(path, "/f");
		fd = path_mkfile_in_root(t->root, path, 0644);
		failed += fd < 0;
		auto_close_fd(&fd);
	}
	if (!pid)
		_exit(failed != 0);
	assert_int_equal(tmp_wait(pid), 0);
	assert_int_equal(failed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		both_modes(test_mkdir),
		both_modes(test_mkfile),
		both_modes(test_modes),
		both_modes(test_mkfile_takes_others),
		both_modes(test_parent),
		both_modes(test_race_open),
		both_modes(test_race_dotdot),
		both_modes(test_race_make),
		both_modes(test_race_with_ourselves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
