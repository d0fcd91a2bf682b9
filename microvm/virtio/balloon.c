/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/virtio_balloon.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/sabotage.h"
#include "microvm/virtio/devices.h"

/*
 * Queue 2 is the reporting one, not 4: a driver numbers the queues that exist,
 * and statistics and hints are not offered.
 */
enum { INFLATE, DEFLATE, REPORTING, QUEUES };

#define PAGE_BYTES (1ULL << VIRTIO_BALLOON_PFN_SHIFT)
#define PFNS_MAX 1024U /* in one request: a page full of numbers */
#define CONFIG_BYTES \
	offsetof(struct virtio_balloon_config, free_page_hint_cmd_id)

/**
 * struct balloon - @config: num_pages is ours, actual the driver's
 */
struct balloon {
	struct virtio_dev dev;
	struct virtio_balloon_config config;
};

static struct balloon *to_balloon(struct virtio_dev *dev)
{
	return (struct balloon *)dev;
}

static uint64_t memory_bytes(const struct virtio_dev *dev)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < dev->mem->region_count; i++)
		sum += dev->mem->region[i].len;
	return sum;
}

/**
 * struct hole - pages [from, to) of the memfd that are to be given back.
 * Neighbours are joined, so that a run of pages costs one system call.
 */
struct hole {
	uint64_t from;
	uint64_t to;
};

static int punch(struct virtio_dev *dev, struct hole *hole)
{
	uint64_t from = hole->from, len = hole->to - hole->from;

	*hole = (struct hole){ 0 };
	if (!len || SABOTAGED("balloon_discard") ||
	    !fallocate(dev->mem->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		       (off_t)from, (off_t)len))
		return 0;
	virtio_fail(dev, "guest memory cannot be given back");
	return -EIO;
}

static int add_range(struct virtio_dev *dev, struct hole *hole, uint64_t from,
		     uint64_t to)
{
	int ret = 0;

	if (from == hole->to && hole->to) {
		hole->to = to;
		return 0;
	}
	if (to == hole->from) {
		hole->from = from;
		return 0;
	}
	ret = punch(dev, hole);
	*hole = (struct hole){ from, to };
	return ret;
}

/* Where host memory is in the memfd. */
static uint64_t offset_of(const struct guest_mem *mem, const uint8_t *host)
{
	for (unsigned int i = 0; i < mem->region_count; i++) {
		const struct mem_region *r = &mem->region[i];

		if (host >= r->host && (uint64_t)(host - r->host) < r->len)
			return r->offset + (uint64_t)(host - r->host);
	}
	return UINT64_MAX; /* not reached: from mem_ptr() it is in one */
}

static int64_t balloon_inflate(struct virtio_dev *dev,
			       const struct vq_chain *chain)
{
	uint32_t pfns[PFNS_MAX];
	struct hole hole = { 0 };
	size_t count = chain->out_bytes / sizeof(pfns[0]);

	if (chain->out_bytes % sizeof(pfns[0]) || count > PFNS_MAX) {
		virtio_fail(dev, "a list of pages has an odd length");
		return -EPROTO;
	}
	chain_copy_out(chain, 0, pfns, count * sizeof(pfns[0]));
	for (size_t i = 0; i < count; i++) {
		uint64_t at, gpa = (uint64_t)pfns[i] * PAGE_BYTES;
		const uint8_t *host = mem_ptr(dev->mem, gpa, PAGE_BYTES);

		if (!host) {
			virtio_fail(dev, "a page is outside the memory");
			return -EPROTO;
		}
		at = offset_of(dev->mem, host);
		if (add_range(dev, &hole, at, at + PAGE_BYTES) < 0)
			return -EIO;
	}
	return punch(dev, &hole) < 0 ? -EIO : 0;
}

/* The pages come back, as zeros, when they are touched. */
static int64_t balloon_deflate(struct virtio_dev *dev,
			       const struct vq_chain *chain)
{
	(void)dev;
	(void)chain;
	return 0;
}

