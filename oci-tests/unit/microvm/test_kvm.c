/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/kvm/kvm.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/eventfd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "microvm/loop/loop.h"
#include "microvm/mem/mem.h"
#include "oci-tests/unit/microvm/bare.h"

#define MIB (1ULL << 20)

/*
 * Bare-metal guests: position-independent 64-bit code that talks through port
 * 0xe9 and ends by the reset line of the keyboard controller.
 */
#define GUEST(name, text)                                          \
	extern const char guest_##name[];                          \
	extern const char guest_##name##_end[];                    \
	__asm__(".pushsection .rodata\n"                           \
		"guest_" #name ":\n" text "guest_" #name "_end:\n" \
		".popsection\n")
#define PUT_AL "outb %al, $0xe9\n"
#define PUT_EAX                                                \
	PUT_AL "shr $8, %eax\n" PUT_AL "shr $8, %eax\n" PUT_AL \
	       "shr $8, %eax\n" PUT_AL
#define RESET "movb $0xfe, %al\n outb %al, $0x64\n 1: hlt\n jmp 1b\n"
/* 0xd0000000 lies above what the entry's page tables map */
#define MAP_SLOTS                                      \
	"movl $0xd0000083, 0xc400\n movl $0, 0xc404\n" \
	"movl $0xc003, 0xa018\n movl $0, 0xa01c\n"

GUEST(hello, "movb $'h', %al\n" PUT_AL "movb $'i', %al\n" PUT_AL RESET);
GUEST(ports,
      "movl $0x12345678, %eax\n movw $0x3f8, %dx\n"
      "inb %dx, %al\n" PUT_AL "inw %dx, %ax\n" PUT_AL
      "movw $0xcfc, %dx\n inl %dx, %eax\n" PUT_AL "inb $0x64, %al\n" PUT_AL
      "movb $0x8a, %al\n outb %al, $0x70\n inb $0x71, %al\n" PUT_AL
      "movb $0x0d, %al\n outb %al, $0x70\n inb $0x71, %al\n" PUT_AL
      "movb $0, %al\n outb %al, $0x80\n inb $0xe9, %al\n" PUT_AL RESET);
GUEST(fault, "movb $'x', %al\n" PUT_AL "ud2\n");
GUEST(halt, "movb $'z', %al\n" PUT_AL "cli\n 1: hlt\n jmp 1b\n");
GUEST(spin, "movb $'s', %al\n" PUT_AL "1: jmp 1b\n");
GUEST(mmio,
      MAP_SLOTS "movl $0xd0000000, %ebx\n"
		"movl (%rbx), %eax\n" PUT_EAX "movl 8(%rbx), %eax\n" PUT_EAX
		"movl 0x1000(%rbx), %eax\n" PUT_EAX /* an empty slot */
		"movl 0x1008(%rbx), %eax\n" PUT_EAX
		"movl 0x40000(%rbx), %eax\n" PUT_EAX /* beyond all slots */
		"movl $7, 0x40000(%rbx)\n"
		"movl $1, 0x70(%rbx)\n movl 0x70(%rbx), %eax\n" PUT_EAX
		"movl $7, 8(%rbx)\n movl 8(%rbx), %eax\n" PUT_EAX RESET);
GUEST(later, MAP_SLOTS "movl $0xd0000000, %ebx\n"
		       "movl $1, 0x70(%rbx)\n movl $3, 0x70(%rbx)\n"
		       "movl $1000, %ecx\n"
		       "1: movl $0x55, 0x38(%rbx)\n loop 1b\n"
		       "movl $1, 0x24(%rbx)\n movl $1, 0x20(%rbx)\n"
		       "movl $11, 0x70(%rbx)\n"
		       "movl 0x70(%rbx), %eax\n" PUT_EAX RESET);
GUEST(kick, MAP_SLOTS "movl $0xd0000000, %ebx\n"
		      "movl $0, 0x50(%rbx)\n movl $1, 0x50(%rbx)\n" RESET);
