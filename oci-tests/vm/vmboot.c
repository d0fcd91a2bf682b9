/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vmboot - boot a kernel through hull's own KVM code, without jail, agent or
 * container: what it costs to reach init, and whether it does.
 *
 *   vmboot KERNEL INITRD|- MIB VCPUS SECONDS [PARAMETER...]
 *
 * hvc0 is standard output, and standard input where that is a pipe or a
 * terminal. Prints how the guest ended and the exits to user
 * space; exit status 0 when it reset itself, 1 when it crashed, 2 when its time
 * was up.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "microvm/kvm/kvm.h"
#include "microvm/loop/loop.h"
#include "microvm/mem/mem.h"
#include "microvm/virtio/devices.h"

static struct loop loop;
static struct guest_mem mem;
static struct vm vm;

static void on_end(void *arg)
{
	(void)arg;
	loop_stop(&loop, 0);
}

static void on_timer(struct loop_watch *watch, uint32_t events)
{
	(void)watch;
	(void)events;
	loop_stop(&loop, 2);
}

static int watch_time(struct loop_watch *watch, const char *seconds)
{
	const struct itimerspec spec = { .it_value.tv_sec = atoi(seconds) };

	watch->call = on_timer;
	watch->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (watch->fd < 0 || timerfd_settime(watch->fd, 0, &spec, NULL) < 0)
		return -errno;
	return loop_watch(&loop, watch, EPOLLIN);
}

static int console_input(void)
{
	struct stat st;

	if (isatty(STDIN_FILENO) ||
	    (!fstat(STDIN_FILENO, &st) && S_ISFIFO(st.st_mode)))
		return dup(STDIN_FILENO);
	return -1;
}

static int boot(char **argv, struct err *err)
{
	auto_strbuf struct strbuf line = STRBUF_INIT;
	int kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int kernel_fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	int initrd_fd =
		strcmp(argv[2], "-") ? open(argv[2], O_RDONLY | O_CLOEXEC) : -1;
	struct virtio_dev *console;
	int rc;

	strbuf_addf(&line,
		    "console=hvc0 reboot=t panic=-1 "
		    "virtio_mmio.device=4K@0x%llx:%d:0",
		    MMIO_BASE, MMIO_FIRST_GSI);
	for (char **p = argv + 6; *p; p++)
		strbuf_addf(&line, " %s", *p);
	rc = loop_init(&loop, err);
	if (!rc)
		rc = mem_init(&mem, (uint64_t)atoi(argv[3]) << 20, err);
	if (!rc)
		rc = vm_init(&vm, kvm_fd, &mem, &loop,
			     (unsigned int)atoi(argv[4]), STDERR_FILENO, err);
	if (rc)
		return rc;
	console = console_new(&mem, &loop, console_input(), dup(STDOUT_FILENO),
			      UINT64_MAX, err);
	if (!console)
		return -EIO;
	rc = vm_plug(&vm, 0, console, err);
	if (!rc)
		rc = vm_load(&vm, kernel_fd, initrd_fd, line.s, err);
	return rc ? rc : vm_start(&vm, err);
}

int main(int argc, char **argv)
{
	struct loop_watch timer = { 0 };
	struct err err = { 0 };
	struct vm_counts n;
	int rc;

	if (argc < 6) {
		fprintf(stderr, "usage: vmboot KERNEL INITRD|- MIB VCPUS "
				"SECONDS [PARAMETER...]\n");
		return 125;
	}
	vm.kick_signal = SIGUSR1;
	vm.ended = on_end;
	if (boot(argv, &err) || watch_time(&timer, argv[5])) {
		fprintf(stderr, "vmboot: %s\n", err.msg);
		return 125;
	}
	rc = loop_run(&loop);
	vm_stop(&vm);
	n = vm_counts(&vm);
	printf("\nvmboot: %s: pio %llu mmio %llu other %llu\n",
	       rc == 2 ? "time is up" : vm.reason, (unsigned long long)n.pio,
	       (unsigned long long)n.mmio, (unsigned long long)n.other);
	return vm.ending == VM_CRASHED ? 1 : rc;
}
