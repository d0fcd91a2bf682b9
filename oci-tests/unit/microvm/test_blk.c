/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/err.h"
#include "microvm/virtio/devices.h"
#include "oci-tests/unit/microvm/guest.h"

#define SECTORS 64
#define HDR G_DATA
#define DATA (G_DATA + 0x1000)
#define STATUS (G_DATA + 0xff0)
#define NO_STATUS 0xee

struct fixture {
	struct guest g;
	struct virtio_dev *dev;
	int image;
};

static void start(struct fixture *f, bool read_only, uint64_t features)
{
	blk_free(f->dev);
	f->dev = blk_new(&f->g.mem, NULL, dup(f->image), read_only, "disk-1",
			 NULL);
	guest_start(&f->g, f->dev, features, 16);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	uint8_t sector[512];

	guest_init(&f->g);
	f->image = memfd_create("image", MFD_CLOEXEC);
	for (unsigned int i = 0; i < SECTORS; i++) {
		memset(sector, (int)i + 1, sizeof(sector));
		if (write(f->image, sector, sizeof(sector)) != 512)
			return -1;
	}
	if (write(f->image, "tail", 4) != 4) /* part of a sector: not seen */
		return -1;
	start(f, false, G_ALL_FEATURES);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	blk_free(f->dev);
	close(f->image);
	mem_release(&f->g.mem);
	free(f);
	return 0;
}

/* One request; @flags of its data. Returns the used length, or -1. */
static int64_t request(struct fixture *f, uint32_t type, uint64_t sector,
		       uint32_t len, uint16_t flags)
{
	const struct virtio_blk_outhdr hdr = { .type = type, .sector = sector };
	const struct vring_desc bufs[] = { { HDR, sizeof(hdr), G_OUT, 0 },
					   { DATA, len, flags, 0 },
					   { STATUS, 1, G_IN, 0 } };

	g_put(&f->g.mem, HDR, &hdr, sizeof(hdr));
	g_fill(&f->g.mem, STATUS, NO_STATUS, 1);
	return guest_request(&f->g, 0, bufs, 3);
}

static uint8_t status(struct fixture *f)
{
	uint8_t s;

	g_get(&f->g.mem, STATUS, &s, 1);
	return s;
}

static uint8_t image_byte(struct fixture *f, off_t at)
{
	uint8_t b = 0;

	assert_int_equal(pread(f->image, &b, 1, at), 1);
	return b;
}

static void test_config(void **state)
{
	struct fixture *f = *state;
	uint64_t capacity = 0;
	struct err err = { 0 };
	int fds[2];

	assert_int_equal(reg_read(&f->g.slot, VIRTIO_MMIO_DEVICE_ID), 2);
	mmio_read(&f->g.slot, 0x100, &capacity, 8);
	assert_int_equal(capacity, SECTORS);
	assert_false(f->dev->features >> VIRTIO_BLK_F_RO & 1);
	assert_false(f->dev->features >> VIRTIO_BLK_F_SCSI & 1);
	start(f, true, G_ALL_FEATURES);
	assert_true(f->dev->features >> VIRTIO_BLK_F_RO & 1);
	assert_false(f->dev->features >> VIRTIO_BLK_F_DISCARD & 1);
	assert_null(blk_new(&f->g.mem, NULL, dup(f->image), false,
			    "an id of more than 20 bytes", &err));
	assert_int_equal(err.code, -EINVAL);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_null(blk_new(&f->g.mem, NULL, fds[0], false, "x", &err));
	close(fds[1]);
}

static void test_read_write(void **state)
{
	struct fixture *f = *state;
	uint8_t got[1024];

	assert_int_equal(request(f, VIRTIO_BLK_T_IN, 3, 1024, G_IN), 1025);
	assert_int_equal(status(f), VIRTIO_BLK_S_OK);
	g_get(&f->g.mem, DATA, got, sizeof(got));
	assert_int_equal(got[0], 4);
	assert_int_equal(got[1023], 5);
	g_fill(&f->g.mem, DATA, 0xaa, 512);
	assert_int_equal(request(f, VIRTIO_BLK_T_OUT, SECTORS - 1, 512, G_OUT),
			 1);
	assert_int_equal(status(f), VIRTIO_BLK_S_OK);
	assert_int_equal(image_byte(f, SECTORS * 512 - 1), 0xaa);
	assert_int_equal(image_byte(f, SECTORS * 512), 't');
	assert_int_equal(request(f, VIRTIO_BLK_T_FLUSH, 0, 0, G_OUT), 1);
	assert_int_equal(status(f), VIRTIO_BLK_S_OK);
	/* and for a driver that does not know of flushes */
	start(f, false, 1ULL << VIRTIO_F_VERSION_1);
	assert_int_equal(request(f, VIRTIO_BLK_T_OUT, 0, 512, G_OUT), 1);
	assert_int_equal(status(f), VIRTIO_BLK_S_OK);
}

