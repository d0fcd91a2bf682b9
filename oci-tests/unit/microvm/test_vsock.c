/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/microvm/vscheck.h"

static void test_both_ways(void **state)
{
	struct vsguest *v = *state;
	struct virtio_vsock_hdr hdr;
	struct line l = vs_connect(v);
	char data[VS_BUF];

	assert_idle(v);
	assert_int_equal(write(l.fd, "to the guest", 12), 12);
	assert_int_equal(vs_next(v, &hdr, data), RW);
	assert_int_equal(hdr.len, 12);
	assert_memory_equal(data, "to the guest", 12);
	assert_int_equal(hdr.buf_alloc, VSOCK_BUFFER_BYTES);
	assert_int_equal(hdr.src_port, l.port);
	vs_send(v, vs_hdr(l.port, RW), "to the host", 11);
	assert_text(l.fd, "to the host");

	/* the host ends its half; the guest goes on */
	assert_int_equal(write(l.fd, "last", 4), 4);
	shutdown(l.fd, SHUT_WR);
	assert_int_equal(vs_next(v, &hdr, data), RW);
	assert_int_equal(hdr.len, 4);
	assert_int_equal(hdr.fwd_cnt, 11);
	assert_int_equal(vs_next(v, &hdr, data), SHUT);
	assert_int_equal(hdr.flags, VIRTIO_VSOCK_SHUTDOWN_SEND);
	assert_idle(v);
	vs_send(v, vs_hdr(l.port, RW), "more", 4);
	assert_text(l.fd, "more");
	vs_shut(v, l.port, VIRTIO_VSOCK_SHUTDOWN_SEND);
	assert_eof(l.fd);
	assert_int_equal(streams(v), 0);
	/* the guest closes, and hears that it may forget the connection */
	vs_shut(v, l.port, 3);
	assert_int_equal(vs_next(v, &hdr, data), RST);
	assert_int_equal(vs_next(v, &hdr, data), -1);
	close(l.fd);
	assert_idle(v);
}

static void test_guest_half_close(void **state)
{
	struct vsguest *v = *state;
	struct virtio_vsock_hdr hdr;
	struct line l = vs_connect(v);
	char data[VS_BUF];

	vs_send(v, vs_hdr(l.port, RW), "bye", 3);
	vs_shut(v, l.port, VIRTIO_VSOCK_SHUTDOWN_SEND);
	assert_text(l.fd, "bye");
	assert_eof(l.fd);
	assert_idle(v);
	assert_int_equal(write(l.fd, "still here", 10), 10);
	assert_int_equal(vs_next(v, &hdr, data), RW);
	vs_shut(v, l.port, 3);
	assert_int_equal(vs_next(v, &hdr, data), RST);
	assert_int_equal(streams(v), 0);
	assert_int_equal(send(l.fd, "x", 1, MSG_NOSIGNAL), -1);
	close(l.fd);

	/* will not read any more: the host's writer is told */
	l = vs_connect(v);
	vs_shut(v, l.port, VIRTIO_VSOCK_SHUTDOWN_RCV);
	assert_int_equal(send(l.fd, "x", 1, MSG_NOSIGNAL), -1);
	assert_int_equal(errno, EPIPE);
	vs_send(v, vs_hdr(l.port, RW), "but writes", 10);
	assert_text(l.fd, "but writes");
	assert_idle(v);
	close(l.fd);
	assert_int_equal(vs_next(v, &hdr, data), SHUT);
	assert_int_equal(hdr.flags, VIRTIO_VSOCK_SHUTDOWN_RCV);
	assert_int_equal(streams(v), 0);
}

/* The owner of the host's end goes away: data first, then both ways end. */
static void test_host_leaves(void **state)
{
	struct vsguest *v = *state;
	struct virtio_vsock_hdr hdr;
	struct line l = vs_connect(v);
	char data[VS_BUF];

	assert_int_equal(write(l.fd, "data", 4), 4);
	close(l.fd);
	assert_int_equal(vs_next(v, &hdr, data), RW);
	assert_int_equal(vs_next(v, &hdr, data), SHUT);
	assert_int_equal(hdr.flags, 3);
	assert_int_equal(vs_next(v, &hdr, data), -1);
	assert_int_equal(streams(v), 0);

	/* only the reader is gone: what the guest writes is dropped */
	l = vs_connect(v);
	shutdown(l.fd, SHUT_RD);
	vs_send(v, vs_hdr(l.port, RW), "x", 1);
	assert_int_equal(vs_next(v, &hdr, data), SHUT);
	assert_int_equal(hdr.flags, VIRTIO_VSOCK_SHUTDOWN_RCV);
	for (int i = 0; i < 40; i++) {
		memset(data, 'y', sizeof(data));
		vs_send(v, vs_hdr(l.port, RW), data, sizeof(data));
		if (i % 8 == 7) {
			assert_int_equal(vs_next(v, &hdr, NULL),
					 VIRTIO_VSOCK_OP_CREDIT_UPDATE);
			assert_int_equal(hdr.fwd_cnt, 1 + 4096 * (i + 1));
		}
	}
	assert_int_equal(write(l.fd, "z", 1), 1);
	assert_int_equal(vs_next(v, &hdr, data), RW);
	close(l.fd);
	assert_idle(v);
}

