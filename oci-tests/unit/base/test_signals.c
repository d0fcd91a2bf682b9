/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/signals.h"

static void test_number(void **state)
{
	static const struct {
		const char *text;
		int want;
	} cases[] = {
		{ "9", 9 },
		{ "0", 0 },
		{ "64", 64 },
		{ "33", 33 },
		{ "KILL", SIGKILL },
		{ "SIGKILL", SIGKILL },
		{ "kill", SIGKILL },
		{ "sigKill", SIGKILL },
		{ "IOT", SIGABRT },
		{ "SIGCLD", SIGCHLD },
		{ "POLL", SIGIO },
		{ "SYS", SIGSYS },
		{ "RTMIN", 34 },
		{ "SIGRTMIN", 34 },
		{ "RTMIN+0", 34 },
		{ "RTMIN+3", 37 },
		{ "sigrtmin+30", 64 },
		{ "RTMAX", 64 },
		{ "SIGRTMAX-1", 63 },
		{ "RTMAX-30", 34 },
		{ "RTMAX-0", 64 },
		{ "RTMIN+31", -EINVAL },
		{ "RTMAX-31", -EINVAL },
		{ "RTMIN+", -EINVAL },
		{ "RTMIN-1", -EINVAL },
		{ "RTMAX+1", -EINVAL },
		{ "RTMIN+ 1", -EINVAL },
		{ "RTMIN+4294967296", -EINVAL },
		{ "65", -EINVAL },
		{ "-1", -EINVAL },
		{ "09", -EINVAL },
		{ "4294967305", -EINVAL },
		{ "", -EINVAL },
		{ "SIG", -EINVAL },
		{ "SIG9", -EINVAL },
		{ "SIGSIGKILL", -EINVAL },
		{ "KILLX", -EINVAL },
		{ " KILL", -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(signal_number(cases[i].text), cases[i].want);
}

static void test_names_lead_back(void **state)
{
	(void)state;
	for (int i = -1; i <= 66; i++) {
		const char *name = signal_name(i);
		char with_sig[32];

		if (i <= 0 || i > 64 || i == 32 || i == 33) {
			assert_null(name);
			continue;
		}
		assert_non_null(name);
		assert_int_equal(signal_number(name), i);
		snprintf(with_sig, sizeof(with_sig), "SIG%s", name);
		assert_int_equal(signal_number(with_sig), i);
		if (i < 32 && i != SIGIO) /* glibc says POLL there */
			assert_string_equal(name, sigabbrev_np(i));
	}
	assert_string_equal(signal_name(9), "KILL");
	assert_string_equal(signal_name(34), "RTMIN");
	assert_string_equal(signal_name(37), "RTMIN+3");
	assert_int_equal(SIGRTMIN, 34);
	assert_int_equal(SIGRTMAX, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_names_lead_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
