/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <sys/random.h>

#include "base/err.h"
#include "base/sabotage.h"
#include "microvm/virtio/devices.h"

#define RNG_MAX_BYTES 65536U

static int64_t rng_fill(struct virtio_dev *dev, const struct vq_chain *chain)
{
	struct iovec part[VQ_MAX_IOV];
	unsigned int n = chain_iov(
		chain, true, 0,
		SABOTAGED("rng_bound") ? SIZE_MAX : RNG_MAX_BYTES, part);
	int64_t written = 0;

	if (chain->out_count) {
		virtio_fail(dev, "a request has a buffer to read from");
		return -EPROTO;
	}
	for (unsigned int i = 0; i < n; i++) {
		uint8_t *at = part[i].iov_base;
		size_t left = part[i].iov_len;

		while (left) {
			ssize_t got = getrandom(at, left, 0);

			if (got < 0 && errno == EINTR)
				continue;
			if (got <= 0)
				return written; /* really written */
			at += got;
			left -= (size_t)got;
			written += got;
		}
	}
	return written;
}

static void rng_kick(struct virtio_dev *dev, unsigned int index)
{
	virtio_serve(dev, &dev->vq[index], rng_fill);
}

static const struct virtio_ops rng_ops = {
	.id = VIRTIO_ID_RNG,
	.name = "rng",
	.queue_count = 1,
	.kick = rng_kick,
};

struct virtio_dev *rng_new(const struct guest_mem *mem, struct loop *loop,
			   struct err *err)
{
	struct virtio_dev *dev = calloc(1, sizeof(*dev));

	if (!dev) {
		err_set(err, -ENOMEM, "no memory for the rng device");
		return NULL;
	}
	if (virtio_dev_init(dev, &rng_ops, mem, loop, 0, err) < 0) {
		free(dev);
		return NULL;
	}
	return dev;
}

void rng_free(struct virtio_dev *dev)
{
	if (!dev)
		return;
	virtio_dev_release(dev);
	free(dev);
}
