/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/virtio_blk.h>

#include "microvm/virtio/devices.h"
#include "oci-tests/fuzz/device.h"

#define IMAGE_BYTES 0x8000

/* A request as a driver makes it, of every type and a few more. */
static void good_request(void *arg, struct guest *g, struct tape *t)
{
	static const uint8_t types[] = { 0, 1, 4, 8, 11, 13, 2, 0 };
	const uint64_t at = 0x20000;
	uint8_t how = tape_u8(t), range[16];
	uint16_t sector = tape_u16(t);
	struct virtio_blk_outhdr hdr = {
		.type = types[how & 7],
		.sector = how & 0x80 ? tape_u64(t) : sector & 0x3f,
	};
	const struct vring_desc bufs[] = {
		{ at, sizeof(hdr), G_OUT, 0 },
		{ at + 0x200, how & 0x40 ? fuzz_len(t) : (how & 0x30) * 32U,
		  how & 1 ? G_OUT : G_IN, 0 },
		{ at + 0x100, 1, G_IN, 0 },
	};

	(void)arg;
	if (g->ring[0].size < 4)
		return;
	g_put(&g->mem, at, &hdr, sizeof(hdr));
	if (how & 1) {
		tape_bytes(t, range, sizeof(range));
		g_put(&g->mem, at + 0x200, range, sizeof(range));
	}
	ring_chain(&g->ring[0], 0, bufs, 3);
	guest_kick(g, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int image = -1;
	struct tape t = { data, size };
	const struct guest_mem *mem = fuzz_mem();
	uint8_t how = tape_u8(&t);
	struct virtio_dev *dev;

	if (image < 0)
		image = memfd_create("image", MFD_CLOEXEC);
	if (ftruncate(image, 0) < 0 || ftruncate(image, IMAGE_BYTES) < 0)
		g_die("no image");
	dev = blk_new(mem, NULL, dup(image), how & 1, "fuzz", NULL);
	fuzz_check(dev);
	fuzz_device(&t, dev, good_request, NULL);
	blk_free(dev);
	/* whatever was asked for, the disk is as large as it was */
	fuzz_check(lseek(image, 0, SEEK_END) == IMAGE_BYTES);
	return 0;
}
