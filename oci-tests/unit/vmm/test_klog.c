/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull-vmm/klog.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void feed(struct klog *k, const char *text, size_t len)
{
	struct loop loop;
	int fds[2];

	memset(k, 0, sizeof(*k));
	assert_int_equal(loop_init(&loop, NULL), 0);
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	assert_int_equal(klog_init(k, &loop, fds[0], false), 0);
	assert_int_equal(write(fds[1], text, len), (ssize_t)len);
	close(fds[1]);
	klog_finish(k);
	close(fds[0]);
	loop_release(&loop);
}

static void test_panic(void **state)
{
	static const char text[] =
		"[ 1.0] hello\r\n"
		"[ 1.1] Kernel panic - not syncing: VFS: \033[31mno root\n"
		"[ 1.2] Kernel panic - not syncing: another\n";
	struct klog k;

	(void)state;
	feed(&k, text, strlen(text));
	assert_string_equal(k.panic, "VFS: ?[31mno root");
	feed(&k, "nothing\nof\nthe\nkind", 19);
	assert_string_equal(k.panic, "");
	/* cut off before its end of line */
	feed(&k, "Kernel panic - not syncing: x", 29);
	assert_string_equal(k.panic, "x");
}

/* A line without end, NUL bytes, all bytes there are. */
static void test_hostile(void **state)
{
	static char text[60000];
	struct klog k;

	(void)state;
	memset(text, 'A', sizeof(text));
	memcpy(text, "Kernel panic - not syncing: ", 28);
	feed(&k, text, sizeof(text));
	assert_int_equal(strlen(k.panic), KLOG_LINE - 1 - 28);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)i;
	feed(&k, text, sizeof(text));
	assert_string_equal(k.panic, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_panic),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
