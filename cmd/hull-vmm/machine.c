/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull-vmm/machine.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "cmd/hull-vmm/klog.h"
#include "microvm/jail/jail.h"
#include "microvm/proto/proto.h"
#include "microvm/virtio/devices.h"

#define ROOT_TAG "hullroot"

/*
 * Nothing is probed that is not there, nothing is waited for, a panic resets at
 * once, and no interface is there whose name the container's may have. Most of
 * these matter to a distribution's kernel only.
 */
#define KERNEL_PARAMETERS                                             \
	"reboot=t panic=-1 quiet random.trust_cpu=on no_timer_check " \
	"tsc=reliable rcupdate.rcu_expedited=1 cryptomgr.notests "    \
	"swiotlb=noforce 8250.nr_uarts=0 i8042.noaux i8042.nomux "    \
	"i8042.nopnp i8042.dumbkbd pci=off dummy.numdummies=0 "       \
	"console=hvc0"

static void signal_event(int fd)
{
	const uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		log_warn("cannot signal an event: %s", err_text(errno));
}

/* ---- callbacks; the loop's lock is held */

/* From a vCPU's thread. */
static void machine_ended(void *arg)
{
	loop_stop(&((struct machine *)arg)->loop, 0);
}

/* The guest may open one connection, the agent's; it is given to main(). */
static int on_guest_connect(void *arg, uint32_t port)
{
	struct machine *m = arg;
	int ends[2];

	if (port != PROTO_PORT || m->agent_fd >= 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	m->agent_fd = ends[0];
	signal_event(m->agent_event);
	return ends[1];
}

static void on_host_connect(struct loop_watch *watch, uint32_t events)
{
	struct machine *m = watch->arg;
	int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC);

	(void)events;
	if (fd >= 0) {
		if (vsock_connect(m->vsock, PROTO_PORT, fd))
			log_warn("too many connections to the guest");
		return;
	}
	if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
		return;
	/* not to be called again and again for what does not go away */
	log_warn("no more connections to the guest: %s", err_text(errno));
	loop_watch(&m->loop, watch, 0);
}

static void on_fs_end(struct loop_watch *watch, uint32_t events)
{
	struct machine *m = watch->arg;

	(void)events;
	loop_watch(&m->loop, watch, 0);
	vm_end(&m->vm, VM_CRASHED, "the file server is gone");
}

/* ---- building */

static int add_device(struct machine *m, struct virtio_dev *dev,
		      struct err *err)
{
	return dev ? vm_plug(&m->vm, m->slots++, dev, err) : -EIO;
}