/* However the buffers are cut: header in three, data and status in one. */
static void test_layout(void **state)
{
	const struct virtio_blk_outhdr hdr = { .type = VIRTIO_BLK_T_OUT,
					       .sector = 1 };
	const struct vring_desc out[] = { { HDR, 3, G_OUT, 0 },
					  { HDR + 3, 12, G_OUT, 0 },
					  { HDR + 15, 513, G_OUT, 0 },
					  { STATUS, 1, G_IN, 0 } };
	const struct vring_desc in[] = { { HDR, 16, G_OUT, 0 },
					 { DATA, 500, G_IN, 0 },
					 { DATA + 500, 13, G_IN, 0 } };
	const struct vring_desc wide[] = { { HDR, 528, G_OUT, 0 },
					   { STATUS, 10, G_IN, 0 } };
	struct fixture *f = *state;
	uint8_t got[513];

	g_put(&f->g.mem, HDR, &hdr, sizeof(hdr));
	g_fill(&f->g.mem, HDR + 16, 0x77, 512);
	assert_int_equal(guest_request(&f->g, 0, out, 4), 1);
	assert_int_equal(image_byte(f, 512), 0x77);
	assert_int_equal(image_byte(f, 1023), 0x77);
	assert_int_equal(image_byte(f, 1024), 3);
	/* the status is in the last byte; nothing was written before it */
	assert_int_equal(guest_request(&f->g, 0, wide, 2), 0);
	g_get(&f->g.mem, STATUS + 9, got, 1);
	assert_int_equal(got[0], VIRTIO_BLK_S_OK);
	g_fill(&f->g.mem, HDR, 0, 4); /* T_IN */
	assert_int_equal(guest_request(&f->g, 0, in, 3), 513);
	g_get(&f->g.mem, DATA, got, sizeof(got));
	assert_int_equal(got[511], 0x77);
	assert_int_equal(got[512], VIRTIO_BLK_S_OK);
}

