/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_MICROVM_KVM_ARCH_H
#define HULL_MICROVM_KVM_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct guest_mem;
struct kvm_run;

/*
 * What differs between processors. One folder beside this one implements it:
 * microvm/x86_64/kvm.c.
 */
struct arch;

#define ARCH_MAX_VCPUS 64

/**
 * arch_new() - prepare a fresh VM: interrupt controllers, and what must be done
 * before there is a vCPU.
 * @kvm_fd, @vm_fd: borrowed for as long as the state lives
 * @debug_fd: receives what the guest writes to its debug port (bounded), or -1
 *
 * Return: the state, or NULL with @err set.
 */
struct arch *arch_new(int kvm_fd, int vm_fd, int debug_fd, struct err *err);
void arch_free(struct arch *arch);

/** arch_load() - kernel, initrd (or -1), command line and tables into memory.
 */
int arch_load(struct arch *arch, const struct guest_mem *mem, int kernel_fd,
	      int initrd_fd, const char *cmdline, unsigned int vcpus,
	      struct err *err);

/** arch_describe_devices() - tables for a kernel that asks the firmware what
 * there is; @slots: the virtio-mmio slots in use, as bits. */
int arch_describe_devices(const struct guest_mem *mem, unsigned int vcpus,
			  uint32_t slots, struct err *err);

/** arch_vcpu_init() - registers of a vCPU as the kernel wants to find them. */
int arch_vcpu_init(struct arch *arch, int vcpu_fd, unsigned int index,
		   unsigned int count, struct err *err);

enum arch_exit {
	ARCH_EXIT_DONE,    /* go on */
	ARCH_EXIT_RESET,   /* the guest asked for a reset */
	ARCH_EXIT_UNKNOWN, /* not an exit that the architecture knows */
};

/**
 * arch_handle_exit() - an exit that is not common to all architectures. Two
 * vCPUs never call it at once.
 * @run_bytes: mapped behind @run
 * @is_io: true when it was an access to a port
 */
enum arch_exit arch_handle_exit(struct arch *arch, struct kvm_run *run,
				size_t run_bytes, bool *is_io);

/** arch_describe() - the registers, for the log. */
void arch_describe(int vcpu_fd, char *to, size_t size);

#endif
