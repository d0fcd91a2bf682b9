/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/x86_64/x86.h"

#include <asm/bootparam.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/err.h"
#include "microvm/mem/mem.h"
#include "oci-tests/unit/microvm/bare.h"

#define MIB (1ULL << 20)

static struct guest_mem mem;

static int setup(void **state)
{
	(void)state;
	return mem_init(&mem, 64 * MIB, NULL);
}

static int teardown(void **state)
{
	(void)state;
	mem_release(&mem);
	return 0;
}

static int load(const void *data, size_t len, struct x86_kernel *k,
		struct err *err)
{
	auto_fd int fd = bare_fd(data, len);

	memset(err, 0, sizeof(*err));
	return x86_load_kernel(&mem, fd, k, err);
}

static void test_elf(void **state)
{
	struct bare b;
	struct x86_kernel k;
	struct err err;
	char back[4];

	(void)state;
	bare_init(&b, "code", 4);
	assert_int_equal(load(&b, sizeof(b), &k, &err), 0);
	assert_int_equal(k.protocol, X86_LINUX64);
	assert_int_equal(k.entry, BARE_GPA);
	assert_int_equal(k.start, BARE_GPA);
	assert_int_equal(k.end, BARE_GPA + 2 * sizeof(b.code));
	assert_int_equal(mem_read(&mem, BARE_GPA, back, 4), 0);
	assert_memory_equal(back, "code", 4);
}