/* V28: no more is kept than the credit given, whatever comes. */
static void test_credit_given(void **state)
{
	struct vsguest *v = *state;
	struct virtio_vsock_hdr hdr;
	struct line l = vs_connect(v);
	char data[VS_BUF];
	uint32_t sent = 0, got = 0, told = 0;
	int op;

	/* fill the host's socket, then the buffer */
	while (sent - told < VSOCK_BUFFER_BYTES) {
		memset(data, 'a' + sent / VS_BUF % 26, sizeof(data));
		vs_send(v, vs_hdr(l.port, RW), data, sizeof(data));
		sent += (uint32_t)sizeof(data);
		if (vs_next(v, &hdr, NULL) >= 0)
			told = hdr.fwd_cnt;
		assert_true(sent < 8 << 20);
	}
	vs_op(v, l.port, VIRTIO_VSOCK_OP_CREDIT_REQUEST);
	assert_int_equal(vs_next(v, &hdr, NULL), VIRTIO_VSOCK_OP_CREDIT_UPDATE);
	told = hdr.fwd_cnt;
	while (sent - told < VSOCK_BUFFER_BYTES) {
		uint32_t n = VSOCK_BUFFER_BYTES - (sent - told);

		n = n < 4096 ? n : 4096;
		for (uint32_t i = 0; i < n; i++)
			data[i] = (char)('a' + (sent + i) / VS_BUF % 26);
		vs_send(v, vs_hdr(l.port, RW), data, n);
		sent += n;
	}
	assert_idle(v);
	assert_int_equal(streams(v), 1);
	/* the reader wakes up: all of it comes, in order, and credit after it
	 */
	while (got < sent) {
		ssize_t n = read(l.fd, data, 1 + got % 4000);

		if (n < 0)
			vs_run(v);
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(data[i],
					 'a' + (got + i) / VS_BUF % 26);
		got += n > 0 ? (uint32_t)n : 0;
	}
	op = vs_next(v, &hdr, NULL);
	assert_int_equal(op, VIRTIO_VSOCK_OP_CREDIT_UPDATE);
	while (vs_next(v, &hdr, NULL) == op)
		;
	assert_int_equal(hdr.fwd_cnt + VSOCK_BUFFER_BYTES / 2 > sent, 1);
	assert_idle(v);

	/* a byte more than there is room for is the end */
	for (sent = 0; op != RST; sent++) {
		vs_send(v, vs_hdr(l.port, RW), data, sizeof(data));
		op = vs_next(v, &hdr, NULL);
		assert_true(sent < 1000);
	}
	assert_true(sent > 16);
	assert_int_equal(streams(v), 0);
	close(l.fd);
}

/* The guest's credit bounds what it is sent; lies about it gain nothing. */
static void test_credit_taken(void **state)
{
	struct vsguest *v = *state;
	struct virtio_vsock_hdr hdr, say;
	struct line l = vs_connect(v);
	char data[VS_BUF] = { 0 };

	say = vs_hdr(l.port, VIRTIO_VSOCK_OP_CREDIT_UPDATE);
	say.buf_alloc = 100;
	vs_send(v, say, NULL, 0);
	assert_int_equal(write(l.fd, data, 250), 250);
	assert_int_equal(vs_next(v, &hdr, data), RW);
	assert_int_equal(hdr.len, 100);
	assert_int_equal(vs_next(v, &hdr, NULL),
			 VIRTIO_VSOCK_OP_CREDIT_REQUEST);
	assert_int_equal(vs_next(v, &hdr, NULL), -1);
	assert_idle(v);
	say.fwd_cnt = 60;
	vs_send(v, say, NULL, 0);
	assert_int_equal(vs_next(v, &hdr, data), RW);
	assert_int_equal(hdr.len, 60);
	assert_int_equal(vs_next(v, &hdr, NULL),
			 VIRTIO_VSOCK_OP_CREDIT_REQUEST);
	/* took more than was sent: an odd count, and so much in flight */
	say.fwd_cnt = 1000;
	vs_send(v, say, NULL, 0);
	assert_int_equal(vs_next(v, &hdr, NULL), -1);
	say.buf_alloc = UINT32_MAX;
	vs_send(v, say, NULL, 0);
	assert_int_equal(vs_next(v, &hdr, data), RW);
	assert_int_equal(hdr.len, 90);
	assert_idle(v);
	close(l.fd);
}

