/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/virtio/vsock_stream.h"

#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/sabotage.h"

/*
 * Packets (virtio 1.2, section 5.10.6). Data of the guest are written to the
 * host's end at once, or kept within the credit that the guest was given; data
 * for the guest are read right into its buffers, so that the host keeps none.
 * The event queue is there because the driver wants one: what it is for, the
 * move of a running guest to another host, does not happen here.
 */
enum { QUEUE_RX, QUEUE_TX, QUEUE_EVENT, QUEUES };

#define FIRST_HOST_PORT 0x40000000u
#define PUMP_BATCH VQ_MAX_SIZE

static struct vsock *of_dev(struct virtio_dev *dev)
{
	return (struct vsock *)(void *)dev; /* its first member */
}

_Static_assert(offsetof(struct vsock, dev) == 0, "of_dev()");

/* ---- host to guest */

static void reply_rst(struct vsock *vs, const struct virtio_vsock_hdr *hdr)
{
	unsigned int at = (vs->reply_head + vs->reply_count) % VSOCK_REPLIES;

	if (vs->reply_count == VSOCK_REPLIES)
		return;
	vs->replies[at] = (struct reply){
		.guest_port = hdr->src_port,
		.host_port = hdr->dst_port,
		.type = hdr->type,
	};
	vs->reply_count++;
}

static uint32_t put_reply(struct vsock *vs, const struct vq_chain *chain)
{
	const struct reply *r = &vs->replies[vs->reply_head];
	const struct virtio_vsock_hdr hdr = {
		.src_cid = VSOCK_HOST_CID,
		.dst_cid = VSOCK_GUEST_CID,
		.src_port = r->host_port,
		.dst_port = r->guest_port,
		.type = r->type,
		.op = VIRTIO_VSOCK_OP_RST,
	};

	vs->reply_head = (vs->reply_head + 1) % VSOCK_REPLIES;
	vs->reply_count--;
	chain_copy_in(chain, 0, &hdr, sizeof(hdr));
	return VSOCK_HDR_BYTES;
}

static bool has_work(const struct vsock *vs)
{
	return vs->reply_count || vs->ready;
}

/* Return: bytes written, or 0 when nobody had anything after all. */
static uint32_t next_packet(struct vsock *vs, const struct vq_chain *chain)
{
	if (vs->reply_count)
		return put_reply(vs, chain);
	while (vs->ready) {
		struct stream *s = vs->ready;
		uint32_t n = stream_emit(s, chain);

		ready_del(s); /* and back to the end, if there is more */
		if (s->state == STREAM_DEAD && !s->pending)
			stream_free(s);
		else if (s->state == STREAM_DEAD)
			ready_add(s);
		else
			stream_update(s);
		if (n)
			return n;
	}
	return 0;
}

static void break_down(struct vsock *vs, const char *what)
{
	virtio_fail(&vs->dev, what);
	stream_abandon_all(vs);
	vs->reply_count = 0;
}

/* Return: 1, 0 (no buffer), -EPROTO. */
static int take_buffer(struct vsock *vs, struct vq *rx)
{
	int ret;

	do
		ret = vq_pop(rx, &vs->chain);
	while (!ret && vq_want_kicks(rx, true));
	if (ret > 0 && vs->chain.in_bytes <= VSOCK_HDR_BYTES)
		return -EPROTO;
	return ret;
}

void vsock_pump(struct vsock *vs)
{
	static const uint64_t one = 1;
	struct vq *rx = &vs->dev.vq[QUEUE_RX];
	unsigned int left = PUMP_BATCH;
	int ret = 1;

	if (!vs->dev.active || vs->dev.needs_reset || !rx->enabled)
		return;
	while (left && has_work(vs)) {
		uint32_t n;

		ret = take_buffer(vs, rx);
		if (ret <= 0)
			break;
		n = next_packet(vs, &vs->chain);
		if (!n) {
			vq_undo_pop(rx, &vs->chain);
			break;
		}
		vq_push(rx, &vs->chain, n);
		left--;
	}
	if (ret < 0) {
		break_down(vs, "the driver broke the rules of the rx queue");
		return;
	}
	if (left < PUMP_BATCH)
		virtio_signal(&vs->dev, rx);
	if (!has_work(vs))
		vq_want_kicks(rx, false); /* new buffers are no news then */
	else if (!left &&
		 write(vs->dev.kick_fd[QUEUE_RX], &one, sizeof(one)) < 0)
		return; /* EAGAIN: it is due anyhow */
}

/* ---- guest to host */

static void guest_asks(struct vsock *vs, const struct virtio_vsock_hdr *hdr)
{
	struct stream *s = NULL;
	int fd = -1;

	if (vs->accept &&
	    (vs->count < VSOCK_MAX_STREAMS || SABOTAGED("vsock_streams")))
		fd = vs->accept(vs->arg, hdr->dst_port);
	if (fd < 0 || stream_new(vs, hdr->src_port, hdr->dst_port, fd, &s)) {
		reply_rst(vs, hdr);
		return;
	}
	s->state = STREAM_OPEN;
	s->pending = PENDING_RESPONSE;
	s->peer_alloc = hdr->buf_alloc;
	s->peer_fwd = hdr->fwd_cnt;
	stream_update(s);
}

static void guest_answers(struct stream *s)
{
	if (s->state != STREAM_ASKING || !s->asked) {
		stream_reset(s);
		return;
	}
	s->state = STREAM_OPEN;
	stream_update(s);
}

