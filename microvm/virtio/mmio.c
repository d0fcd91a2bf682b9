/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/virtio/mmio.h"

#include <linux/virtio_mmio.h>
#include <string.h>

#include "base/auto.h"
#include "base/sabotage.h"

#define MAGIC 0x74726976U /* "virt" */
#define VERSION 2U
#define VENDOR 0x4c4c5548U /* "HULL" */
#define NO_SHM 0xffffffffU /* a length of -1: no such region (4.2.2) */

#define S_ACK VIRTIO_S_ACKNOWLEDGE
#define S_DRV (S_ACK | VIRTIO_S_DRIVER)
#define S_FEAT (S_DRV | VIRTIO_S_FEATURES_OK)
#define S_OK (S_FEAT | VIRTIO_S_DRIVER_OK)
#define S_OF_DEVICE VIRTIO_S_NEEDS_RESET

static bool features_fit(const struct mmio_slot *slot)
{
	uint64_t wanted = slot->driver_features;

	return !(wanted & ~slot->dev->features) &&
	       (wanted >> VIRTIO_F_VERSION_1) & 1;
}

/*
 * What the driver may do with the status register (virtio 1.2, 3.1.1), beside
 * writing 0 (reset), writing what is there, and adding FAILED. A step that is
 * refused leaves the status alone: that is how FEATURES_OK is answered.
 */
static const struct status_step {
	uint8_t from;
	uint8_t to;
} status_steps[] = {
	{ 0, S_ACK },
	{ S_ACK, S_DRV },
	{ S_DRV, S_FEAT },
	{ S_FEAT, S_OK },
};

static bool is_step(uint8_t from, uint8_t to)
{
	for (size_t i = 0; i < ARRAY_SIZE(status_steps); i++)
		if (status_steps[i].from == from && status_steps[i].to == to)
			return true;
	return to == (from | VIRTIO_S_FAILED);
}

static void slot_reset(struct mmio_slot *slot)
{
	virtio_dev_reset(slot->dev);
	*slot = (struct mmio_slot){ .dev = slot->dev,
				    .page = slot->page,
				    .bad_accesses = slot->bad_accesses };
}

static bool write_status(struct mmio_slot *slot, uint32_t value)
{
	struct virtio_dev *dev = slot->dev;
	uint8_t from = dev->status & (uint8_t)~S_OF_DEVICE;
	uint8_t to;

	if (!value) {
		slot_reset(slot);
		return true;
	}
	if (value > UINT8_MAX)
		return false;
	/* a driver adds its bit to what it has read */
	to = (uint8_t)value & (uint8_t)~S_OF_DEVICE;
	if (to == from)
		return true;
	if (!is_step(from, to) && !SABOTAGED("mmio_status"))
		return false;
	if (to == S_FEAT) {
		if (!features_fit(slot))
			return false;
		dev->acked = slot->driver_features;
	}
	dev->status = to | (dev->status & S_OF_DEVICE);
	if (to == S_OK && !dev->needs_reset)
		virtio_dev_activate(dev, slot->setup, slot->ready);
	return true;
}

static uint32_t read_features(const struct mmio_slot *slot)
{
	if (slot->features_sel > 1)
		return 0;
	return (uint32_t)(slot->dev->features >> (32 * slot->features_sel));
}

static bool write_features(struct mmio_slot *slot, uint32_t value)
{
	unsigned int shift = 32 * (slot->driver_features_sel & 1);

	if (slot->dev->status != S_DRV)
		return false;
	if (slot->driver_features_sel > 1) /* zero there is no wish */
		return !value;
	slot->driver_features &= ~(0xffffffffULL << shift);
	slot->driver_features |= (uint64_t)value << shift;
	return true;
}

/* The selected queue, where there is one. */
static bool has_queue(const struct mmio_slot *slot)
{
	return slot->queue_sel < slot->dev->ops->queue_count ||
	       SABOTAGED("mmio_select");
}

static void set_half(uint64_t *addr, bool high, uint32_t value)
{
	if (high)
		*addr = (*addr & 0xffffffffULL) | (uint64_t)value << 32;
	else
		*addr = (*addr & ~0xffffffffULL) | value;
}

