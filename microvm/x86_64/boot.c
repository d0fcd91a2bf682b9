/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/x86_64/x86.h"

#include <asm/bootparam.h>
#include <linux/kvm.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "microvm/mem/mem.h"

#define E820_RAM 1
#define E820_RESERVED 2
#define MAX_RANGES 4

#define LOADER_UNDEFINED 0xff /* boot.rst, type_of_loader */
#define KERNEL_ALIGNMENT 0x1000000U

#define PTE_PRESENT_RW 0x03ULL
#define PTE_LARGE_RW 0x83ULL
#define LARGE_PAGE (2ULL << 20)

#define CR0_PE 1ULL
#define CR0_ET (1ULL << 4)
#define CR0_PG (1ULL << 31)
#define CR4_PAE (1ULL << 5)
#define EFER_LME (1ULL << 8)
#define EFER_LMA (1ULL << 10)

/* Selectors as Linux wants them (boot.rst, "64-bit Boot Protocol"). */
#define SEL_CODE 0x10
#define SEL_DATA 0x18
#define SEL_TSS 0x20

/* Xen's public/arch-x86/hvm/start_info.h */
#define START_INFO_MAGIC 0x336ec578U
struct start_info {
	uint32_t magic;
	uint32_t version;
	uint32_t flags;
	uint32_t module_count;
	uint64_t modules_gpa;
	uint64_t cmdline_gpa;
	uint64_t rsdp_gpa;
	uint64_t memmap_gpa;
	uint32_t memmap_entries;
	uint32_t reserved;
};
struct start_module {
	uint64_t gpa;
	uint64_t len;
	uint64_t cmdline_gpa;
	uint64_t reserved;
};
struct start_range {
	uint64_t gpa;
	uint64_t len;
	uint32_t type;
	uint32_t reserved;
};

struct range {
	uint64_t gpa;
	uint64_t len;
	uint32_t type;
};

static unsigned int memory_map(const struct guest_mem *mem, struct range *out)
{
	unsigned int n = 0;

	out[n++] = (struct range){ 0, X86_LOW_END, E820_RAM };
	out[n++] = (struct range){ X86_LOW_END, X86_HIGH_START - X86_LOW_END,
				   E820_RESERVED };
	out[n++] =
		(struct range){ X86_HIGH_START,
				mem->region[0].len - X86_HIGH_START, E820_RAM };
	if (mem->region_count > 1)
		out[n++] = (struct range){ mem->region[1].gpa,
					   mem->region[1].len, E820_RAM };
	return n;
}

static int write_zero_page(const struct guest_mem *mem,
			   const struct x86_kernel *kernel,
			   const struct x86_initrd *initrd, size_t cmdline_len)
{
	struct boot_params bp = { 0 };
	struct range map[MAX_RANGES];

	if (kernel->setup_len) {
		memcpy(&bp.hdr, kernel->setup, kernel->setup_len);
	} else {
		bp.hdr.boot_flag = 0xaa55;
		bp.hdr.header = 0x53726448; /* "HdrS" */
		bp.hdr.kernel_alignment = KERNEL_ALIGNMENT;
	}
	bp.hdr.type_of_loader = LOADER_UNDEFINED;
	bp.hdr.cmd_line_ptr = X86_CMDLINE_GPA;
	bp.hdr.cmdline_size = (uint32_t)cmdline_len;
	bp.hdr.ramdisk_image = (uint32_t)initrd->gpa;
	bp.hdr.ramdisk_size = (uint32_t)initrd->len;
	bp.e820_entries = (uint8_t)memory_map(mem, map);
	for (unsigned int i = 0; i < bp.e820_entries; i++)
		bp.e820_table[i] = (struct boot_e820_entry){
			.addr = map[i].gpa,
			.size = map[i].len,
			.type = map[i].type,
		};
	return mem_write(mem, X86_ZERO_PAGE_GPA, &bp, sizeof(bp));
}

static int write_start_info(const struct guest_mem *mem,
			    const struct x86_initrd *initrd)
{
	struct {
		struct start_info info;
		struct start_module initrd;
		struct start_range map[MAX_RANGES];
	} out = { 0 };
	const uint64_t base = X86_START_INFO_GPA;
	struct range map[MAX_RANGES];
	unsigned int n = memory_map(mem, map);

	out.info.magic = START_INFO_MAGIC;
	out.info.version = 1;
	out.info.cmdline_gpa = X86_CMDLINE_GPA;
	out.info.memmap_gpa = base + offsetof(__typeof__(out), map);
	out.info.memmap_entries = n;
	if (initrd->len) {
		out.info.module_count = 1;
		out.info.modules_gpa = base + offsetof(__typeof__(out), initrd);
		out.initrd.gpa = initrd->gpa;
		out.initrd.len = initrd->len;
	}
	for (unsigned int i = 0; i < n; i++)
		out.map[i] = (struct start_range){
			.gpa = map[i].gpa,
			.len = map[i].len,
			.type = map[i].type,
		};
	return mem_write(mem, base, &out, sizeof(out));
}

