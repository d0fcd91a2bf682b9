/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/x86_64/msr.h"

#include <linux/kvm.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/auto.h"
#include "base/err.h"

/* Intel SDM volume 4; AMD APM volume 2, appendix A. */
static const struct kvm_msr_entry initial[] = {
	{ .index = 0x174 },      /* SYSENTER_CS */
	{ .index = 0x175 },      /* SYSENTER_ESP */
	{ .index = 0x176 },      /* SYSENTER_EIP */
	{ .index = 0xc0000081 }, /* STAR */
	{ .index = 0xc0000082 }, /* LSTAR */
	{ .index = 0xc0000083 }, /* CSTAR */
	{ .index = 0xc0000084 }, /* SYSCALL_MASK */
	{ .index = 0xc0000102 }, /* KERNEL_GS_BASE */
	{ .index = 0x10 },       /* TSC */
	/* MISC_ENABLE: fast string operations */
	{ .index = 0x1a0, .data = 1 },
	/* MTRRdefType: enabled, write-back */
	{ .index = 0x2ff, .data = 0x806 },
};

/* [first, first + count), at most as many ranges as KVM takes. */
static const struct {
	uint32_t first;
	uint32_t count;
} denied[] = {
	{ 0xc1, 8 },           /* performance counters */
	{ 0x186, 8 },          /* their event selectors */
	{ 0x309, 4 },          /* fixed counters */
	{ 0x38d, 4 },          /* their controls */
	{ 0x3f1, 1 },          /* PEBS */
	{ 0x480, 0x13 },       /* VMX capabilities */
	{ 0x4c1, 8 },          /* full-width counters */
	{ 0x570, 0x22 },       /* processor trace */
	{ 0x600, 1 },          /* debug store */
	{ 0x40000000, 0x200 }, /* Hyper-V */
	{ 0xc0010000, 8 },     /* AMD performance counters */
	{ 0xc0010114, 4 },     /* VM_CR, IGNNE, SMM_CTL, VM_HSAVE_PA */
	{ 0xc0010200, 12 },    /* AMD performance counters, core */
	{ 0xc0010230, 12 },    /* and of the last level cache */
};

#define MAX_RANGE_BYTES (0x200 / 8)
_Static_assert(ARRAY_SIZE(denied) <= KVM_MSR_FILTER_MAX_RANGES,
	       "KVM takes no more ranges");

int msr_filter(int vm_fd, struct err *err)
{
	static const uint8_t none[MAX_RANGE_BYTES];
	struct kvm_msr_filter filter = {
		.flags = KVM_MSR_FILTER_DEFAULT_ALLOW,
	};

	if (ioctl(vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_X86_MSR_FILTER) <= 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(denied); i++) {
		struct kvm_msr_filter_range *r = &filter.ranges[i];

		r->flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE;
		r->base = denied[i].first;
		r->nmsrs = denied[i].count;
		/* a bit that is not set denies; KVM only reads them */
		r->bitmap = (uint8_t *)(uintptr_t)none;
	}
	if (ioctl(vm_fd, KVM_X86_SET_MSR_FILTER, &filter) < 0)
		return err_sys(err, "cannot set the filter of MSRs");
	return 0;
}

int msr_init(int vcpu_fd, struct err *err)
{
	auto_free struct kvm_msrs *msrs =
		calloc(1, sizeof(*msrs) + sizeof(initial));
	int n;

	if (!msrs)
		return err_code(err, -ENOMEM, "cannot set a vCPU's MSRs");
	msrs->nmsrs = ARRAY_SIZE(initial);
	memcpy(msrs->entries, initial, sizeof(initial));
	n = ioctl(vcpu_fd, KVM_SET_MSRS, msrs);
	if (n < 0)
		return err_sys(err, "cannot set a vCPU's MSRs");
	if (n < (int)ARRAY_SIZE(initial))
		return err_set(err, -EIO, "KVM does not take MSR 0x%x",
			       initial[n].index);
	return 0;
}
