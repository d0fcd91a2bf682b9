/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_MICROVM_VIRTIO_MMIO_H
#define HULL_MICROVM_VIRTIO_MMIO_H

#include "microvm/virtio/device.h"

#define MMIO_BASE 0xd0000000ULL
#define MMIO_STRIDE 0x1000ULL
#define MMIO_SLOTS 19 /* interrupts 5 .. 23 */
#define MMIO_FIRST_GSI 5
#define MMIO_NOTIFY_OFFSET 0x50

/**
 * struct mmio_slot - the registers of virtio-mmio version 2 (virtio 1.2,
 * section 4.2.2) in front of one device. @dev NULL: an empty slot, which reads
 * as device id 0; a device may be put in before the driver looks there.
 * @page: what the guest sees of the registers, or NULL. Where it is, the guest
 *        reads them there, as memory that it cannot write, and only writes
 *        come to mmio_write(); nobody here ever reads it.
 */
struct mmio_slot {
	struct virtio_dev *dev;
	uint32_t *page;
	uint32_t features_sel;
	uint32_t driver_features_sel;
	uint64_t driver_features;
	uint32_t queue_sel;
	struct vq_setup setup[VIRTIO_MAX_QUEUES];
	bool ready[VIRTIO_MAX_QUEUES];
	uint64_t bad_accesses;
};

/** mmio_plug() - put a device into an empty slot. */
void mmio_plug(struct mmio_slot *slot, struct virtio_dev *dev);
/** mmio_show() - all registers to @slot's page. To be called when what they
 * read as may have changed other than by mmio_write(). */
void mmio_show(const struct mmio_slot *slot);

/**
 * mmio_read(), mmio_write() - one access of the guest.
 * @off: below MMIO_STRIDE; any width and alignment: what the spec does not
 *       define reads as zero (widths over 8 as well) and writes nothing
 */
void mmio_read(struct mmio_slot *slot, uint64_t off, void *data,
	       unsigned int len);
void mmio_write(struct mmio_slot *slot, uint64_t off, const void *data,
		unsigned int len);

#endif
