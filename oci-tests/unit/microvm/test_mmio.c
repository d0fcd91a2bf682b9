/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/auto.h"
#include "microvm/virtio/mmio.h"
#include "oci-tests/unit/microvm/guest.h"

#define QUEUES 3
#define CONFIG 12
#define FEATURE_A (1ULL << 5)
#define V1 (1ULL << VIRTIO_F_VERSION_1)

struct fake {
	struct virtio_dev dev;
	uint8_t config[CONFIG];
	unsigned int activated;
	unsigned int resets;
	unsigned int kicks[QUEUES];
	int activate_ret;
};

static void fake_read(struct virtio_dev *dev, unsigned int off, void *to,
		      unsigned int len)
{
	assert_true(off + len <= CONFIG);
	memcpy(to, ((struct fake *)dev)->config + off, len);
}

static void fake_write(struct virtio_dev *dev, unsigned int off,
		       const void *from, unsigned int len)
{
	assert_true(off + len <= CONFIG);
	memcpy(((struct fake *)dev)->config + off, from, len);
}

static int fake_activate(struct virtio_dev *dev)
{
	((struct fake *)dev)->activated++;
	return ((struct fake *)dev)->activate_ret;
}

static void fake_reset(struct virtio_dev *dev)
{
	((struct fake *)dev)->resets++;
}

static void fake_kick(struct virtio_dev *dev, unsigned int index)
{
	assert_true(dev->vq[index].enabled);
	((struct fake *)dev)->kicks[index]++;
}

static const struct virtio_ops fake_ops = {
	.id = 77,
	.name = "fake",
	.queue_count = QUEUES,
	.config_size = CONFIG,
	.config_read = fake_read,
	.config_write = fake_write,
	.activate = fake_activate,
	.reset = fake_reset,
	.kick = fake_kick,
};

struct fixture {
	struct guest g;
	struct fake fake;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	guest_init(&f->g);
	for (uint8_t i = 0; i < CONFIG; i++)
		f->fake.config[i] = (uint8_t)(0xa0 + i);
	if (virtio_dev_init(&f->fake.dev, &fake_ops, &f->g.mem, NULL, FEATURE_A,
			    NULL) < 0)
		return -1;
	f->g.slot.dev = &f->fake.dev;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	virtio_dev_release(&f->fake.dev);
	mem_release(&f->g.mem);
	free(f);
	return 0;
}

static uint32_t status(struct fixture *f)
{
	return reg_read(&f->g.slot, VIRTIO_MMIO_STATUS);
}

static void set_status(struct fixture *f, uint32_t value)
{
	reg_write(&f->g.slot, VIRTIO_MMIO_STATUS, value);
}

static void test_identity(void **state)
{
	struct fixture *f = *state;
	struct mmio_slot empty = { 0 };

	assert_int_equal(reg_read(&f->g.slot, 0), 0x74726976);
	assert_int_equal(reg_read(&f->g.slot, 4), 2);
	assert_int_equal(reg_read(&f->g.slot, 8), 77);
	assert_int_equal(g_offered(&f->g.slot),
			 FEATURE_A | V1 | 1ULL << VIRTIO_F_INDIRECT_DESC |
				 1ULL << VIRTIO_F_EVENT_IDX);
	reg_write(&f->g.slot, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 2);
	assert_int_equal(reg_read(&f->g.slot, VIRTIO_MMIO_DEVICE_FEATURES), 0);
	for (uint32_t reg = VIRTIO_MMIO_SHM_LEN_LOW;
	     reg <= VIRTIO_MMIO_SHM_BASE_HIGH; reg += 4)
		assert_int_equal(reg_read(&f->g.slot, reg), 0xffffffff);
	assert_int_equal(f->g.slot.bad_accesses, 0);

	/* an empty slot is one with device id 0, whatever is done to it */
	for (uint32_t reg = 0; reg < MMIO_STRIDE; reg += 4) {
		reg_write(&empty, reg, 0xffffffff);
		if (reg > 8 && reg != 12)
			assert_int_equal(reg_read(&empty, reg), 0);
	}
	assert_int_equal(reg_read(&empty, 0), 0x74726976);
	assert_int_equal(reg_read(&empty, 4), 2);
	assert_int_equal(reg_read(&empty, 8), 0);
}