/* One field of a good file made bad; what the message must say. */
static void test_elf_malformed(void **state)
{
	static const struct row {
		const char *why;
		int rc;
		size_t at;
		size_t size;
		uint64_t value;
	} rows[] = {
#define H(f) offsetof(struct bare, head.f), sizeof(((struct bare *)0)->head.f)
#define P(f)                                 \
	offsetof(struct bare, segment[0].f), \
		sizeof(((struct bare *)0)->segment[0].f)
		{ "neither", -ENOEXEC, 0, 4, 0 },
		{ "not an ELF file for x86-64", -ENOEXEC, EI_CLASS, 1, 1 },
		{ "not an ELF file for x86-64", -ENOEXEC, EI_DATA, 1, 2 },
		{ "not an ELF file for x86-64", -ENOEXEC, H(e_machine), 40 },
		{ "of type 3", -ENOEXEC, H(e_type), ET_DYN },
		{ "program headers of 1 bytes", -ENOEXEC, H(e_phentsize), 1 },
		{ "0 program headers", -ENOEXEC, H(e_phnum), 0 },
		{ "65535 program headers", -ENOEXEC, H(e_phnum), 0xffff },
		{ "65 program headers", -ENOEXEC, H(e_phnum), 65 },
		{ "not whole in the file", -ENOEXEC, H(e_phoff), UINT64_MAX },
		{ "not whole in the file", -ENOEXEC, H(e_phoff),
		  sizeof(struct bare) },
		{ "not whole in the file", -ENOEXEC, H(e_phoff),
		  UINT64_MAX - 55 },
		{ "not whole in the file", -ENOEXEC, P(p_offset), UINT64_MAX },
		{ "not whole in the file", -ENOEXEC, P(p_offset),
		  UINT64_MAX - 4095 },
		{ "not whole in the file", -ENOEXEC, P(p_filesz), UINT64_MAX },
		{ "not whole in the file", -ENOEXEC, P(p_filesz), 4097 },
		{ "not whole in the file", -ENOEXEC, P(p_memsz), 4095 },
		{ "not whole in the file", -ENOEXEC, P(p_memsz), 0 },
		{ "below 1 MiB", -ENOEXEC, P(p_paddr), 0 },
		{ "below 1 MiB", -ENOEXEC, P(p_paddr), X86_PML4_GPA },
		{ "below 1 MiB", -ENOEXEC, P(p_paddr), BARE_GPA - 1 },
		{ "does not fit", -ENOSPC, P(p_paddr), 64 * MIB },
		{ "does not fit", -ENOSPC, P(p_paddr), 64 * MIB - 4096 },
		{ "does not fit", -ENOSPC, P(p_paddr), UINT64_MAX },
		{ "does not fit", -ENOSPC, P(p_paddr), MEM_GAP_START },
		{ "does not fit", -ENOSPC, P(p_paddr), MEM_GAP_END },
		{ "does not fit", -ENOSPC, P(p_memsz), UINT64_MAX },
		{ "does not fit", -ENOSPC, P(p_memsz), UINT64_MAX - BARE_GPA },
		{ "nothing to load", -ENOEXEC, P(p_type), PT_NULL },
		{ "no PVH entry", -ENOEXEC, H(e_entry), 0 },
		{ "no PVH entry", -ENOEXEC, H(e_entry), UINT64_MAX },
		/* within the zeroed end of the segment */
		{ "no PVH entry", -ENOEXEC, H(e_entry), BARE_GPA + 4096 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bare b;
		struct x86_kernel k;
		struct err err;

		bare_init(&b, "x", 1);
		memcpy((char *)&b + rows[i].at, &rows[i].value, rows[i].size);
		if (load(&b, sizeof(b), &k, &err) != rows[i].rc ||
		    !strstr(err.msg, rows[i].why))
			fail_msg("row %zu (%s): %d '%s'", i, rows[i].why,
				 err.code, err.msg);
	}
}

static void test_elf_overlap(void **state)
{
	struct bare b;
	struct x86_kernel k;
	struct err err;

	(void)state;
	bare_init(&b, "x", 1);
	b.head.e_phnum = 2;
	b.segment[1] = b.segment[0];
	b.segment[1].p_paddr += b.segment[0].p_memsz - 1;
	assert_int_equal(load(&b, sizeof(b), &k, &err), -ENOEXEC);
	assert_non_null(strstr(err.msg, "overlap"));
	b.segment[1].p_paddr += 1;
	assert_int_equal(load(&b, sizeof(b), &k, &err), 0);
	/* an empty one is nowhere, wherever it says it is */
	b.segment[1].p_filesz = b.segment[1].p_memsz = 0;
	b.segment[1].p_paddr = UINT64_MAX;
	assert_int_equal(load(&b, sizeof(b), &k, &err), 0);
}

/* Cut at each byte: never a crash, and never good before the code is whole. */
static void test_elf_cut(void **state)
{
	struct bare b;
	struct x86_kernel k;
	struct err err;

	(void)state;
	bare_init(&b, "x", 1);
	for (size_t len = 0; len < sizeof(b); len += len < 512 ? 1 : 61)
		assert_int_equal(load(&b, len, &k, &err), -ENOEXEC);
}

/* Headers of random bytes: refused or loaded, and nothing else happens. */
static void test_elf_random(void **state)
{
	struct bare b;
	struct x86_kernel k;
	struct err err;

	(void)state;
	srandom(1);
	for (int i = 0; i < 3000; i++) {
		int rc;

		bare_init(&b, "x", 1);
		b.head.e_phnum = 1 + (unsigned int)random() % 4;
		for (int n = 0; n < 4; n++) {
			size_t at =
				SELFMAG +
				(size_t)random() %
					(offsetof(struct bare, code) - SELFMAG);

			((uint8_t *)&b)[at] = (uint8_t)random();
		}
		rc = load(&b, sizeof(b), &k, &err);
		if (!rc)
			assert_non_null(
				mem_ptr(&mem, k.start, k.end - k.start));
		else
			assert_int_not_equal(err.msg[0], 0);
	}
}

static void put_note(uint8_t *to, uint32_t name, uint32_t desc, uint32_t type,
		     uint64_t value)
{
	Elf64_Nhdr note = { name, desc, type };

	memcpy(to, &note, sizeof(note));
	memcpy(to + 12, "Xen", 4);
	memcpy(to + 16, &value, sizeof(value));
}

static void test_pvh(void **state)
{
	struct bare b;
	struct x86_kernel k;
	struct err err;

	(void)state;
	bare_init(&b, "x", 1);
	b.head.e_entry = 0xffffffff81000000;
	b.head.e_phnum = 2;
	b.segment[1].p_type = PT_NOTE;
	b.segment[1].p_offset = offsetof(struct bare, code) + 1024;
	b.segment[1].p_filesz = 60;
	put_note(b.code + 1024, 4, 8, 1, 0); /* another one first */
	put_note(b.code + 1024 + 24, 4, 8, 18, BARE_GPA + 16);
	assert_int_equal(load(&b, sizeof(b), &k, &err), 0);
	assert_int_equal(k.protocol, X86_PVH);
	assert_int_equal(k.entry, BARE_GPA + 16);

	put_note(b.code + 1024 + 24, 4, 8, 18, 16); /* not loaded */
	assert_int_equal(load(&b, sizeof(b), &k, &err), -ENOEXEC);
	put_note(b.code + 1024, UINT32_MAX, 8, 18, BARE_GPA);
	assert_int_equal(load(&b, sizeof(b), &k, &err), -ENOEXEC);
	put_note(b.code + 1024, 4, UINT32_MAX, 18, BARE_GPA);
	assert_int_equal(load(&b, sizeof(b), &k, &err), -ENOEXEC);
	put_note(b.code + 1024, UINT32_MAX - 1, UINT32_MAX - 1, 18, BARE_GPA);
	assert_int_equal(load(&b, sizeof(b), &k, &err), -ENOEXEC);
	b.segment[1].p_filesz = UINT64_MAX;
	assert_int_equal(load(&b, sizeof(b), &k, &err), -ENOEXEC);
	for (uint64_t len = 0; len < 24; len++) {
		put_note(b.code + 1024, 4, 8, 18, BARE_GPA);
		b.segment[1].p_filesz = len;
		assert_int_equal(load(&b, sizeof(b), &k, &err), -ENOEXEC);
	}
}

struct bz {
	uint8_t file[8192];
	struct setup_header h;
};

static void bz_init(struct bz *bz)
{
	memset(bz, 0, sizeof(*bz));
	bz->h.boot_flag = 0xaa55;
	bz->h.header = 0x53726448;
	bz->h.jump = 0x6aeb;
	bz->h.version = 0x020f;
	bz->h.setup_sects = 1;
	bz->h.loadflags = LOADED_HIGH;
	bz->h.xloadflags = XLF_KERNEL_64;
	bz->h.pref_address = 16 * MIB;
	bz->h.init_size = 8 * MIB;
	bz->h.setup_data = 0x1234;
	bz->file[1024] = 0x5a;
}

static int bz_load(struct bz *bz, size_t len, struct x86_kernel *k,
		   struct err *err)
{
	memcpy(bz->file + 0x1f1, &bz->h, sizeof(bz->h));
	return load(bz->file, len, k, err);
}

static void test_bzimage(void **state)
{
	struct setup_header kept;
	struct bz bz;
	struct x86_kernel k;
	struct err err;
	uint8_t byte;

	(void)state;
	bz_init(&bz);
	assert_int_equal(bz_load(&bz, sizeof(bz.file), &k, &err), 0);
	assert_int_equal(k.protocol, X86_LINUX64);
	assert_int_equal(k.entry, 16 * MIB + 0x200);
	assert_int_equal(k.end, 24 * MIB);
	assert_int_equal(mem_read(&mem, 16 * MIB, &byte, 1), 0);
	assert_int_equal(byte, 0x5a);
	assert_true(k.setup_len <= sizeof(kept));
	memcpy(&kept, k.setup, sizeof(kept));
	assert_int_equal(kept.version, 0x020f);
	assert_int_equal(kept.setup_data, 0);
}

#define REFUSED(change, code, text)                                       \
	do {                                                              \
		bz_init(&bz);                                             \
		change;                                                   \
		assert_int_equal(bz_load(&bz, sizeof(bz.file), &k, &err), \
				 code);                                   \
		assert_non_null(strstr(err.msg, text));                   \
	} while (0)

static void test_bzimage_malformed(void **state)
{
	struct bz bz;
	struct x86_kernel k;
	struct err err;

	(void)state;
	REFUSED(bz.h.version = 0x020b, -ENOEXEC, "boot protocol 2.11");
	REFUSED(bz.h.boot_flag = 0, -ENOEXEC, "boot protocol");
	REFUSED(bz.h.xloadflags = 0, -ENOEXEC, "no 64-bit entry");
	REFUSED(bz.h.loadflags = 0, -ENOEXEC, "no 64-bit entry");
	REFUSED(bz.h.setup_sects = 15, -ENOEXEC, "setup code");
	REFUSED(bz.h.setup_sects = 255, -ENOEXEC, "setup code");
	REFUSED(bz.h.pref_address = 0, -ENOSPC, "has not");
	REFUSED(bz.h.pref_address = X86_MPTABLE_GPA, -ENOSPC, "has not");
	REFUSED(bz.h.pref_address = UINT64_MAX, -ENOSPC, "has not");
	REFUSED(bz.h.pref_address = MEM_GAP_START, -ENOSPC, "has not");
	REFUSED(bz.h.pref_address = 64 * MIB - 4096, -ENOSPC, "has not");
	REFUSED(bz.h.init_size = UINT32_MAX, -ENOSPC, "has not");
	bz_init(&bz);
	for (size_t len = 0; len <= 1024 + 0x200; len += 7)
		assert_int_equal(bz_load(&bz, len, &k, &err), -ENOEXEC);
}

/* What is given to a guest before it asks: the host never has more of it than
 * that, wherever the initrd lies. */
static void test_initrd_takes(void **state)
{
	static const uint64_t sizes_mib[] = { 64, 2048, 2049, 3072, 5000 };
	struct x86_kernel k = { .end = 40 * MIB };
	struct x86_initrd initrd;
	auto_fd int fd = bare_fd("initrd", 6);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes_mib); i++) {
		uint64_t pages = sizes_mib[i] * MIB / 4096 * 64;
		struct stat st;

		assert_int_equal(mem_init(&mem, sizes_mib[i] * MIB, NULL), 0);
		assert_int_equal(x86_load_initrd(&mem, fd, &k, &initrd, NULL),
				 0);
		assert_int_equal(fstat(mem.fd, &st), 0);
		assert_in_range(st.st_blocks * 512, 4096, pages + 10 * MIB);
		mem_release(&mem);
	}
}

