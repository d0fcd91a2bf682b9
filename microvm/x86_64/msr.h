/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_MICROVM_X86_64_MSR_H
#define HULL_MICROVM_X86_64_MSR_H

struct err;

/**
 * msr_filter() - the model-specific registers that a guest never gets, even
 * where KVM would emulate them: performance counters, nested virtualisation,
 * another hypervisor's. An access gives #GP, in the kernel. Done where KVM has
 * the filter (Linux 5.10); registers that KVM does not know give #GP anyway.
 *
 * Return: 0 or -errno.
 */
int msr_filter(int vm_fd, struct err *err);

/** msr_init() - the registers whose value after reset does not suit a kernel.
 * Return: 0, -EIO (KVM refused one: it is named), or -errno. */
int msr_init(int vcpu_fd, struct err *err);

#endif