GUEST(cpuid,
      "movl $1, %eax\n xorl %ecx, %ecx\n cpuid\n movl %ecx, %eax\n" PUT_EAX
      "movl %ebx, %eax\n" PUT_EAX
      "movl $0x40000000, %eax\n cpuid\n movl %ebx, %eax\n" PUT_EAX RESET);
GUEST(nowhere, "movl $0x80000000, %ebx\n jmp *%rbx\n");

struct rig {
	struct guest_mem mem;
	struct loop loop;
	struct vm vm;
	int kvm_fd;
	int ended_fd;
	int debug[2];
	char out[256];
	ssize_t out_len;
	pthread_t loop_thread;
};

static void *run_loop(void *loop)
{
	loop_run(loop);
	return NULL;
}

static void rig_ended(void *arg)
{
	struct rig *rig = arg;
	uint64_t one = 1;

	assert_int_equal(write(rig->ended_fd, &one, sizeof(one)), sizeof(one));
}

static bool rig_init(struct rig *rig, unsigned int vcpus)
{
	struct err err = { 0 };

	memset(rig, 0, sizeof(*rig));
	rig->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (rig->kvm_fd < 0 || kvm_probe(rig->kvm_fd, &err)) {
		print_message("no virtual machine can be had here: %s\n",
			      err.msg);
		return false;
	}
	rig->ended_fd = eventfd(0, EFD_CLOEXEC);
	assert_int_equal(pipe2(rig->debug, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(mem_init(&rig->mem, 32 * MIB, NULL), 0);
	assert_int_equal(loop_init(&rig->loop, NULL), 0);
	rig->vm.kick_signal = SIGUSR1;
	rig->vm.ended = rig_ended;
	rig->vm.arg = rig;
	if (vm_init(&rig->vm, rig->kvm_fd, &rig->mem, &rig->loop, vcpus,
		    rig->debug[1], &err))
		fail_msg("%s", err.msg);
	return true;
}

static void rig_release(struct rig *rig)
{
	vm_release(&rig->vm);
	loop_release(&rig->loop);
	mem_release(&rig->mem);
	close(rig->kvm_fd);
	close(rig->ended_fd);
	close(rig->debug[0]);
	close(rig->debug[1]);
}

static void rig_load(struct rig *rig, const char *code, const char *end)
{
	struct err err = { 0 };
	struct bare b;
	auto_fd int fd = -1;

	bare_init(&b, code, (size_t)(end - code));
	fd = bare_fd(&b, sizeof(b));
	if (vm_load(&rig->vm, fd, -1, "quiet", &err))
		fail_msg("%s", err.msg);
	assert_int_equal(
		pthread_create(&rig->loop_thread, NULL, run_loop, &rig->loop),
		0);
	if (vm_start(&rig->vm, &err))
		fail_msg("%s", err.msg);
}

/* Wait until it has ended, stop it, read what it said. */
static void rig_finish(struct rig *rig, int ms)
{
	struct pollfd p = { .fd = rig->ended_fd, .events = POLLIN };

	poll(&p, 1, ms);
	vm_stop(&rig->vm);
	loop_stop(&rig->loop, 0);
	pthread_join(rig->loop_thread, NULL);
	rig->out_len = read(rig->debug[0], rig->out, sizeof(rig->out));
}

#define RUN(rig, name, ms)                                       \
	do {                                                     \
		if (!rig_init(rig, 1)) {                         \
			skip();                                  \
		}                                                \
		rig_load(rig, guest_##name, guest_##name##_end); \
		rig_finish(rig, ms);                             \
	} while (0)

static uint32_t word(const struct rig *rig, unsigned int n)
{
	uint32_t v;

	memcpy(&v, rig->out + 4 * n, sizeof(v));
	return v;
}

static void test_hello(void **state)
{
	struct rig rig;

	(void)state;
	RUN(&rig, hello, 5000);
	assert_int_equal(rig.vm.ending, VM_RESET);
	assert_int_equal(rig.out_len, 2);
	assert_memory_equal(rig.out, "hi", 2);
	assert_int_equal(vm_counts(&rig.vm).pio, 3);
	assert_int_equal(vm_counts(&rig.vm).mmio, 0);
	assert_int_equal(vm_counts(&rig.vm).other, 0);
	rig_release(&rig);
}

static void test_ports(void **state)
{
	static const uint8_t want[] = {
		0xff, 0xff, 0xff, 0xff, 0x26, 0x80, 0xe9
	};
	struct rig rig;

	(void)state;
	RUN(&rig, ports, 5000);
	assert_int_equal(rig.vm.ending, VM_RESET);
	assert_int_equal(rig.out_len, sizeof(want));
	assert_memory_equal(rig.out, want, sizeof(want));
	rig_release(&rig);
}

static void test_triple_fault(void **state)
{
	struct rig rig;

	(void)state;
	RUN(&rig, fault, 5000);
	assert_int_equal(rig.vm.ending, VM_RESET);
	assert_int_equal(rig.out_len, 1);
	assert_int_equal(vm_counts(&rig.vm).other, 1);
	rig_release(&rig);
}

/* Sleeping or busy, it does not end by itself and can be stopped. */
static void test_halt_and_spin(void **state)
{
	struct rig rig;

	(void)state;
	RUN(&rig, halt, 100);
	assert_int_equal(rig.vm.ending, VM_STOPPED);
	assert_int_equal(rig.out_len, 1);
	rig_release(&rig);
	RUN(&rig, spin, 100);
	assert_int_equal(rig.vm.ending, VM_STOPPED);
	assert_int_equal(rig.out_len, 1);
	rig_release(&rig);
}

/* Code in a hole of the memory is nothing that KVM can go on with. */
static void test_nowhere(void **state)
{
	struct rig rig;

	(void)state;
	RUN(&rig, nowhere, 5000);
	assert_true(rig.vm.ending == VM_CRASHED || rig.vm.ending == VM_RESET);
	assert_int_not_equal(rig.vm.reason[0], '\0');
	rig_release(&rig);
}

static void test_cpuid(void **state)
{
	struct rig rig;
	uint32_t ecx, ebx;

	(void)state;
	RUN(&rig, cpuid, 5000);
	assert_int_equal(rig.vm.ending, VM_RESET);
	assert_int_equal(rig.out_len, 12);
	ecx = word(&rig, 0);
	ebx = word(&rig, 1);
	assert_true(ecx & 1U << 31);    /* a hypervisor is there */
	assert_false(ecx & 1U << 5);    /* but not for it to use */
	assert_int_equal(ebx >> 24, 0); /* APIC id */
	assert_int_equal(ebx >> 16 & 255, 1);
	assert_memory_equal(rig.out + 8, "KVMK", 4);
	rig_release(&rig);
}

/* A device of which only the registers matter. */
static const struct virtio_ops toy_ops = {
	.id = VIRTIO_ID_RNG,
	.name = "toy",
	.queue_count = 2,
};

static void test_mmio(void **state)
{
	struct virtio_dev dev = { 0 };
	struct rig rig;

	(void)state;
	if (!rig_init(&rig, 1))
		skip();
	assert_int_equal(
		virtio_dev_init(&dev, &toy_ops, &rig.mem, &rig.loop, 0, NULL),
		0);
	assert_int_equal(vm_plug(&rig.vm, 0, &dev, NULL), 0);
	assert_int_equal(vm_plug(&rig.vm, 0, &dev, NULL), -EBUSY);
	assert_int_equal(vm_plug(&rig.vm, MMIO_SLOTS, &dev, NULL), -EINVAL);
	rig_load(&rig, guest_mmio, guest_mmio_end);
	rig_finish(&rig, 5000);
	assert_int_equal(rig.vm.ending, VM_RESET);
	assert_int_equal(rig.out_len, 28);
	assert_int_equal(word(&rig, 0), 0x74726976);
	assert_int_equal(word(&rig, 1), VIRTIO_ID_RNG);
	assert_int_equal(word(&rig, 2), 0x74726976);
	assert_int_equal(word(&rig, 3), 0);
	assert_int_equal(word(&rig, 4), 0xffffffff);
	assert_int_equal(word(&rig, 5), VIRTIO_S_ACKNOWLEDGE);
	assert_int_equal(word(&rig, 6), VIRTIO_ID_RNG);
	/* both accesses beyond, and two writes; reads stay in the guest */
	assert_int_equal(vm_counts(&rig.vm).mmio, 4);
	virtio_dev_release(&dev);
	rig_release(&rig);
}

/* The driver's features are there when it asks whether they will do; a thousand
 * writes that come to nothing fill KVM's ring a few times, and no more. */
static void test_put_off(void **state)
{
	struct virtio_dev dev = { 0 };
	struct rig rig;

	(void)state;
	if (!rig_init(&rig, 2))
		skip();
	assert_int_equal(
		virtio_dev_init(&dev, &toy_ops, &rig.mem, &rig.loop, 0, NULL),
		0);
	assert_int_equal(vm_plug(&rig.vm, 0, &dev, NULL), 0);
	rig_load(&rig, guest_later, guest_later_end);
	rig_finish(&rig, 5000);
	assert_int_equal(rig.vm.ending, VM_RESET);
	assert_int_equal(rig.out_len, 4);
	assert_int_equal(word(&rig, 0), 11);
	assert_int_equal(dev.acked, 1ULL << VIRTIO_F_VERSION_1);
	assert_int_equal(rig.vm.slot[0].bad_accesses, 1000);
	if (rig.vm.ring)
		assert_in_range(vm_counts(&rig.vm).mmio, 3, 20);
	virtio_dev_release(&dev);
	rig_release(&rig);
}

/* Notifications reach their own queue's eventfd and do not come out of KVM. */
static void test_kicks(void **state)
{
	struct virtio_dev dev = { 0 };
	struct rig rig;
	uint64_t n;

	(void)state;
	if (!rig_init(&rig, 1))
		skip();
	assert_int_equal(
		virtio_dev_init(&dev, &toy_ops, &rig.mem, &rig.loop, 0, NULL),
		0);
	assert_int_equal(vm_plug(&rig.vm, 0, &dev, NULL), 0);
	rig_load(&rig, guest_kick, guest_kick_end);
	rig_finish(&rig, 5000);
	assert_int_equal(rig.vm.ending, VM_RESET);
	assert_int_equal(vm_counts(&rig.vm).mmio, 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(read(dev.kick_fd[i], &n, sizeof(n)),
				 sizeof(n));
		assert_int_equal(n, 1);
	}
	virtio_dev_release(&dev);
	rig_release(&rig);
}

static int refuse(struct err *err)
{
	return err_set(err, -EPERM, "no jail today");
}

static void test_no_jail_no_guest(void **state)
{
	struct rig rig;

	(void)state;
	if (!rig_init(&rig, 2))
		skip();
	rig.vm.jail = refuse;
	rig_load(&rig, guest_hello, guest_hello_end);
	rig_finish(&rig, 5000);
	assert_int_equal(rig.vm.ending, VM_CRASHED);
	assert_non_null(strstr(rig.vm.reason, "no jail today"));
	assert_true(rig.out_len <= 0);
	rig_release(&rig);
}

static void test_many_vcpus(void **state)
{
	struct rig rig;

	(void)state;
	if (!rig_init(&rig, 4))
		skip();
	rig_load(&rig, guest_hello, guest_hello_end);
	rig_finish(&rig, 5000);
	assert_int_equal(rig.vm.ending, VM_RESET);
	assert_memory_equal(rig.out, "hi", 2);
	rig_release(&rig);
}

/* Every exit reason there is, and some that there are not: each runs on or
 * ends with a reason of its own. No KVM needed. */
static void test_exits(void **state)
{
	static const struct row {
		uint32_t exit;
		uint32_t sub;
		enum vm_ending ending;
		const char *text;
	} rows[] = {
		{ KVM_EXIT_INTR, 0, VM_RUNS, "" },
		{ KVM_EXIT_IRQ_WINDOW_OPEN, 0, VM_RUNS, "" },
		{ KVM_EXIT_MMIO, 0, VM_RUNS, "" },
		{ KVM_EXIT_SHUTDOWN, 0, VM_RESET, "reset" },
		{ KVM_EXIT_HLT, 0, VM_RESET, "halted" },
		{ KVM_EXIT_SYSTEM_EVENT, 1, VM_RESET, "shut down" },
		{ KVM_EXIT_SYSTEM_EVENT, 2, VM_RESET, "reset" },
		{ KVM_EXIT_SYSTEM_EVENT, 3, VM_CRASHED, "crash" },
		{ KVM_EXIT_SYSTEM_EVENT, 99, VM_CRASHED, "crash" },
		{ KVM_EXIT_FAIL_ENTRY, 0, VM_CRASHED, "cannot enter" },
		{ KVM_EXIT_INTERNAL_ERROR, 1, VM_CRASHED, "emulate" },
		{ KVM_EXIT_INTERNAL_ERROR, 2, VM_CRASHED, "two exceptions" },
		{ KVM_EXIT_INTERNAL_ERROR, 3, VM_CRASHED, "deliver" },
		{ KVM_EXIT_INTERNAL_ERROR, 4, VM_CRASHED, "unexpected exit" },
		{ KVM_EXIT_INTERNAL_ERROR, 77, VM_CRASHED, "unknown" },
		{ KVM_EXIT_UNKNOWN, 0, VM_CRASHED, "unknown hardware" },
		{ KVM_EXIT_EXCEPTION, 0, VM_CRASHED, "exception" },
		{ KVM_EXIT_HYPERCALL, 0, VM_CRASHED, "unknown kind" },
		{ KVM_EXIT_DEBUG, 0, VM_CRASHED, "unknown kind" },
		{ KVM_EXIT_TPR_ACCESS, 0, VM_CRASHED, "unknown kind" },
		{ KVM_EXIT_NMI, 0, VM_CRASHED, "unknown kind" },
		{ KVM_EXIT_X86_RDMSR, 0, VM_CRASHED, "unknown kind" },
		{ 0xffffffff, 0, VM_CRASHED, "unknown kind" },
	};
	const size_t bytes = 8192;
	struct loop loop;

	(void)state;
	assert_int_equal(loop_init(&loop, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vm vm = { .loop = &loop, .run_bytes = bytes };
		struct vcpu vcpu = { .vm = &vm, .fd = -1 };
		struct kvm_run *run = calloc(1, bytes);

		vcpu.run = run;
		run->exit_reason = rows[i].exit;
		run->internal.suberror = rows[i].sub; /* and event type */
		if (rows[i].exit == KVM_EXIT_MMIO)
			run->mmio.len = 8;
		assert_int_equal(vcpu_handle_exit(&vcpu),
				 rows[i].ending == VM_RUNS);
		assert_int_equal(vm.ending, rows[i].ending);
		if (!strstr(vm.reason, rows[i].text))
			fail_msg("row %zu: '%s'", i, vm.reason);
		free(run);
	}
	loop_release(&loop);
}

static void test_not_kvm(void **state)
{
	struct guest_mem mem;
	struct loop loop;
	struct err err = { 0 };
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)state;
	assert_int_equal(mem_init(&mem, 32 * MIB, NULL), 0);
	assert_int_equal(loop_init(&loop, NULL), 0);
	for (unsigned int n = 0; n <= ARCH_MAX_VCPUS + 1; n += 65) {
		struct vm vm = { 0 };

		assert_int_equal(vm_init(&vm, fd, &mem, &loop, n, -1, &err),
				 -EINVAL);
		vm_release(&vm);
	}
	{
		struct vm vm = { 0 };

		assert_int_equal(vm_init(&vm, fd, &mem, &loop, 1, -1, &err),
				 -ENODEV);
		assert_non_null(strstr(err.msg, "not /dev/kvm"));
		vm_release(&vm);
	}
	assert_int_equal(kvm_probe(fd, &err), -ENODEV);
	loop_release(&loop);
	mem_release(&mem);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exits),
		cmocka_unit_test(test_not_kvm),
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_triple_fault),
		cmocka_unit_test(test_halt_and_spin),
		cmocka_unit_test(test_nowhere),
		cmocka_unit_test(test_cpuid),
		cmocka_unit_test(test_mmio),
		cmocka_unit_test(test_put_off),
		cmocka_unit_test(test_kicks),
		cmocka_unit_test(test_no_jail_no_guest),
		cmocka_unit_test(test_many_vcpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