/* The first gigabyte, one to one, in large pages. */
static int write_page_tables(const struct guest_mem *mem)
{
	uint64_t pml4 = X86_PDPT_GPA | PTE_PRESENT_RW;
	uint64_t pdpt = X86_PD_GPA | PTE_PRESENT_RW;
	uint64_t pd[X86_IDENTITY_BYTES / LARGE_PAGE];
	int rc;

	for (uint64_t i = 0; i < ARRAY_SIZE(pd); i++)
		pd[i] = i * LARGE_PAGE | PTE_LARGE_RW;
	rc = mem_write(mem, X86_PML4_GPA, &pml4, sizeof(pml4));
	if (!rc)
		rc = mem_write(mem, X86_PDPT_GPA, &pdpt, sizeof(pdpt));
	if (!rc)
		rc = mem_write(mem, X86_PD_GPA, pd, sizeof(pd));
	return rc;
}

static struct kvm_segment code_segment(bool is_long)
{
	return (struct kvm_segment){
		.limit = 0xffffffff,
		.selector = SEL_CODE,
		.type = 0xb, /* execute, read, accessed */
		.present = 1,
		.db = !is_long,
		.s = 1,
		.l = is_long,
		.g = 1,
	};
}

static struct kvm_segment data_segment(void)
{
	return (struct kvm_segment){
		.limit = 0xffffffff,
		.selector = SEL_DATA,
		.type = 3, /* read, write, accessed */
		.present = 1,
		.db = 1,
		.s = 1,
		.g = 1,
	};
}

static struct kvm_segment tss_segment(void)
{
	return (struct kvm_segment){
		.limit = 0x67,
		.selector = SEL_TSS,
		.type = 0xb, /* busy TSS */
		.present = 1,
	};
}

/* A descriptor in the table says what the hidden part of the register does. */
static uint64_t descriptor(struct kvm_segment s)
{
	uint64_t limit = s.g ? s.limit >> 12 : s.limit;
	uint64_t flags =
		(uint64_t)(s.type | s.s << 4 | s.dpl << 5 | s.present << 7 |
			   s.avl << 12 | s.l << 13 | s.db << 14 | s.g << 15);

	return (limit & 0xffff) | (limit & 0xf0000) << 32 |
	       (s.base & 0xffffff) << 16 | (s.base & 0xff000000) << 32 |
	       flags << 40;
}

static int write_gdt(const struct guest_mem *mem, bool is_long)
{
	uint64_t gdt[] = {
		[SEL_CODE / 8] = descriptor(code_segment(is_long)),
		[SEL_DATA / 8] = descriptor(data_segment()),
		[SEL_TSS / 8] = descriptor(tss_segment()),
		[SEL_TSS / 8 + 1] = 0, /* its upper half in long mode */
	};

	return mem_write(mem, X86_GDT_GPA, gdt, sizeof(gdt));
}

int x86_write_boot(const struct guest_mem *mem, const struct x86_kernel *kernel,
		   const struct x86_initrd *initrd, const char *cmdline,
		   unsigned int vcpus, struct err *err)
{
	bool is_long = kernel->protocol == X86_LINUX64;
	size_t len = strlen(cmdline);
	int rc;

	if (len >= X86_CMDLINE_MAX)
		return err_set(err, -E2BIG,
			       "kernel command line has %zu bytes, at most %u "
			       "are allowed",
			       len, X86_CMDLINE_MAX - 1);
	rc = x86_mptable(mem_ptr(mem, X86_MPTABLE_GPA, X86_MPTABLE_MAX),
			 X86_MPTABLE_MAX, X86_MPTABLE_GPA, vcpus);
	if (rc >= 0)
		rc = mem_write(mem, X86_CMDLINE_GPA, cmdline, len + 1);
	if (!rc)
		rc = write_gdt(mem, is_long);
	if (!rc && is_long)
		rc = write_page_tables(mem);
	if (!rc)
		rc = is_long ? write_zero_page(mem, kernel, initrd, len)
			     : write_start_info(mem, initrd);
	return rc ? err_code(err, rc, "cannot write the boot tables") : 0;
}

void x86_entry_regs(const struct x86_kernel *kernel, struct kvm_regs *regs,
		    struct kvm_sregs *sregs)
{
	bool is_long = kernel->protocol == X86_LINUX64;
	struct kvm_segment data = data_segment();

	memset(regs, 0, sizeof(*regs));
	regs->rflags = 2; /* the bit that is always set; interrupts off */
	regs->rip = kernel->entry;
	sregs->cs = code_segment(is_long);
	sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = data;
	sregs->tr = tss_segment();
	sregs->gdt.base = X86_GDT_GPA;
	sregs->gdt.limit = 6 * 8 - 1;
	sregs->idt.base = 0;
	sregs->idt.limit = 0;
	if (is_long) {
		regs->rsi = X86_ZERO_PAGE_GPA;
		regs->rsp = regs->rbp = X86_STACK_GPA;
		sregs->cr0 = CR0_PE | CR0_ET | CR0_PG;
		sregs->cr3 = X86_PML4_GPA;
		sregs->cr4 = CR4_PAE;
		sregs->efer = EFER_LME | EFER_LMA;
	} else {
		regs->rbx = X86_START_INFO_GPA;
		sregs->cr0 = CR0_PE | CR0_ET;
		sregs->cr3 = 0;
		sregs->cr4 = 0;
		sregs->efer = 0;
	}
}
