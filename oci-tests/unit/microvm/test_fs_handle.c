/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "microvm/fs/handle.h"

static int some_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void test_bounded(void **state)
{
	struct handle_table table;

	(void)state;
	handles_init(&table, 300);
	for (int i = 0; i < 300; i++) {
		assert_int_equal(handle_room(&table), 0);
		handle_add(&table, HANDLE_FILE, some_fd(), 1);
	}
	assert_int_equal(handle_room(&table), -ENFILE);
	handles_clear(&table);
	assert_int_equal(table.live, 0);
	assert_int_equal(handle_room(&table), 0);
	handles_release(&table);
}

static void test_names_are_not_reused(void **state)
{
	struct handle_table table;
	uint64_t old[10];

	(void)state;
	handles_init(&table, 4);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(handle_room(&table), 0);
		old[i] = handle_add(&table, HANDLE_FILE, some_fd(), 7);
		for (int j = 0; j < i; j++)
			assert_null(handle_get(&table, old[j], HANDLE_FILE, 7));
		handle_close(&table,
			     handle_get(&table, old[i], HANDLE_FILE, 7));
	}
	handles_release(&table);
}

static void test_kind_and_inode_must_match(void **state)
{
	struct handle_table table;
	uint64_t fh;

	(void)state;
	handles_init(&table, 4);
	assert_int_equal(handle_room(&table), 0);
	fh = handle_add(&table, HANDLE_DIR, some_fd(), 7);
	assert_non_null(handle_get(&table, fh, HANDLE_DIR, 7));
	assert_null(handle_get(&table, fh, HANDLE_FILE, 7));
	assert_null(handle_get(&table, fh, HANDLE_DIR, 8));
	for (unsigned int bit = 0; bit < 64; bit++)
		assert_null(
			handle_get(&table, fh ^ 1ULL << bit, HANDLE_DIR, 7));
	handles_release(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_names_are_not_reused),
		cmocka_unit_test(test_kind_and_inode_must_match),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
