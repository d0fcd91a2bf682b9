/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/x86_64/x86.h"

#include <asm/bootparam.h>
#include <errno.h>
#include <linux/kvm.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/err.h"
#include "microvm/mem/mem.h"

#define MIB (1ULL << 20)

static uint8_t sum(const uint8_t *p, size_t len)
{
	uint8_t s = 0;

	while (len--)
		s = (uint8_t)(s + *p++);
	return s;
}

/* A reader of its own: walks the entries as the specification tells. */
static void test_mptable(void **state)
{
	static const uint8_t entry_bytes[] = { 20, 8, 8, 8, 8 };

	(void)state;
	for (unsigned int vcpus = 1; vcpus <= X86_MAX_VCPUS; vcpus++) {
		uint8_t t[4096];
		int len = x86_mptable(t, sizeof(t), 0xf0000, vcpus);
		unsigned int seen[5] = { 0 }, entries, boot = 0;
		uint32_t table;
		uint16_t bytes;
		size_t at = 16 + 44;

		assert_true(len > 0);
		assert_memory_equal(t, "_MP_", 4);
		assert_int_equal(sum(t, 16), 0);
		memcpy(&table, t + 4, 4);
		assert_int_equal(table, 0xf0010);
		assert_memory_equal(t + 16, "PCMP", 4);
		memcpy(&bytes, t + 20, 2);
		assert_int_equal(bytes + 16, len);
		assert_int_equal(sum(t + 16, bytes), 0);
		memcpy(&entries, t + 16 + 34, 2);
		entries &= 0xffff;
		for (unsigned int i = 0; i < entries; i++) {
			assert_in_range(t[at], 0, 4);
			if (t[at] == 0) {
				assert_int_equal(t[at + 1], seen[0]);
				boot += t[at + 3] >> 1 & 1;
			}
			if (t[at] == 2) /* its id is nobody else's */
				assert_int_equal(t[at + 1], vcpus);
			if (t[at] == 3)
				assert_int_equal(t[at + 5], t[at + 7]);
			seen[t[at]]++;
			at += entry_bytes[t[at]];
		}
		assert_int_equal(at, len);
		assert_int_equal(boot, 1);
		assert_int_equal(seen[0], vcpus);
		assert_int_equal(seen[1], 1);
		assert_int_equal(seen[2], 1);
		assert_int_equal(seen[3], 24);
		assert_int_equal(seen[4], 2);
		assert_int_equal(
			x86_mptable(t, (size_t)len - 1, 0xf0000, vcpus),
			-ENOSPC);
	}
}

static const uint8_t *acpi_table(const uint8_t *t, uint64_t gpa,
				 const char *name)
{
	const uint8_t *at = t + (gpa - X86_ACPI_GPA);
	uint32_t len;

	memcpy(&len, at + 4, sizeof(len));
	assert_memory_equal(at, name, 4);
	assert_int_equal(sum(at, len), 0);
	return at;
}

static void test_acpi(void **state)
{
	/* what iasl 20200925 makes of V007 of the scope's source, but for its
	 * place and interrupt */
	static const uint8_t device[] =
		"\x5b\x82\x3bV007\x08_HID\x0dLNRO0005\0\x08_UID\x0a\x07\x08_CRS"
		"\x11\x1a\x0a\x17\x86\x09\0\x01\0\x70\0\xd0\0\x10\0\0\x89\x06\0"
		"\x03\x01\x0c\0\0\0\x79";
	uint8_t t[8192];
	uint64_t gpa, dsdt_gpa;
	const uint8_t *xsdt, *fadt, *madt, *dsdt;
	int len = x86_acpi(t, sizeof(t), X86_ACPI_GPA, 64, 1U << 7 | 1);
	uint32_t dsdt_len, flags;

	(void)state;
	assert_true(len > 0);
	assert_memory_equal(t, "RSD PTR ", 8);
	assert_int_equal(sum(t, 20), 0);
	assert_int_equal(sum(t, 36), 0);
	memcpy(&gpa, t + 24, sizeof(gpa));
	xsdt = acpi_table(t, gpa, "XSDT");
	memcpy(&gpa, xsdt + 36, sizeof(gpa));
	fadt = acpi_table(t, gpa, "FACP");
	memcpy(&gpa, xsdt + 44, sizeof(gpa));
	madt = acpi_table(t, gpa, "APIC");
	assert_int_equal(madt[4] | madt[5] << 8, 44 + 64 * 8 + 12 + 6);
	assert_int_equal(madt[44 + 63 * 8 + 3], 63);
	assert_int_equal(madt[44 + 64 * 8], 1);
	assert_int_equal(madt[44 + 64 * 8 + 2], 64); /* nobody else's */
	memcpy(&flags, fadt + 112, sizeof(flags));
	assert_int_equal(flags >> 20 & 1, 1);
	memcpy(&dsdt_gpa, fadt + 140, sizeof(dsdt_gpa));
	dsdt = acpi_table(t, dsdt_gpa, "DSDT");
	memcpy(&dsdt_len, dsdt + 4, sizeof(dsdt_len));
	/* \\_SB, and two devices in it */
	assert_int_equal(dsdt[36], 0x10);
	assert_int_equal((dsdt[37] & 0xf) | dsdt[38] << 4, dsdt_len - 37);
	assert_int_equal(dsdt_len, 36 + 8 + 2 * sizeof(device));
	assert_memory_equal(dsdt + 44 + sizeof(device), device, sizeof(device));
	assert_int_equal(
		x86_acpi(t, (size_t)len - 1, X86_ACPI_GPA, 64, 1U << 7 | 1),
		-ENOSPC);
	/* the most that there can be fits its place */
	len = x86_acpi(t, sizeof(t), X86_ACPI_GPA, X86_MAX_VCPUS, 0x7ffff);
	assert_in_range(len, 1, X86_ACPI_MAX);
}