/* Between FEATURES_OK and DRIVER_OK, and while the queue is not ready. */
static bool write_queue(struct mmio_slot *slot, uint32_t reg, uint32_t value)
{
	struct vq_setup *setup;

	if (!has_queue(slot) ||
	    (slot->dev->status != S_FEAT && !SABOTAGED("mmio_latched")))
		return false;
	if (reg == VIRTIO_MMIO_QUEUE_READY) {
		if (value > 1)
			return false;
		slot->ready[slot->queue_sel] = value;
		return true;
	}
	if (slot->ready[slot->queue_sel])
		return false;
	setup = &slot->setup[slot->queue_sel];
	switch (reg) {
	case VIRTIO_MMIO_QUEUE_NUM:
		/* too large is as bad as none: vq_enable() refuses 0 */
		setup->size = value <= VQ_MAX_SIZE ? (uint16_t)value : 0;
		return true;
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
		set_half(&setup->desc_gpa, reg & 4, value);
		return true;
	case VIRTIO_MMIO_QUEUE_AVAIL_LOW:
	case VIRTIO_MMIO_QUEUE_AVAIL_HIGH:
		set_half(&setup->avail_gpa, reg & 4, value);
		return true;
	case VIRTIO_MMIO_QUEUE_USED_LOW:
	case VIRTIO_MMIO_QUEUE_USED_HIGH:
		set_half(&setup->used_gpa, reg & 4, value);
		return true;
	default:
		return false;
	}
}

/*
 * A used buffer is signalled by the eventfd alone, by this process or by
 * another one; so bit 0 says "look" as long as the device runs.
 */
static uint32_t interrupt_status(const struct virtio_dev *dev)
{
	return (dev->active ? VIRTIO_MMIO_INT_VRING : 0U) |
	       (dev->config_changed ? VIRTIO_MMIO_INT_CONFIG : 0U);
}

static bool write_reg(struct mmio_slot *slot, uint32_t reg, uint32_t value)
{
	switch (reg) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		slot->features_sel = value;
		return true;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		slot->driver_features_sel = value;
		return true;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		return write_features(slot, value);
	case VIRTIO_MMIO_QUEUE_SEL:
		slot->queue_sel = value;
		return true;
	case VIRTIO_MMIO_QUEUE_NOTIFY:
		return !virtio_notify(slot->dev, value);
	case VIRTIO_MMIO_INTERRUPT_ACK:
		if (value & VIRTIO_MMIO_INT_CONFIG)
			slot->dev->config_changed = false;
		return true;
	case VIRTIO_MMIO_STATUS:
		return write_status(slot, value);
	case VIRTIO_MMIO_SHM_SEL:
		return true;
	default:
		return write_queue(slot, reg, value);
	}
}

/* @to is set where there is such a register. */
static bool read_reg(const struct mmio_slot *slot, uint32_t reg, uint32_t *to)
{
	const struct virtio_dev *dev = slot->dev;

	switch (reg) {
	case VIRTIO_MMIO_DEVICE_FEATURES:
		*to = read_features(slot);
		return true;
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
		*to = has_queue(slot) ? VQ_MAX_SIZE : 0;
		return true;
	case VIRTIO_MMIO_QUEUE_READY:
		*to = has_queue(slot) && slot->ready[slot->queue_sel];
		return true;
	case VIRTIO_MMIO_INTERRUPT_STATUS:
		*to = interrupt_status(dev);
		return true;
	case VIRTIO_MMIO_STATUS:
		*to = dev->status;
		return true;
	case VIRTIO_MMIO_SHM_LEN_LOW:
	case VIRTIO_MMIO_SHM_LEN_HIGH:
	case VIRTIO_MMIO_SHM_BASE_LOW:
	case VIRTIO_MMIO_SHM_BASE_HIGH:
		*to = NO_SHM;
		return true;
	case VIRTIO_MMIO_CONFIG_GENERATION:
		*to = dev->config_generation;
		return true;
	default:
		return false;
	}
}

