/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/sabotage.h"
#include "microvm/virtio/devices.h"
#include "microvm/virtio/netoff.h"

#define RX 0
#define TX 1
#define MIN_MTU 68
#define DROPS_PER_CALL 64
/* largest MTU, an Ethernet header and two VLAN tags */
#define FRAME_MAX (65535 + ETH_HLEN + 8)

_Static_assert(sizeof(struct virtio_net_hdr_v1) == NET_HDR_BYTES,
	       "virtio 1.2, 5.1.6");

/**
 * struct net - one interface.
 * @tap_watch: of the tap, while the guest has room for frames
 * @dead: the tap's interface is gone
 */
struct net {
	struct virtio_dev dev;
	struct loop_watch tap_watch;
	struct virtio_net_config config;
	bool dead;
};

static struct net *to_net(struct virtio_dev *dev)
{
	return (struct net *)dev;
}

/* As the driver may ask for it: what was not negotiated has no meaning. */
static int make_header(const struct virtio_dev *dev,
		       const struct vq_chain *chain, const uint8_t *head,
		       size_t head_len, struct virtio_net_hdr_v1 *hdr)
{
	struct virtio_net_hdr_v1 asked = { 0 };

	chain_copy_out(chain, 0, &asked, sizeof(asked));
	if (!virtio_has(dev, VIRTIO_NET_F_CSUM))
		asked.flags = 0;
	if (!virtio_has(dev, asked.gso_type == VIRTIO_NET_HDR_GSO_TCPV4
				     ? VIRTIO_NET_F_HOST_TSO4
				     : VIRTIO_NET_F_HOST_TSO6))
		asked.gso_type = VIRTIO_NET_HDR_GSO_NONE;
	return netoff_header(&asked, head, head_len,
			     chain->out_bytes - sizeof(asked), hdr);
}

/*
 * A frame to the tap, with a header of our own, and how it begins as it was
 * when that was made. A frame that the tap does not take is lost, as on a wire.
 */
static int64_t net_send(struct virtio_dev *dev, const struct vq_chain *chain)
{
	struct virtio_net_hdr_v1 hdr;
	uint8_t head[NETOFF_HEAD_BYTES];
	struct iovec iov[VQ_MAX_IOV + 2];
	size_t head_len;
	unsigned int n;
	ssize_t sent;

	if (chain->out_bytes < sizeof(hdr)) {
		virtio_fail(dev, "a frame to send has no header");
		return -EPROTO;
	}
	if (chain->out_bytes < sizeof(hdr) + ETH_HLEN ||
	    chain->out_bytes > sizeof(hdr) + FRAME_MAX)
		return 0;
	head_len = chain_copy_out(chain, sizeof(hdr), head, sizeof(head));
	if (make_header(dev, chain, head, head_len, &hdr) < 0)
		return 0;
	iov[0] = (struct iovec){ &hdr, sizeof(hdr) };
	iov[1] = (struct iovec){ head, head_len };
	n = chain_iov(chain, false, sizeof(hdr) + head_len, FRAME_MAX, iov + 2);
	do
		sent = writev(to_net(dev)->tap_watch.fd, iov, (int)n + 2);
	while (sent < 0 && errno == EINTR);
	return 0;
}

/*
 * Read one frame into @iov, which has @room bytes before its last one: if that
 * is filled, the frame was cut to fit. Such frames are dropped, some at a time.
 *
 * Return: bytes, or 0: nothing now (or, with @fd dead, nothing ever).
 */
static size_t read_frame(struct net *net, const struct iovec *iov,
			 unsigned int count, uint64_t room)
{
	for (int i = 0; i < DROPS_PER_CALL; i++) {
		ssize_t got = readv(net->tap_watch.fd, iov, (int)count);

		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (got <= 0) {
			virtio_log(&net->dev, "the tap is gone");
			virtio_watch(&net->dev, &net->tap_watch, 0);
			net->dead = true;
			return 0;
		}
		if (got >= NET_HDR_BYTES && (uint64_t)got <= room)
			return (size_t)got;
	}
	return 0;
}

