/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/kvm/kvm.h"

#include <linux/kvm.h>
#include <linux/virtio_mmio.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "base/auto.h"
#include "base/err.h"
#include "microvm/loop/loop.h"
#include "microvm/mem/mem.h"

#define CREATE_TRIES 16
#define REGS_BYTES (MMIO_SLOTS * MMIO_STRIDE)

static const struct {
	int cap;
	const char *name;
} needed[] = {
	{ KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY" },
	{ KVM_CAP_READONLY_MEM, "KVM_CAP_READONLY_MEM" },
	{ KVM_CAP_IRQCHIP, "KVM_CAP_IRQCHIP" },
	{ KVM_CAP_IRQFD, "KVM_CAP_IRQFD" },
	{ KVM_CAP_IOEVENTFD, "KVM_CAP_IOEVENTFD" },
	{ KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT" },
};

static int check_kvm(int kvm_fd, struct err *err)
{
	int version = ioctl(kvm_fd, KVM_GET_API_VERSION, 0);

	if (version < 0)
		return err_set(err, -ENODEV, "descriptor %d is not /dev/kvm",
			       kvm_fd);
	if (version != KVM_API_VERSION)
		return err_set(err, -ENODEV, "KVM has API version %d, not %d",
			       version, KVM_API_VERSION);
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (ioctl(kvm_fd, KVM_CHECK_EXTENSION, needed[i].cap) <= 0)
			return err_set(err, -ENODEV, "KVM has no %s",
				       needed[i].name);
	return 0;
}

/* The kernel gives up on a signal that is pending, be it blocked or not. */
static int create_vm(int kvm_fd, struct err *err)
{
	int fd = -1;

	for (int i = 0; i < CREATE_TRIES; i++) {
		fd = ioctl(kvm_fd, KVM_CREATE_VM, 0);
		if (fd >= 0 || errno != EINTR)
			break;
	}
	return fd >= 0 ? fd : err_sys(err, "cannot create a virtual machine");
}

int kvm_probe(int kvm_fd, struct err *err)
{
	auto_fd int fd = -1;
	int rc = check_kvm(kvm_fd, err);

	if (rc)
		return rc;
	fd = create_vm(kvm_fd, err);
	return fd < 0 ? fd : 0;
}

static int give_slot(const struct vm *vm, unsigned int number, uint64_t gpa,
		     void *host, uint64_t len)
{
	struct kvm_userspace_memory_region slot = {
		.slot = number,
		.flags = host == vm->regs ? KVM_MEM_READONLY : 0,
		.guest_phys_addr = gpa,
		.memory_size = len,
		.userspace_addr = (uintptr_t)host,
	};

	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &slot) < 0 ? -errno
								    : 0;
}

static int give_memory(const struct vm *vm, struct err *err)
{
	for (unsigned int i = 0; i < vm->mem->region_count; i++) {
		const struct mem_region *r = &vm->mem->region[i];
		int rc = give_slot(vm, i, r->gpa, r->host, r->len);

		if (rc)
			return err_code(err, rc,
					"cannot give the machine its memory");
	}
	return 0;
}

/*
 * Most accesses to a device's registers are reads: while its driver starts,
 * and one at each interrupt. They do not leave the guest, as the registers are
 * memory to it that it cannot write; writes come to user space as ever.
 */
static int give_registers(struct vm *vm, struct err *err)
{
	void *regs = mmap(NULL, REGS_BYTES, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int rc;

	if (regs == MAP_FAILED)
		return err_sys(err, "no memory for the devices' registers");
	vm->regs = regs;
	for (unsigned int i = 0; i < MMIO_SLOTS; i++) {
		vm->slot[i].page = vm->regs + i * (MMIO_STRIDE / 4);
		mmio_show(&vm->slot[i]);
	}
	rc = give_slot(vm, vm->mem->region_count, MMIO_BASE, regs, REGS_BYTES);
	return rc ? err_code(err, rc, "cannot show the devices' registers") : 0;
}

/* Where KVM has it, it lies behind each vCPU's struct kvm_run, and is one for
 * all of them. */
static void find_ring(struct vm *vm)
{
	int pages =
		ioctl(vm->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_COALESCED_MMIO);
	size_t at = (size_t)(pages > 0 ? pages : 0) * VM_PAGE;

	if (at && at + VM_PAGE <= vm->run_bytes)
		vm->ring = (void *)((char *)vm->vcpu[0].run + at);
}

static int create_vcpus(struct vm *vm, unsigned int count, struct err *err)
{
	int bytes = ioctl(vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);

	if (bytes < (int)sizeof(struct kvm_run))
		return err_set(err, -ENODEV, "KVM tells no size of its vCPUs");
	vm->run_bytes = (size_t)bytes;
	for (unsigned int i = 0; i < count; i++) {
		struct vcpu *vcpu = &vm->vcpu[i];
		void *run;

		vcpu->vm = vm;
		vcpu->index = i;
		vcpu->fd = ioctl(vm->fd, KVM_CREATE_VCPU, (unsigned long)i);
		if (vcpu->fd < 0)
			return err_sys(err, "cannot create vCPU %u", i);
		vm->vcpu_count = i + 1;
		run = mmap(NULL, vm->run_bytes, PROT_READ | PROT_WRITE,
			   MAP_SHARED, vcpu->fd, 0);
		if (run == MAP_FAILED)
			return err_sys(err, "cannot map vCPU %u", i);
		vcpu->run = run;
	}
	find_ring(vm);
	return 0;
}

static int watch_help(struct vm *vm, struct err *err)
{
	int rc;

	vm->help_watch = (struct loop_watch){
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.call = vcpu_help,
		.arg = vm,
	};
	if (vm->help_watch.fd < 0)
		return err_sys(err, "cannot make an eventfd");
	rc = loop_watch(vm->loop, &vm->help_watch, EPOLLIN);
	return rc ? err_code(err, rc, "cannot watch the vCPUs") : 0;
}

int vm_init(struct vm *vm, int kvm_fd, const struct guest_mem *mem,
	    struct loop *loop, unsigned int vcpus, int debug_fd,
	    struct err *err)
{
	int rc;

	vm->kvm_fd = kvm_fd;
	vm->fd = -1;
	vm->ack_fd = -1;
	vm->help_watch.fd = -1;
	vm->mem = mem;
	vm->loop = loop;
	pthread_mutex_init(&vm->end_lock, NULL);
	pthread_cond_init(&vm->helped, NULL);
	if (!vcpus || vcpus > ARCH_MAX_VCPUS)
		return err_set(err, -EINVAL, "%u vCPUs: 1 to %d can be had",
			       vcpus, ARCH_MAX_VCPUS);
	rc = check_kvm(kvm_fd, err);
	if (rc)
		return rc;
	vm->fd = create_vm(kvm_fd, err);
	if (vm->fd < 0)
		return vm->fd;
	vm->ack_fd = eventfd(0, EFD_CLOEXEC);
	if (vm->ack_fd < 0)
		return err_sys(err, "cannot make an eventfd");
	rc = give_memory(vm, err);
	if (!rc)
		rc = give_registers(vm, err);
	if (!rc)
		rc = watch_help(vm, err);
	if (rc)
		return rc;
	vm->arch = arch_new(kvm_fd, vm->fd, debug_fd, err);
	if (!vm->arch)
		return -EIO;
	return create_vcpus(vm, vcpus, err);
}

int vm_describe(struct vm *vm, uint32_t slots, struct err *err)
{
	return arch_describe_devices(vm->mem, vm->vcpu_count, slots, err);
}

int vm_load(struct vm *vm, int kernel_fd, int initrd_fd, const char *cmdline,
	    struct err *err)
{
	int rc = arch_load(vm->arch, vm->mem, kernel_fd, initrd_fd, cmdline,
			   vm->vcpu_count, err);

	for (unsigned int i = 0; i < vm->vcpu_count && !rc; i++)
		rc = arch_vcpu_init(vm->arch, vm->vcpu[i].fd, i, vm->vcpu_count,
				    err);
	return rc;
}

/* A write of @value to a register becomes a signal of an eventfd. */
static int wire_write(const struct vm *vm, uint64_t gpa, uint32_t value, int fd)
{
	struct kvm_ioeventfd to = {
		.datamatch = value,
		.addr = gpa,
		.len = 4,
		.fd = fd,
		.flags = KVM_IOEVENTFD_FLAG_DATAMATCH,
	};

	return ioctl(vm->fd, KVM_IOEVENTFD, &to) < 0 ? -errno : 0;
}

/*
 * Registers that only keep what is written until another one is: the features
 * that the driver accepts, and a queue's size and addresses. What acts (status,
 * QueueReady), and what changes how others read (the selectors of the device's
 * features and of the queue), must come out at once.
 */
static const struct {
	uint16_t off;
	uint16_t len;
} put_off[] = {
	{ VIRTIO_MMIO_DRIVER_FEATURES, 8 }, /* and their selector */
	{ VIRTIO_MMIO_QUEUE_NUM, 4 },
	{ VIRTIO_MMIO_QUEUE_DESC_LOW, 0x28 },
};

static int put_off_writes(const struct vm *vm, uint64_t base)
{
	for (size_t i = 0; i < ARRAY_SIZE(put_off) && vm->ring; i++) {
		struct kvm_coalesced_mmio_zone zone = {
			.addr = base + put_off[i].off,
			.size = put_off[i].len,
		};

		if (ioctl(vm->fd, KVM_REGISTER_COALESCED_MMIO, &zone) < 0)
			return -errno;
	}
	return 0;
}

static int wire_queues(const struct vm *vm, uint64_t base,
		       const struct virtio_dev *dev)
{
	int rc = 0;

	for (unsigned int i = 0; i < dev->ops->queue_count && !rc; i++)
		rc = wire_write(vm, base + MMIO_NOTIFY_OFFSET, i,
				dev->kick_fd[i]);
	if (!rc)
		rc = put_off_writes(vm, base);
	/* Each interrupt is acknowledged. That a queue was used needs no answer
	 * (its bit always reads as set): nobody looks at this eventfd, and the
	 * write does not leave the kernel. */
	return rc ? rc
		  : wire_write(vm, base + VIRTIO_MMIO_INTERRUPT_ACK,
			       VIRTIO_MMIO_INT_VRING, vm->ack_fd);
}

int vm_plug(struct vm *vm, unsigned int slot, struct virtio_dev *dev,
	    struct err *err)
{
	uint64_t base = MMIO_BASE + slot * MMIO_STRIDE;
	struct kvm_irqfd irq = {
		.fd = (uint32_t)dev->irq_fd,
		.gsi = MMIO_FIRST_GSI + slot,
	};
	int rc;

	if (slot >= MMIO_SLOTS)
		return err_set(err, -EINVAL, "no slot %u for a device", slot);
	if (vm->slot[slot].dev)
		return err_set(err, -EBUSY, "slot %u is taken", slot);
	if (ioctl(vm->fd, KVM_IRQFD, &irq) < 0)
		return err_sys(err, "cannot wire the interrupt of '%s'",
			       dev->ops->name);
	rc = wire_queues(vm, base, dev);
	if (rc)
		return err_code(err, rc, "cannot wire the queues of '%s'",
				dev->ops->name);
	mmio_plug(&vm->slot[slot], dev);
	return 0;
}

void vm_end(struct vm *vm, enum vm_ending ending, const char *fmt, ...)
{
	va_list ap;
	bool first;

	pthread_mutex_lock(&vm->end_lock);
	first = vm->ending == VM_RUNS;
	if (first) {
		vm->ending = ending;
		va_start(ap, fmt);
		vsnprintf(vm->reason, sizeof(vm->reason), fmt, ap);
		va_end(ap);
	}
	pthread_mutex_unlock(&vm->end_lock);
	if (first && vm->ended)
		vm->ended(vm->arg);
}

static void on_signal(int sig)
{
	(void)sig; /* only there to interrupt KVM_RUN */
}

int vm_start(struct vm *vm, struct err *err)
{
	struct sigaction sa = { .sa_handler = on_signal };
	sigset_t all, old;
	int rc = 0;

	sigfillset(&all);
	if (vm->kick_signal) {
		sigaction(vm->kick_signal, &sa, NULL);
		sigdelset(&all, vm->kick_signal);
	}
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (unsigned int i = 0; i < vm->vcpu_count && !rc; i++) {
		rc = pthread_create(&vm->vcpu[i].thread, NULL, vcpu_main,
				    &vm->vcpu[i]);
		vm->vcpu[i].started = !rc;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!rc)
		return 0;
	vm_stop(vm);
	return err_code(err, -rc, "cannot start a vCPU's thread");
}

/*
 * A signal that comes just before KVM_RUN would be lost, so immediate_exit is
 * set first: KVM_RUN looks at it after the signal could have come.
 */
void vm_stop(struct vm *vm)
{
	__atomic_store_n(&vm->stopping, true, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < vm->vcpu_count; i++) {
		if (!vm->vcpu[i].started)
			continue;
		__atomic_store_n(&vm->vcpu[i].run->immediate_exit, 1,
				 __ATOMIC_RELEASE);
		pthread_kill(vm->vcpu[i].thread, vm->kick_signal);
	}
	pthread_mutex_lock(&vm->loop->lock);
	pthread_cond_broadcast(&vm->helped);
	pthread_mutex_unlock(&vm->loop->lock);
	for (unsigned int i = 0; i < vm->vcpu_count; i++) {
		if (vm->vcpu[i].started)
			pthread_join(vm->vcpu[i].thread, NULL);
		vm->vcpu[i].started = false;
	}
	pthread_mutex_lock(&vm->end_lock);
	if (vm->ending == VM_RUNS)
		vm->ending = VM_STOPPED;
	pthread_mutex_unlock(&vm->end_lock);
}

struct vm_counts vm_counts(const struct vm *vm)
{
	struct vm_counts sum = { 0 };

	for (unsigned int i = 0; i < vm->vcpu_count; i++) {
		const struct vm_counts *c = &vm->vcpu[i].counts;

		sum.pio += __atomic_load_n(&c->pio, __ATOMIC_RELAXED);
		sum.mmio += __atomic_load_n(&c->mmio, __ATOMIC_RELAXED);
		sum.other += __atomic_load_n(&c->other, __ATOMIC_RELAXED);
	}
	return sum;
}

void vm_release(struct vm *vm)
{
	vm_stop(vm);
	for (unsigned int i = 0; i < vm->vcpu_count; i++) {
		if (vm->vcpu[i].run)
			munmap(vm->vcpu[i].run, vm->run_bytes);
		auto_close_fd(&vm->vcpu[i].fd);
	}
	vm->vcpu_count = 0;
	arch_free(vm->arch);
	vm->arch = NULL;
	if (vm->help_watch.fd >= 0)
		loop_watch(vm->loop, &vm->help_watch, 0);
	auto_close_fd(&vm->help_watch.fd);
	auto_close_fd(&vm->ack_fd);
	auto_close_fd(&vm->fd);
	if (vm->regs)
		munmap(vm->regs, REGS_BYTES);
	pthread_cond_destroy(&vm->helped);
	pthread_mutex_destroy(&vm->end_lock);
}
