/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/libcontainer/lab.h"

#include <string.h>

#include "libcontainer/vm.h"
#include "microvm/vmm.h"

/* The file is the monitor's, which may be its guest's. */

static int dir_of(const struct lab *lab)
{
	return open(lab->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static struct hull_exit read_back(const struct lab *lab,
				  const struct vm_exit *e, size_t len,
				  int status)
{
	struct hull_exit got = { .recorded = true,
				 .status_known = true,
				 .status = status };
	int dir_fd = dir_of(lab);
	int fd = openat(dir_fd, VM_EXIT_FILE, O_WRONLY | O_CREAT | O_TRUNC,
			0600);

	assert_int_equal(write(fd, e, len), len);
	close(fd);
	vm_end(dir_fd, &got);
	unlinkat(dir_fd, VM_EXIT_FILE, 0);
	close(dir_fd);
	return got;
}

static struct vm_exit sound(void)
{
	return (struct vm_exit){ .magic = VM_CONFIG_MAGIC,
				 .size = sizeof(struct vm_exit) };
}

static void test_signal(void **state)
{
	static const struct {
		int exited, told, want;
	} rows[] = {
		{ 137 << 8, 9, 9 },
		{ 143 << 8, 15, 15 },
		{ 139 << 8, 11 | 0x80, 11 | 0x80 },
		/* only what the exit status allows */
		{ 0, 9, 0 },
		{ 137 << 8, 15, 137 << 8 },
		{ 9, 15, 9 },
		{ 137 << 8, 5 << 8, 137 << 8 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vm_exit e = sound();

		e.status_known = 1;
		e.status = rows[i].told;
		assert_int_equal(
			read_back(*state, &e, sizeof(e), rows[i].exited).status,
			rows[i].want);
	}
}

/* Nobody waited, and the kernel does not tell: the monitor's word counts. */
static void test_unseen(void **state)
{
	static const struct {
		int told;
		bool known;
	} rows[] = {
		{ 3 << 8, true },   { 9, true },   { 0x7f, false },
		{ 0x30000, false }, { -1, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct hull_exit got = { .recorded = true };
		struct vm_exit e = sound();
		int dir_fd = dir_of(*state), fd;

		e.status_known = 1;
		e.status = rows[i].told;
		fd = openat(dir_fd, VM_EXIT_FILE, O_WRONLY | O_CREAT, 0600);
		assert_int_equal(write(fd, &e, sizeof(e)), sizeof(e));
		close(fd);
		vm_end(dir_fd, &got);
		unlinkat(dir_fd, VM_EXIT_FILE, 0);
		close(dir_fd);
		assert_int_equal(got.status_known, rows[i].known);
		assert_int_equal(got.status, rows[i].known ? rows[i].told : 0);
	}
}

static void test_reason(void **state)
{
	struct vm_exit e = sound();
	struct hull_exit got;

	memset(e.reason, 'x', sizeof(e.reason)); /* without an end */
	memcpy(e.reason, "a\033[31m\nb\xff", 9);
	e.oom = 1;
	got = read_back(*state, &e, sizeof(e), 126 << 8);
	assert_memory_equal(got.vm_end, "a?[31m?b?x", 10);
	assert_int_equal(strlen(got.vm_end), sizeof(got.vm_end) - 1);
	assert_true(got.oom_known && got.oom);
}

static void test_garbage(void **state)
{
	struct vm_exit e = sound();

	strcpy(e.reason, "told");
	assert_string_equal(read_back(*state, &e, sizeof(e), 0).vm_end, "told");
	assert_string_equal(read_back(*state, &e, sizeof(e) - 1, 0).vm_end, "");
	assert_string_equal(read_back(*state, &e, 0, 0).vm_end, "");
	e.magic++;
	assert_string_equal(read_back(*state, &e, sizeof(e), 0).vm_end, "");
	e.magic--;
	e.size--;
	assert_string_equal(read_back(*state, &e, sizeof(e), 0).vm_end, "");
}

static void test_no_file(void **state)
{
	struct hull_exit e = { .status_known = true, .status = 137 << 8 };
	int dir_fd = dir_of(*state);

	vm_end(dir_fd, &e);
	assert_int_equal(e.status, 137 << 8);
	assert_string_equal(e.vm_end, "");
	/* a link leads nowhere */
	assert_int_equal(symlinkat("/etc/passwd", dir_fd, VM_EXIT_FILE), 0);
	vm_end(dir_fd, &e);
	assert_string_equal(e.vm_end, "");
	unlinkat(dir_fd, VM_EXIT_FILE, 0);
	close(dir_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_signal),  LAB_TEST(test_unseen),
		LAB_TEST(test_reason),  LAB_TEST(test_garbage),
		LAB_TEST(test_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
