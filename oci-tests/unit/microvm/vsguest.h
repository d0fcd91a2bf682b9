/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_TEST_MICROVM_VSGUEST_H
#define HULL_TEST_MICROVM_VSGUEST_H

/* A guest that speaks vsock packet by packet, as a test tells it. */

#include <linux/virtio_vsock.h>
#include <sys/socket.h>

#include "base/auto.h"
#include "microvm/virtio/devices.h"
#include "oci-tests/unit/microvm/guest.h"

#define VS_RX 0
#define VS_TX 1
#define VS_BUF 4096U
#define VS_RING 64
#define VS_HDR ((unsigned int)sizeof(struct virtio_vsock_hdr))
#define VS_PORT 1024

struct vsguest {
	struct guest g;
	struct loop loop;
	struct virtio_dev *dev;
	uint16_t rx_given; /* buffers of the RX ring ever given */
	int accepted;      /* what the guest's next connection gets, -1 */
	uint32_t accepted_port;
};

static inline int vs_accept(void *arg, uint32_t port)
{
	struct vsguest *v = arg;

	v->accepted_port = port;
	return take_fd(&v->accepted);
}

static inline struct vsguest *vs_new(void)
{
	struct vsguest *v = calloc(1, sizeof(*v));

	guest_init(&v->g);
	v->accepted = -1;
	if (loop_init(&v->loop, NULL))
		g_die("no loop");
	v->dev = vsock_new(&v->g.mem, &v->loop, vs_accept, v, NULL);
	if (!v->dev)
		g_die("no vsock");
	return v;
}

static inline void vs_free(struct vsguest *v)
{
	vsock_free(v->dev);
	loop_release(&v->loop);
	mem_release(&v->g.mem);
	auto_close_fd(&v->accepted);
	free(v);
}

static inline void vs_up(struct vsguest *v)
{
	guest_start(&v->g, v->dev, G_ALL_FEATURES, VS_RING);
	v->rx_given = 0;
}

static inline void vs_run(struct vsguest *v)
{
	loop_rounds(&v->loop, 4);
}

/* @n more RX buffers; no more than the ring has room for in all. */
static inline void vs_give(struct vsguest *v, unsigned int n)
{
	while (n--) {
		uint16_t head = v->rx_given++ % VS_RING;

		ring_desc(&v->g.ring[VS_RX], head,
			  (struct vring_desc){ .addr = G_DATA + head * VS_BUF,
					       .len = VS_BUF,
					       .flags = G_IN });
		ring_add(&v->g.ring[VS_RX], head);
	}
	guest_kick(&v->g, VS_RX);
	vs_run(v);
}

/* The next packet: its op, or -1; the payload into @data of VS_BUF bytes. */
static inline int vs_take(struct vsguest *v, struct virtio_vsock_hdr *hdr,
			  void *data)
{
	struct vring_used_elem e;
	uint64_t at;

	if (!ring_get(&v->g.ring[VS_RX], &e))
		return -1;
	at = G_DATA + e.id * VS_BUF;
	g_get(&v->g.mem, at, hdr, sizeof(*hdr));
	if (e.len != VS_HDR + hdr->len)
		g_die("a packet of another length than its header says");
	if (data)
		g_get(&v->g.mem, at + VS_HDR, data, hdr->len);
	return hdr->op;
}

/* Buffers as long as packets come: the op of the next one, or -1. */
static inline int vs_next(struct vsguest *v, struct virtio_vsock_hdr *hdr,
			  void *data)
{
	int op = vs_take(v, hdr, data);

	if (op >= 0)
		return op;
	if (v->rx_given == v->g.ring[VS_RX].seen)
		vs_give(v, 1);
	else
		vs_run(v);
	return vs_take(v, hdr, data);
}

#define VS_OUT_AT (G_DATA + 0x100000)

static inline struct virtio_vsock_hdr vs_hdr(uint32_t host_port, uint16_t op)
{
	return (struct virtio_vsock_hdr){
		.src_cid = VSOCK_GUEST_CID,
		.dst_cid = VSOCK_HOST_CID,
		.src_port = VS_PORT,
		.dst_port = host_port,
		.type = VIRTIO_VSOCK_TYPE_STREAM,
		.op = op,
		.buf_alloc = 1 << 18,
	};
}

/* Send a header, or its first @hdr_len bytes, and @len bytes after it. */
static inline void vs_send_raw(struct vsguest *v,
			       const struct virtio_vsock_hdr *hdr,
			       unsigned int hdr_len, const void *data,
			       unsigned int len)
{
	struct ring *tx = &v->g.ring[VS_TX];
	struct vring_used_elem e;
	struct vring_desc bufs[] = {
		{ .addr = VS_OUT_AT, .len = hdr_len },
		{ .addr = VS_OUT_AT + VS_HDR, .len = len },
	};

	g_put(&v->g.mem, VS_OUT_AT, hdr, hdr_len);
	if (len)
		g_put(&v->g.mem, VS_OUT_AT + VS_HDR, data, len);
	ring_chain(tx, 0, bufs, len ? 2 : 1);
	guest_kick(&v->g, VS_TX);
	vs_run(v);
	if (!guest_needs_reset(&v->g) && !ring_get(tx, &e))
		g_die("a packet was not taken");
}

static inline void vs_send(struct vsguest *v, struct virtio_vsock_hdr hdr,
			   const void *data, unsigned int len)
{
	hdr.len = len;
	vs_send_raw(v, &hdr, sizeof(hdr), data, len);
}

static inline void vs_op(struct vsguest *v, uint32_t host_port, uint16_t op)
{
	vs_send(v, vs_hdr(host_port, op), NULL, 0);
}

static inline void vs_shut(struct vsguest *v, uint32_t host_port,
			   uint32_t flags)
{
	struct virtio_vsock_hdr hdr =
		vs_hdr(host_port, VIRTIO_VSOCK_OP_SHUTDOWN);

	hdr.flags = flags;
	vs_send(v, hdr, NULL, 0);
}

/**
 * struct line - a connection whose host end the test holds.
 */
struct line {
	int fd;
	uint32_t port; /* of the host */
};

/* The host connects @fd, and the guest says yes. Return: the host's port. */
static inline uint32_t vs_connect_fd(struct vsguest *v, int fd)
{
	struct virtio_vsock_hdr hdr;

	if (vsock_connect(v->dev, VS_PORT, fd))
		g_die("vsock_connect");
	if (vs_next(v, &hdr, NULL) != VIRTIO_VSOCK_OP_REQUEST ||
	    hdr.dst_port != VS_PORT || hdr.dst_cid != VSOCK_GUEST_CID ||
	    hdr.src_cid != VSOCK_HOST_CID)
		g_die("not a request");
	vs_op(v, hdr.src_port, VIRTIO_VSOCK_OP_RESPONSE);
	return hdr.src_port;
}

static inline struct line vs_connect(struct vsguest *v)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       pair))
		g_die("socketpair");
	return (struct line){ pair[0], vs_connect_fd(v, pair[1]) };
}

#endif
