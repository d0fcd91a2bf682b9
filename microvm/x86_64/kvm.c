/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/kvm/arch.h"

#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/auto.h"
#include "base/err.h"
#include "microvm/mem/mem.h"
#include "microvm/x86_64/msr.h"
#include "microvm/x86_64/x86.h"

/* Three pages for real mode on old processors, in the gap below 4 GiB. */
#define TSS_GPA 0xfffbd000UL
#define IDENTITY_MAP_GPA 0xfffbc000ULL
#define MAX_CPUID 256U

/* Intel SDM volume 3, "Local APIC" */
#define APIC_LVT_LINT0 0x350
#define APIC_LVT_LINT1 0x360
#define LVT_MODE_MASK 0x700U
#define LVT_NMI 0x400U
#define LVT_EXTINT 0x700U

struct arch {
	int kvm_fd;
	int vm_fd;
	bool deadline_timer;
	struct kvm_cpuid2 *cpuid; /* what KVM supports */
	struct x86_kernel kernel;
	struct x86_ports ports;
};

static struct kvm_cpuid2 *cpuid_alloc(void)
{
	return calloc(1, sizeof(struct kvm_cpuid2) +
				 MAX_CPUID * sizeof(struct kvm_cpuid_entry2));
}

static int set_up_vm(struct arch *arch, struct err *err)
{
	uint64_t identity = IDENTITY_MAP_GPA;
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };

	if (ioctl(arch->vm_fd, KVM_SET_TSS_ADDR, TSS_GPA) < 0 ||
	    ioctl(arch->vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity) < 0)
		return err_sys(err, "cannot place KVM's own pages");
	if (ioctl(arch->vm_fd, KVM_CREATE_IRQCHIP, 0) < 0)
		return err_sys(err, "cannot create interrupt controllers");
	if (ioctl(arch->vm_fd, KVM_CREATE_PIT2, &pit) < 0)
		return err_sys(err, "cannot create a timer");
	arch->cpuid->nent = MAX_CPUID;
	if (ioctl(arch->kvm_fd, KVM_GET_SUPPORTED_CPUID, arch->cpuid) < 0)
		return err_sys(err, "cannot ask KVM for its CPUID");
	arch->deadline_timer = ioctl(arch->vm_fd, KVM_CHECK_EXTENSION,
				     KVM_CAP_TSC_DEADLINE_TIMER) > 0;
	return msr_filter(arch->vm_fd, err);
}

struct arch *arch_new(int kvm_fd, int vm_fd, int debug_fd, struct err *err)
{
	struct arch *arch = calloc(1, sizeof(*arch));

	if (arch)
		arch->cpuid = cpuid_alloc();
	if (!arch || !arch->cpuid) {
		err_code(err, -ENOMEM, "cannot set up a virtual machine");
		free(arch);
		return NULL;
	}
	arch->kvm_fd = kvm_fd;
	arch->vm_fd = vm_fd;
	arch->ports.debug_fd = debug_fd;
	arch->ports.debug_left = X86_DEBUG_BYTES;
	if (!set_up_vm(arch, err))
		return arch;
	arch_free(arch);
	return NULL;
}

void arch_free(struct arch *arch)
{
	if (!arch)
		return;
	free(arch->cpuid);
	free(arch);
}

int arch_load(struct arch *arch, const struct guest_mem *mem, int kernel_fd,
	      int initrd_fd, const char *cmdline, unsigned int vcpus,
	      struct err *err)
{
	struct x86_initrd initrd;
	int rc = x86_load_kernel(mem, kernel_fd, &arch->kernel, err);

	if (!rc)
		rc = x86_load_initrd(mem, initrd_fd, &arch->kernel, &initrd,
				     err);
	if (!rc)
		rc = x86_write_boot(mem, &arch->kernel, &initrd, cmdline, vcpus,
				    err);
	return rc;
}

int arch_describe_devices(const struct guest_mem *mem, unsigned int vcpus,
			  uint32_t slots, struct err *err)
{
	int rc = x86_acpi(mem_ptr(mem, X86_ACPI_GPA, X86_ACPI_MAX),
			  X86_ACPI_MAX, X86_ACPI_GPA, vcpus, slots);

	return rc < 0 ? err_code(err, rc, "cannot write the ACPI tables") : 0;
}

static int set_cpuid(const struct arch *arch, int vcpu_fd, unsigned int index,
		     unsigned int count, struct err *err)
{
	auto_free struct kvm_cpuid2 *cpuid = cpuid_alloc();

	if (!cpuid)
		return err_code(err, -ENOMEM, "cannot set up vCPU %u", index);
	cpuid->nent = arch->cpuid->nent;
	memcpy(cpuid->entries, arch->cpuid->entries,
	       cpuid->nent * sizeof(cpuid->entries[0]));
	x86_cpuid_filter(cpuid, MAX_CPUID, index, count, arch->deadline_timer);
	if (ioctl(vcpu_fd, KVM_SET_CPUID2, cpuid) < 0)
		return err_sys(err, "cannot set the CPUID of vCPU %u", index);
	return 0;
}