/* V17: sectors and sizes that do not fit; nothing read, nothing changed */
static void test_ranges(void **state)
{
	static const struct {
		uint64_t sector;
		uint32_t len;
	} cases[] = {
		{ SECTORS, 512 },
		{ SECTORS - 1, 1024 },
		{ 0, (SECTORS + 1) * 512 },
		{ 0, 511 },
		{ 0, 1 },
		{ 1ULL << 55, 512 },
		{ UINT64_MAX, 512 },
		{ UINT64_MAX - 1, 1024 },
		{ UINT64_MAX / 512, 512 },
		{ UINT64_MAX / 512 + 1, 512 },
		{ 0, 254 * 65536 + 512 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		g_fill(&f->g.mem, DATA, 0xcc, 1024);
		assert_int_equal(request(f, VIRTIO_BLK_T_IN, cases[i].sector,
					 cases[i].len, G_IN),
				 0);
		assert_int_equal(status(f), VIRTIO_BLK_S_IOERR);
		assert_int_equal(*(uint8_t *)mem_ptr(&f->g.mem, DATA, 1), 0xcc);
		assert_int_equal(request(f, VIRTIO_BLK_T_OUT, cases[i].sector,
					 cases[i].len, G_OUT),
				 1);
		assert_int_equal(status(f), VIRTIO_BLK_S_IOERR);
	}
	for (unsigned int i = 0; i < SECTORS; i++)
		assert_int_equal(image_byte(f, i * 512), i + 1);
	/* no data at all, even at the end, is no error */
	assert_int_equal(request(f, VIRTIO_BLK_T_IN, SECTORS, 0, G_IN), 1);
	assert_int_equal(status(f), VIRTIO_BLK_S_OK);
	assert_int_equal(lseek(f->image, 0, SEEK_END), SECTORS * 512 + 4);
}

static uint8_t range_request(struct fixture *f, uint32_t type, uint64_t sector,
			     uint32_t count, uint32_t flags)
{
	const struct virtio_blk_discard_write_zeroes range = { sector, count,
							       flags };

	g_put(&f->g.mem, DATA, &range, sizeof(range));
	assert_int_equal(request(f, type, 0, sizeof(range), G_OUT), 1);
	return status(f);
}

/* The bounds of one request are those that the driver was told. */
static void test_most(void **state)
{
	struct fixture *f = *state;
	uint32_t most =
		reg_read(&f->g.slot, 0x108) * reg_read(&f->g.slot, 0x10c);
	uint32_t sectors;

	assert_int_equal(ftruncate(f->image, 2LL << 30), 0);
	start(f, false, G_ALL_FEATURES);
	assert_int_equal(request(f, VIRTIO_BLK_T_IN, 0, most, G_IN), most + 1);
	assert_int_equal(request(f, VIRTIO_BLK_T_IN, 0, most + 512, G_IN), 0);
	assert_int_equal(status(f), VIRTIO_BLK_S_IOERR);
	sectors = reg_read(&f->g.slot, 0x124);
	assert_int_equal(range_request(f, 11, 64, sectors, 0), VIRTIO_BLK_S_OK);
	assert_int_equal(range_request(f, 11, 64, sectors + 1, 0),
			 VIRTIO_BLK_S_IOERR);
}

static void test_types(void **state)
{
	struct fixture *f = *state;
	char id[21] = "";

	for (uint32_t type = 0; type < 64; type++) {
		bool known = type == 0 || type == 1 || type == 4 || type == 8 ||
			     type == 11 || type == 13;

		assert_true(request(f, type, 0, 0, G_IN) >= 0);
		if (!known)
			assert_int_equal(status(f), VIRTIO_BLK_S_UNSUPP);
	}
	request(f, 0x80000001, 0, 512, G_OUT);
	assert_int_equal(status(f), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(image_byte(f, 0), 1);
	assert_int_equal(request(f, VIRTIO_BLK_T_GET_ID, 0, 20, G_IN), 21);
	g_get(&f->g.mem, DATA, id, 20);
	assert_string_equal(id, "disk-1");
	assert_int_equal(request(f, VIRTIO_BLK_T_GET_ID, 0, 3, G_IN), 4);
	assert_int_equal(request(f, VIRTIO_BLK_T_GET_ID, 0, 100, G_IN), 20);
	assert_int_equal(status(f), VIRTIO_BLK_S_OK);
}

static void test_discard(void **state)
{
	static const struct {
		uint64_t sector;
		uint32_t count;
		uint32_t flags;
		uint8_t want;
	} cases[] = {
		{ SECTORS, 1, 0, VIRTIO_BLK_S_IOERR },
		{ 1, SECTORS, 0, VIRTIO_BLK_S_IOERR },
		{ UINT64_MAX, 1, 0, VIRTIO_BLK_S_IOERR },
		{ UINT64_MAX, 0xffffffff, 0, VIRTIO_BLK_S_IOERR },
		{ 0, 0xffffffff, 0, VIRTIO_BLK_S_IOERR },
		{ 1ULL << 55, 1, 0, VIRTIO_BLK_S_IOERR },
		{ 0, 1, 2, VIRTIO_BLK_S_UNSUPP },
		{ 0, 1, 0x80000000, VIRTIO_BLK_S_UNSUPP },
		{ SECTORS, 0, 0, VIRTIO_BLK_S_OK },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (uint32_t type = 11; type <= 13; type += 2)
			assert_int_equal(range_request(f, type, cases[i].sector,
						       cases[i].count,
						       cases[i].flags),
					 cases[i].want);
	}
	for (unsigned int i = 0; i < SECTORS; i++)
		assert_int_equal(image_byte(f, i * 512), i + 1);
	assert_int_equal(range_request(f, 11, 8, 8, 0), VIRTIO_BLK_S_OK);
	assert_int_equal(image_byte(f, 8 * 512 - 1), 8);
	assert_int_equal(image_byte(f, 8 * 512), 0);
	assert_int_equal(image_byte(f, 16 * 512 - 1), 0);
	assert_int_equal(image_byte(f, 16 * 512), 17);
	assert_int_equal(range_request(f, 11, 8, 8, 1), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(range_request(f, 13, 20, 2, 1), VIRTIO_BLK_S_OK);
	assert_int_equal(image_byte(f, 20 * 512), 0);
	/* a memfd cannot zero in place: that is said, not done by halves */
	assert_int_equal(range_request(f, 13, 30, 2, 0), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(image_byte(f, 30 * 512), 31);
	/* more than one range, or part of one */
	request(f, 11, 0, 32, G_OUT);
	assert_int_equal(status(f), VIRTIO_BLK_S_IOERR);
	request(f, 11, 0, 15, G_OUT);
	assert_int_equal(status(f), VIRTIO_BLK_S_IOERR);
	/* what was not negotiated is not there */
	start(f, false, 1ULL << VIRTIO_F_VERSION_1);
	assert_int_equal(range_request(f, 11, 0, 1, 0), VIRTIO_BLK_S_UNSUPP);
}

static void test_read_only(void **state)
{
	struct fixture *f = *state;

	start(f, true, G_ALL_FEATURES);
	assert_int_equal(request(f, VIRTIO_BLK_T_OUT, 0, 512, G_OUT), 1);
	assert_int_equal(status(f), VIRTIO_BLK_S_IOERR);
	assert_int_equal(range_request(f, 11, 0, 1, 0), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(range_request(f, 13, 0, 1, 0), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(request(f, VIRTIO_BLK_T_FLUSH, 0, 0, G_OUT), 1);
	assert_int_equal(status(f), VIRTIO_BLK_S_OK);
	assert_int_equal(request(f, VIRTIO_BLK_T_IN, 0, 512, G_IN), 513);
	assert_int_equal(image_byte(f, 0), 1);
}

/* V15: used.len is what was written, also where the image ends early. */
static void test_cut_image(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ftruncate(f->image, 700), 0);
	assert_int_equal(request(f, VIRTIO_BLK_T_IN, 0, 1024, G_IN), 700);
	assert_int_equal(status(f), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(f, VIRTIO_BLK_T_IN, 5, 512, G_IN), 0);
	assert_int_equal(status(f), VIRTIO_BLK_S_IOERR);
}

/* V12 and requests that cannot be answered */
static void test_malformed(void **state)
{
	const struct vring_desc cases[][2] = {
		{ { HDR, 0, G_OUT, 0 }, { STATUS, 0, G_IN, 0 } },
		{ { HDR, 15, G_OUT, 0 }, { STATUS, 1, G_IN, 0 } },
		{ { HDR, 16, G_OUT, 0 }, { STATUS, 0, G_IN, 0 } },
		{ { HDR, 16, G_OUT, 0 }, { DATA, 512, G_OUT, 0 } },
		{ { HDR, 16, G_IN, 0 }, { STATUS, 1, G_IN, 0 } },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		guest_start(&f->g, f->dev, G_ALL_FEATURES, 16);
		assert_int_equal(guest_request(&f->g, 0, cases[i], 2), -1);
		assert_true(guest_needs_reset(&f->g));
	}
	guest_start(&f->g, f->dev, G_ALL_FEATURES, 16);
	assert_int_equal(request(f, VIRTIO_BLK_T_IN, 0, 512, G_IN), 513);
}

/* V18: bytes that look like another format's header are bytes. */
static void test_never_probed(void **state)
{
	static const char *const magic[] = { "QFI\xfb", "conectix", "KDMV",
					     "vhdxfile" };
	struct fixture *f = *state;
	uint64_t capacity;

	for (size_t i = 0; i < ARRAY_SIZE(magic); i++) {
		assert_int_equal(
			pwrite(f->image, magic[i], strlen(magic[i]), 0),
			strlen(magic[i]));
		start(f, false, G_ALL_FEATURES);
		mmio_read(&f->g.slot, 0x100, &capacity, 8);
		assert_int_equal(capacity, SECTORS);
		assert_int_equal(request(f, VIRTIO_BLK_T_IN, 0, 512, G_IN),
				 513);
		assert_memory_equal(mem_ptr(&f->g.mem, DATA, 8), magic[i],
				    strlen(magic[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_config, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_write, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_layout, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ranges, setup, teardown),
		cmocka_unit_test_setup_teardown(test_most, setup, teardown),
		cmocka_unit_test_setup_teardown(test_types, setup, teardown),
		cmocka_unit_test_setup_teardown(test_discard, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_only, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_cut_image, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_malformed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_never_probed, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