/* Every step of the status register from every state; FAILED aside. */
static void test_status_steps(void **state)
{
	static const uint8_t states[] = { 0, 1, 3, 11, 15 };
	struct fixture *f = *state;

	for (size_t s = 0; s < ARRAY_SIZE(states); s++) {
		for (unsigned int to = 1; to < 256; to++) {
			unsigned int want = states[s];

			set_status(f, 0);
			f->g.slot.driver_features = 0;
			for (size_t i = 1; i <= s; i++) {
				if (states[i] == 11)
					f->g.slot.driver_features = V1;
				set_status(f, states[i]);
			}
			assert_int_equal(status(f), states[s]);
			f->g.slot.driver_features = V1;
			set_status(f, to);
			/* NEEDS_RESET is the device's: not looked at */
			if ((s < 4 && (to & ~64U) == states[s + 1]) ||
			    (to & ~64U) == (states[s] | 128U))
				want = to & ~64U;
			assert_int_equal(status(f), want);
		}
	}
	set_status(f, 0x101);
	assert_int_not_equal(status(f), 1);
}

static void test_features(void **state)
{
	static const struct {
		uint64_t features;
		bool good;
	} cases[] = {
		{ V1, true },
		{ V1 | FEATURE_A, true },
		{ FEATURE_A, false },       /* a legacy driver */
		{ 0, false },               /* the same */
		{ V1 | 1, false },          /* not offered */
		{ V1 | 1ULL << 63, false }, /* not offered */
		{ V1 | 1ULL << VIRTIO_F_INDIRECT_DESC, true },
	};
	struct fixture *f = *state;
	struct mmio_slot *slot = &f->g.slot;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		set_status(f, 0);
		set_status(f, 1);
		/* too early: not taken */
		reg_write(slot, VIRTIO_MMIO_DRIVER_FEATURES, 0xffffffff);
		set_status(f, 3);
		for (uint32_t half = 0; half < 2; half++) {
			reg_write(slot, VIRTIO_MMIO_DRIVER_FEATURES_SEL, half);
			reg_write(slot, VIRTIO_MMIO_DRIVER_FEATURES,
				  (uint32_t)(cases[i].features >> 32 * half));
		}
		set_status(f, 11);
		assert_int_equal(status(f), cases[i].good ? 11 : 3);
		if (!cases[i].good)
			continue;
		reg_write(slot, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
		reg_write(slot, VIRTIO_MMIO_DRIVER_FEATURES, 0xffffffff);
		set_status(f, 15);
		assert_int_equal(f->fake.dev.acked, cases[i].features);
	}
}

static void test_activation(void **state)
{
	struct fixture *f = *state;
	struct guest *g = &f->g;

	guest_start(g, &f->fake.dev, G_ALL_FEATURES, 16);
	assert_int_equal(status(f), 15);
	assert_int_equal(f->fake.activated, 1);
	assert_true(f->fake.dev.active);
	assert_true(f->fake.dev.vq[2].event_idx && f->fake.dev.vq[2].indirect);
	assert_int_equal(f->fake.dev.vq[1].setup.desc_gpa, g->ring[1].desc);
	for (uint32_t i = 0; i < QUEUES; i++)
		guest_kick(g, i);
	guest_kick(g, QUEUES);
	guest_kick(g, 0xffffffff);
	for (int i = 0; i < QUEUES; i++)
		assert_int_equal(f->fake.kicks[i], 1);
	assert_int_equal(g->slot.bad_accesses, 2);
	set_status(f, 0);
	assert_int_equal(f->fake.resets, 1);
	assert_false(f->fake.dev.active);
	assert_int_equal(status(f), 0);
	assert_int_equal(reg_read(&g->slot, VIRTIO_MMIO_QUEUE_READY), 0);
	guest_kick(g, 0);
	assert_int_equal(f->fake.kicks[0], 1);

	/* a queue that is not ready is not kicked; features not chosen */
	g_negotiate(&g->slot, V1);
	ring_init(&g->ring[0], &g->mem, RING_AT(0), 16);
	g_queue(&g->slot, 1, &g->ring[0]);
	set_status(f, 15);
	guest_kick(g, 0);
	guest_kick(g, 1);
	assert_int_equal(f->fake.kicks[0], 1);
	assert_int_equal(f->fake.kicks[1], 2);
	assert_false(f->fake.dev.vq[1].event_idx || f->fake.dev.vq[1].indirect);
}

