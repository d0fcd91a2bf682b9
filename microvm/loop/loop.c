/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/loop/loop.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "base/auto.h"
#include "base/err.h"

#define ROUND_EVENTS 16

int loop_init(struct loop *loop, struct err *err)
{
	struct epoll_event ev = { .events = EPOLLIN };

	memset(loop, 0, sizeof(*loop));
	loop->wake_fd = -1;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0)
		return err_sys(err, "cannot make an epoll descriptor");
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->wake_fd < 0 ||
	    epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->wake_fd, &ev) < 0) {
		int rc = err_sys(err, "cannot make the loop's eventfd");

		auto_close_fd(&loop->wake_fd);
		auto_close_fd(&loop->epoll_fd);
		return rc;
	}
	pthread_mutex_init(&loop->lock, NULL);
	return 0;
}

void loop_release(struct loop *loop)
{
	if (loop->epoll_fd < 0)
		return;
	auto_close_fd(&loop->wake_fd);
	auto_close_fd(&loop->epoll_fd);
	pthread_mutex_destroy(&loop->lock);
}

int loop_watch(struct loop *loop, struct loop_watch *watch, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = watch };
	int op = EPOLL_CTL_MOD;

	if (watch->events == events)
		return 0;
	if (!watch->events)
		op = EPOLL_CTL_ADD;
	else if (!events)
		op = EPOLL_CTL_DEL;
	if (epoll_ctl(loop->epoll_fd, op, watch->fd, &ev) < 0)
		return -errno;
	watch->events = events;
	if (events)
		return 0;
	loop->removals++;
	for (int i = 0; i < loop->round_count; i++)
		if (loop->round[i].data.ptr == watch)
			loop->round[i].data.ptr = NULL;
	return 0;
}

static bool is_stopped(struct loop *loop)
{
	return __atomic_load_n(&loop->stop, __ATOMIC_ACQUIRE);
}

static void call_one(struct epoll_event *ev)
{
	struct loop_watch *watch = ev->data.ptr;
	uint32_t seen;

	if (!watch)
		return; /* the wake-up, or removed in this round */
	seen = ev->events & (watch->events | EPOLLERR | EPOLLHUP);
	if (seen)
		watch->call(watch, seen);
}

int loop_run(struct loop *loop)
{
	struct epoll_event round[ROUND_EVENTS];
	uint64_t removals;

	pthread_mutex_lock(&loop->lock);
	while (!is_stopped(loop)) {
		int n;

		removals = loop->removals;
		pthread_mutex_unlock(&loop->lock);
		/* one call whatever the libc, which the filters count on */
		n = epoll_pwait(loop->epoll_fd, round, ROUND_EVENTS, -1, NULL);
		pthread_mutex_lock(&loop->lock);
		/*
		 * A vCPU thread may have removed (and freed) a watch between
		 * the wait and the lock. Watches are level-triggered: what is
		 * dropped here is seen again at once.
		 */
		if (n < 0 || loop->removals != removals)
			continue;
		loop->round = round;
		loop->round_count = n;
		for (int i = 0; i < n && !is_stopped(loop); i++)
			call_one(&round[i]);
		loop->round_count = 0;
		loop->round = NULL;
	}
	pthread_mutex_unlock(&loop->lock);
	return loop->status;
}

void loop_stop(struct loop *loop, int status)
{
	uint64_t one = 1;
	bool was = false;

	/* the flag is set after the status is: loop_run() reads them so */
	if (!__atomic_compare_exchange_n(&loop->stopping, &was, true, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return;
	loop->status = status;
	__atomic_store_n(&loop->stop, true, __ATOMIC_RELEASE);
	if (write(loop->wake_fd, &one, sizeof(one)) < 0)
		return; /* cannot: the counter is far from its end */
}
