/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/kvm/kvm.h"

#include <linux/kvm.h>
#include <linux/virtio_mmio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"

/* KVM_COALESCED_MMIO_MAX, which wants the kernel's own PAGE_SIZE */
#define RING_ENTRIES                                          \
	((VM_PAGE - sizeof(struct kvm_coalesced_mmio_ring)) / \
	 sizeof(struct kvm_coalesced_mmio))

static const char *const internal_errors[] = {
	[KVM_INTERNAL_ERROR_EMULATION] = "cannot emulate an instruction",
	[KVM_INTERNAL_ERROR_SIMUL_EX] = "two exceptions at once",
	[KVM_INTERNAL_ERROR_DELIVERY_EV] = "cannot deliver an event",
	[KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON] = "unexpected exit",
};

static const char *const system_events[] = {
	[KVM_SYSTEM_EVENT_SHUTDOWN] = "shut down",
	[KVM_SYSTEM_EVENT_RESET] = "reset",
	[KVM_SYSTEM_EVENT_CRASH] = "crashed",
};

static void count(uint64_t *counter)
{
	/* one writer; others only read */
	__atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

/* Once a VM: what is known about a vCPU that cannot go on. */
static bool crash(struct vcpu *vcpu, const char *what, uint64_t detail)
{
	char regs[1024];

	arch_describe(vcpu->fd, regs, sizeof(regs));
	log_warn("vCPU %u: %s (0x%llx): %s", vcpu->index, what,
		 (unsigned long long)detail, regs);
	vm_end(vcpu->vm, VM_CRASHED, "%s (0x%llx) on vCPU %u", what,
	       (unsigned long long)detail, vcpu->index);
	return false;
}

static bool internal_error(struct vcpu *vcpu)
{
	uint32_t sub = vcpu->run->internal.suberror;
	const char *name =
		sub < ARRAY_SIZE(internal_errors) ? internal_errors[sub] : NULL;
	char what[96];

	snprintf(what, sizeof(what), "KVM internal error: %s",
		 name ? name : "unknown");
	return crash(vcpu, what, sub);
}

static bool system_event(struct vcpu *vcpu)
{
	uint32_t type = vcpu->run->system_event.type;
	const char *name =
		type < ARRAY_SIZE(system_events) ? system_events[type] : NULL;

	if (!name || type == KVM_SYSTEM_EVENT_CRASH)
		return crash(vcpu, "guest reported a crash", type);
	vm_end(vcpu->vm, VM_RESET, "guest %s", name);
	return false;
}

/* Writes that KVM has put off come before the access that is handled now. */
static void catch_up(struct vm *vm)
{
	struct kvm_coalesced_mmio_ring *ring = vm->ring;

	while (ring &&
	       ring->first != __atomic_load_n(&ring->last, __ATOMIC_ACQUIRE)) {
		const struct kvm_coalesced_mmio *e =
			&ring->coalesced_mmio[ring->first % RING_ENTRIES];
		uint64_t off = e->phys_addr - MMIO_BASE;

		if (off / MMIO_STRIDE < MMIO_SLOTS && e->len <= sizeof(e->data))
			mmio_write(&vm->slot[off / MMIO_STRIDE],
				   off % MMIO_STRIDE, e->data, e->len);
		__atomic_store_n(&ring->first, (ring->first + 1) % RING_ENTRIES,
				 __ATOMIC_RELEASE);
	}
}

static void access_slot(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	uint64_t off = run->mmio.phys_addr - MMIO_BASE;
	struct mmio_slot *slot = &vcpu->vm->slot[off / MMIO_STRIDE];

	if (run->mmio.is_write)
		mmio_write(slot, off % MMIO_STRIDE, run->mmio.data,
			   run->mmio.len);
	else
		mmio_read(slot, off % MMIO_STRIDE, run->mmio.data,
			  run->mmio.len);
}

void vcpu_help(struct loop_watch *watch, uint32_t events)
{
	struct vm *vm = watch->arg;
	uint64_t n;

	(void)events;
	if (read(watch->fd, &n, sizeof(n)) < 0)
		return;
	for (unsigned int i = 0; i < vm->vcpu_count; i++) {
		if (vm->vcpu[i].waits)
			access_slot(&vm->vcpu[i]);
		vm->vcpu[i].waits = false;
	}
	pthread_cond_broadcast(&vm->helped);
}

static void get_help(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	const uint64_t one = 1;

	vcpu->waits = true;
	if (write(vm->help_watch.fd, &one, sizeof(one)) < 0)
		log_warn("vCPU %u: nobody helps", vcpu->index);
	/* for ever once the loop has ended: the process does, then */
	while (vcpu->waits && !__atomic_load_n(&vm->stopping, __ATOMIC_ACQUIRE))
		pthread_cond_wait(&vm->helped, &vm->loop->lock);
	vcpu->waits = false;
}

/* What belongs to no device reads as ones, as on a bus where nobody answers. */
static void mmio_exit(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	uint64_t gpa = run->mmio.phys_addr;
	uint64_t off = gpa - MMIO_BASE;

	if (run->mmio.len > sizeof(run->mmio.data))
		run->mmio.len = sizeof(run->mmio.data);
	if (gpa < MMIO_BASE || off / MMIO_STRIDE >= MMIO_SLOTS) {
		if (!run->mmio.is_write)
			memset(run->mmio.data, 0xff, run->mmio.len);
		return;
	}
	pthread_mutex_lock(&vcpu->vm->loop->lock);
	catch_up(vcpu->vm);
	vcpu->vm->slot_exits[off / MMIO_STRIDE]++;
	if (off % MMIO_STRIDE == VIRTIO_MMIO_STATUS && run->mmio.is_write)
		get_help(vcpu);
	else
		access_slot(vcpu);
	pthread_mutex_unlock(&vcpu->vm->loop->lock);
}

static bool arch_exit(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	uint32_t reason = vcpu->run->exit_reason;
	bool is_io = false;
	enum arch_exit what;

	pthread_mutex_lock(&vm->loop->lock);
	what = arch_handle_exit(vm->arch, vcpu->run, vm->run_bytes, &is_io);
	pthread_mutex_unlock(&vm->loop->lock);
	count(is_io ? &vcpu->counts.pio : &vcpu->counts.other);
	if (what == ARCH_EXIT_DONE)
		return true;
	if (what == ARCH_EXIT_RESET) {
		vm_end(vm, VM_RESET, "guest reset its machine");
		return false;
	}
	return crash(vcpu, "KVM exit of an unknown kind", reason);
}

bool vcpu_handle_exit(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	if (run->exit_reason == KVM_EXIT_MMIO) {
		count(&vcpu->counts.mmio);
		mmio_exit(vcpu);
		return true;
	}
	if (run->exit_reason == KVM_EXIT_IO)
		return arch_exit(vcpu);
	if (run->exit_reason != KVM_EXIT_INTR)
		count(&vcpu->counts.other);
	switch (run->exit_reason) {
	case KVM_EXIT_INTR:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		return true;
	case KVM_EXIT_SHUTDOWN:
		/* a triple fault: how a kernel with reboot=t ends */
		vm_end(vcpu->vm, VM_RESET, "guest reset its machine");
		return false;
	case KVM_EXIT_HLT:
		/* not with the interrupt controller in the kernel, unless
		 * nothing can ever wake it */
		vm_end(vcpu->vm, VM_RESET, "guest halted");
		return false;
	case KVM_EXIT_SYSTEM_EVENT:
		return system_event(vcpu);
	case KVM_EXIT_FAIL_ENTRY:
		return crash(vcpu, "KVM cannot enter the guest",
			     run->fail_entry.hardware_entry_failure_reason);
	case KVM_EXIT_INTERNAL_ERROR:
		return internal_error(vcpu);
	case KVM_EXIT_EXCEPTION:
		return crash(vcpu, "KVM met an exception of its own",
			     run->ex.exception);
	case KVM_EXIT_UNKNOWN:
		return crash(vcpu, "KVM exit for an unknown hardware reason",
			     run->hw.hardware_exit_reason);
	default:
		return arch_exit(vcpu);
	}
}

void *vcpu_main(void *arg)
{
	struct vcpu *vcpu = arg;
	struct vm *vm = vcpu->vm;
	struct err err = { 0 };

	if (vm->jail && vm->jail(&err)) {
		vm_end(vm, VM_CRASHED, "cannot jail vCPU %u: %.160s",
		       vcpu->index, err.msg);
		return NULL;
	}
	while (!__atomic_load_n(&vm->stopping, __ATOMIC_ACQUIRE)) {
		if (ioctl(vcpu->fd, KVM_RUN, 0) < 0) {
			/* EAGAIN: a vCPU that was not started yet woke up */
			if (errno == EINTR || errno == EAGAIN)
				continue;
			crash(vcpu, "KVM_RUN failed", (uint64_t)errno);
			break;
		}
		if (!vcpu_handle_exit(vcpu))
			break;
	}
	/* ends with the process: a jailed thread may do nothing else */
	while (!vm->kick_signal)
		pause();
	return NULL;
}
