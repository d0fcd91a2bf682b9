/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "microvm/virtio/device.h"
#include "oci-tests/unit/microvm/guest.h"

#define SIZE 16

struct fake {
	struct virtio_dev dev;
	unsigned int handled;
	int64_t answer;
	struct guest *refill; /* make each request available again */
};

static int64_t fake_handle(struct virtio_dev *dev, const struct vq_chain *chain)
{
	struct fake *fake = (struct fake *)dev;

	if (fake->answer < 0 && fake->answer != VIRTIO_LATER)
		virtio_fail(dev, "told to");
	if (fake->answer < 0)
		return fake->answer;
	fake->handled++;
	if (fake->refill)
		ring_add(&fake->refill->ring[0],
			 (uint16_t)((chain->head + 1) % SIZE));
	return fake->answer;
}

static void fake_kick(struct virtio_dev *dev, unsigned int index)
{
	virtio_serve(dev, &dev->vq[index], fake_handle);
}

static const struct virtio_ops fake_ops = {
	.id = 77,
	.name = "fake",
	.queue_count = 2,
	.kick = fake_kick,
};

struct fixture {
	struct guest g;
	struct fake fake;
	struct loop loop;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	guest_init(&f->g);
	if (loop_init(&f->loop, NULL) < 0 ||
	    virtio_dev_init(&f->fake.dev, &fake_ops, &f->g.mem, &f->loop, 0,
			    NULL) < 0)
		return -1;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	virtio_dev_release(&f->fake.dev);
	loop_release(&f->loop);
	mem_release(&f->g.mem);
	free(f);
	return 0;
}

static void add(struct fixture *f, uint16_t head)
{
	const struct vring_desc buf = { G_DATA, 64, G_IN, 0 };

	ring_chain(&f->g.ring[0], head, &buf, 1);
}

static uint64_t irqs_raised(struct fixture *f)
{
	uint64_t count = 0;

	if (read(f->fake.dev.irq_fd, &count, sizeof(count)) < 0)
		return 0;
	return count;
}

static void test_kick_by_loop(void **state)
{
	struct fixture *f = *state;

	f->fake.answer = 7;
	guest_start(&f->g, &f->fake.dev, G_ALL_FEATURES, SIZE);
	add(f, 0);
	guest_kick(&f->g, 0);
	assert_int_equal(f->fake.handled, 0); /* the loop's business */
	loop_rounds(&f->loop, 2);
	assert_int_equal(f->fake.handled, 1);
	assert_int_equal(irqs_raised(f), 1);
	/* a notification without a request, and one by the ioeventfd */
	guest_kick(&f->g, 0);
	loop_rounds(&f->loop, 2);
	assert_int_equal(irqs_raised(f), 0);
	add(f, 1);
	assert_int_equal(write(f->fake.dev.kick_fd[0], &(uint64_t){ 1 }, 8), 8);
	loop_rounds(&f->loop, 2);
	assert_int_equal(f->fake.handled, 2);
}

/* What was notified before a reset is not served after it. */
static void test_reset_forgets(void **state)
{
	struct fixture *f = *state;

	guest_start(&f->g, &f->fake.dev, G_ALL_FEATURES, SIZE);
	add(f, 0);
	guest_kick(&f->g, 0);
	reg_write(&f->g.slot, VIRTIO_MMIO_STATUS, 0);
	loop_rounds(&f->loop, 2);
	assert_int_equal(f->fake.handled, 0);
	guest_start(&f->g, &f->fake.dev, G_ALL_FEATURES, SIZE);
	add(f, 0);
	loop_rounds(&f->loop, 2);
	assert_int_equal(f->fake.handled, 0);
	guest_kick(&f->g, 0);
	loop_rounds(&f->loop, 2);
	assert_int_equal(f->fake.handled, 1);
}

/* A driver that adds as fast as it is served does not keep the loop. */
static void test_fair(void **state)
{
	struct fixture *f = *state;

	guest_start(&f->g, &f->fake.dev, G_ALL_FEATURES, SIZE);
	for (uint16_t i = 0; i < SIZE; i++)
		add(f, i);
	f->fake.refill = &f->g;
	guest_kick(&f->g, 0);
	loop_rounds(&f->loop, 1);
	assert_in_range(f->fake.handled, 1, 2 * SIZE);
	loop_rounds(&f->loop, 5);
	assert_in_range(f->fake.handled, 4 * SIZE, 8 * SIZE);
	/* and nothing is forgotten at the end of a turn */
	f->fake.refill = NULL;
	loop_rounds(&f->loop, 5);
	assert_int_equal(ring_used_idx(&f->g.ring[0]), f->g.ring[0].added);
}