/* Free pages, as in buffers; only whole pages of ours inside them count. */
static int64_t balloon_report(struct virtio_dev *dev,
			      const struct vq_chain *chain)
{
	const struct iovec *iov = chain->iov + chain->out_count;
	struct hole hole = { 0 };

	for (unsigned int i = 0; i < chain->in_count; i++) {
		uint64_t from = offset_of(dev->mem, iov[i].iov_base);
		uint64_t to = (from + iov[i].iov_len) & ~(PAGE_BYTES - 1);

		from = (from + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
		if (from < to && add_range(dev, &hole, from, to) < 0)
			return -EIO;
	}
	return punch(dev, &hole) < 0 ? -EIO : 0;
}

static void balloon_kick(struct virtio_dev *dev, unsigned int index)
{
	static int64_t (*const handlers[QUEUES])(struct virtio_dev *,
						 const struct vq_chain *) = {
		[INFLATE] = balloon_inflate,
		[DEFLATE] = balloon_deflate,
		[REPORTING] = balloon_report,
	};

	virtio_serve(dev, &dev->vq[index], handlers[index]);
}

static void balloon_config_read(struct virtio_dev *dev, unsigned int off,
				void *to, unsigned int len)
{
	memcpy(to, (const uint8_t *)&to_balloon(dev)->config + off, len);
}

static void balloon_config_write(struct virtio_dev *dev, unsigned int off,
				 const void *from, unsigned int len)
{
	struct balloon *balloon = to_balloon(dev);

	if (off == offsetof(struct virtio_balloon_config, actual) &&
	    len == sizeof(balloon->config.actual))
		memcpy(&balloon->config.actual, from, len);
}

/* A new driver starts with nothing in the balloon; the wish stays. */
static void balloon_reset(struct virtio_dev *dev)
{
	to_balloon(dev)->config.actual = 0;
}

static const struct virtio_ops balloon_ops = {
	.id = VIRTIO_ID_BALLOON,
	.name = "balloon",
	.queue_count = QUEUES,
	.config_size = CONFIG_BYTES,
	.config_read = balloon_config_read,
	.config_write = balloon_config_write,
	.reset = balloon_reset,
	.kick = balloon_kick,
};

struct virtio_dev *balloon_new(const struct guest_mem *mem, struct loop *loop,
			       struct err *err)
{
	auto_free struct balloon *balloon = calloc(1, sizeof(*balloon));
	const uint64_t features = 1ULL << VIRTIO_BALLOON_F_DEFLATE_ON_OOM |
				  1ULL << VIRTIO_BALLOON_F_REPORTING;

	if (!balloon) {
		err_set(err, -ENOMEM, "no memory for the balloon");
		return NULL;
	}
	if (virtio_dev_init(&balloon->dev, &balloon_ops, mem, loop, features,
			    err) < 0)
		return NULL;
	return &take_ptr(&balloon)->dev;
}

void balloon_set(struct virtio_dev *dev, uint64_t bytes)
{
	uint64_t most = memory_bytes(dev), pages;

	pages = (bytes < most ? bytes : most) / PAGE_BYTES;
	to_balloon(dev)->config.num_pages =
		pages > UINT32_MAX ? UINT32_MAX : (uint32_t)pages;
	virtio_config_changed(dev);
}

/* What the guest says; it cannot have given back more than there is. */
uint64_t balloon_actual(const struct virtio_dev *dev)
{
	const struct balloon *balloon = (const struct balloon *)dev;
	uint64_t bytes = balloon->config.actual * PAGE_BYTES;
	uint64_t most = memory_bytes(dev);

	return bytes < most ? bytes : most;
}

void balloon_free(struct virtio_dev *dev)
{
	if (!dev)
		return;
	virtio_dev_release(dev);
	free(to_balloon(dev));
}
