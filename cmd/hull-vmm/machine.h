/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CMD_HULL_VMM_MACHINE_H
#define HULL_CMD_HULL_VMM_MACHINE_H

#include <pthread.h>
#include <stdint.h>

#include "cmd/hull-vmm/fsproc.h"
#include "microvm/kvm/kvm.h"
#include "microvm/loop/loop.h"
#include "microvm/mem/mem.h"
#include "microvm/vmm.h"

/* The guest's kernel log, of which only lines are taken out. */
#define KLOG_LINE 256
struct klog {
	struct loop_watch watch;
	char line[KLOG_LINE];
	size_t len;
	bool to_log;
	char panic[KLOG_LINE]; /* what it died of, or "" */
};

/**
 * struct machine - the VM with its devices and the threads that serve it.
 * @vsock: NULL once the machine has ended; under the loop's lock
 * @agent_fd: our end of the agent's first connection, -1 before; written
 *            before @agent_event is signalled
 * @agent_event: eventfd: the agent has connected
 * @ended_event: eventfd: nothing runs any more; @vm.ending says why
 * @told_fd: signalfd of what ends a container that nobody has started; -1: none
 */
struct machine {
	const struct vm_config *config;
	struct guest_mem mem;
	struct loop loop;
	struct vm vm;
	struct fsproc fs;
	struct virtio_dev *vsock;
	unsigned int slots;
	struct klog klog;
	struct loop_watch listen_watch;
	struct loop_watch fs_watch;
	int agent_fd;
	int agent_event;
	int ended_event;
	int told_fd;
	pthread_t loop_thread;
};

/**
 * machine_init() - memory, fs server, VM, devices, kernel: everything that
 * needs a privilege or opens something. Nothing runs yet but the fs server.
 */
int machine_init(struct machine *m, const struct vm_config *config,
		 struct err *err);

/** machine_start() - the loop's thread and the vCPUs, each in its jail. */
int machine_start(struct machine *m, struct err *err);

/**
 * machine_connect() - a stream to the agent's port.
 *
 * Return: our end, -EPIPE (the machine has ended) or -errno.
 */
int machine_connect(struct machine *m);

/** machine_add_net() - put interface @index in, over its tap (taken). */
int machine_add_net(struct machine *m, unsigned int index, int tap_fd,
		    const struct vm_net *net, struct err *err);

/**
 * machine_wait() - wait until one of our events happens.
 * @event: an eventfd, or another descriptor
 *
 * Return: 1 @event is readable, 0 the machine has ended, -ETIMEDOUT, -EINTR
 * (machine.told_fd is readable).
 */
int machine_wait(const struct machine *m, int event, int timeout_ms);

#endif
