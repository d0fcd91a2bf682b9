/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/virtio_blk.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/sabotage.h"
#include "microvm/virtio/devices.h"

#define SECTOR 512U
/* told to the driver, and the bound of what one request moves */
#define SEG_MAX (VQ_MAX_SIZE - 2)
#define SIZE_MAX_BYTES 65536U
#define DATA_MAX ((uint64_t)SEG_MAX * SIZE_MAX_BYTES)
#define DISCARD_MAX_SECTORS (1U << 21)

/**
 * struct blk - a raw image. Its bytes are never looked at.
 * @read_only: all that would change it is refused
 */
struct blk {
	struct virtio_dev dev;
	int fd;
	bool read_only;
	struct virtio_blk_config config;
	uint8_t id[VIRTIO_BLK_ID_BYTES];
};

static struct blk *to_blk(struct virtio_dev *dev)
{
	return (struct blk *)dev;
}

/**
 * struct req - one request, its header copied.
 * @data_len: bytes between the header, or the beginning, and the status
 * @done: bytes of an answer really written, from the beginning
 */
struct req {
	const struct vq_chain *chain;
	uint64_t sector;
	uint64_t data_len;
	uint64_t done;
};

/* No sum that could wrap: sectors are compared, not bytes. */
static bool in_range(const struct blk *blk, uint64_t sector, uint64_t count)
{
	if (SABOTAGED("blk_range"))
		return true;
	return sector <= blk->config.capacity &&
	       count <= blk->config.capacity - sector;
}

/* Move all of it; a request of the kernel may come back short. */
static int transfer(const struct blk *blk, struct req *req, bool in)
{
	const size_t skip = in ? 0 : sizeof(struct virtio_blk_outhdr);
	struct iovec part[VQ_MAX_IOV];

	while (req->done < req->data_len) {
		off_t at = (off_t)(req->sector * SECTOR + req->done);
		unsigned int n = chain_iov(req->chain, in, skip + req->done,
					   req->data_len - req->done, part);
		ssize_t moved = in ? preadv(blk->fd, part, (int)n, at)
				   : pwritev(blk->fd, part, (int)n, at);

		if (moved < 0 && errno == EINTR)
			continue;
		if (moved <= 0) /* 0: the image was cut off under us */
			return -EIO;
		req->done += (uint64_t)moved;
	}
	return 0;
}

static uint8_t status_of(int ret)
{
	switch (ret) {
	case 0:
		return VIRTIO_BLK_S_OK;
	case -EOPNOTSUPP:
		return VIRTIO_BLK_S_UNSUPP;
	default:
		return VIRTIO_BLK_S_IOERR;
	}
}

static int blk_sync(const struct blk *blk)
{
	return fdatasync(blk->fd) < 0 ? -errno : 0;
}

static int do_io(struct blk *blk, struct req *req, bool in)
{
	int ret;

	if ((!in && blk->read_only && !SABOTAGED("blk_read_only")) ||
	    req->data_len % SECTOR || req->data_len > DATA_MAX ||
	    !in_range(blk, req->sector, req->data_len / SECTOR))
		return -EIO;
	ret = transfer(blk, req, in);
	/* a driver that cannot flush is promised that writes last */
	if (!ret && !in && !virtio_has(&blk->dev, VIRTIO_BLK_F_FLUSH))
		ret = blk_sync(blk);
	return ret;
}

static int do_in(struct blk *blk, struct req *req)
{
	return do_io(blk, req, true);
}

static int do_out(struct blk *blk, struct req *req)
{
	return do_io(blk, req, false);
}

static int do_flush(struct blk *blk, struct req *req)
{
	(void)req;
	return blk_sync(blk);
}

static int do_get_id(struct blk *blk, struct req *req)
{
	size_t len = sizeof(blk->id);

	if (len > req->data_len)
		len = req->data_len;
	req->done = chain_copy_in(req->chain, 0, blk->id, len);
	return 0;
}

/* One range, as max_*_seg says (5.2.6): discard it, or make it read zeros. */
static int change_range(struct blk *blk, struct req *req, unsigned int feature,
			bool zeroes)
{
	struct virtio_blk_discard_write_zeroes range;
	int mode = FALLOC_FL_PUNCH_HOLE;

	if (!virtio_has(&blk->dev, feature))
		return -EOPNOTSUPP;
	if (blk->read_only || req->data_len != sizeof(range) ||
	    chain_copy_out(req->chain, sizeof(struct virtio_blk_outhdr), &range,
			   sizeof(range)) != sizeof(range))
		return -EIO;
	if (range.flags &
	    (zeroes ? ~(uint32_t)VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : ~0U))
		return -EOPNOTSUPP;
	if (range.num_sectors > DISCARD_MAX_SECTORS ||
	    !in_range(blk, range.sector, range.num_sectors))
		return -EIO;
	if (!range.num_sectors)
		return 0;
	if (zeroes && !range.flags)
		mode = FALLOC_FL_ZERO_RANGE;
	if (fallocate(blk->fd, mode | FALLOC_FL_KEEP_SIZE,
		      (off_t)(range.sector * SECTOR),
		      (off_t)range.num_sectors * SECTOR) < 0)
		return -errno;
	return 0;
}

static int do_discard(struct blk *blk, struct req *req)
{
	return change_range(blk, req, VIRTIO_BLK_F_DISCARD, false);
}

static int do_write_zeroes(struct blk *blk, struct req *req)
{
	return change_range(blk, req, VIRTIO_BLK_F_WRITE_ZEROES, true);
}