/* V01: after DRIVER_OK nothing that the driver writes changes a queue. */
static void test_latched(void **state)
{
	static const uint32_t values[] = {
		0, 1, 2, 0x7fff, 0x8000, 0xffff, 0x10000, 0xffffffff
	};
	struct fixture *f = *state;
	struct guest *g = &f->g;
	struct virtio_dev before;
	uint64_t bad;

	guest_start(g, &f->fake.dev, G_ALL_FEATURES, 16);
	before = f->fake.dev;
	for (uint32_t queue = 0; queue < 4; queue++) {
		reg_write(&g->slot, VIRTIO_MMIO_QUEUE_SEL, queue);
		for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
			for (uint32_t reg = 0x80; reg <= 0xa4; reg += 4)
				reg_write(&g->slot, reg, values[v]);
			bad = g->slot.bad_accesses;
			reg_write(&g->slot, VIRTIO_MMIO_QUEUE_NUM, values[v]);
			reg_write(&g->slot, VIRTIO_MMIO_QUEUE_READY, values[v]);
			reg_write(&g->slot, VIRTIO_MMIO_DRIVER_FEATURES,
				  values[v]);
			assert_int_equal(g->slot.bad_accesses, bad + 3);
		}
	}
	for (uint32_t s = 1; s < 128; s++)
		set_status(f, s);
	assert_memory_equal(&before, &f->fake.dev, sizeof(before));

	/* after a start that failed, too, only a reset helps */
	set_status(f, 0);
	f->fake.activate_ret = -EIO;
	guest_start(g, &f->fake.dev, G_ALL_FEATURES, 16);
	assert_int_equal(status(f), 15 | 64);
	before = f->fake.dev;
	for (uint32_t s = 1; s < 128; s++)
		set_status(f, s);
	guest_kick(g, 0);
	assert_memory_equal(&before, &f->fake.dev, sizeof(before));
	assert_int_equal(f->fake.kicks[0], 0);
	f->fake.activate_ret = 0;
	guest_start(g, &f->fake.dev, G_ALL_FEATURES, 16);
	assert_int_equal(status(f), 15);
}

/* Queue registers only between FEATURES_OK and DRIVER_OK, and not when ready.
 */
static void test_queue_window(void **state)
{
	static const struct {
		uint8_t status;
		bool open;
	} cases[] = { { 0, false },
		      { 1, false },
		      { 3, false },
		      { 11, true },
		      { 15, false } };
	struct fixture *f = *state;
	struct mmio_slot *slot = &f->g.slot;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		set_status(f, 0);
		for (size_t s = 1; s <= i; s++) {
			if (cases[s].status == 11)
				slot->driver_features = V1;
			set_status(f, cases[s].status);
		}
		reg_write(slot, VIRTIO_MMIO_QUEUE_SEL, 1);
		reg_write(slot, VIRTIO_MMIO_QUEUE_NUM, 8);
		reg_write(slot, VIRTIO_MMIO_QUEUE_DESC_HIGH, 5);
		reg_write(slot, VIRTIO_MMIO_QUEUE_DESC_LOW, 7);
		assert_int_equal(slot->setup[1].size, cases[i].open ? 8 : 0);
		assert_int_equal(slot->setup[1].desc_gpa,
				 cases[i].open ? 0x500000007ULL : 0);
		reg_write(slot, VIRTIO_MMIO_QUEUE_READY, 1);
		assert_int_equal(reg_read(slot, VIRTIO_MMIO_QUEUE_READY),
				 cases[i].open);
		reg_write(slot, VIRTIO_MMIO_QUEUE_NUM, 16);
		assert_int_equal(slot->setup[1].size, cases[i].open ? 8 : 0);
		reg_write(slot, VIRTIO_MMIO_QUEUE_READY, 0);
		reg_write(slot, VIRTIO_MMIO_QUEUE_NUM, 16);
		assert_int_equal(slot->setup[1].size, cases[i].open ? 16 : 0);
	}
}

