/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/mem/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"

#define MIB (1ULL << 20)

static void test_sizes(void **state)
{
	static const uint64_t bad[] = {
		0,
		1,
		MEM_MIN_BYTES - MIB,
		MEM_MIN_BYTES + 1,
		MEM_MIN_BYTES + 4096,
		MEM_MAX_BYTES + MIB,
		1ULL << 43,
		1ULL << 44,
		UINT64_MAX,
	};
	struct guest_mem mem;
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(mem_init(&mem, bad[i], &err), -EINVAL);
		assert_int_equal(mem.fd, -1);
	}
	assert_non_null(strstr(err.msg, "guest memory"));
}

static void test_one_region(void **state)
{
	struct guest_mem mem;
	char back[4];

	(void)state;
	assert_int_equal(mem_init(&mem, MEM_MIN_BYTES, NULL), 0);
	assert_int_equal(mem.region_count, 1);
	assert_int_equal(mem_write(&mem, MEM_MIN_BYTES - 4, "abcd", 4), 0);
	assert_int_equal(mem_read(&mem, MEM_MIN_BYTES - 4, back, 4), 0);
	assert_memory_equal(back, "abcd", 4);
	assert_int_equal(mem_write(&mem, MEM_MIN_BYTES - 3, "abcd", 4),
			 -EFAULT);
	assert_int_equal(mem_read(&mem, MEM_MIN_BYTES, back, 1), -EFAULT);
	assert_int_equal(mem_read(&mem, UINT64_MAX - 1, back, 4), -EFAULT);
	assert_null(mem_ptr(&mem, 4096, UINT64_MAX));
	assert_null(mem_ptr(&mem, 4096, UINT64_MAX - 4095));
	assert_null(mem_ptr(&mem, MEM_MIN_BYTES, 0));
	assert_non_null(mem_ptr(&mem, MEM_MIN_BYTES - 1, 0));
	assert_ptr_equal(mem_ptr(&mem, 4096, 1), mem.region[0].host + 4096);
	mem_release(&mem);
	assert_int_equal(mem.fd, -1);
	assert_null(mem_ptr(&mem, 0, 1));
	mem_release(&mem);
}

/* The file is sparse: five gigabytes cost nothing. */
static void test_gap(void **state)
{
	const uint64_t top = MEM_GAP_END + (2048ULL << 20);
	struct guest_mem mem;

	(void)state;
	assert_int_equal(mem_init(&mem, 5120ULL << 20, NULL), 0);
	assert_int_equal(mem.region_count, 2);
	assert_non_null(mem_ptr(&mem, MEM_GAP_START - 1, 1));
	assert_null(mem_ptr(&mem, MEM_GAP_START - 1, 2));
	assert_null(mem_ptr(&mem, MEM_GAP_START, 1));
	assert_null(mem_ptr(&mem, MEM_GAP_END - 1, 1));
	assert_null(mem_ptr(&mem, MEM_GAP_END - 1, 2));
	/* from the one region into the other is no piece of memory */
	assert_null(mem_ptr(&mem, MEM_GAP_START - 1, 1 + (1ULL << 30) + 1));
	assert_ptr_equal(mem_ptr(&mem, MEM_GAP_END, 1), mem.region[1].host);
	assert_non_null(mem_ptr(&mem, top - 1, 1));
	assert_null(mem_ptr(&mem, top - 1, 2));
	assert_int_equal(mem.region[1].offset, MEM_GAP_START);
	mem_release(&mem);
}

static void test_sealed(void **state)
{
	struct guest_mem mem;

	(void)state;
	assert_int_equal(mem_init(&mem, MEM_MIN_BYTES, NULL), 0);
	assert_int_equal(ftruncate(mem.fd, 4096), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(mem.fd, 1LL << 30), -1);
	assert_int_equal(fcntl(mem.fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	mem_release(&mem);
}

static void test_attach(void **state)
{
	struct guest_mem mem, other;
	char back[3];
	int fd;

	(void)state;
	assert_int_equal(mem_init(&mem, MEM_MIN_BYTES, NULL), 0);
	assert_int_equal(mem_attach(&other, dup(mem.fd), MEM_MIN_BYTES, NULL),
			 0);
	assert_int_equal(mem_write(&mem, 77, "xyz", 3), 0);
	assert_int_equal(mem_read(&other, 77, back, 3), 0);
	assert_memory_equal(back, "xyz", 3);
	mem_release(&other);

	fd = dup(mem.fd);
	assert_int_equal(mem_attach(&other, fd, MEM_MIN_BYTES + MIB, NULL),
			 -EINVAL);
	assert_int_equal(fcntl(fd, F_GETFD), -1); /* taken all the same */
	fd = memfd_create("unsealed", MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(fd, MEM_MIN_BYTES), 0);
	assert_int_equal(mem_attach(&other, fd, MEM_MIN_BYTES, NULL), -EINVAL);
	assert_int_equal(mem_attach(&other, open("/dev/null", O_RDWR),
				    MEM_MIN_BYTES, NULL),
			 -EINVAL);
	mem_release(&mem);
}

static uint64_t held(const struct guest_mem *mem)
{
	struct stat st;

	assert_int_equal(fstat(mem->fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

/* Page tables can map a large page only at its own alignment, in each process
 * that has the memory. */
static void test_alignment(void **state)
{
	struct guest_mem mem, other;

	(void)state;
	for (int i = 0; i < 8; i++) {
		assert_int_equal(mem_init(&mem, 4097 * MIB, NULL), 0);
		assert_int_equal(
			mem_attach(&other, dup(mem.fd), 4097 * MIB, NULL), 0);
		for (unsigned int r = 0; r < 2; r++) {
			assert_int_equal(
				(uintptr_t)mem.region[r].host % MEM_LARGE, 0);
			assert_int_equal(
				(uintptr_t)other.region[r].host % MEM_LARGE, 0);
		}
		mem_release(&other);
		mem_release(&mem);
	}
}

static void test_large(void **state)
{
	struct guest_mem mem;
	char back[4];
	bool got;

	(void)state;
	assert_int_equal(mem_init(&mem, MEM_MIN_BYTES + MIB, NULL), 0);
	/* outside, and the half of one at the end */
	assert_false(mem_use_large(&mem, MEM_MIN_BYTES + MIB, 1));
	assert_false(mem_use_large(&mem, 0, UINT64_MAX));
	assert_false(mem_use_large(&mem, UINT64_MAX, 2));
	assert_false(mem_use_large(&mem, MEM_MIN_BYTES, MIB));
	assert_int_equal(held(&mem), 0);

	assert_int_equal(mem_write(&mem, 7 * MIB, "kept", 4), 0);
	got = mem_use_large(&mem, 5 * MIB, 2 * MIB + 1);
	assert_int_equal(mem_read(&mem, 7 * MIB, back, 4), 0);
	assert_memory_equal(back, "kept", 4);
	if (!got)
		skip(); /* this host has none */
	assert_int_equal(held(&mem), 2 * MEM_LARGE);
	mem_release(&mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_one_region),
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_sealed),
		cmocka_unit_test(test_attach),
		cmocka_unit_test(test_alignment),
		cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