static void test_linux_boot(void **state)
{
	struct x86_kernel k = { .protocol = X86_LINUX64, .entry = 16 * MIB };
	struct x86_initrd initrd = { 50 * MIB, 1234 };
	const struct boot_params *bp;
	const uint64_t *pd;
	struct guest_mem mem;
	struct kvm_sregs sregs = { 0 };
	struct kvm_regs regs;

	(void)state;
	assert_int_equal(mem_init(&mem, 4096 * MIB, NULL), 0);
	assert_int_equal(x86_write_boot(&mem, &k, &initrd, "a=b", 2, NULL), 0);
	bp = mem_ptr(&mem, X86_ZERO_PAGE_GPA, sizeof(*bp));
	assert_int_equal(bp->hdr.boot_flag, 0xaa55);
	assert_int_equal(bp->hdr.ramdisk_image, 50 * MIB);
	assert_int_equal(bp->hdr.ramdisk_size, 1234);
	assert_int_equal(bp->sentinel, 0);
	assert_string_equal(mem_ptr(&mem, bp->hdr.cmd_line_ptr, 4), "a=b");
	assert_int_equal(bp->e820_entries, 4);
	for (int i = 1; i < 3; i++)
		assert_int_equal(bp->e820_table[i].addr,
				 bp->e820_table[i - 1].addr +
					 bp->e820_table[i - 1].size);
	assert_int_equal(bp->e820_table[2].addr + bp->e820_table[2].size,
			 MEM_GAP_START);
	assert_int_equal(bp->e820_table[3].addr, MEM_GAP_END);
	assert_int_equal(bp->e820_table[3].size, 1024 * MIB);
	pd = mem_ptr(&mem, X86_PD_GPA, 4096);
	for (uint64_t i = 0; i < 512; i++)
		assert_int_equal(pd[i], i << 21 | 0x83);

	x86_entry_regs(&k, &regs, &sregs);
	assert_int_equal(regs.rip, 16 * MIB);
	assert_int_equal(regs.rsi, X86_ZERO_PAGE_GPA);
	assert_int_equal(regs.rflags, 2);
	assert_int_equal(sregs.cr3, X86_PML4_GPA);
	assert_int_equal(sregs.efer, 0x500);
	assert_int_equal(sregs.cs.l, 1);
	assert_int_equal(sregs.cs.db, 0);
	/* flat code and data, as every 64-bit table has them */
	pd = mem_ptr(&mem, X86_GDT_GPA, 64);
	assert_int_equal(pd[2], 0x00af9b000000ffff);
	assert_int_equal(pd[3], 0x00cf93000000ffff);
	mem_release(&mem);
}

