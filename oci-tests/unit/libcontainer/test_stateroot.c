/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/libcontainer/lab.h"

static void test_ids(void **state)
{
	char long_id[1026];
	static const struct {
		const char *id;
		bool good;
	} cases[] = {
		{ "a", true },         { "k1", true },
		{ "A-b_c.d+e", true }, { "0", true },
		{ "+x", true },        { "_x", true },
		{ "a..b", true },      { "", false },
		{ ".", false },        { "..", false },
		{ ".cache", false },   { "-x", false },
		{ "a/b", false },      { "/a", false },
		{ "a\nb", false },     { "a b", false },
		{ "a\tb", false },     { "a:b", false },
		{ "a@b", false },      { "\xc3\xa4", false },
		{ "a\x7f", false },    { "a\x01", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = { 0 };
		int ret = ct_check_id(cases[i].id, &err);

		assert_int_equal(ret, cases[i].good ? 0 : -EINVAL);
		if (!cases[i].good)
			assert_non_null(strstr(err.msg, "[A-Za-z0-9_+]"));
	}
	memset(long_id, 'a', sizeof(long_id));
	for (size_t len = 250; len < sizeof(long_id); len++) {
		long_id[len] = '\0';
		assert_int_equal(ct_check_id(long_id, NULL),
				 len <= 255 ? 0 : -EINVAL);
		long_id[len] = 'a';
	}
}

static int open_at(const char *root, bool make)
{
	struct hull_context ctx = { .root = root };

	return ct_root_open(&ctx, make, NULL);
}

static void test_given_root(void **state)
{
	const struct lab *lab = *state;
	char path[PATH_MAX];
	mode_t old;
	int fd;

	assert_int_equal(open_at("/", true), -EINVAL);
	assert_int_equal(open_at("/./../", true), -EINVAL);
	assert_int_equal(open_at("relative", true), -EINVAL);
	snprintf(path, sizeof(path), "%s/a/b/c", lab->root);
	assert_int_equal(open_at(path, false), -ENOENT);
	old = umask(0);
	fd = open_at(path, true);
	umask(old);
	assert_true(fd >= 0);
	close(fd);
	for (int i = 0; i < 3; i++) {
		struct stat st;

		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, i ? 0755 : 0700);
		assert_int_equal(rmdir(path), 0);
		*strrchr(path, '/') = '\0';
	}
}

static void test_unsafe_root(void **state)
{
	const struct lab *lab = *state;
	struct err err = { 0 };
	int fd;

	assert_int_equal(chmod(lab->root, 0770), 0);
	assert_int_equal(ct_root_open(&lab->ctx, true, &err), -EPERM);
	assert_non_null(strstr(err.msg, "written by others"));
	assert_int_equal(chmod(lab->root, 0702), 0);
	assert_int_equal(ct_root_open(&lab->ctx, true, NULL), -EPERM);
	assert_int_equal(chmod(lab->root, 0755), 0);
	fd = ct_root_open(&lab->ctx, true, NULL);
	assert_true(fd >= 0);
	close(fd);
	if (geteuid() != 0)
		return;
	assert_int_equal(chown(lab->root, 12345, 12345), 0);
	assert_int_equal(ct_root_open(&lab->ctx, true, &err), -EPERM);
	assert_non_null(strstr(err.msg, "belongs to uid 12345"));
}

/* As another user: $XDG_RUNTIME_DIR, empty counts as unset. */
static void xdg_child(const char *root)
{
	struct hull_context ctx = { 0 };
	char path[PATH_MAX];
	struct stat st;
	int fd;

	if (chown(root, 4321, 4321) || setgid(4321) || setuid(4321))
		_exit(1);
	setenv("XDG_RUNTIME_DIR", "", 1);
	if (ct_root_open(&ctx, false, NULL) != -ENOENT) /* /run/user/4321 */
		_exit(2);
	setenv("XDG_RUNTIME_DIR", "relative", 1);
	if (ct_root_open(&ctx, true, NULL) != -EINVAL)
		_exit(3);
	setenv("XDG_RUNTIME_DIR", root, 1);
	fd = ct_root_open(&ctx, true, NULL);
	snprintf(path, sizeof(path), "%s/hull", root);
	if (fd < 0 || stat(path, &st) || (st.st_mode & 07777) != 01700)
		_exit(4);
	_exit(rmdir(path) ? 5 : 0);
}

static void test_xdg(void **state)
{
	const struct lab *lab = *state;
	int status;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	pid = fork();
	if (!pid)
		xdg_child(lab->root);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_new_mode(void **state)
{
	const struct lab *lab = *state;
	static const mode_t masks[] = { 0, 022, 077, 0777 };

	for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
		char path[PATH_MAX];
		struct stat st;
		mode_t old;

		if (masks[i] == 0777 && geteuid() != 0)
			continue;
		old = umask(masks[i]);
		lab_make(lab, "m", 0, false);
		umask(old);
		lab_path(lab, "m", NULL, path);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0700);
		lab_path(lab, "m", "state.json", path);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0177, 0);
		lab_delete(lab, "m");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids), LAB_TEST(test_given_root),
		LAB_TEST(test_unsafe_root), LAB_TEST(test_xdg),
		LAB_TEST(test_new_mode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
