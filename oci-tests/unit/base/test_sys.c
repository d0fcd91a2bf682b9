/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/openat2.h>
#include <linux/sched.h>

#include "base/auto.h"
#include "base/sys.h"
#include "oci-tests/unit/base/tmp.h"

static uint64_t status_caps(const char *key)
{
	auto_file FILE *f = fopen("/proc/self/status", "re");
	unsigned long long value = 0;
	char line[256];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			sscanf(line + strlen(key), "%llx", &value);
	return value;
}

static void test_capget(void **state)
{
	uint64_t eff = 1, perm = 2, inh = 3;

	(void)state;
	assert_int_equal(sys_capget(&eff, &perm, &inh), 0);
	assert_true(eff == status_caps("CapEff:"));
	assert_true(perm == status_caps("CapPrm:"));
	assert_true(inh == status_caps("CapInh:"));
}

/* A child drops each capability once; both halves of the sets are reached. */
static int check_capset(void)
{
	uint64_t eff, perm, inh, got_eff, got_perm, got_inh;

	if (sys_capget(&eff, &perm, &inh))
		return 1;
	for (int cap = 63; cap >= 0; cap--) {
		uint64_t bit = 1ULL << cap;

		eff &= ~bit;
		if (sys_capset(eff, perm, inh))
			return 2;
		perm &= ~bit;
		inh &= ~bit;
		if (sys_capset(eff, perm, inh) ||
		    sys_capget(&got_eff, &got_perm, &got_inh))
			return 3;
		if (got_eff != eff || got_perm != perm || got_inh != inh)
			return 4;
	}
	if (!sys_capset(1, 1, 0) || errno != EPERM)
		return 5;
	return 0;
}

static void test_capset(void **state)
{
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(check_capset());
	assert_int_equal(tmp_wait(pid), 0);
}

static void test_errors_like_libc(void **state)
{
	struct open_how how = { .flags = O_PATH, .resolve = 1ULL << 63 };

	(void)state;
	errno = 0;
	assert_int_equal(sys_openat2(AT_FDCWD, "/", &how, sizeof(how)), -1);
	assert_true(errno == EINVAL || errno == ENOSYS || errno == EPERM);
	errno = 0;
	assert_int_equal(sys_pidfd_open(-1, 0), -1);
	assert_int_equal(errno, EINVAL);
	errno = 0;
	assert_int_equal(sys_execveat(AT_FDCWD, "/nonexistent", NULL, NULL, 0),
			 -1);
	assert_int_equal(errno, ENOENT);
}

static void test_clone3_and_pidfd(void **state)
{
	int pidfd = -1;
	struct clone_args args = {
		.flags = CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	pid_t pid = sys_clone3(&args, sizeof(args));
	int status;

	(void)state;
	if (!pid) {
		pause();
		_exit(1);
	}
	assert_true(pid > 0);
	assert_int_equal(sys_pidfd_send_signal(pidfd, SIGKILL, NULL, 0), 0);
	status = tmp_wait(pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	assert_int_equal(sys_pidfd_send_signal(pidfd, 0, NULL, 0), -1);
	assert_int_equal(errno, ESRCH);
	assert_int_equal(sys_close_range((unsigned)pidfd, (unsigned)pidfd, 0),
			 0);
	assert_int_equal(fcntl(pidfd, F_GETFD), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_capget),
		cmocka_unit_test(test_capset),
		cmocka_unit_test(test_errors_like_libc),
		cmocka_unit_test(test_clone3_and_pidfd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
