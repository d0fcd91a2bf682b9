/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_MICROVM_KVM_KVM_H
#define HULL_MICROVM_KVM_KVM_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "microvm/kvm/arch.h"
#include "microvm/loop/loop.h"
#include "microvm/virtio/mmio.h"

struct err;
struct kvm_coalesced_mmio_ring;
struct kvm_run;
struct vm;

#define VM_PAGE 4096U

/** enum vm_ending - why no vCPU runs any more. */
enum vm_ending {
	VM_RUNS,
	VM_STOPPED, /* vm_stop() */
	VM_RESET,   /* the guest reset or halted its machine */
	VM_CRASHED, /* KVM could not go on with it; see the reason */
};

/** struct vm_counts - exits to user space of one vCPU, or of all. */
struct vm_counts {
	uint64_t pio;
	uint64_t mmio;
	uint64_t other;
};

/**
 * struct vcpu - one virtual processor and its thread.
 * @waits: for the loop's thread, which serves the access in @run; under the
 *         loop's lock
 */
struct vcpu {
	struct vm *vm;
	unsigned int index;
	int fd;
	struct kvm_run *run;
	pthread_t thread;
	bool started;
	bool waits;
	struct vm_counts counts;
};

/**
 * struct vm - a virtual machine.
 * @jail: called first by each vCPU thread; it does not run when that fails
 * @kick_signal: what vm_stop() interrupts KVM_RUN with. 0: the vCPUs' threads
 *               take no signal at all (each one belongs to the workload) and
 *               end with the process only
 * @ended: called once, from a vCPU's thread, when the guest has ended
 * @regs: pages of the slots' registers, which the guest reads as memory
 * @ring: writes to registers that have no effect of their own, put off by KVM
 *        until the next exit of any vCPU; NULL where it does not do that. It
 *        is the kernel's memory, not the guest's; under the loop's lock
 * @help_watch: eventfd by which a vCPU's thread asks the loop's for help, and
 * @helped: that it was given
 * @slot_exits: accesses to each slot's registers that came out of KVM; under
 *              the loop's lock
 * @ending, @reason: how; valid once @ended was called or vm_stop() returned
 */
struct vm {
	int kvm_fd;
	int fd;
	int ack_fd;
	const struct guest_mem *mem;
	struct loop *loop;
	struct mmio_slot slot[MMIO_SLOTS];
	uint32_t *regs;
	struct kvm_coalesced_mmio_ring *ring;
	struct loop_watch help_watch;
	pthread_cond_t helped;
	uint64_t slot_exits[MMIO_SLOTS];
	struct arch *arch;
	struct vcpu vcpu[ARCH_MAX_VCPUS];
	unsigned int vcpu_count;
	size_t run_bytes;
	int (*jail)(struct err *err);
	int kick_signal;
	void (*ended)(void *arg);
	void *arg;
	bool stopping;
	pthread_mutex_t end_lock;
	enum vm_ending ending;
	char reason[256];
};

/**
 * vm_init() - make a VM with its memory and vCPUs; nothing runs yet.
 * @vm: zeroed but for @jail, @kick_signal, @ended, @arg
 * @kvm_fd: /dev/kvm, borrowed
 * @debug_fd: for the guest's debug port, or -1; borrowed
 *
 * Return: 0, -ENODEV (no KVM there, or one without what is needed: named),
 * -EINVAL (number of vCPUs), or -errno.
 */
int vm_init(struct vm *vm, int kvm_fd, const struct guest_mem *mem,
	    struct loop *loop, unsigned int vcpus, int debug_fd,
	    struct err *err);

/** vm_describe() - see arch_describe_devices(). */
int vm_describe(struct vm *vm, uint32_t slots, struct err *err);

/** vm_load() - see arch_load(); then the vCPUs are set to its entry. */
int vm_load(struct vm *vm, int kernel_fd, int initrd_fd, const char *cmdline,
	    struct err *err);

/**
 * vm_plug() - put a device into a slot: its notifications come through
 * eventfds, its interrupt through another one. Also while the guest runs (the
 * caller then holds the loop's lock): its driver looks when it is told to.
 *
 * Return: 0, -EBUSY, -EINVAL (slot), or -errno.
 */
int vm_plug(struct vm *vm, unsigned int slot, struct virtio_dev *dev,
	    struct err *err);

/** vm_start() - one thread for each vCPU; all signals but @kick_signal are
 * blocked in them. */
int vm_start(struct vm *vm, struct err *err);

/** vm_stop() - stop the vCPUs and wait for their threads (needs @kick_signal
 * once they run). Not from a vCPU's thread and not with the loop's lock held.
 */
void vm_stop(struct vm *vm);

/** vm_end() - note how it ended (the first counts) and call @ended. */
void vm_end(struct vm *vm, enum vm_ending ending, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** vm_counts() - exits of all vCPUs so far. */
struct vm_counts vm_counts(const struct vm *vm);

void vm_release(struct vm *vm);

/**
 * vcpu_handle_exit() - what KVM_RUN came back with.
 *
 * Return: true to run on, false when the guest has ended (vm_end() was called).
 */
bool vcpu_handle_exit(struct vcpu *vcpu);

/**
 * vcpu_help() - @help_watch's call: serve what vCPUs wait for. Starting and
 * stopping a device talks to its backend, which a vCPU's thread, jailed most
 * of all, may not.
 */
void vcpu_help(struct loop_watch *watch, uint32_t events);

/** vcpu_main() - the thread. */
void *vcpu_main(void *arg);

/** kvm_probe() - can this descriptor make a VM? Return: 0, or as vm_init(). */
int kvm_probe(int kvm_fd, struct err *err);

#endif
