/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "base/auto.h"
#include "microvm/virtio/devices.h"
#include "oci-tests/unit/microvm/guest.h"

#define RX 0
#define TX 1

struct fixture {
	struct guest g;
	struct loop loop;
	struct virtio_dev *dev;
	int in;  /* what the guest reads is written here */
	int out; /* what the guest writes is read here */
};

static void start(struct fixture *f, uint64_t limit)
{
	int in[2], out[2];

	assert_int_equal(pipe2(in, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	f->in = in[1];
	f->out = out[0];
	f->dev = console_new(&f->g.mem, &f->loop, in[0], out[1], limit, NULL);
	assert_non_null(f->dev);
	guest_start(&f->g, f->dev, G_ALL_FEATURES, 16);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	guest_init(&f->g);
	if (loop_init(&f->loop, NULL) < 0)
		return -1;
	start(f, 1 << 20);
	*state = f;
	return 0;
}

static void stop(struct fixture *f)
{
	console_free(f->dev);
	auto_close_fd(&f->in);
	auto_close_fd(&f->out);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	stop(f);
	loop_release(&f->loop);
	mem_release(&f->g.mem);
	free(f);
	return 0;
}

static void kick(struct fixture *f, unsigned int index)
{
	guest_kick(&f->g, index);
	loop_rounds(&f->loop, 3);
}

static void give_room(struct fixture *f, uint16_t head, uint32_t len)
{
	const struct vring_desc buf = { G_DATA + 0x10000ULL * head, len, G_IN,
					0 };

	ring_chain(&f->g.ring[RX], head, &buf, 1);
}

static void test_output(void **state)
{
	const struct vring_desc bufs[] = { { G_DATA, 6, G_OUT, 0 },
					   { G_DATA + 100, 6, G_OUT, 0 } };
	struct fixture *f = *state;
	struct vring_used_elem elem;
	char buf[64];

	assert_int_equal(reg_read(&f->g.slot, VIRTIO_MMIO_DEVICE_ID), 3);
	assert_int_equal(reg_read(&f->g.slot, 0x104), 1); /* ports */
	g_put(&f->g.mem, G_DATA, "hello ", 6);
	g_put(&f->g.mem, G_DATA + 100, "world\n", 6);
	ring_chain(&f->g.ring[TX], 0, bufs, 2);
	kick(f, TX);
	assert_int_equal(read(f->out, buf, sizeof(buf)), 12);
	assert_memory_equal(buf, "hello world\n", 12);
	assert_true(ring_get(&f->g.ring[TX], &elem));
	assert_int_equal(elem.len, 0);
}

static size_t drain(int fd)
{
	static char buf[1 << 17];
	size_t sum = 0;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		sum += (size_t)n;
	return sum;
}

/* Nobody reads: the guest goes on, the loop does, too; memory stays flat. */
static void test_output_blocked(void **state)
{
	const struct vring_desc buf = { G_DATA, 65536, G_OUT, 0 };
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 8; i++)
		ring_chain(&f->g.ring[TX], (uint16_t)i, &buf, 1);
	kick(f, TX);
	assert_int_equal(ring_used_idx(&f->g.ring[TX]), 8);
	assert_int_equal(drain(f->out), 65536); /* what the pipe held */
	ring_chain(&f->g.ring[TX], 0, &buf, 1);
	kick(f, TX);
	assert_int_equal(drain(f->out), 65536);
	/* the reader is gone altogether: no SIGPIPE, either */
	auto_close_fd(&f->out);
	ring_chain(&f->g.ring[TX], 0, &buf, 1);
	kick(f, TX);
	assert_int_equal(ring_used_idx(&f->g.ring[TX]), 10);
	assert_false(guest_needs_reset(&f->g));
}

static void test_output_limit(void **state)
{
	const struct vring_desc buf = { G_DATA, 600, G_OUT, 0 };
	struct timespec second = { 1, 50000000 };
	struct fixture *f = *state;
	size_t sum;

	stop(f);
	start(f, 1000);
	for (unsigned int i = 0; i < 5; i++) {
		ring_chain(&f->g.ring[TX], (uint16_t)i, &buf, 1);
		kick(f, TX);
	}
	sum = drain(f->out);
	/* 1000, or 2000 when a second just ended */
	assert_true(sum == 1000 || sum == 2000);
	nanosleep(&second, NULL);
	ring_chain(&f->g.ring[TX], 0, &buf, 1);
	kick(f, TX);
	assert_int_equal(drain(f->out), 600);
}

static void test_input(void **state)
{
	struct fixture *f = *state;
	struct vring_used_elem elem;
	char buf[8];

	assert_int_equal(write(f->in, "abcdef", 6), 6);
	loop_rounds(&f->loop, 3); /* no room: it stays in the pipe */
	give_room(f, 0, 4);
	kick(f, RX);
	assert_true(ring_get(&f->g.ring[RX], &elem));
	assert_int_equal(elem.len, 4);
	g_get(&f->g.mem, G_DATA, buf, 4);
	assert_memory_equal(buf, "abcd", 4);
	give_room(f, 1, 4);
	give_room(f, 2, 4);
	kick(f, RX);
	assert_true(ring_get(&f->g.ring[RX], &elem));
	assert_int_equal(elem.len, 2);
	assert_false(ring_get(&f->g.ring[RX], &elem));
	/* room was there first */
	assert_int_equal(write(f->in, "gh", 2), 2);
	loop_rounds(&f->loop, 3);
	assert_true(ring_get(&f->g.ring[RX], &elem));
	assert_int_equal(elem.id, 2);
	assert_int_equal(elem.len, 2);
}

/* V05, V07: nothing is read that the guest has no room for, nothing spins. */
static void test_input_backpressure(void **state)
{
	struct fixture *f = *state;
	char block[4096] = { 0 };
	struct timespec before, after;
	ssize_t held = 0;

	while (write(f->in, block, sizeof(block)) > 0)
		held += (ssize_t)sizeof(block);
	assert_int_equal(held, 65536);
	loop_rounds(&f->loop, 3);
	assert_int_equal(write(f->in, block, 1), -1); /* still full */
	/* an idle loop with a full pipe: it sleeps */
	give_room(f, 0, 100);
	kick(f, RX);
	assert_int_equal(ring_used_idx(&f->g.ring[RX]), 1);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	assert_int_equal(epoll_wait(f->loop.epoll_fd,
				    &(struct epoll_event){ 0 }, 1, 200),
			 0);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	assert_in_range((after.tv_sec - before.tv_sec) * 1000000000 +
				after.tv_nsec - before.tv_nsec,
			0, 20000000);
}

static void test_input_end(void **state)
{
	struct fixture *f = *state;
	struct vring_used_elem elem;

	assert_int_equal(write(f->in, "x", 1), 1);
	auto_close_fd(&f->in);
	give_room(f, 0, 10);
	give_room(f, 1, 10);
	kick(f, RX);
	loop_rounds(&f->loop, 3);
	assert_true(ring_get(&f->g.ring[RX], &elem));
	assert_int_equal(elem.len, 1);
	assert_false(ring_get(&f->g.ring[RX], &elem));
	assert_int_equal(
		epoll_wait(f->loop.epoll_fd, &(struct epoll_event){ 0 }, 1, 20),
		0);
	assert_false(guest_needs_reset(&f->g));
}

/* V12; neither end there; what cannot be polled */
static void test_odd(void **state)
{
	const struct vring_desc none = { G_DATA, 0, G_OUT, 0 };
	struct fixture *f = *state;
	struct vring_used_elem elem;
	struct virtio_dev *dev;

	assert_int_equal(write(f->in, "x", 1), 1);
	give_room(f, 0, 0);
	kick(f, RX);
	assert_true(ring_get(&f->g.ring[RX], &elem));
	assert_int_equal(elem.len, 0);
	ring_chain(&f->g.ring[TX], 0, &none, 1);
	kick(f, TX);
	assert_true(ring_get(&f->g.ring[TX], &elem));

	dev = console_new(&f->g.mem, &f->loop, -1, -1, 1000, NULL);
	assert_non_null(dev);
	guest_start(&f->g, dev, G_ALL_FEATURES, 16);
	give_room(f, 0, 10);
	kick(f, RX);
	ring_chain(&f->g.ring[TX], 0, &(struct vring_desc){ G_DATA, 9, 0, 0 },
		   1);
	kick(f, TX);
	assert_true(ring_get(&f->g.ring[TX], &elem));
	assert_false(ring_get(&f->g.ring[RX], &elem));
	console_free(dev);

	/* once read, /dev/null is at its end */
	dev = console_new(&f->g.mem, &f->loop, open("/dev/null", O_RDONLY), -1,
			  1000, NULL);
	guest_start(&f->g, dev, G_ALL_FEATURES, 16);
	give_room(f, 0, 10);
	kick(f, RX);
	assert_false(guest_needs_reset(&f->g));
	console_free(dev);
	f->g.slot.dev = f->dev;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_output, setup, teardown),
		cmocka_unit_test_setup_teardown(test_output_blocked, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_output_limit, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_input, setup, teardown),
		cmocka_unit_test_setup_teardown(test_input_backpressure, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_input_end, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_odd, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