static void deliver(struct stream *s, const struct virtio_vsock_hdr *hdr,
		    const struct vq_chain *chain)
{
	s->peer_alloc = hdr->buf_alloc;
	s->peer_fwd = hdr->fwd_cnt;
	switch (hdr->op) {
	case VIRTIO_VSOCK_OP_RESPONSE:
		guest_answers(s);
		break;
	case VIRTIO_VSOCK_OP_SHUTDOWN:
		stream_shut(s, hdr->flags);
		break;
	case VIRTIO_VSOCK_OP_RW:
		stream_data(s, chain, hdr->len);
		break;
	case VIRTIO_VSOCK_OP_CREDIT_REQUEST:
		s->pending |= PENDING_CREDIT_UPDATE;
		stream_update(s);
		break;
	case VIRTIO_VSOCK_OP_CREDIT_UPDATE:
		stream_update(s);
		break;
	default:
		stream_reset(s);
	}
}

/*
 * The header is copied, and only the copy is looked at. What cannot be
 * answered, because it does not say who asks, is dropped.
 */
static int64_t handle_packet(struct virtio_dev *dev,
			     const struct vq_chain *chain)
{
	struct vsock *vs = of_dev(dev);
	struct virtio_vsock_hdr hdr;
	struct stream *s;

	if (chain_copy_out(chain, 0, &hdr, sizeof(hdr)) != sizeof(hdr) ||
	    hdr.src_cid != VSOCK_GUEST_CID || hdr.dst_cid != VSOCK_HOST_CID)
		return 0;
	if (hdr.type != VIRTIO_VSOCK_TYPE_STREAM) {
		if (hdr.op != VIRTIO_VSOCK_OP_RST)
			reply_rst(vs, &hdr);
		return 0;
	}
	s = stream_find(vs, hdr.src_port, hdr.dst_port);
	if (hdr.op == VIRTIO_VSOCK_OP_RST) {
		if (s)
			stream_abandon(s);
	} else if (s && s->state == STREAM_DEAD) {
		return 0; /* its RST is under way */
	} else if (s && hdr.len > chain->out_bytes - sizeof(hdr) &&
		   !SABOTAGED("vsock_length")) {
		stream_reset(s);
	} else if (s) {
		deliver(s, &hdr, chain);
	} else if (hdr.op == VIRTIO_VSOCK_OP_REQUEST) {
		guest_asks(vs, &hdr);
	} else if (hdr.op != VIRTIO_VSOCK_OP_CREDIT_UPDATE) {
		/* a late word on credit, as a reader empties its buffer after
		 * the end, must not cut that off */
		reply_rst(vs, &hdr);
	}
	return 0;
}

/* ---- the device */

static void vsock_kick(struct virtio_dev *dev, unsigned int index)
{
	struct vsock *vs = of_dev(dev);

	if (index == QUEUE_TX)
		virtio_serve(dev, &dev->vq[QUEUE_TX], handle_packet);
	if (dev->needs_reset)
		break_down(vs, "the driver broke the rules of the tx queue");
	else if (index != QUEUE_EVENT)
		vsock_pump(vs);
}

static int vsock_activate(struct virtio_dev *dev)
{
	vsock_pump(of_dev(dev));
	return 0;
}

static void vsock_reset(struct virtio_dev *dev)
{
	struct vsock *vs = of_dev(dev);

	stream_abandon_all(vs);
	vs->reply_count = 0;
}

static void vsock_config_read(struct virtio_dev *dev, unsigned int off,
			      void *to, unsigned int len)
{
	const struct virtio_vsock_config config = {
		.guest_cid = VSOCK_GUEST_CID,
	};

	(void)dev;
	memcpy(to, (const uint8_t *)&config + off, len);
}

static const struct virtio_ops vsock_ops = {
	.id = VIRTIO_ID_VSOCK,
	.name = "vsock",
	.queue_count = QUEUES,
	.config_size = sizeof(struct virtio_vsock_config),
	.config_read = vsock_config_read,
	.activate = vsock_activate,
	.reset = vsock_reset,
	.kick = vsock_kick,
};

struct virtio_dev *vsock_new(const struct guest_mem *mem, struct loop *loop,
			     int (*accept)(void *arg, uint32_t port), void *arg,
			     struct err *err)
{
	auto_free struct vsock *vs = calloc(1, sizeof(*vs));

	if (!vs) {
		err_code(err, -ENOMEM, "cannot make the vsock device");
		return NULL;
	}
	vs->accept = accept;
	vs->arg = arg;
	vs->next_port = FIRST_HOST_PORT;
	if (virtio_dev_init(&vs->dev, &vsock_ops, mem, loop, 0, err) < 0)
		return NULL;
	return &take_ptr(&vs)->dev;
}

int vsock_connect(struct virtio_dev *dev, uint32_t port, int fd)
{
	struct vsock *vs = of_dev(dev);
	struct stream *s = NULL;
	int ret;

	/* a port comes back after 2^31 connections; they may be in use still */
	while (stream_find(vs, port, vs->next_port))
		vs->next_port = (vs->next_port + 1) | FIRST_HOST_PORT;
	ret = stream_new(vs, port, vs->next_port, fd, &s);
	if (ret)
		return ret;
	vs->next_port = (vs->next_port + 1) | FIRST_HOST_PORT;
	s->pending = PENDING_REQUEST;
	stream_update(s);
	vsock_pump(vs);
	return 0;
}

void vsock_free(struct virtio_dev *dev)
{
	struct vsock *vs;

	if (!dev)
		return;
	vs = of_dev(dev);
	stream_free_all(vs);
	virtio_dev_release(dev);
	free(vs);
}
