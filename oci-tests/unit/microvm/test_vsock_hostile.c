/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/microvm/vscheck.h"

/* V03: a header of 0 to 43 bytes; one in pieces; more said than there is. */
static void test_headers(void **state)
{
	struct vsguest *v = *state;
	struct virtio_vsock_hdr hdr = vs_hdr(7, RW), got;
	struct ring *tx = &v->g.ring[VS_TX];
	struct vring_used_elem e;
	struct line l = vs_connect(v);
	char data[VS_BUF];

	for (unsigned int len = 1; len < VS_HDR; len++)
		vs_send_raw(v, &hdr, len, NULL, 0);
	assert_int_equal(vs_next(v, &got, NULL), -1);
	assert_false(guest_needs_reset(&v->g));

	hdr = vs_hdr(l.port, RW);
	hdr.len = 3;
	g_put(&v->g.mem, VS_OUT_AT, &hdr, VS_HDR);
	g_put(&v->g.mem, VS_OUT_AT + VS_HDR, "abc", 3);
	for (uint16_t i = 0; i < VS_HDR + 3; i++)
		ring_desc(tx, i,
			  (struct vring_desc){ VS_OUT_AT + i, 1, G_NEXT,
					       (uint16_t)(i + 1) });
	ring_desc(tx, VS_HDR + 2,
		  (struct vring_desc){ VS_OUT_AT + VS_HDR + 2, 1, 0, 0 });
	ring_add(tx, 0);
	guest_kick(&v->g, VS_TX);
	vs_run(v);
	assert_true(ring_get(tx, &e));
	assert_text(l.fd, "abc");

	for (int i = 0; i < 3; i++) {
		static const uint32_t lens[] = { 4, 65536, UINT32_MAX };

		hdr.len = lens[i];
		vs_send_raw(v, &hdr, VS_HDR, "abc", 3);
		assert_int_equal(vs_next(v, &got, data), RST);
		assert_int_equal(got.dst_port, VS_PORT);
		assert_int_equal(got.src_port, hdr.dst_port);
		assert_eof(l.fd);
		close(l.fd);
		assert_int_equal(streams(v), 0);
		l = vs_connect(v);
		hdr.dst_port = l.port;
	}
	close(l.fd);
}

static void test_strangers(void **state)
{
	struct vsguest *v = *state;
	struct virtio_vsock_hdr hdr, got;
	struct line l = vs_connect(v);

	hdr = vs_hdr(l.port, RST); /* not from this guest, not to the host */
	hdr.src_cid = 4;
	vs_send(v, hdr, NULL, 0);
	hdr.src_cid = VSOCK_GUEST_CID;
	hdr.dst_cid = 1ULL << 32 | VSOCK_HOST_CID;
	vs_send(v, hdr, NULL, 0);
	assert_int_equal(vs_next(v, &got, NULL), -1);
	assert_quiet(l.fd);

	hdr = vs_hdr(l.port, RW); /* not a stream */
	hdr.type = VIRTIO_VSOCK_TYPE_SEQPACKET;
	vs_send(v, hdr, "x", 1);
	assert_int_equal(vs_next(v, &got, NULL), RST);
	assert_int_equal(got.type, VIRTIO_VSOCK_TYPE_SEQPACKET);
	assert_quiet(l.fd);
	for (uint16_t op = 0; op < 300; op++) {
		if (op == RST || op == VIRTIO_VSOCK_OP_CREDIT_UPDATE)
			continue;
		vs_op(v, 99, op);
		assert_int_equal(vs_next(v, &got, NULL), RST);
		assert_int_equal(got.src_port, 99);
	}
	vs_op(v, 99, RST);
	vs_op(v, 99, VIRTIO_VSOCK_OP_CREDIT_UPDATE);
	assert_int_equal(vs_next(v, &got, NULL), -1);
	assert_int_equal(write(l.fd, "x", 1), 1); /* it lives */
	assert_int_equal(vs_next(v, &got, NULL), RW);

	vs_op(v, l.port, 250); /* no such thing to say to a stream */
	assert_int_equal(vs_next(v, &got, NULL), RST);
	assert_eof(l.fd);
	close(l.fd);
	/* answers without end that nobody takes cost 64 entries */
	for (int i = 0; i < 1000; i++)
		vs_op(v, 99, RW);
	vs_give(v, 60);
	vs_give(v, 4);
	for (int i = 0; i < 64; i++)
		assert_int_equal(vs_take(v, &got, NULL), RST);
	assert_int_equal(vs_next(v, &got, NULL), -1);
}

/* V07: data, but no RX buffer or no credit: nothing is awake. */
static void test_no_spin(void **state)
{
	struct vsguest *v = *state;
	struct virtio_vsock_hdr hdr;
	struct line l = vs_connect(v), m = vs_connect(v);
	char data[VS_BUF] = { 0 };
	struct stream *s;

	assert_int_equal(write(l.fd, data, sizeof(data)), sizeof(data));
	assert_idle(v);
	close(m.fd);
	assert_idle(v);
	shutdown(l.fd, SHUT_WR);
	assert_idle(v);
	close(l.fd);
	assert_idle(v);
	assert_int_equal(streams(v), 2);
	vs_give(v, 8);
	assert_idle(v);
	while (vs_take(v, &hdr, data) >= 0)
		;
	assert_int_equal(streams(v), 0);

	/* a socket that is full, and then its reader dies */
	l = vs_connect(v);
	s = stream_find((struct vsock *)(void *)v->dev, VS_PORT, l.port);
	while (!s->buf_len) {
		vs_send(v, vs_hdr(l.port, RW), data, sizeof(data));
		vs_next(v, &hdr, NULL);
	}
	assert_idle(v);
	close(l.fd);
	assert_idle(v);
}

