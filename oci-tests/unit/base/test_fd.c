/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <sys/syscall.h>

#include "base/auto.h"
#include "base/fd.h"
#include "oci-tests/unit/base/deny.h"
#include "oci-tests/unit/base/tmp.h"

static int is_cloexec(int fd)
{
	return fcntl(fd, F_GETFD) & FD_CLOEXEC;
}

static void test_set_cloexec(void **state)
{
	auto_fd int fd = open("/dev/null", O_RDONLY);

	(void)state;
	assert_false(is_cloexec(fd));
	assert_int_equal(fd_set_cloexec(fd, 1), 0);
	assert_true(is_cloexec(fd));
	assert_int_equal(fd_set_cloexec(fd, 0), 0);
	assert_false(is_cloexec(fd));
	assert_int_equal(fd_set_cloexec(1000000, 1), -EBADF);
	assert_int_equal(fd_set_cloexec(-1, 1), -EBADF);
}

/* Exit status of a child: which check failed, 0 for none. */
static int check_cloexec_from(void)
{
	int low = open("/dev/null", O_RDONLY);
	int mid = fcntl(low, F_DUPFD, 50), high = fcntl(low, F_DUPFD, 200);

	if (fd_cloexec_from(mid))
		return 1;
	if (is_cloexec(low) || is_cloexec(1))
		return 2;
	if (!is_cloexec(mid) || !is_cloexec(high))
		return 3;
	return fd_cloexec_from(100000) ? 4 : 0;
}

static void test_cloexec_from(void **state)
{
	/* 0: the system call itself, then what filters and old kernels say */
	static const int denials[] = { 0, ENOSYS, EPERM, EINVAL };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(denials); i++) {
		pid_t pid = fork();

		if (!pid) {
			if (denials[i] &&
			    deny_syscall(SYS_close_range, denials[i]))
				_exit(90);
			_exit(check_cloexec_from());
		}
		assert_int_equal(tmp_wait(pid), 0);
	}
}

/* @closed: bits 0 to 2, which of the three to close first */
static int check_stdio_guard(unsigned closed)
{
	struct stat null_st, st;
	int next;

	for (int fd = 0; fd < 3; fd++)
		if (closed & 1u << fd)
			close(fd);
	if (fd_stdio_guard())
		return 1;
	if (stat("/dev/null", &null_st))
		return 2;
	for (int fd = 0; fd < 3; fd++) {
		if (fstat(fd, &st) || is_cloexec(fd))
			return 3;
		if ((closed & 1u << fd) && st.st_rdev != null_st.st_rdev)
			return 4;
	}
	next = open("/dev/null", O_RDONLY);
	return next < 3 ? 5 : 0;
}

static void test_stdio_guard(void **state)
{
	(void)state;
	for (unsigned closed = 0; closed < 8; closed++) {
		pid_t pid = fork();

		if (!pid)
			_exit(check_stdio_guard(closed));
		assert_int_equal(tmp_wait(pid), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_cloexec),
		cmocka_unit_test(test_cloexec_from),
		cmocka_unit_test(test_stdio_guard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
