/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/sock.h"
#include "microvm/virtio/devices.h"
#include "microvm/virtio/fsdev.h"
#include "oci-tests/unit/microvm/guest.h"

/* What the server does with its next message. */
enum answer { GOOD, FAILS, WRONG_TYPE, SHORT, POSITIVE, CLOSES };

struct fixture {
	struct guest g;
	struct loop loop;
	struct virtio_dev *dev;
	int server;
	enum answer answer;
	struct fsdev_msg got;
	int fds[FSDEV_QUEUES + 1];
	pthread_t thread;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int ends[2];

	guest_init(&f->g);
	if (loop_init(&f->loop, NULL) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	f->server = ends[0];
	for (int i = 0; i <= FSDEV_QUEUES; i++)
		f->fds[i] = -1;
	f->dev = fsdev_new(&f->g.mem, &f->loop, ends[1], "root", NULL);
	*state = f;
	return 0;
}

static void close_fds(struct fixture *f)
{
	for (int i = 0; i <= FSDEV_QUEUES; i++)
		auto_close_fd(&f->fds[i]);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	auto_close_fd(&f->server);
	fsdev_free(f->dev);
	close_fds(f);
	loop_release(&f->loop);
	mem_release(&f->g.mem);
	free(f);
	return 0;
}

static void *serve_one(void *arg)
{
	struct fixture *f = arg;
	struct fsdev_msg reply = { 0 };
	size_t len = sizeof(reply);

	close_fds(f);
	if (sock_recv(f->server, &f->got, sizeof(f->got), f->fds,
		      ARRAY_SIZE(f->fds)) != sizeof(f->got))
		g_die("no message");
	reply.type = f->got.type + (f->answer == WRONG_TYPE);
	if (f->answer == FAILS)
		reply.status = -ENOMEM;
	if (f->answer == POSITIVE)
		reply.status = 1;
	if (f->answer == SHORT)
		len--;
	if (f->answer == CLOSES)
		auto_close_fd(&f->server);
	else
		sock_send(f->server, &reply, len, NULL, 0);
	return NULL;
}

static void expect(struct fixture *f, enum answer answer)
{
	f->answer = answer;
	assert_int_equal(pthread_create(&f->thread, NULL, serve_one, f), 0);
}

static void served(struct fixture *f)
{
	assert_int_equal(pthread_join(f->thread, NULL), 0);
}

static bool same_file(int a, int b)
{
	const uint64_t three = 3;
	uint64_t count = 0;

	return write(a, &three, 8) == 8 && read(b, &count, 8) == 8 &&
	       count == 3;
}

static void test_config(void **state)
{
	struct fixture *f = *state;
	struct err err = { 0 };
	char tag[37] = "";
	int fd = dup(0);

	f->g.slot.dev = f->dev;
	assert_int_equal(reg_read(&f->g.slot, VIRTIO_MMIO_DEVICE_ID), 26);
	for (unsigned int i = 0; i < 36; i++)
		mmio_read(&f->g.slot, 0x100 + i, &tag[i], 1);
	assert_string_equal(tag, "root");
	assert_int_equal(reg_read(&f->g.slot, 0x124), 1);
	/* taken also on failure */
	assert_null(fsdev_new(&f->g.mem, &f->loop, fd, "", &err));
	assert_int_equal(err.code, -EINVAL);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_null(fsdev_new(&f->g.mem, &f->loop, -1,
			      "a tag of thirty-seven bytes is too lon", &err));
}

static void test_start_stop(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 2; i++) {
		expect(f, GOOD);
		guest_start(&f->g, f->dev, G_ALL_FEATURES, 64);
		served(f);
		assert_int_equal(reg_read(&f->g.slot, VIRTIO_MMIO_STATUS), 15);
		assert_int_equal(f->got.type, FSDEV_START);
		assert_int_equal(f->got.queue[1].size, 64);
		assert_int_equal(f->got.queue[1].used_gpa, f->g.ring[1].used);
		assert_true(f->got.queue[0].event_idx);
		assert_true(f->got.queue[0].indirect);
		/* kicks by the register reach the server, not the loop */
		guest_kick(&f->g, 1);
		loop_rounds(&f->loop, 2);
		assert_int_equal(read(f->fds[1], &(uint64_t){ 0 }, 8), 8);
		assert_true(same_file(f->fds[0], f->dev->kick_fd[0]));
		assert_true(same_file(f->fds[2], f->dev->irq_fd));

		expect(f, GOOD);
		reg_write(&f->g.slot, VIRTIO_MMIO_STATUS, 0);
		served(f);
		assert_int_equal(f->got.type, FSDEV_STOP);
		assert_int_equal(f->fds[0], -1);
	}
	/* no second stop */
	reg_write(&f->g.slot, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(recv(f->server, &f->got, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

static void test_bad_start(void **state)
{
	struct fixture *f = *state;

	for (int answer = FAILS; answer <= CLOSES; answer++) {
		teardown(state);
		setup(state);
		f = *state;
		expect(f, (enum answer)answer);
		guest_start(&f->g, f->dev, G_ALL_FEATURES, 64);
		served(f);
		assert_true(guest_needs_reset(&f->g));
		/* never asked again; a reset does not wait for it, either */
		reg_write(&f->g.slot, VIRTIO_MMIO_STATUS, 0);
		guest_start(&f->g, f->dev, G_ALL_FEATURES, 64);
		assert_true(guest_needs_reset(&f->g));
	}
}

static void test_bad_stop(void **state)
{
	struct fixture *f = *state;

	expect(f, GOOD);
	guest_start(&f->g, f->dev, G_ALL_FEATURES, 64);
	served(f);
	expect(f, FAILS);
	reg_write(&f->g.slot, VIRTIO_MMIO_STATUS, 0);
	served(f);
	guest_start(&f->g, f->dev, G_ALL_FEATURES, 64);
	assert_true(guest_needs_reset(&f->g));
	/* our end is closed: the server sees it */
	assert_int_equal(recv(f->server, &f->got, 1, MSG_DONTWAIT), 0);
}

static void test_server_dies(void **state)
{
	struct fixture *f = *state;

	expect(f, GOOD);
	guest_start(&f->g, f->dev, G_ALL_FEATURES, 64);
	served(f);
	loop_rounds(&f->loop, 2);
	assert_false(guest_needs_reset(&f->g));
	auto_close_fd(&f->server);
	loop_rounds(&f->loop, 2);
	assert_true(guest_needs_reset(&f->g));
}

/* The server's word, once; then a reset is asked for, and helps. */
static void test_broken_queue(void **state)
{
	const struct fsdev_msg broken = { .type = FSDEV_BROKEN };
	struct fixture *f = *state;

	for (int late = 0; late < 2; late++) {
		expect(f, GOOD);
		guest_start(&f->g, f->dev, G_ALL_FEATURES, 64);
		served(f);
		assert_false(guest_needs_reset(&f->g));
		assert_int_equal(
			sock_send(f->server, &broken, sizeof(broken), NULL, 0),
			0);
		if (!late) {
			loop_rounds(&f->loop, 2);
			assert_true(guest_needs_reset(&f->g));
		}
		/* late: it lies before the answer to the stop */
		expect(f, GOOD);
		reg_write(&f->g.slot, VIRTIO_MMIO_STATUS, 0);
		served(f);
		assert_int_equal(f->got.type, FSDEV_STOP);
	}
	expect(f, GOOD);
	guest_start(&f->g, f->dev, G_ALL_FEATURES, 64);
	served(f);
	/* one that cannot stop saying so is not believed any more */
	for (int i = 0; i < 2; i++)
		sock_send(f->server, &broken, sizeof(broken), NULL, 0);
	loop_rounds(&f->loop, 4);
	assert_true(guest_needs_reset(&f->g));
	assert_int_equal(recv(f->server, &f->got, 1, MSG_DONTWAIT), 0);
}

static void test_queue_missing(void **state)
{
	struct fixture *f = *state;

	f->g.slot.dev = f->dev;
	g_negotiate(&f->g.slot, G_ALL_FEATURES);
	ring_init(&f->g.ring[0], &f->g.mem, RING_AT(0), 64);
	g_queue(&f->g.slot, 0, &f->g.ring[0]);
	reg_write(&f->g.slot, VIRTIO_MMIO_STATUS, 15);
	assert_true(guest_needs_reset(&f->g));
	expect(f, GOOD);
	guest_start(&f->g, f->dev, G_ALL_FEATURES, 64);
	served(f);
	assert_false(guest_needs_reset(&f->g));
	expect(f, GOOD);
	reg_write(&f->g.slot, VIRTIO_MMIO_STATUS, 0);
	served(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_config, setup, teardown),
		cmocka_unit_test_setup_teardown(test_start_stop, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_bad_start, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_bad_stop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_server_dies, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_broken_queue, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_queue_missing, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