/* Two that always have something get as much as each other. */
static void test_fair(void **state)
{
	struct vsguest *v = *state;
	struct virtio_vsock_hdr hdr;
	struct line l = vs_connect(v), m = vs_connect(v);
	auto_free char *data = calloc(1, 100000);
	unsigned int first = 0;

	assert_true(write(l.fd, data, 100000) > 0);
	assert_true(write(m.fd, data, 100000) > 0);
	vs_run(v);
	for (int i = 0; i < 16; i++) {
		assert_int_equal(vs_next(v, &hdr, NULL), RW);
		first += hdr.src_port == l.port;
		assert_int_equal(hdr.len, VS_BUF - VS_HDR);
	}
	assert_int_equal(first, 8);
	close(l.fd);
	close(m.fd);
}

static void test_guest_connects(void **state)
{
	struct vsguest *v = *state;
	struct virtio_vsock_hdr hdr;
	int pair[2];

	vs_op(v, 1024, VIRTIO_VSOCK_OP_REQUEST); /* refused */
	assert_int_equal(v->accepted_port, 1024);
	assert_int_equal(vs_next(v, &hdr, NULL), RST);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	v->accepted = pair[1];
	vs_op(v, 1024, VIRTIO_VSOCK_OP_REQUEST);
	assert_int_equal(vs_next(v, &hdr, NULL), VIRTIO_VSOCK_OP_RESPONSE);
	assert_int_equal(hdr.src_port, 1024);
	vs_send(v, vs_hdr(1024, RW), "hello", 5);
	assert_text(pair[0], "hello");
	vs_op(v, 1024, VIRTIO_VSOCK_OP_REQUEST); /* twice: no */
	assert_int_equal(vs_next(v, &hdr, NULL), RST);
	assert_eof(pair[0]);
	close(pair[0]);
	assert_int_equal(streams(v), 0);
}

static void test_pipes_and_files(void **state)
{
	struct vsguest *v = *state;
	struct virtio_vsock_hdr hdr;
	char data[VS_BUF], name[] = "/tmp/test_vsock.XXXXXX";
	uint32_t port;
	int p[2], fd;

	/* into a pipe: the guest hears that nothing will come out of it */
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	port = vs_connect_fd(v, p[1]);
	assert_int_equal(vs_next(v, &hdr, NULL), SHUT);
	assert_int_equal(hdr.flags, VIRTIO_VSOCK_SHUTDOWN_SEND);
	vs_send(v, vs_hdr(port, RW), "piped", 5);
	vs_shut(v, port, VIRTIO_VSOCK_SHUTDOWN_SEND);
	assert_text(p[0], "piped");
	assert_eof(p[0]);
	close(p[0]);
	/* out of a pipe */
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	vs_connect_fd(v, p[0]);
	assert_int_equal(vs_next(v, &hdr, NULL), SHUT);
	assert_int_equal(hdr.flags, VIRTIO_VSOCK_SHUTDOWN_RCV);
	assert_int_equal(write(p[1], "piped", 5), 5);
	assert_int_equal(vs_next(v, &hdr, data), RW);
	assert_idle(v);
	close(p[1]);
	assert_int_equal(vs_next(v, &hdr, NULL), SHUT);
	assert_int_equal(hdr.flags, 3);
	assert_int_equal(streams(v), 0);

	/* a file: longer than a packet, to its end, and written to as well */
	fd = mkostemp(name, O_CLOEXEC);
	unlink(name);
	memset(data, 'f', sizeof(data));
	for (int i = 0; i < 4; i++)
		assert_int_equal(write(fd, data, 4096), 4096);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	port = vs_connect_fd(v, fcntl(fd, F_DUPFD_CLOEXEC, 3));
	for (uint32_t got = 0; got < 4 * 4096; got += hdr.len)
		assert_int_equal(vs_next(v, &hdr, data), RW);
	assert_int_equal(vs_next(v, &hdr, data), SHUT);
	vs_send(v, vs_hdr(port, RW), "end", 3);
	assert_int_equal(lseek(fd, 0, SEEK_END), 4 * 4096 + 3);
	vs_shut(v, port, 3);
	assert_int_equal(vs_next(v, &hdr, data), RST);
	close(fd);
	/* one without end does not keep the loop from the others */
	port = vs_connect_fd(v, open("/dev/zero", O_RDWR | O_CLOEXEC));
	vs_give(v, 60);
	for (int i = 0; i < 60; i++)
		assert_int_equal(vs_take(v, &hdr, data), RW);
	assert_idle(v);
	vs_op(v, port, RST);
	assert_int_equal(streams(v), 0);
}