static const struct request {
	uint32_t type;
	bool answers; /* data goes to the driver */
	int (*call)(struct blk *blk, struct req *req);
} requests[] = {
	{ VIRTIO_BLK_T_IN, true, do_in },
	{ VIRTIO_BLK_T_OUT, false, do_out },
	{ VIRTIO_BLK_T_FLUSH, false, do_flush },
	{ VIRTIO_BLK_T_GET_ID, true, do_get_id },
	{ VIRTIO_BLK_T_DISCARD, false, do_discard },
	{ VIRTIO_BLK_T_WRITE_ZEROES, false, do_write_zeroes },
};

static int do_request(struct blk *blk, struct req *req, uint32_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		if (requests[i].type != type)
			continue;
		if (requests[i].answers)
			req->data_len = req->chain->in_bytes - 1;
		else
			req->data_len = req->chain->out_bytes -
					sizeof(struct virtio_blk_outhdr);
		return requests[i].call(blk, req);
	}
	return -EOPNOTSUPP;
}

/*
 * The header is the first 16 bytes to read, the status the last byte to write,
 * however the driver cuts its buffers (2.7.4). What is said to be written is
 * what was, from the beginning: the status counts if nothing before it lacks.
 */
static int64_t blk_handle(struct virtio_dev *dev, const struct vq_chain *chain)
{
	struct req req = { .chain = chain };
	struct virtio_blk_outhdr hdr;
	uint8_t status;

	if (chain_copy_out(chain, 0, &hdr, sizeof(hdr)) != sizeof(hdr) ||
	    !chain->in_bytes) {
		virtio_fail(dev, "a request lacks its header or status");
		return -EPROTO;
	}
	req.sector = hdr.sector;
	status = status_of(do_request(to_blk(dev), &req, hdr.type));
	chain_copy_in(chain, chain->in_bytes - 1, &status, 1);
	if (hdr.type == VIRTIO_BLK_T_OUT)
		req.done = 0; /* those went the other way */
	return (int64_t)(req.done + (req.done == chain->in_bytes - 1));
}

static void blk_kick(struct virtio_dev *dev, unsigned int index)
{
	virtio_serve(dev, &dev->vq[index], blk_handle);
}

static void blk_config_read(struct virtio_dev *dev, unsigned int off, void *to,
			    unsigned int len)
{
	memcpy(to, (const uint8_t *)&to_blk(dev)->config + off, len);
}

static const struct virtio_ops blk_ops = {
	.id = VIRTIO_ID_BLOCK,
	.name = "blk",
	.queue_count = 1,
	.config_size = offsetof(struct virtio_blk_config, unused1),
	.config_read = blk_config_read,
	.kick = blk_kick,
};

static int blk_size(struct blk *blk, struct err *err)
{
	struct stat st;
	uint64_t bytes;

	if (fstat(blk->fd, &st) < 0)
		return err_sys(err, "cannot stat the disk image");
	bytes = (uint64_t)st.st_size;
	if (S_ISBLK(st.st_mode)) {
		if (ioctl(blk->fd, BLKGETSIZE64, &bytes) < 0)
			return err_sys(err, "cannot size the disk");
	} else if (!S_ISREG(st.st_mode)) {
		return err_set(err, -EINVAL, "the disk image is no file");
	}
	blk->config.capacity = bytes / SECTOR;
	return 0;
}

static uint64_t blk_features(const struct blk *blk)
{
	uint64_t features = 1ULL << VIRTIO_BLK_F_SIZE_MAX |
			    1ULL << VIRTIO_BLK_F_SEG_MAX |
			    1ULL << VIRTIO_BLK_F_FLUSH;

	if (blk->read_only)
		return features | 1ULL << VIRTIO_BLK_F_RO;
	return features | 1ULL << VIRTIO_BLK_F_DISCARD |
	       1ULL << VIRTIO_BLK_F_WRITE_ZEROES;
}

struct virtio_dev *blk_new(const struct guest_mem *mem, struct loop *loop,
			   int image_fd, bool read_only, const char *id,
			   struct err *err)
{
	auto_fd int fd = image_fd;
	auto_free struct blk *blk = calloc(1, sizeof(*blk));

	if (!blk) {
		err_set(err, -ENOMEM, "no memory for a disk");
		return NULL;
	}
	if (strlen(id) > sizeof(blk->id)) {
		err_set(err, -EINVAL, "disk id '%s' is too long", id);
		return NULL;
	}
	blk->fd = fd;
	blk->read_only = read_only;
	memcpy(blk->id, id, strlen(id));
	blk->config.size_max = SIZE_MAX_BYTES;
	blk->config.seg_max = SEG_MAX;
	blk->config.max_discard_sectors = DISCARD_MAX_SECTORS;
	blk->config.max_discard_seg = 1;
	blk->config.discard_sector_alignment = 1;
	blk->config.max_write_zeroes_sectors = DISCARD_MAX_SECTORS;
	blk->config.max_write_zeroes_seg = 1;
	blk->config.write_zeroes_may_unmap = 1;
	if (blk_size(blk, err) < 0 ||
	    virtio_dev_init(&blk->dev, &blk_ops, mem, loop, blk_features(blk),
			    err) < 0)
		return NULL;
	take_fd(&fd);
	return &take_ptr(&blk)->dev;
}

void blk_free(struct virtio_dev *dev)
{
	struct blk *blk = to_blk(dev);

	if (!dev)
		return;
	virtio_dev_release(dev);
	auto_close_fd(&blk->fd);
	free(blk);
}