/* V08: those that connect and leave at once cost nothing that lasts. */
static void test_leavers(void **state)
{
	struct vsguest *v = *state;
	struct virtio_vsock_hdr hdr;
	struct line l = vs_connect(v);
	int before = tmp_open_fds();

	for (int i = 0; i < 10000; i++) {
		int pair[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		if (i % 3 == 0)
			shutdown(pair[0], SHUT_WR);
		close(pair[0]);
		assert_int_equal(vsock_connect(v->dev, VS_PORT, pair[1]), 0);
		if (i % 16 == 0)
			vs_run(v);
	}
	vs_run(v);
	vs_run(v);
	assert_int_equal(tmp_open_fds(), before);
	assert_in_range(streams(v), 1, 20);
	assert_int_equal(write(l.fd, "x", 1), 1);
	do {
		vs_next(v, &hdr, NULL);
	} while (hdr.src_port != l.port);
	assert_int_equal(hdr.op, RW);
	close(l.fd);
}

static void test_limit(void **state)
{
	struct vsguest *v = *state;
	int before = tmp_open_fds(), pair[2], ret = 0;
	unsigned int n;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	for (n = 0; !ret; n++)
		ret = vsock_connect(v->dev, VS_PORT,
				    fcntl(pair[1], F_DUPFD_CLOEXEC, 3));
	assert_int_equal(ret, -EMFILE);
	assert_int_equal(n, VSOCK_MAX_STREAMS + 1);
	assert_int_equal(streams(v), VSOCK_MAX_STREAMS);
	assert_idle(v);
	/* a reset ends them all */
	reg_write(&v->g.slot, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(tmp_open_fds(), before + 2);
	assert_int_equal(streams(v), 0);
	close(pair[1]);
	assert_eof(pair[0]);
	close(pair[0]);
	/* and what is asked for now waits for the driver */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(vsock_connect(v->dev, VS_PORT, pair[1]), 0);
	assert_idle(v);
	vs_up(v);
	vs_give(v, 1);
	assert_int_equal(vs_take(v, &(struct virtio_vsock_hdr){ 0 }, NULL),
			 VIRTIO_VSOCK_OP_REQUEST);
	close(pair[0]);
}

/* What the guest may not say before it has answered, or not any more. */
static void test_states(void **state)
{
	static const uint16_t ops[] = { RW, SHUT, VIRTIO_VSOCK_OP_REQUEST };
	struct vsguest *v = *state;
	struct virtio_vsock_hdr hdr;
	struct line l;
	int pair[2];

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		assert_int_equal(vsock_connect(v->dev, VS_PORT, pair[1]), 0);
		assert_int_equal(vs_next(v, &hdr, NULL),
				 VIRTIO_VSOCK_OP_REQUEST);
		vs_op(v, hdr.src_port, ops[i]);
		assert_int_equal(vs_next(v, &hdr, NULL), RST);
		assert_eof(pair[0]);
		close(pair[0]);
	}
	l = vs_connect(v);
	vs_op(v, l.port, VIRTIO_VSOCK_OP_RESPONSE);
	assert_int_equal(vs_next(v, &hdr, NULL), RST);
	close(l.fd);
	l = vs_connect(v);
	vs_shut(v, l.port, VIRTIO_VSOCK_SHUTDOWN_SEND);
	vs_send(v, vs_hdr(l.port, RW), "x", 1);
	assert_int_equal(vs_next(v, &hdr, NULL), RST);
	close(l.fd);
	l = vs_connect(v);
	vs_op(v, l.port, RST);
	assert_eof(l.fd);
	close(l.fd);
	assert_int_equal(vs_next(v, &hdr, NULL), -1);
	assert_int_equal(streams(v), 0);
}

static void test_broken_rx(void **state)
{
	struct vsguest *v = *state;
	struct line l = vs_connect(v);

	/* no room for a header and a byte */
	ring_desc(&v->g.ring[VS_RX], 5,
		  (struct vring_desc){ G_DATA, VS_HDR, G_IN, 0 });
	ring_add(&v->g.ring[VS_RX], 5);
	assert_int_equal(write(l.fd, "x", 1), 1);
	vs_run(v);
	assert_true(guest_needs_reset(&v->g));
	assert_int_equal(streams(v), 0);
	assert_idle(v);
	close(l.fd);
	vs_up(v);
	assert_false(guest_needs_reset(&v->g));
	close(vs_connect(v).fd);
	/* the same for what the guest sends */
	ring_add(&v->g.ring[VS_TX], 2000);
	guest_kick(&v->g, VS_TX);
	vs_run(v);
	assert_true(guest_needs_reset(&v->g));
	assert_int_equal(streams(v), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		VS_TEST(test_headers),   VS_TEST(test_strangers),
		VS_TEST(test_no_spin),   VS_TEST(test_leavers),
		VS_TEST(test_limit),     VS_TEST(test_states),
		VS_TEST(test_broken_rx),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