static int add_console(struct machine *m, struct err *err)
{
	int pipe_fds[2];
	int rc;

	if (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_sys(err, "cannot make a pipe for the kernel's log");
	rc = klog_init(&m->klog, &m->loop, pipe_fds[0],
		       m->config->flags & VM_DEBUG);
	if (rc)
		return err_code(err, rc, "cannot watch the kernel's log");
	return add_device(m,
			  console_new(&m->mem, &m->loop, -1, pipe_fds[1],
				      KLOG_BYTES_PER_S, err),
			  err);
}

static int add_devices(struct machine *m, struct err *err)
{
	const struct vm_config *c = m->config;
	int rc = add_device(
		m, fsdev_new(&m->mem, &m->loop, m->fs.ctl_fd, ROOT_TAG, err),
		err);

	m->vsock = vsock_new(&m->mem, &m->loop, on_guest_connect, m, err);
	if (!rc)
		rc = add_device(m, m->vsock, err);
	if (!rc)
		rc = add_console(m, err);
	if (!rc)
		rc = add_device(m, rng_new(&m->mem, &m->loop, err), err);
	if (!rc)
		rc = add_device(m, balloon_new(&m->mem, &m->loop, err), err);
	if (!rc && c->image_fd >= 0)
		rc = add_device(m,
				blk_new(&m->mem, &m->loop, c->image_fd,
					c->image_readonly, "hull-image", err),
				err);
	if (!rc && m->slots > VM_NET_SLOT(c->net_slots, 0))
		rc = err_set(err, -ENOSPC, "no slots left for %u interfaces",
			     c->net_slots);
	return rc;
}

static void add_slot(struct strbuf *line, unsigned int slot)
{
	strbuf_addf(line, " virtio_mmio.device=4K@0x%llx:%u:%u",
		    MMIO_BASE + slot * MMIO_STRIDE, MMIO_FIRST_GSI + slot,
		    slot);
}

static int load_kernel(struct machine *m, struct err *err)
{
	const struct vm_config *c = m->config;
	auto_strbuf struct strbuf line = STRBUF_INIT;
	uint32_t slots = (1U << m->slots) - 1;
	int rc;

	strbuf_add(&line, KERNEL_PARAMETERS);
	for (unsigned int i = 0; i < m->slots; i++)
		add_slot(&line, i);
	for (unsigned int i = 0; i < c->net_slots; i++) {
		add_slot(&line, VM_NET_SLOT(c->net_slots, i));
		slots |= 1U << VM_NET_SLOT(c->net_slots, i);
	}
	if (c->cmdline[0])
		strbuf_addf(&line, " %s", c->cmdline);
	if (!strbuf_ok(&line))
		return err_code(err, -ENOMEM, "kernel command line");
	rc = vm_describe(&m->vm, slots, err);
	return rc ? rc
		  : vm_load(&m->vm, c->kernel_fd, c->initrd_fd, line.s, err);
}

static int watch_host(struct machine *m, struct err *err)
{
	int flags = fcntl(m->config->listen_fd, F_GETFL);
	int rc = 0;

	m->listen_watch = (struct loop_watch){
		.fd = m->config->listen_fd,
		.call = on_host_connect,
		.arg = m,
	};
	m->fs_watch = (struct loop_watch){
		.fd = m->fs.pidfd,
		.call = on_fs_end,
		.arg = m,
	};
	if (flags < 0 ||
	    fcntl(m->config->listen_fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return err_sys(err, "cannot use the listening socket");
	rc = loop_watch(&m->loop, &m->listen_watch, EPOLLIN);
	if (!rc)
		rc = loop_watch(&m->loop, &m->fs_watch, EPOLLIN);
	return rc ? err_code(err, rc, "cannot watch the host's side") : 0;
}

static int vcpu_jail(struct err *err)
{
	return jail_thread(JAIL_VCPU, err);
}

int machine_init(struct machine *m, const struct vm_config *config,
		 struct err *err)
{
	int rc;

	memset(m, 0, sizeof(*m));
	m->config = config;
	m->agent_fd = -1;
	m->told_fd = -1;
	m->agent_event = eventfd(0, EFD_CLOEXEC);
	m->ended_event = eventfd(0, EFD_CLOEXEC);
	if (m->agent_event < 0 || m->ended_event < 0)
		return err_sys(err, "cannot make an eventfd");
	rc = mem_init(&m->mem, config->memory_bytes, err);
	if (!rc)
		rc = fsproc_start(config, &m->mem, &m->fs, err);
	if (!rc)
		rc = loop_init(&m->loop, err);
	if (rc)
		return rc;
	m->vm.jail = vcpu_jail;
	m->vm.ended = machine_ended;
	m->vm.arg = m;
	rc = vm_init(&m->vm, config->kvm_fd, &m->mem, &m->loop, config->vcpus,
		     -1, err);
	if (!rc)
		rc = add_devices(m, err);
	if (!rc)
		rc = load_kernel(m, err);
	return rc ? rc : watch_host(m, err);
}

/* ---- running */

/* Streams to a guest that is gone end, so that nobody waits for it. */
static void *loop_main(void *arg)
{
	struct machine *m = arg;
	struct err err = { 0 };
	struct virtio_dev *vsock;

	if (jail_thread(JAIL_LOOP, &err))
		vm_end(&m->vm, VM_CRASHED, "%.200s", err.msg);
	loop_run(&m->loop);
	pthread_mutex_lock(&m->loop.lock);
	vsock = m->vsock;
	m->vsock = NULL;
	memset(m->vm.slot, 0, sizeof(m->vm.slot));
	vsock_free(vsock);
	klog_finish(&m->klog);
	pthread_mutex_unlock(&m->loop.lock);
	signal_event(m->ended_event);
	for (;;)
		pause(); /* ends with the process */
	return NULL;
}

int machine_start(struct machine *m, struct err *err)
{
	int rc = pthread_create(&m->loop_thread, NULL, loop_main, m);

	if (rc)
		return err_code(err, -rc, "cannot start the devices' thread");
	return vm_start(&m->vm, err);
}

int machine_connect(struct machine *m)
{
	int ends[2];
	int rc = -EPIPE;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	pthread_mutex_lock(&m->loop.lock);
	if (m->vsock)
		rc = vsock_connect(m->vsock, PROTO_PORT, ends[1]);
	else
		close(ends[1]);
	pthread_mutex_unlock(&m->loop.lock);
	if (!rc)
		return ends[0];
	close(ends[0]);
	return rc;
}

int machine_add_net(struct machine *m, unsigned int index, int tap_fd,
		    const struct vm_net *net, struct err *err)
{
	struct virtio_dev *dev;
	int rc = -EIO;

	pthread_mutex_lock(&m->loop.lock);
	dev = net_new(&m->mem, &m->loop, tap_fd, net->mac, net->mtu, err);
	if (dev)
		rc = vm_plug(&m->vm, VM_NET_SLOT(m->config->net_slots, index),
			     dev, err);
	pthread_mutex_unlock(&m->loop.lock);
	return rc;
}

int machine_wait(const struct machine *m, int event, int timeout_ms)
{
	struct pollfd p[] = {
		{ .fd = m->ended_event, .events = POLLIN },
		{ .fd = event, .events = POLLIN },
		{ .fd = m->told_fd, .events = POLLIN },
	};
	int n;

	/* all signals are blocked, so nothing interrupts this */
	n = poll(p, ARRAY_SIZE(p), timeout_ms);
	if (n < 0)
		return -errno;
	if (!n)
		return -ETIMEDOUT;
	if (p[0].revents)
		return 0;
	return p[1].revents ? 1 : -EINTR;
}