/* Queues that the device has not, up to those that no array has. */
static void test_no_such_queue(void **state)
{
	struct fixture *f = *state;
	struct mmio_slot *slot = &f->g.slot;
	const uint32_t count = slot->dev->ops->queue_count;
	const uint32_t others[] = {
		count,     VIRTIO_MAX_QUEUES, VIRTIO_MAX_QUEUES + 1,
		0x7fff,    0x10000,           0x80000000,
		UINT32_MAX
	};

	set_status(f, 1);
	set_status(f, 3);
	slot->driver_features = V1;
	set_status(f, 11);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		const uint64_t bad = slot->bad_accesses;

		reg_write(slot, VIRTIO_MMIO_QUEUE_SEL, others[i]);
		assert_int_equal(reg_read(slot, VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
		assert_int_equal(reg_read(slot, VIRTIO_MMIO_QUEUE_READY), 0);
		reg_write(slot, VIRTIO_MMIO_QUEUE_NUM, 8);
		reg_write(slot, VIRTIO_MMIO_QUEUE_DESC_LOW, 0x1000);
		reg_write(slot, VIRTIO_MMIO_QUEUE_READY, 1);
		assert_int_equal(slot->bad_accesses, bad + 3);
	}
}

static void test_bad_setup(void **state)
{
	static const struct {
		uint32_t reg;
		uint32_t value;
	} cases[] = {
		{ VIRTIO_MMIO_QUEUE_NUM, 0 },
		{ VIRTIO_MMIO_QUEUE_NUM, 257 },
		{ VIRTIO_MMIO_QUEUE_NUM, 512 },
		{ VIRTIO_MMIO_QUEUE_NUM, 0x10010 },
		{ VIRTIO_MMIO_QUEUE_DESC_LOW, 8 },
		{ VIRTIO_MMIO_QUEUE_DESC_HIGH, 0xffffffff },
		{ VIRTIO_MMIO_QUEUE_AVAIL_LOW, G_MEM_BYTES - 4 },
		{ VIRTIO_MMIO_QUEUE_USED_LOW, 0xfffffffc },
		{ VIRTIO_MMIO_QUEUE_USED_LOW, MMIO_BASE },
	};
	struct fixture *f = *state;
	struct mmio_slot *slot = &f->g.slot;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t irqs;

		g_negotiate(slot, V1);
		ring_init(&f->g.ring[0], &f->g.mem, RING_AT(0), 16);
		g_queue(slot, 0, &f->g.ring[0]);
		reg_write(slot, VIRTIO_MMIO_QUEUE_READY, 0);
		reg_write(slot, cases[i].reg, cases[i].value);
		reg_write(slot, VIRTIO_MMIO_QUEUE_READY, 1);
		irqs = f->fake.dev.irq_count;
		set_status(f, 15);
		assert_int_equal(status(f), 15 | 64);
		assert_int_equal(f->fake.dev.irq_count, irqs + 1);
		assert_int_equal(reg_read(slot, VIRTIO_MMIO_INTERRUPT_STATUS),
				 VIRTIO_MMIO_INT_CONFIG);
		guest_kick(&f->g, 0);
	}
	assert_int_equal(f->fake.activated, 0);
	assert_int_equal(f->fake.resets, 0);
	assert_int_equal(f->fake.kicks[0], 0);
}

