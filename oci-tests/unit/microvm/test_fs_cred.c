/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../base/tmp.h"

#include "base/sys.h"
#include "microvm/fs/cred.h"

static uint64_t effective(void)
{
	uint64_t eff, perm, inh;

	assert_int_equal(sys_capget(&eff, &perm, &inh), 0);
	return eff;
}

static void test_owner_and_umask(void **state)
{
	struct tmp *tmp = *state;
	struct cred cred;
	struct stat st;
	uint64_t caps = effective();

	if (geteuid())
		skip();
	assert_int_equal(cred_init(&cred), 0);
	for (int i = 0; i < 3; i++) { /* the second time it is known good */
		char name[] = { (char)('a' + i), 0 };

		assert_int_equal(cred_enter(&cred, 1000, 1001, 027), 0);
		/* all capabilities: the guest's kernel has checked */
		assert_int_equal(effective(), caps);
		assert_int_equal(mkdirat(tmp->fd, name, 0777), 0);
		cred_leave(&cred);
		assert_int_equal(fstatat(tmp->fd, name, &st, 0), 0);
		assert_int_equal(st.st_uid, 1000);
		assert_int_equal(st.st_gid, 1001);
		assert_int_equal(st.st_mode & 07777, 0750);
		assert_int_equal(effective(), caps);
	}
	assert_int_equal(mkdirat(tmp->fd, "z", 0777), 0);
	assert_int_equal(fstatat(tmp->fd, "z", &st, 0), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(st.st_gid, 0);
}

static void test_no_such_id(void **state)
{
	struct cred cred;

	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(cred_init(&cred), 0);
	assert_int_equal(cred_enter(&cred, UINT32_MAX, 0, 0), -EOVERFLOW);
	assert_int_equal(cred_enter(&cred, 0, UINT32_MAX, 0), -EOVERFLOW);
	assert_false(cred.switched);
}

static void test_set_gid_is_lost_when_lowered(void **state)
{
	struct tmp *tmp = *state;
	struct cred cred;
	struct stat st;
	int fd;

	if (geteuid())
		skip();
	assert_int_equal(cred_init(&cred), 0);
	fd = openat(tmp->fd, "a", O_WRONLY | O_CREAT | O_CLOEXEC, 0777);
	assert_int_equal(fchmod(fd, 06777), 0);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 06777);
	assert_int_equal(cred_lower(&cred), 0);
	assert_int_equal(write(fd, "x", 1), 1);
	cred_raise(&cred);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0777);
	assert_int_equal(effective(), cred.effective);
	close(fd);
}

/* Without the capability the server is who it is. */
static void test_plain_user(void **state)
{
	struct tmp *tmp = *state;
	pid_t pid;

	if (geteuid())
		skip();
	assert_int_equal(fchmod(tmp->fd, 0777), 0);
	pid = fork();
	if (!pid) {
		struct cred cred;
		struct stat st;
		bool good;

		good = !setresgid(1000, 1000, 1000) &&
		       !setresuid(1000, 1000, 1000) && !cred_init(&cred) &&
		       !cred_enter(&cred, 7, 7, 022) &&
		       !mkdirat(tmp->fd, "a", 0777) && !cred_lower(&cred);
		cred_raise(&cred);
		cred_leave(&cred);
		good = good && !fstatat(tmp->fd, "a", &st, 0) &&
		       st.st_uid == 1000 && st.st_gid == 1000;
		_exit(!good);
	}
	assert_int_equal(tmp_wait(pid), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_owner_and_umask, tmp_setup,
						tmp_teardown),
		cmocka_unit_test(test_no_such_id),
		cmocka_unit_test_setup_teardown(
			test_set_gid_is_lost_when_lowered, tmp_setup,
			tmp_teardown),
		cmocka_unit_test_setup_teardown(test_plain_user, tmp_setup,
						tmp_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