/* A frame from the tap, straight into the guest's buffers. */
static int64_t net_receive(struct virtio_dev *dev, const struct vq_chain *chain)
{
	struct virtio_net_hdr_v1 hdr;
	struct iovec iov[VQ_MAX_IOV + 2];
	uint64_t room = chain->in_bytes;
	uint8_t more;
	unsigned int n;
	size_t got;

	if (room < sizeof(hdr)) {
		virtio_fail(dev, "a receive buffer has no room for a header");
		return -EPROTO;
	}
	if (room > sizeof(hdr) + FRAME_MAX)
		room = sizeof(hdr) + FRAME_MAX;
	iov[0] = (struct iovec){ &hdr, sizeof(hdr) };
	n = 1 +
	    chain_iov(chain, true, sizeof(hdr), room - sizeof(hdr), iov + 1);
	iov[n++] = (struct iovec){ &more, 1 };
	got = read_frame(to_net(dev), iov, n, room);
	if (!got)
		return VIRTIO_LATER;
	/* the tap's offloads are off: the host's header says nothing */
	hdr = (struct virtio_net_hdr_v1){ .num_buffers = 1 };
	chain_copy_in(chain, 0, &hdr, sizeof(hdr));
	return (int64_t)got;
}

/*
 * The tap is watched only while the guest has room for a frame: what comes
 * meanwhile waits in the tap's queue and is dropped there when that is full.
 */
static void net_read(struct net *net)
{
	struct virtio_dev *dev = &net->dev;
	struct vq *vq = &dev->vq[RX];

	if (net->dead || !vq->enabled)
		return;
	virtio_serve(dev, vq, net_receive);
	if (dev->needs_reset || net->dead)
		return;
	if (virtio_watch(dev, &net->tap_watch,
			 vq_has_avail(vq) || SABOTAGED("net_room") ? EPOLLIN
								   : 0) < 0)
		virtio_fail(dev, "the tap cannot be watched");
}

static void net_tap_call(struct loop_watch *watch, uint32_t events)
{
	(void)events;
	net_read(watch->arg);
}

static void net_kick(struct virtio_dev *dev, unsigned int index)
{
	if (index == TX)
		virtio_serve(dev, &dev->vq[TX], net_send);
	else
		net_read(to_net(dev));
}

static void net_reset(struct virtio_dev *dev)
{
	virtio_watch(dev, &to_net(dev)->tap_watch, 0);
}

static void net_config_read(struct virtio_dev *dev, unsigned int off, void *to,
			    unsigned int len)
{
	memcpy(to, (const uint8_t *)&to_net(dev)->config + off, len);
}

static const struct virtio_ops net_ops = {
	.id = VIRTIO_ID_NET,
	.name = "net",
	.queue_count = 2,
	.config_size = offsetof(struct virtio_net_config, mtu) + 2,
	.config_read = net_config_read,
	.reset = net_reset,
	.kick = net_kick,
};

struct virtio_dev *net_new(const struct guest_mem *mem, struct loop *loop,
			   int tap_fd, const uint8_t mac[6], uint16_t mtu,
			   struct err *err)
{
	auto_fd int tap = tap_fd;
	auto_free struct net *net = calloc(1, sizeof(*net));
	uint64_t features =
		1ULL << VIRTIO_NET_F_MAC | 1ULL << VIRTIO_NET_F_CSUM |
		1ULL << VIRTIO_NET_F_HOST_TSO4 | 1ULL << VIRTIO_NET_F_HOST_TSO6;
	int flags;

	if (!net) {
		err_set(err, -ENOMEM, "no memory for a network device");
		return NULL;
	}
	if (mtu && mtu < MIN_MTU) {
		err_set(err, -EINVAL, "mtu %u is below %u", mtu, MIN_MTU);
		return NULL;
	}
	/* the thread that reads it serves all devices */
	flags = fcntl(tap_fd, F_GETFL);
	if (flags < 0 || !(flags & O_NONBLOCK)) {
		err_set(err, -EINVAL, "a tap that waits for frames");
		return NULL;
	}
	if (mtu)
		features |= 1ULL << VIRTIO_NET_F_MTU;
	net->config.mtu = mtu;
	memcpy(net->config.mac, mac, sizeof(net->config.mac));
	net->tap_watch = (struct loop_watch){ .fd = tap_fd,
					      .call = net_tap_call,
					      .arg = net };
	if (virtio_dev_init(&net->dev, &net_ops, mem, loop, features, err) < 0)
		return NULL;
	take_fd(&tap);
	return &take_ptr(&net)->dev;
}

void net_free(struct virtio_dev *dev)
{
	struct net *net = to_net(dev);

	if (!dev)
		return;
	virtio_dev_release(dev);
	auto_close_fd(&net->tap_watch.fd);
	free(net);
}