static void test_interrupt_status(void **state)
{
	struct fixture *f = *state;
	struct mmio_slot *slot = &f->g.slot;
	uint32_t generation;

	assert_int_equal(reg_read(slot, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	virtio_config_changed(&f->fake.dev); /* nobody to tell yet */
	assert_int_equal(f->fake.dev.irq_count, 0);
	guest_start(&f->g, &f->fake.dev, G_ALL_FEATURES, 16);
	assert_int_equal(reg_read(slot, VIRTIO_MMIO_INTERRUPT_STATUS), 1);
	generation = reg_read(slot, VIRTIO_MMIO_CONFIG_GENERATION);
	virtio_config_changed(&f->fake.dev);
	assert_int_equal(f->fake.dev.irq_count, 1);
	assert_int_not_equal(reg_read(slot, VIRTIO_MMIO_CONFIG_GENERATION),
			     generation);
	assert_int_equal(reg_read(slot, VIRTIO_MMIO_INTERRUPT_STATUS), 3);
	reg_write(slot, VIRTIO_MMIO_INTERRUPT_ACK, 1);
	assert_int_equal(reg_read(slot, VIRTIO_MMIO_INTERRUPT_STATUS), 3);
	reg_write(slot, VIRTIO_MMIO_INTERRUPT_ACK, 3);
	assert_int_equal(reg_read(slot, VIRTIO_MMIO_INTERRUPT_STATUS), 1);
}

static void test_config_access(void **state)
{
	struct fixture *f = *state;
	struct mmio_slot *slot = &f->g.slot;
	uint8_t before[CONFIG];

	for (unsigned int len = 1; len <= 16; len++) {
		for (unsigned int off = 0; off < CONFIG + 4; off++) {
			bool good = (len == 1 || len == 2 || len == 4 ||
				     len == 8) &&
				    off % len == 0 && off + len <= CONFIG;
			uint64_t bad = slot->bad_accesses;
			uint8_t got[16] = { 1, 1, 1, 1 }, zero[16] = { 0 };

			mmio_read(slot, 0x100 + off, got, len);
			assert_memory_equal(
				got, good ? f->fake.config + off : zero, len);
			assert_int_equal(slot->bad_accesses, bad + !good);
		}
	}
	/* a driver has to be there before it may write */
	memcpy(before, f->fake.config, CONFIG);
	mmio_write(slot, 0x100, "\x01\x02\x03\x04", 4);
	assert_memory_equal(before, f->fake.config, CONFIG);
	g_negotiate(slot, V1);
	mmio_write(slot, 0x104, "\x01\x02\x03\x04", 4);
	assert_memory_equal(f->fake.config + 4, "\x01\x02\x03\x04", 4);
	mmio_write(slot, 0x100 + CONFIG - 2, "\x01\x02\x03\x04", 4);
	assert_memory_equal(f->fake.config + 8, before + 8, 4);
}

/* V09, V25: every register with every nasty value, width and alignment. */
static void test_nasty_accesses(void **state)
{
	static const uint64_t values[] = {
		0,      1,      255,        256,        257,        0x7fff,
		0x8000, 0xffff, 0x80000000, 0xffffffff, 1ULL << 32, UINT64_MAX,
	};
	struct fixture *f = *state;
	struct guest *g = &f->g;

	for (uint64_t off = 0; off < MMIO_STRIDE; off++) {
		for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
			for (unsigned int len = 1; len <= 8; len++) {
				uint64_t got = 0;

				mmio_write(&g->slot, off, &values[v], len);
				mmio_read(&g->slot, off, &got, len);
				if (off < 0x100 && (off % 4 || len != 4))
					assert_int_equal(got, 0);
			}
		}
		if (off % 16 == 0)
			guest_start(g, &f->fake.dev, G_ALL_FEATURES, 16);
	}
	guest_start(g, &f->fake.dev, G_ALL_FEATURES, 16);
	assert_int_equal(status(f), 15);
}

/* What is read from the page is what mmio_read() says, whatever happens. */
static void same_on_page(struct fixture *f)
{
	const uint8_t *page = (const uint8_t *)f->g.slot.page;

	for (unsigned int off = 0; off < VIRTIO_MMIO_CONFIG + CONFIG;
	     off += off < VIRTIO_MMIO_CONFIG ? 4 : 1) {
		const unsigned int len = off < VIRTIO_MMIO_CONFIG ? 4 : 1;
		uint32_t want = 0;

		mmio_read(&f->g.slot, off, &want, len);
		assert_memory_equal(page + off, &want, len);
	}
}

static void test_page(void **state)
{
	static const uint32_t steps[] = { 0, 1, 3, 11, 15 };
	static uint32_t page[MMIO_STRIDE / 4];
	struct fixture *f = *state;
	uint8_t byte = 0x55;

	f->g.slot.page = page;
	f->g.slot.dev = NULL;
	mmio_show(&f->g.slot);
	assert_int_equal(page[VIRTIO_MMIO_DEVICE_ID / 4], VIRTIO_ID_NONE);
	mmio_plug(&f->g.slot, &f->fake.dev);
	same_on_page(f);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		set_status(f, steps[i]);
		reg_write(&f->g.slot, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
		reg_write(&f->g.slot, VIRTIO_MMIO_QUEUE_SEL, i & 1);
		same_on_page(f);
		if (steps[i] != 3)
			continue;
		reg_write(&f->g.slot, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
		reg_write(&f->g.slot, VIRTIO_MMIO_DRIVER_FEATURES, 1);
	}
	assert_int_equal(page[VIRTIO_MMIO_STATUS / 4], 15);
	f->fake.config[1] = 0x11;
	virtio_config_changed(&f->fake.dev);
	same_on_page(f);
	assert_int_equal(page[VIRTIO_MMIO_INTERRUPT_STATUS / 4], 3);
	mmio_write(&f->g.slot, VIRTIO_MMIO_CONFIG, &byte, 1);
	same_on_page(f);
	virtio_fail(&f->fake.dev, "told to");
	same_on_page(f);
	set_status(f, 0);
	same_on_page(f);
	f->g.slot.page = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_identity, setup, teardown),
		cmocka_unit_test_setup_teardown(test_status_steps, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_features, setup, teardown),
		cmocka_unit_test_setup_teardown(test_activation, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_latched, setup, teardown),
		cmocka_unit_test_setup_teardown(test_queue_window, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_no_such_queue, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_bad_setup, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_page, setup, teardown),
		cmocka_unit_test_setup_teardown(test_interrupt_status, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_config_access, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_nasty_accesses, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