static void test_pvh_boot(void **state)
{
	struct x86_kernel k = { .protocol = X86_PVH, .entry = 0x100010 };
	struct x86_initrd initrd = { 50 * MIB, 1234 };
	struct guest_mem mem;
	struct kvm_sregs sregs = { 0 };
	struct kvm_regs regs;
	const uint32_t *info;
	uint64_t module[2], at;

	(void)state;
	assert_int_equal(mem_init(&mem, 64 * MIB, NULL), 0);
	assert_int_equal(x86_write_boot(&mem, &k, &initrd, "", 1, NULL), 0);
	x86_entry_regs(&k, &regs, &sregs);
	assert_int_equal(regs.rip, 0x100010);
	assert_int_equal(sregs.cr0 & 0x80000001, 1);
	assert_int_equal(sregs.efer, 0);
	assert_int_equal(sregs.cs.db, 1);
	info = mem_ptr(&mem, regs.rbx, 56);
	assert_int_equal(info[0], 0x336ec578);
	assert_int_equal(info[1], 1);
	assert_int_equal(info[3], 1); /* modules */
	memcpy(&at, info + 4, 8);
	assert_int_equal(mem_read(&mem, at, module, 16), 0);
	assert_int_equal(module[0], 50 * MIB);
	assert_int_equal(module[1], 1234);
	assert_int_equal(info[12], 3); /* ranges */
	assert_true(regs.rbx + 56 + 32 + 4 * 24 <= X86_ZERO_PAGE_GPA);
	mem_release(&mem);
}

static void test_long_cmdline(void **state)
{
	struct x86_kernel k = { .protocol = X86_LINUX64 };
	struct x86_initrd initrd = { 0 };
	struct guest_mem mem;
	struct err err = { 0 };
	char line[X86_CMDLINE_MAX + 1];

	(void)state;
	memset(line, 'x', sizeof(line));
	line[X86_CMDLINE_MAX] = '\0';
	assert_int_equal(mem_init(&mem, 32 * MIB, NULL), 0);
	assert_int_equal(x86_write_boot(&mem, &k, &initrd, line, 1, &err),
			 -E2BIG);
	line[X86_CMDLINE_MAX - 1] = '\0';
	assert_int_equal(x86_write_boot(&mem, &k, &initrd, line, 1, &err), 0);
	mem_release(&mem);
}

#define ROOM 32
static struct kvm_cpuid2 *c;

static int cpuid_setup(void **state)
{
	(void)state;
	c = calloc(1, sizeof(*c) + ROOM * sizeof(c->entries[0]));
	return c ? 0 : -1;
}

static int cpuid_teardown(void **state)
{
	(void)state;
	free(c);
	return 0;
}

static const struct kvm_cpuid_entry2 *get(uint32_t leaf, uint32_t index)
{
	for (uint32_t i = 0; i < c->nent; i++)
		if (c->entries[i].function == leaf &&
		    c->entries[i].index == index)
			return &c->entries[i];
	fail_msg("no leaf 0x%x", leaf);
	return NULL;
}

/* A processor that has everything. */
static void all_ones(void)
{
	static const uint32_t leaves[] = {
		0x0,        0x1,        0x4,        0x6,        0x7,
		0xa,        0xb,        0x12,       0x14,       0x1f,
		0x40000000, 0x40000001, 0x80000001, 0x80000008, 0x8000000a,
		0x8000001e, 0x8000001f, 0x80000022,
	};

	for (size_t i = 0; i < ARRAY_SIZE(leaves); i++)
		c->entries[i] = (struct kvm_cpuid_entry2){
			.function = leaves[i],
			.eax = 0xffffffff,
			.ebx = 0xffffffff,
			.ecx = 0xffffffff,
			.edx = 0xffffffff,
		};
	c->nent = ARRAY_SIZE(leaves);
}

static void test_cpuid(void **state)
{
	(void)state;
	for (unsigned int count = 1; count <= X86_MAX_VCPUS; count *= 2) {
		for (unsigned int i = 0; i < count; i++) {
			const struct kvm_cpuid_entry2 *e;

			all_ones();
			x86_cpuid_filter(c, ROOM, i, count, true);
			e = get(1, 0);
			assert_int_equal(e->ebx >> 24, i);
			assert_int_equal(e->ebx >> 16 & 255, count);
			assert_int_equal(e->ecx >> 31, 1);
			assert_int_equal(e->ecx >> 5 & 1, 0);  /* VMX */
			assert_int_equal(e->ecx >> 24 & 1, 1); /* deadline */
			assert_int_equal(e->ecx >> 21 & 1, 1); /* x2APIC */
			assert_int_equal(e->edx >> 28 & 1, count > 1);
			assert_int_equal(get(0xa, 0)->eax, 0);
			assert_int_equal(get(0x40000001, 0)->eax, 0xffffffff);
			assert_int_equal(get(0x80000001, 0)->ecx & 4, 0);
			assert_int_equal(get(0x8000000a, 0)->edx, 0);
			e = get(0xb, 0);
			assert_int_equal(e->ecx, 1 << 8);
			assert_int_equal(e->edx, i);
			e = get(0xb, 1);
			assert_int_equal(1U << e->eax, count);
			assert_int_equal(e->ebx, count);
			assert_int_equal(e->ecx, 1 | 2 << 8);
			assert_int_equal(get(0x1f, 2)->ebx, 0);
			assert_int_equal(get(0x8000001e, 0)->eax, i);
		}
	}
}

