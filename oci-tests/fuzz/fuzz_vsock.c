/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/auto.h"
#include "microvm/virtio/vsock_stream.h"
#include "oci-tests/fuzz/device.h"

#define RX 0
#define TX 1
#define ENDS 16
#define HDR_AT 0x20000ULL
#define PAYLOAD_AT 0x20040ULL
#define RX_AT 0x30000ULL
#define MOST_STEPS 300
/* a stream has few reasons to be woken; one that goes on has none */
#define MOST_ROUNDS 5000

/* struct host - the other ends of the host's descriptors. */
struct host {
	struct virtio_dev *dev;
	struct vsock *vs;
	int end[ENDS];
	unsigned int next;
};

/* A socket for us; its other end replaces an older one. */
static int new_end(struct host *h)
{
	const int little = 4096;
	int pair[2], *slot = &h->end[h->next++ % ENDS];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       pair) < 0)
		g_die("no sockets");
	/* soon full */
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &little, sizeof(little));
	auto_close_fd(slot);
	*slot = pair[0];
	return pair[1];
}

static int accept_some(void *arg, uint32_t port)
{
	return port % 2 ? -1 : new_end(arg);
}

/* One event, as the loop would deliver it. Return: false when all sleep. */
static bool deliver_one(struct vsock *vs)
{
	for (unsigned int i = 0; i < VSOCK_HASH; i++)
		for (struct stream *s = vs->hash[i]; s; s = s->hash_next) {
			struct pollfd pfd = { s->fd, (short)s->watch.events,
					      0 };

			if (!s->watch.events || poll(&pfd, 1, 0) <= 0)
				continue;
			s->watch.call(&s->watch, (uint32_t)pfd.revents);
			return true;
		}
	return false;
}

static void check(const struct vsock *vs)
{
	unsigned int count = 0, ready = 0;
	const struct stream *s = vs->ready;

	do
		ready += s != NULL;
	while (s && (s = s->ready_next) != vs->ready);
	for (unsigned int i = 0; i < VSOCK_HASH; i++)
		for (s = vs->hash[i]; s; s = s->hash_next) {
			count++;
			ready -= s->ready_next != NULL;
			fuzz_check(s->buf_len <= VSOCK_BUFFER_BYTES);
			fuzz_check(!s->buf == !s->buf_len);
			fuzz_check((s->fd < 0) == (s->state == STREAM_DEAD));
			fuzz_check(s->state != STREAM_DEAD || s->ready_next);
			fuzz_check(s->fd >= 0 || !s->watch.events);
		}
	fuzz_check(ready == 0);
	fuzz_check(count == vs->count && count <= VSOCK_MAX_STREAMS);
	fuzz_check(vs->reply_count <= VSOCK_REPLIES);
}

static void host_step(void *arg, struct guest *g, struct tape *t)
{
	struct host *h = arg;
	uint8_t op = tape_u8(t);
	int *end = &h->end[op >> 4];
	static char buf[100000];

	(void)g;
	switch (op & 7) {
	case 0:
	case 1:
		vsock_connect(h->dev, tape_u8(t), new_end(h));
		break;
	case 2:
		if (*end >= 0)
			shutdown(*end, op & 8 ? SHUT_WR : SHUT_RD);
		break;
	case 3:
		auto_close_fd(end);
		break;
	case 4:
		while (*end >= 0 && read(*end, buf, sizeof(buf)) > 0)
			;
		break;
	default:
		if (*end >= 0 && send(*end, buf, tape_u16(t), MSG_NOSIGNAL) < 0)
			break; /* full, or its peer is gone */
	}
}

/* A stream that there is, or ports out of nowhere. */
static void pick_ports(struct host *h, struct tape *t,
		       struct virtio_vsock_hdr *hdr)
{
	unsigned int nth = tape_u8(t);

	hdr->src_port = nth & 3;
	hdr->dst_port = nth >> 2 & 3;
	for (unsigned int i = 0; i < VSOCK_HASH; i++)
		for (struct stream *s = h->vs->hash[i]; s; s = s->hash_next) {
			hdr->src_port = s->guest_port;
			hdr->dst_port = s->host_port;
			if (!nth--)
				return;
		}
}

/* What a driver sends, with a header that is whole but says anything. */
static void packet(struct host *h, struct guest *g, struct tape *t)
{
	uint8_t op = tape_u8(t), how = tape_u8(t);
	uint32_t len = how & 1 ? tape_u8(t) : tape_u16(t);
	struct virtio_vsock_hdr hdr = {
		.src_cid = VSOCK_GUEST_CID,
		.dst_cid = VSOCK_HOST_CID,
		.len = how & 2 ? tape_u32(t) : len,
		.type = how & 4 && how & 8 ? tape_u8(t) : 1,
		.op = op & 0x80 ? op : op % 8,
		.flags = tape_u8(t),
		.buf_alloc = how & 16 ? tape_u32(t) : 1U << 18,
		.fwd_cnt = how & 32 ? tape_u32(t) : 0,
	};
	const struct vring_desc bufs[] = {
		{ .addr = HDR_AT, .len = VSOCK_HDR_BYTES },
		{ .addr = PAYLOAD_AT, .len = len },
	};

	pick_ports(h, t, &hdr);
	g_put(&g->mem, HDR_AT, &hdr, sizeof(hdr));
	if (g->ring[TX].size < 2)
		return;
	ring_chain(&g->ring[TX], 0, bufs, 2);
	guest_kick(g, TX);
}

static void give_buffer(struct guest *g, struct tape *t)
{
	uint8_t how = tape_u8(t);
	const struct vring_desc buf = { .addr = RX_AT,
					.len = how < 8 ? 40U + how : 4096,
					.flags = G_IN };

	if (!g->ring[RX].size)
		return;
	ring_chain(&g->ring[RX], how % g->ring[RX].size, &buf, 1);
	guest_kick(g, RX);
}

static void step(struct host *h, struct guest *g, struct tape *t)
{
	uint8_t what = tape_u8(t);
	int rounds = 0;

	if (what < 40)
		fuzz_step(g, t, h->dev, host_step, h);
	else if (what < 120)
		packet(h, g, t);
	else if (what < 200)
		give_buffer(g, t);
	else
		host_step(h, g, t);
	while (deliver_one(h->vs))
		fuzz_check(++rounds < MOST_ROUNDS);
	fuzz_invariants(h->dev);
	check(h->vs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tape t = { data, size };
	const struct guest_mem *mem = fuzz_mem();
	struct host h = { 0 };
	struct guest g = { .mem = *mem };

	for (int i = 0; i < ENDS; i++)
		h.end[i] = -1;
	h.dev = vsock_new(mem, NULL, accept_some, &h, NULL);
	fuzz_check(h.dev);
	h.vs = (struct vsock *)(void *)h.dev;
	g.slot.dev = h.dev;
	guest_start(&g, h.dev, UINT64_MAX, 16);
	for (int i = 0; t.left && i < MOST_STEPS; i++)
		step(&h, &g, &t);
	vsock_free(h.dev);
	for (int i = 0; i < ENDS; i++)
		auto_close_fd(&h.end[i]);
	return 0;
}