static void test_initrd(void **state)
{
	struct x86_kernel k = { .end = 40 * MIB };
	struct x86_initrd initrd;
	struct err err = { 0 };
	auto_fd int fd = bare_fd("initrd", 6);
	char back[6];

	(void)state;
	assert_int_equal(x86_load_initrd(&mem, -1, &k, &initrd, &err), 0);
	assert_int_equal(initrd.len, 0);
	assert_int_equal(x86_load_initrd(&mem, fd, &k, &initrd, &err), 0);
	assert_int_equal(initrd.gpa, 64 * MIB - 4096);
	assert_int_equal(initrd.len, 6);
	assert_int_equal(mem_read(&mem, initrd.gpa, back, 6), 0);
	assert_memory_equal(back, "initrd", 6);

	assert_int_equal(ftruncate(fd, 24 * MIB), 0);
	assert_int_equal(x86_load_initrd(&mem, fd, &k, &initrd, &err), -ENOSPC);
	assert_int_equal(ftruncate(fd, 24 * MIB - 4096), 0);
	assert_int_equal(x86_load_initrd(&mem, fd, &k, &initrd, &err), 0);
	assert_true(initrd.gpa >= k.end);
	k.end = 64 * MIB;
	assert_int_equal(x86_load_initrd(&mem, fd, &k, &initrd, &err), -ENOSPC);
	auto_close_fd(&fd);
	assert_int_equal(
		x86_load_initrd(&mem, STDIN_FILENO + 900, &k, &initrd, &err),
		-EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_elf),
		cmocka_unit_test(test_elf_malformed),
		cmocka_unit_test(test_elf_overlap),
		cmocka_unit_test(test_elf_cut),
		cmocka_unit_test(test_elf_random),
		cmocka_unit_test(test_pvh),
		cmocka_unit_test(test_bzimage),
		cmocka_unit_test(test_bzimage_malformed),
		cmocka_unit_test(test_initrd),
		cmocka_unit_test(test_initrd_takes),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