/* Send until some of it is kept. Return: bytes sent. */
static size_t send_until_kept(struct vsguest *v, const struct line *l)
{
	struct vsock *vs = (struct vsock *)(void *)v->dev;
	struct stream *s = stream_find(vs, VS_PORT, l->port);
	struct virtio_vsock_hdr hdr;
	static const char data[VS_BUF];
	size_t sent = 0;

	while (s->buf_len < 10000) {
		vs_send(v, vs_hdr(l->port, RW), data, sizeof(data));
		vs_next(v, &hdr, NULL);
		sent += sizeof(data);
	}
	return sent;
}

static void assert_gets(struct vsguest *v, int fd, size_t want)
{
	char data[VS_BUF];

	while (want) {
		ssize_t n = read(fd, data, sizeof(data));

		if (n < 0) {
			assert_int_equal(errno, EAGAIN);
			vs_run(v);
			continue;
		}
		assert_true(n > 0);
		want -= (size_t)n;
	}
	vs_run(v);
	assert_eof(fd);
	close(fd);
	assert_int_equal(streams(v), 0);
}

/* A slow reader gets it all, though the guest has no more patience. */
static void test_lingering(void **state)
{
	struct vsguest *v = *state;
	struct line l = vs_connect(v);
	size_t sent = send_until_kept(v, &l);
	struct virtio_vsock_hdr hdr;

	vs_shut(v, l.port, 3);
	vs_op(v, l.port, RST);
	assert_idle(v);
	assert_int_equal(streams(v), 1);
	vs_op(v, l.port, RW); /* the guest has no such connection */
	assert_int_equal(vs_next(v, &hdr, NULL), RST);
	assert_gets(v, l.fd, sent);

	l = vs_connect(v);
	sent = send_until_kept(v, &l);
	reg_write(&v->g.slot, VIRTIO_MMIO_STATUS, 0);
	assert_idle(v);
	assert_gets(v, l.fd, sent);

	vs_up(v);
	l = vs_connect(v);
	send_until_kept(v, &l);
	vs_op(v, l.port, RST);
	close(l.fd); /* nor has the reader */
	assert_idle(v);
	assert_int_equal(streams(v), 0);
}

/* No interrupt and no wish for kicks where nothing is to be told. */
static void test_quiet_driver(void **state)
{
	struct vsguest *v = *state;
	struct line l;
	uint64_t irqs;

	guest_start(&v->g, v->dev, 1ULL << VIRTIO_F_VERSION_1, VS_RING);
	v->rx_given = 0;
	l = vs_connect(v);
	irqs = v->dev->irq_count;
	vs_give(v, 16);
	assert_int_equal(v->dev->irq_count, irqs);
	assert_int_equal(write(l.fd, "x", 1), 1);
	vs_run(v);
	assert_int_equal(v->dev->irq_count, irqs + 1);
	close(l.fd);
}

static void test_config(void **state)
{
	struct vsguest *v = *state;

	assert_int_equal(reg_read(&v->g.slot, VIRTIO_MMIO_CONFIG), 3);
	assert_int_equal(reg_read(&v->g.slot, VIRTIO_MMIO_CONFIG + 4), 0);
	assert_int_equal(reg_read(&v->g.slot, VIRTIO_MMIO_DEVICE_ID), 19);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		VS_TEST(test_both_ways),      VS_TEST(test_guest_half_close),
		VS_TEST(test_host_leaves),    VS_TEST(test_credit_given),
		VS_TEST(test_credit_taken),   VS_TEST(test_fair),
		VS_TEST(test_guest_connects), VS_TEST(test_pipes_and_files),
		VS_TEST(test_lingering),      VS_TEST(test_quiet_driver),
		VS_TEST(test_config),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