/* What an empty slot has too, so that the driver sees "nothing here". */
static bool read_id(const struct mmio_slot *slot, uint32_t reg, uint32_t *to)
{
	switch (reg) {
	case VIRTIO_MMIO_MAGIC_VALUE:
		*to = MAGIC;
		return true;
	case VIRTIO_MMIO_VERSION:
		*to = VERSION;
		return true;
	case VIRTIO_MMIO_DEVICE_ID:
		*to = slot->dev ? slot->dev->ops->id : VIRTIO_ID_NONE;
		return true;
	case VIRTIO_MMIO_VENDOR_ID:
		*to = VENDOR;
		return true;
	default:
		return false;
	}
}

/* The device's own part: naturally aligned, 1 to 8 bytes, inside it. */
static bool is_config(const struct mmio_slot *slot, uint64_t off,
		      unsigned int len)
{
	if (!slot->dev || off < VIRTIO_MMIO_CONFIG || off >= MMIO_STRIDE)
		return false;
	if (len != 1 && len != 2 && len != 4 && len != 8)
		return false;
	return (off % len == 0 || SABOTAGED("mmio_width")) &&
	       off - VIRTIO_MMIO_CONFIG + len <= slot->dev->ops->config_size;
}

static bool is_reg(uint64_t off, unsigned int len)
{
	return off < VIRTIO_MMIO_CONFIG && len == 4 && off % 4 == 0;
}

/* Its own part, four bytes at a time as the page is written. */
static void show_config(const struct mmio_slot *slot)
{
	const struct virtio_ops *ops = slot->dev->ops;
	uint32_t *page = slot->page + VIRTIO_MMIO_CONFIG / 4;

	if (!ops->config_read)
		return;
	for (unsigned int off = 0; off < ops->config_size; off += 4) {
		unsigned int left = ops->config_size - off;
		uint32_t value = 0;

		ops->config_read(slot->dev, off, &value, left < 4 ? left : 4);
		__atomic_store_n(&page[off / 4], value, __ATOMIC_RELAXED);
	}
}

/*
 * A driver that reads while this runs may see some of the old and some of the
 * new; that is why an interrupt, and another look, comes after.
 */
void mmio_show(const struct mmio_slot *slot)
{
	if (!slot->page)
		return;
	for (uint32_t reg = 0; reg < VIRTIO_MMIO_CONFIG; reg += 4) {
		uint32_t value = 0;

		if (!read_id(slot, reg, &value) && slot->dev)
			read_reg(slot, reg, &value);
		__atomic_store_n(&slot->page[reg / 4], value, __ATOMIC_RELAXED);
	}
	if (slot->dev)
		show_config(slot);
}

void mmio_plug(struct mmio_slot *slot, struct virtio_dev *dev)
{
	slot->dev = dev;
	dev->slot = slot;
	mmio_show(slot);
}

void mmio_read(struct mmio_slot *slot, uint64_t off, void *data,
	       unsigned int len)
{
	uint32_t value = 0;

	memset(data, 0, len);
	if (is_config(slot, off, len)) {
		if (slot->dev->ops->config_read)
			slot->dev->ops->config_read(
				slot->dev,
				(unsigned int)(off - VIRTIO_MMIO_CONFIG), data,
				len);
		return;
	}
	if (!is_reg(off, len) ||
	    (!read_id(slot, (uint32_t)off, &value) &&
	     (!slot->dev || !read_reg(slot, (uint32_t)off, &value)))) {
		slot->bad_accesses++;
		return;
	}
	memcpy(data, &value, sizeof(value));
}

static bool write_config(struct mmio_slot *slot, uint64_t off, const void *data,
			 unsigned int len)
{
	struct virtio_dev *dev = slot->dev;

	if (!dev->ops->config_write || !(dev->status & VIRTIO_S_DRIVER))
		return false;
	dev->ops->config_write(dev, (unsigned int)(off - VIRTIO_MMIO_CONFIG),
			       data, len);
	return true;
}

void mmio_write(struct mmio_slot *slot, uint64_t off, const void *data,
		unsigned int len)
{
	uint32_t value;
	bool good = false;

	if (is_config(slot, off, len)) {
		good = write_config(slot, off, data, len);
	} else if (slot->dev && is_reg(off, len)) {
		memcpy(&value, data, sizeof(value));
		good = write_reg(slot, (uint32_t)off, value);
	}
	if (!good)
		slot->bad_accesses++;
	mmio_show(slot);
}