static void test_cpuid_is_bounded(void **state)
{
	(void)state;
	all_ones();
	x86_cpuid_filter(c, c->nent, 0, 1, false);
	assert_true(c->nent <= 18);
	assert_int_equal(get(1, 0)->ecx >> 24 & 1, 0);
	c->nent = 0;
	x86_cpuid_filter(c, ROOM, 0, 1, false);
	assert_int_equal(c->nent, 0);
}

static uint8_t cmos(struct x86_ports *p, uint8_t reg)
{
	uint8_t v;

	assert_false(x86_port_write(p, 0x70, &reg, 1));
	x86_port_read(p, 0x71, &v, 1);
	return v;
}

static int from_bcd(uint8_t v)
{
	assert_true((v & 15) < 10 && v >> 4 < 10);
	return (v >> 4) * 10 + (v & 15);
}

static void test_cmos(void **state)
{
	struct x86_ports p = { .debug_fd = -1 };
	time_t now = time(NULL);
	struct tm tm;

	(void)state;
	for (int reg = 0; reg < 256; reg++)
		if ((reg & 0x7f) == 0x0a)
			assert_int_equal(cmos(&p, (uint8_t)reg) & 0x80, 0);
	assert_int_equal(cmos(&p, 0x0d), 0x80);
	memset(&tm, 0, sizeof(tm));
	tm.tm_sec = from_bcd(cmos(&p, 0));
	tm.tm_min = from_bcd(cmos(&p, 2));
	tm.tm_hour = from_bcd(cmos(&p, 4));
	tm.tm_mday = from_bcd(cmos(&p, 7));
	tm.tm_mon = from_bcd(cmos(&p, 8)) - 1;
	tm.tm_year =
		from_bcd(cmos(&p, 0x32)) * 100 + from_bcd(cmos(&p, 9)) - 1900;
	assert_in_range(timegm(&tm), now - 1, now + 2);
	gmtime_r(&now, &tm);
	assert_int_equal(from_bcd(cmos(&p, 6)), tm.tm_wday + 1);
}

/* All ports, all widths: ones but where somebody lives, and one reset line. */
static void test_ports(void **state)
{
	struct x86_ports p = { .debug_fd = -1 };
	uint32_t v, value = 0xfefefefe;

	(void)state;
	for (uint32_t port = 0; port < 65536; port++) {
		for (unsigned int len = 1; len <= 4; len *= 2) {
			v = 0;
			x86_port_read(&p, (uint16_t)port, &v, len);
			if (len > 1 || (port != 0x71 && port != 0xe9))
				assert_int_equal(v,
						 0xffffffff >> (32 - 8 * len));
			assert_int_equal(
				x86_port_write(&p, (uint16_t)port, &value, len),
				port == 0x64 && len == 1);
		}
	}
}

static void test_debug_port_is_bounded(void **state)
{
	int fds[2];
	struct x86_ports p = { .debug_left = 3 };
	char buf[8];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	p.debug_fd = fds[1];
	for (char ch = 'a'; ch < 'z'; ch++)
		x86_port_write(&p, 0xe9, &ch, 1);
	assert_int_equal(read(fds[0], buf, sizeof(buf)), 3);
	assert_memory_equal(buf, "abc", 3);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mptable),
		cmocka_unit_test(test_acpi),
		cmocka_unit_test(test_linux_boot),
		cmocka_unit_test(test_pvh_boot),
		cmocka_unit_test(test_long_cmdline),
		cmocka_unit_test_setup_teardown(test_cpuid, cpuid_setup,
						cpuid_teardown),
		cmocka_unit_test_setup_teardown(test_cpuid_is_bounded,
						cpuid_setup, cpuid_teardown),
		cmocka_unit_test(test_cmos),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_debug_port_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