static uint32_t lvt_get(const struct kvm_lapic_state *s, size_t at)
{
	uint32_t v;

	memcpy(&v, s->regs + at, sizeof(v));
	return v;
}

static void lvt_set(struct kvm_lapic_state *s, size_t at, uint32_t mode)
{
	uint32_t v = (lvt_get(s, at) & ~LVT_MODE_MASK) | mode;

	memcpy(s->regs + at, &v, sizeof(v));
}

/* As a BIOS leaves them: the old controller on LINT0, the NMI on LINT1. */
static int set_lapic(int vcpu_fd, struct err *err)
{
	struct kvm_lapic_state lapic;

	if (ioctl(vcpu_fd, KVM_GET_LAPIC, &lapic) < 0)
		return err_sys(err, "cannot get a vCPU's APIC");
	lvt_set(&lapic, APIC_LVT_LINT0, LVT_EXTINT);
	lvt_set(&lapic, APIC_LVT_LINT1, LVT_NMI);
	if (ioctl(vcpu_fd, KVM_SET_LAPIC, &lapic) < 0)
		return err_sys(err, "cannot set a vCPU's APIC");
	return 0;
}

/* The others wait for the first one to start them. */
static int set_entry(const struct arch *arch, int vcpu_fd, struct err *err)
{
	struct kvm_fpu fpu = { .fcw = 0x37f, .mxcsr = 0x1f80 };
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	if (ioctl(vcpu_fd, KVM_GET_SREGS, &sregs) < 0)
		return err_sys(err, "cannot get a vCPU's registers");
	x86_entry_regs(&arch->kernel, &regs, &sregs);
	if (ioctl(vcpu_fd, KVM_SET_SREGS, &sregs) < 0 ||
	    ioctl(vcpu_fd, KVM_SET_REGS, &regs) < 0 ||
	    ioctl(vcpu_fd, KVM_SET_FPU, &fpu) < 0)
		return err_sys(err, "cannot set a vCPU's registers");
	return 0;
}

int arch_vcpu_init(struct arch *arch, int vcpu_fd, unsigned int index,
		   unsigned int count, struct err *err)
{
	/* MSRs after CPUID: it decides which of them there are */
	int rc = set_cpuid(arch, vcpu_fd, index, count, err);

	if (!rc)
		rc = msr_init(vcpu_fd, err);
	if (!rc)
		rc = set_lapic(vcpu_fd, err);
	if (!rc && index == 0)
		rc = set_entry(arch, vcpu_fd, err);
	return rc;
}

/* One or more accesses (a string instruction) to one port. */
static enum arch_exit port_exit(struct arch *arch, struct kvm_run *run,
				size_t run_bytes)
{
	uint64_t off = run->io.data_offset;
	uint64_t size = run->io.size;
	uint8_t *data = (uint8_t *)run + off;

	if (off > run_bytes || size * run->io.count > run_bytes - off)
		return ARCH_EXIT_UNKNOWN;
	for (uint32_t i = 0; i < run->io.count; i++, data += size) {
		if (run->io.direction == KVM_EXIT_IO_IN)
			x86_port_read(&arch->ports, run->io.port, data,
				      (unsigned int)size);
		else if (x86_port_write(&arch->ports, run->io.port, data,
					(unsigned int)size))
			return ARCH_EXIT_RESET;
	}
	return ARCH_EXIT_DONE;
}

enum arch_exit arch_handle_exit(struct arch *arch, struct kvm_run *run,
				size_t run_bytes, bool *is_io)
{
	*is_io = run->exit_reason == KVM_EXIT_IO;
	if (*is_io)
		return port_exit(arch, run, run_bytes);
	return ARCH_EXIT_UNKNOWN;
}

void arch_describe(int vcpu_fd, char *to, size_t size)
{
	struct kvm_regs r;
	struct kvm_sregs s;

	if (ioctl(vcpu_fd, KVM_GET_REGS, &r) < 0 ||
	    ioctl(vcpu_fd, KVM_GET_SREGS, &s) < 0) {
		snprintf(to, size, "registers unknown");
		return;
	}
	snprintf(to, size,
		 "rip=%llx rflags=%llx rax=%llx rbx=%llx rcx=%llx rdx=%llx "
		 "rsi=%llx rdi=%llx rsp=%llx rbp=%llx r8=%llx r9=%llx "
		 "r10=%llx r11=%llx r12=%llx r13=%llx r14=%llx r15=%llx "
		 "cr0=%llx cr2=%llx cr3=%llx cr4=%llx efer=%llx cs=%x",
		 r.rip, r.rflags, r.rax, r.rbx, r.rcx, r.rdx, r.rsi, r.rdi,
		 r.rsp, r.rbp, r.r8, r.r9, r.r10, r.r11, r.r12, r.r13, r.r14,
		 r.r15, s.cr0, s.cr2, s.cr3, s.cr4, s.efer,
		 (unsigned int)s.cs.selector);
}
