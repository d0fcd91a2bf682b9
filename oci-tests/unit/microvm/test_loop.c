/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/loop/loop.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"

struct source {
	struct loop_watch watch;
	struct loop *loop;
	struct source *other;
	unsigned int calls;
	unsigned int stop_at;
	bool removes_other;
	bool drains;
};

static void source_call(struct loop_watch *watch, uint32_t events)
{
	struct source *s = watch->arg;
	uint64_t n;

	assert_true(events & EPOLLIN);
	s->calls++;
	if (s->drains)
		assert_int_equal(read(watch->fd, &n, sizeof(n)), sizeof(n));
	if (s->removes_other) {
		s->removes_other = false;
		assert_int_equal(loop_watch(s->loop, &s->other->watch, 0), 0);
		/* its memory is gone from here on */
		memset(&s->other->watch, 0xa5, sizeof(s->other->watch));
	}
	if (s->calls == s->stop_at)
		loop_stop(s->loop, 7);
}

static void source_init(struct source *s, struct loop *loop, unsigned int n)
{
	memset(s, 0, sizeof(*s));
	s->watch.fd = eventfd(n, EFD_NONBLOCK);
	s->watch.call = source_call;
	s->watch.arg = s;
	s->loop = loop;
	assert_int_equal(loop_watch(loop, &s->watch, EPOLLIN), 0);
}

static void test_calls_until_stopped(void **state)
{
	struct loop loop;
	struct source s;

	(void)state;
	assert_int_equal(loop_init(&loop, NULL), 0);
	source_init(&s, &loop, 1);
	s.stop_at = 5; /* level-triggered: nobody reads, so it comes again */
	assert_int_equal(loop_run(&loop), 7);
	assert_int_equal(s.calls, 5);
	loop_stop(&loop, 9);
	assert_int_equal(loop_run(&loop), 7); /* the first status counts */
	close(s.watch.fd);
	loop_release(&loop);
}

/* Both are ready; whichever comes first frees the other. */
static void test_removed_in_its_round(void **state)
{
	struct loop loop;
	struct source a, b;

	(void)state;
	assert_int_equal(loop_init(&loop, NULL), 0);
	source_init(&a, &loop, 1);
	source_init(&b, &loop, 1);
	a.other = &b;
	b.other = &a;
	a.removes_other = b.removes_other = true;
	a.stop_at = b.stop_at = 3;
	assert_int_equal(loop_run(&loop), 7);
	assert_true((a.calls == 3 && b.calls == 0) ||
		    (b.calls == 3 && a.calls == 0));
	loop_release(&loop);
}

static void test_changed_interest(void **state)
{
	struct loop loop;
	struct source a, b;

	(void)state;
	assert_int_equal(loop_init(&loop, NULL), 0);
	source_init(&a, &loop, 1);
	source_init(&b, &loop, 1);
	assert_int_equal(loop_watch(&loop, &a.watch, EPOLLPRI), 0);
	b.stop_at = 2;
	assert_int_equal(loop_run(&loop), 7);
	assert_int_equal(a.calls, 0);
	/* twice the same is nothing, twice removed too */
	assert_int_equal(loop_watch(&loop, &a.watch, EPOLLPRI), 0);
	assert_int_equal(loop_watch(&loop, &a.watch, 0), 0);
	assert_int_equal(loop_watch(&loop, &a.watch, 0), 0);
	close(a.watch.fd);
	assert_int_equal(loop_watch(&loop, &a.watch, EPOLLIN), -EBADF);
	close(b.watch.fd);
	loop_release(&loop);
}

static void *stopper(void *arg)
{
	usleep(20000);
	loop_stop(arg, 3);
	return NULL;
}

static void test_stop_from_a_thread(void **state)
{
	struct loop loop;
	pthread_t thread;

	(void)state;
	assert_int_equal(loop_init(&loop, NULL), 0);
	pthread_create(&thread, NULL, stopper, &loop);
	assert_int_equal(loop_run(&loop), 3);
	pthread_join(thread, NULL);
	loop_release(&loop);
}

/* A thread adds and removes (as a vCPU does at a reset) while the loop works.
 */
static void *churner(void *arg)
{
	struct loop *loop = arg;

	for (int i = 0; i < 2000; i++) {
		struct source s;

		pthread_mutex_lock(&loop->lock);
		source_init(&s, loop, 1);
		pthread_mutex_unlock(&loop->lock);
		pthread_mutex_lock(&loop->lock);
		assert_int_equal(loop_watch(loop, &s.watch, 0), 0);
		close(s.watch.fd);
		memset(&s, 0xa5, sizeof(s));
		pthread_mutex_unlock(&loop->lock);
	}
	loop_stop(loop, 1);
	return NULL;
}

static void test_churn(void **state)
{
	struct loop loop;
	pthread_t thread;

	(void)state;
	assert_int_equal(loop_init(&loop, NULL), 0);
	pthread_create(&thread, NULL, churner, &loop);
	assert_int_equal(loop_run(&loop), 1);
	pthread_join(thread, NULL);
	loop_release(&loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls_until_stopped),
		cmocka_unit_test(test_removed_in_its_round),
		cmocka_unit_test(test_changed_interest),
		cmocka_unit_test(test_stop_from_a_thread),
		cmocka_unit_test(test_churn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
