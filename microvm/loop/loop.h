/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_MICROVM_LOOP_LOOP_H
#define HULL_MICROVM_LOOP_LOOP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct epoll_event;
struct err;

/*
 * One epoll loop in one thread serves every device. Its lock is held around
 * each callback; a vCPU thread takes the same lock around an access to a
 * device register, so device code never runs twice at a time.
 */
struct loop {
	int epoll_fd;
	int wake_fd;
	bool stopping; /* somebody has called loop_stop() */
	bool stop;
	int status; /* what loop_stop() was given */
	pthread_mutex_t lock;
	/* the loop's own: events of the present round, and how often a watch
	 * was removed */
	struct epoll_event *round;
	int round_count;
	uint64_t removals;
};

/**
 * struct loop_watch - one watched descriptor; embedded in its owner.
 * @fd: borrowed; @events: EPOLLIN, EPOLLOUT...; 0 while not added
 * @call: with the epoll events that were seen; may add, change and remove any
 *        watch, its own included
 */
struct loop_watch {
	int fd;
	uint32_t events;
	void (*call)(struct loop_watch *watch, uint32_t events);
	void *arg;
};

/** loop_init() - Return: 0, or -errno of epoll_create1(2), eventfd(2). */
int loop_init(struct loop *loop, struct err *err);
void loop_release(struct loop *loop);

/**
 * loop_watch() - watch @watch->fd for @events (level-triggered), or change what
 * is watched; 0 events removes the watch. A removed watch is not called any
 * more, not even for events of the same round. While the loop runs, the caller
 * holds its lock.
 *
 * Return: 0 or -errno of epoll_ctl(2).
 */
int loop_watch(struct loop *loop, struct loop_watch *watch, uint32_t events);

/** loop_run() - serve until loop_stop(); returns its status. */
int loop_run(struct loop *loop);

/** loop_stop() - end loop_run(); from any thread. The first status counts. */
void loop_stop(struct loop *loop, int status);

#endif