static void test_later(void **state)
{
	struct fixture *f = *state;

	guest_start(&f->g, &f->fake.dev, G_ALL_FEATURES, SIZE);
	f->fake.answer = VIRTIO_LATER;
	add(f, 0);
	guest_kick(&f->g, 0);
	loop_rounds(&f->loop, 2);
	assert_true(vq_has_avail(&f->fake.dev.vq[0]));
	f->fake.answer = 5;
	virtio_serve(&f->fake.dev, &f->fake.dev.vq[0], fake_handle);
	assert_int_equal(f->fake.handled, 1);
	assert_int_equal(ring_used_idx(&f->g.ring[0]), 1);
}

/* NEEDS_RESET: once, with an interrupt; nothing is served until the reset. */
static void test_fail(void **state)
{
	struct fixture *f = *state;

	guest_start(&f->g, &f->fake.dev, G_ALL_FEATURES, SIZE);
	f->fake.answer = -EPROTO;
	add(f, 0);
	guest_kick(&f->g, 0);
	loop_rounds(&f->loop, 2);
	assert_true(guest_needs_reset(&f->g));
	assert_int_equal(irqs_raised(f), 1);
	assert_int_equal(reg_read(&f->g.slot, VIRTIO_MMIO_INTERRUPT_STATUS), 3);
	virtio_fail(&f->fake.dev, "again");
	assert_int_equal(irqs_raised(f), 0);
	f->fake.answer = 0;
	guest_kick(&f->g, 0);
	loop_rounds(&f->loop, 2);
	assert_int_equal(ring_used_idx(&f->g.ring[0]), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			vq_pop(&f->fake.dev.vq[i], &(struct vq_chain){ 0 }),
			-EPROTO);
	/* a queue's rules broken come to the same */
	guest_start(&f->g, &f->fake.dev, G_ALL_FEATURES, SIZE);
	assert_false(guest_needs_reset(&f->g));
	ring_set_idx(&f->g.ring[1], SIZE + 1);
	guest_kick(&f->g, 1);
	loop_rounds(&f->loop, 2);
	assert_true(guest_needs_reset(&f->g));
	guest_start(&f->g, &f->fake.dev, G_ALL_FEATURES, SIZE);
	add(f, 0);
	guest_kick(&f->g, 0);
	loop_rounds(&f->loop, 2);
	assert_int_equal(ring_used_idx(&f->g.ring[0]), 1);
}

/* V27: whatever the guest does, and however often, a few lines. */
static void test_log_limit(void **state)
{
	struct fixture *f = *state;
	char path[] = "/tmp/hull-log.XXXXXX";
	auto_fd int fd = mkstemp(path);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(log_open(path, LOG_FORMAT_TEXT, LOG_LEVEL_WARN, NULL),
			 0);
	for (int i = 0; i < 100000; i++) {
		if (i % 10 == 0)
			guest_start(&f->g, &f->fake.dev, G_ALL_FEATURES, SIZE);
		virtio_fail(&f->fake.dev, "broken");
		virtio_log(&f->fake.dev, "something odd");
	}
	assert_int_equal(log_open(NULL, LOG_FORMAT_TEXT, LOG_LEVEL_WARN, NULL),
			 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_in_range(st.st_size, 1, 2000);
	unlink(path);
}

static int open_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void test_no_descriptors(void **state)
{
	struct fixture *f = *state;
	struct virtio_dev dev = { 0 };
	struct err err = { 0 };
	struct rlimit old, few;
	int before = open_fds(), lowest = dup(0);

	close(lowest);
	getrlimit(RLIMIT_NOFILE, &old);
	for (rlim_t n = 0; n < 3; n++) {
		few = old;
		few.rlim_cur = (rlim_t)lowest + n;
		setrlimit(RLIMIT_NOFILE, &few);
		assert_int_equal(virtio_dev_init(&dev, &fake_ops, &f->g.mem,
						 NULL, 0, &err),
				 -EMFILE);
		setrlimit(RLIMIT_NOFILE, &old);
		virtio_dev_release(&dev);
		assert_int_equal(open_fds(), before);
	}
	assert_non_null(strstr(err.msg, "fake"));
	assert_int_equal(
		virtio_dev_init(&dev, &fake_ops, &f->g.mem, NULL, 0, NULL), 0);
	assert_int_equal(open_fds(), before + 3);
	virtio_dev_release(&dev);
	virtio_dev_release(&dev);
	assert_int_equal(open_fds(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kick_by_loop, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_reset_forgets, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_fair, setup, teardown),
		cmocka_unit_test_setup_teardown(test_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fail, setup, teardown),
		cmocka_unit_test_setup_teardown(test_log_limit, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_no_descriptors, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
