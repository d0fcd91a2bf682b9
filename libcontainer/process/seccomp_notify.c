/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/process/seccomp_notify.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/sock.h"
#include "base/sys.h"

#define STACK_BYTES 65536
#define NOT_YET (-1)
#define NO_LISTENER (-2)

/*
 * The profile may ask the agent about any system call, also those that would
 * hand the listener over, and the agent cannot answer before it has it. So a
 * thread does that, which the filter does not hold: filters belong to threads.
 * The main thread only looks at memory meanwhile. execve(2) leaves no trace of
 * the thread.
 */
struct handing {
	const struct seccomp_notify *notify;
	atomic_int listener;
	atomic_int result; /* 1: not yet; 0 or -errno */
};

static int hand_over(void *arg)
{
	struct handing *h = arg;
	int fd, ret;

	while ((fd = atomic_load(&h->listener)) == NOT_YET)
		sched_yield();
	if (fd == NO_LISTENER) {
		atomic_store(&h->result, 0);
		return 0;
	}
	ret = sock_send(h->notify->agent_fd, h->notify->payload, h->notify->len,
			&fd, 1);
	/* nobody may hold it but the agent: with no reader left the kernel
	 * answers ENOSYS, and waits for no one */
	close(fd);
	close(h->notify->agent_fd);
	atomic_store(&h->result, ret);
	return 0;
}

int seccomp_notify_load(unsigned int flags, struct sock_fprog *prog,
			const struct seccomp_notify *notify)
{
	const int thread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
			   CLONE_THREAD | CLONE_SYSVSEM;
	struct handing h = { .notify = notify };
	char *stack;
	int fd, ret;

	atomic_init(&h.listener, NOT_YET);
	atomic_init(&h.result, 1);
	stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stack == MAP_FAILED)
		return -1;
	if (clone(hand_over, stack + STACK_BYTES, thread, &h) < 0)
		return -1;
	fd = sys_seccomp(SECCOMP_SET_MODE_FILTER,
			 flags | SECCOMP_FILTER_FLAG_NEW_LISTENER, prog);
	ret = fd < 0 ? errno : 0;
	atomic_store(&h.listener, fd < 0 ? NO_LISTENER : fd);
	while (atomic_load(&h.result) == 1)
		;
	if (!ret)
		ret = -atomic_load(&h.result);
	errno = ret;
	return ret ? -1 : 0;
}
