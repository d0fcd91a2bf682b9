/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_MICROVM_X86_64_X86_H
#define HULL_MICROVM_X86_64_X86_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct guest_mem;
struct kvm_cpuid2;
struct kvm_regs;
struct kvm_sregs;

/*
 * What the boot protocols put into low memory. A kernel is loaded above 1 MiB;
 * everything here is below, but not overlapping.
 */
#define X86_GDT_GPA 0x500ULL
#define X86_START_INFO_GPA 0x6000ULL /* PVH; its memory map follows */
#define X86_ZERO_PAGE_GPA 0x7000ULL
#define X86_STACK_GPA 0x8ff0ULL
#define X86_PML4_GPA 0x9000ULL
#define X86_PDPT_GPA 0xa000ULL
#define X86_PD_GPA 0xb000ULL
#define X86_CMDLINE_GPA 0x20000ULL
#define X86_CMDLINE_MAX 4096U /* with its NUL */
#define X86_LOW_END 0x9fc00ULL
#define X86_ACPI_GPA 0xe0000ULL /* the same */
#define X86_ACPI_MAX 0x10000ULL
#define X86_MPTABLE_GPA 0xf0000ULL /* where Linux looks for a BIOS's */
#define X86_MPTABLE_MAX 0x10000ULL
#define X86_HIGH_START 0x100000ULL
#define X86_IDENTITY_BYTES (1ULL << 30) /* mapped by our page tables */

#define X86_MAX_VCPUS 64

enum x86_protocol {
	X86_LINUX64, /* 64-bit entry, boot_params in RSI */
	X86_PVH,     /* 32-bit entry, start info in EBX */
};

/**
 * struct x86_kernel - a loaded kernel.
 * @entry: where the first vCPU begins
 * @start, @end: guest-physical memory that it takes, zeroed parts included
 * @setup: of a bzImage: its setup header, as boot_params wants it; else
 *         @setup_len is 0
 */
struct x86_kernel {
	enum x86_protocol protocol;
	uint64_t entry;
	uint64_t start;
	uint64_t end;
	uint8_t setup[256];
	size_t setup_len;
};

/** struct x86_initrd - where it lies; @len 0: none. */
struct x86_initrd {
	uint64_t gpa;
	uint64_t len;
};

/**
 * x86_load_kernel() - recognise and load a kernel: an ELF64 vmlinux or a
 * bzImage. Nothing in the file is believed: each offset and size is checked
 * against the file, the memory and X86_HIGH_START.
 * @fd: regular file, borrowed
 *
 * Return: 0, -ENOEXEC (no kernel for this machine, or a malformed one; the
 * message says what), -ENOSPC (does not fit into the memory), -errno.
 */
int x86_load_kernel(const struct guest_mem *mem, int fd,
		    struct x86_kernel *kernel, struct err *err);

/* The two formats, for x86_load_kernel(). @head: the first page of the file. */
int x86_load_elf(const struct guest_mem *mem, int fd, uint64_t file_bytes,
		 struct x86_kernel *kernel, struct err *err);
int x86_load_bzimage(const struct guest_mem *mem, int fd, uint64_t file_bytes,
		     struct x86_kernel *kernel, struct err *err);

/**
 * x86_read_at() - a part of a file into memory, all of it.
 *
 * Return: 0, -ENOEXEC (the file is shorter), -errno.
 */
int x86_read_at(int fd, uint64_t offset, void *to, size_t len, struct err *err);

/**
 * x86_use_large() - large pages for a kernel that will be loaded to
 * [start, end), and for what it takes before it has started anything.
 */
void x86_use_large(const struct guest_mem *mem, uint64_t start, uint64_t end);

/**
 * x86_load_initrd() - load it as high below the gap (and below 2 GiB) as it
 * goes. -1 for @fd is none.
 */
int x86_load_initrd(const struct guest_mem *mem, int fd,
		    const struct x86_kernel *kernel, struct x86_initrd *initrd,
		    struct err *err);

/**
 * x86_write_boot() - what the protocol of @kernel needs in low memory: command
 * line, memory map, page tables, descriptor table, MP table.
 *
 * Return: 0, or -E2BIG: the command line is too long.
 */
int x86_write_boot(const struct guest_mem *mem, const struct x86_kernel *kernel,
		   const struct x86_initrd *initrd, const char *cmdline,
		   unsigned int vcpus, struct err *err);

/**
 * x86_mptable() - an MP table (MultiProcessor Specification 1.4) for @vcpus
 * processors, one ISA bus and one I/O APIC with 24 pins.
 * @to: room for @size bytes; the table will lie at guest-physical @gpa
 *
 * Return: its bytes, or -ENOSPC.
 */
int x86_mptable(uint8_t *to, size_t size, uint64_t gpa, unsigned int vcpus);

/**
 * x86_acpi() - ACPI tables (hardware-reduced) for @vcpus processors, the I/O
 * APIC and a virtio-mmio device in each of @slots.
 * @to: room for @size bytes; the tables will lie at guest-physical @gpa, which
 *      is a multiple of 16, the pointer to them first
 * @slots: bit N is slot N of MMIO_SLOTS
 *
 * Return: their bytes, or -ENOSPC.
 */
int x86_acpi(uint8_t *to, size_t size, uint64_t gpa, unsigned int vcpus,
	     uint32_t slots);

/** x86_entry_regs() - registers of the first vCPU at the kernel's entry.
 * @sregs: as KVM_GET_SREGS gave them. */
void x86_entry_regs(const struct x86_kernel *kernel, struct kvm_regs *regs,
		    struct kvm_sregs *sregs);

/**
 * x86_cpuid_filter() - turn what KVM supports into what vCPU @index of @count
 * sees: no nested virtualisation, no performance counters, its own place in
 * the topology.
 * @cpuid: changed in place; @room entries are allocated
 * @deadline_timer: KVM has KVM_CAP_TSC_DEADLINE_TIMER
 */
void x86_cpuid_filter(struct kvm_cpuid2 *cpuid, unsigned int room,
		      unsigned int index, unsigned int count,
		      bool deadline_timer);

/**
 * struct x86_ports - the devices of a PC that a kernel pokes although they are
 * not there. They answer such that it stops asking.
 * @debug_fd: what the guest writes to port 0xe9 goes here; -1 to drop it
 * @debug_left: bytes that it may still write
 */
struct x86_ports {
	uint8_t cmos_index;
	int debug_fd;
	uint64_t debug_left;
};
#define X86_DEBUG_BYTES (1ULL << 20)

/**
 * x86_port_read(), x86_port_write() - one access of @len 1, 2 or 4 bytes.
 *
 * Return: of the write: true when it asked for a reset of the machine.
 */
void x86_port_read(struct x86_ports *ports, uint16_t port, void *data,
		   unsigned int len);
bool x86_port_write(struct x86_ports *ports, uint16_t port, const void *data,
		    unsigned int len);

#endif
