/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/virtio/vsock_stream.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/auto.h"
#include "base/sabotage.h"

/* Half of the buffer free that the guest does not know of: tell it. */
#define CREDIT_STEP (VSOCK_BUFFER_BYTES / 2)

/* What the guest has room for; it may claim anything, and take it back. */
static uint32_t credit(const struct stream *s)
{
	uint32_t in_flight = s->tx_cnt - s->peer_fwd;

	return in_flight < s->peer_alloc ? s->peer_alloc - in_flight : 0;
}

static bool wants_input(const struct stream *s)
{
	return s->state == STREAM_OPEN && !s->eof &&
	       !(s->guest_shut & SHUT_RCV) && credit(s);
}

/*
 * Does a socket or pipe whose other end is gone still have something for the
 * guest? Its owner may have written and left before the guest was ready.
 */
static bool has_unread(const struct stream *s)
{
	int n = 0;

	return !s->eof && !(s->guest_shut & SHUT_RCV) &&
	       !ioctl(s->fd, FIONREAD, &n) && n > 0;
}

/* SHUTDOWN flags that the guest does not know yet, and would care about. */
static unsigned int shut_news(const struct stream *s)
{
	unsigned int flags = 0;

	if (s->state != STREAM_OPEN)
		return 0;
	if (s->eof && !(s->guest_shut & SHUT_RCV))
		flags |= SHUT_SEND;
	if (s->deaf && !(s->guest_shut & SHUT_SEND))
		flags |= SHUT_RCV;
	return flags & ~s->told_shut;
}

/* Both directions have ended, and everybody knows. */
static bool is_over(const struct stream *s)
{
	bool out = (s->guest_shut & SHUT_RCV) || s->eof;
	bool in = ((s->guest_shut & SHUT_SEND) && !s->buf_len) || s->deaf;

	return s->state == STREAM_OPEN && out && in && !shut_news(s);
}

static void took(struct stream *s, uint32_t n)
{
	s->fwd_cnt += n;
	if (s->fwd_cnt - s->fwd_told >= CREDIT_STEP)
		s->pending |= PENDING_CREDIT_UPDATE;
}

static void drop_buffer(struct stream *s)
{
	free(s->buf);
	s->buf = NULL;
	s->buf_head = s->buf_len = 0;
}

/* Return: bytes, 0 when it has to wait, -1 when nobody will ever take it. */
static ssize_t write_some(struct stream *s, struct iovec *iov, size_t count)
{
	const struct msghdr msg = { .msg_iov = iov, .msg_iovlen = count };
	ssize_t n;

	do {
		n = s->is_socket ? sendmsg(s->fd, &msg, MSG_NOSIGNAL)
				 : writev(s->fd, iov, (int)count);
		if (n < 0 && errno == ENOTSOCK && s->is_socket) {
			s->is_socket = false;
			errno = EINTR;
		}
	} while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	return errno == EAGAIN && !s->never_waits ? 0 : -1;
}

/* The reader is gone: the guest is told, what comes still is dropped. */
static void go_deaf(struct stream *s)
{
	s->deaf = true;
	took(s, s->buf_len);
	drop_buffer(s);
}

static void flush(struct stream *s)
{
	while (s->buf_len) {
		uint32_t to_end = VSOCK_BUFFER_BYTES - s->buf_head;
		uint32_t first = s->buf_len < to_end ? s->buf_len : to_end;
		struct iovec iov[] = {
			{ s->buf + s->buf_head, first },
			{ s->buf, s->buf_len - first },
		};
		ssize_t n = write_some(s, iov, ARRAY_SIZE(iov));

		if (n < 0)
			go_deaf(s);
		if (n <= 0)
			return;
		s->buf_head = (s->buf_head + (uint32_t)n) % VSOCK_BUFFER_BYTES;
		s->buf_len -= (uint32_t)n;
		took(s, (uint32_t)n);
	}
	drop_buffer(s);
}

/* Keep what @fd does not take now. The credit says that it fits. */
static bool keep(struct stream *s, const struct vq_chain *chain, size_t from,
		 uint32_t len)
{
	uint32_t at, to_end, first;

	if (!s->buf) {
		s->buf = malloc(VSOCK_BUFFER_BYTES);
		if (!s->buf)
			return false;
	}
	at = (s->buf_head + s->buf_len) % VSOCK_BUFFER_BYTES;
	to_end = VSOCK_BUFFER_BYTES - at;
	first = len < to_end ? len : to_end;
	chain_copy_out(chain, from, s->buf + at, first);
	chain_copy_out(chain, from + first, s->buf, len - first);
	s->buf_len += len;
	return true;
}

void stream_data(struct stream *s, const struct vq_chain *chain, uint32_t len)
{
	struct iovec iov[VQ_MAX_IOV];
	ssize_t n = 0;

	if (s->state != STREAM_OPEN || (s->guest_shut & SHUT_SEND) ||
	    (len > VSOCK_BUFFER_BYTES - s->buf_len &&
	     !SABOTAGED("vsock_credit"))) {
		stream_reset(s);
		return;
	}
	if (!s->deaf && !s->buf_len && len) {
		n = write_some(
			s, iov,
			chain_iov(chain, false, VSOCK_HDR_BYTES, len, iov));
		if (n < 0)
			go_deaf(s);
	}
	if (s->deaf) {
		took(s, len);
	} else {
		took(s, (uint32_t)n);
		if (len > n && !keep(s, chain, VSOCK_HDR_BYTES + (size_t)n,
				     len - (uint32_t)n)) {
			stream_reset(s);
			return;
		}
	}
	stream_update(s);
}

void stream_shut(struct stream *s, uint32_t flags)
{
	unsigned int news = flags & (SHUT_RCV | SHUT_SEND) & ~s->guest_shut;

	if (s->state != STREAM_OPEN) {
		stream_reset(s);
		return;
	}
	s->guest_shut |= news;
	if ((news & SHUT_RCV) && s->is_socket)
		shutdown(s->fd, SHUT_RD); /* its writer gets EPIPE */
	if ((news & SHUT_SEND) && !s->buf_len && s->is_socket)
		shutdown(s->fd, SHUT_WR);
	stream_update(s);
}

void stream_reset(struct stream *s)
{
	virtio_watch(&s->vs->dev, &s->watch, 0);
	auto_close_fd(&s->fd);
	drop_buffer(s);
	s->state = STREAM_DEAD;
	s->pending = PENDING_RST;
	ready_add(s);
}

void stream_abandon(struct stream *s)
{
	if (!s->buf_len) {
		stream_free(s);
		return;
	}
	s->state = STREAM_LINGERING;
	s->eof = true;
	s->pending = 0;
	ready_del(s);
	stream_update(s);
}

/* Return: false when the stream was ended instead. */
static bool watch(struct stream *s)
{
	uint32_t events = 0;
	int ret;

	if (wants_input(s) && !s->readable)
		events |= EPOLLIN;
	if (s->buf_len)
		events |= EPOLLOUT;
	if (!events && !s->gone)
		events = EPOLLHUP;
	ret = virtio_watch(&s->vs->dev, &s->watch, events);
	if (ret == -EPERM) {
		s->never_waits = true;
		return true;
	}
	if (ret < 0)
		stream_reset(s);
	return ret == 0;
}

/* Return: whether the stream is still there, and alive. */
static bool end_what_is_over(struct stream *s)
{
	if (s->state == STREAM_ASKING && s->gone && s->eof && s->deaf) {
		/* who asked has left; the guest need not know if it was not
		 * asked yet */
		if (s->asked)
			stream_reset(s);
		else
			stream_free(s);
		return false;
	}
	if (!is_over(s))
		return true;
	/* who shut down both ways waits for an RST (5.10.6.7) */
	if (s->guest_shut == (SHUT_RCV | SHUT_SEND))
		stream_reset(s);
	else
		stream_free(s);
	return false;
}

void stream_update(struct stream *s)
{
	if (s->state == STREAM_DEAD)
		return;
	if (s->gone && !has_unread(s)) {
		/* both ways are dead, whatever the guest has left to say */
		s->eof = true;
		s->deaf = true;
	}
	if (s->deaf && s->buf_len)
		go_deaf(s);
	if (s->buf_len) {
		flush(s);
		if (!s->buf_len && (s->guest_shut & SHUT_SEND) && s->is_socket)
			shutdown(s->fd, SHUT_WR);
	}
	if (s->state == STREAM_LINGERING) {
		if (s->buf_len)
			watch(s);
		else
			stream_free(s);
		return;
	}
	if (!end_what_is_over(s))
		return;
	if (credit(s))
		s->credit_asked = false;
	if (!s->never_waits && !watch(s))
		return;
	if (s->never_waits)
		s->readable = true;
	if (s->state == STREAM_OPEN && s->tx_cnt && !s->eof && !credit(s) &&
	    !(s->guest_shut & SHUT_RCV) && !s->credit_asked) {
		s->credit_asked = true;
		s->pending |= PENDING_CREDIT_REQUEST;
	}
	if (s->pending || shut_news(s) || (wants_input(s) && s->readable))
		ready_add(s);
	else
		ready_del(s);
}

/* Buffer space and counts go with each packet. */
static uint32_t put_header(struct stream *s, const struct vq_chain *chain,
			   enum virtio_vsock_op op, uint32_t len,
			   uint32_t flags)
{
	const struct virtio_vsock_hdr hdr = {
		.src_cid = VSOCK_HOST_CID,
		.dst_cid = VSOCK_GUEST_CID,
		.src_port = s->host_port,
		.dst_port = s->guest_port,
		.len = len,
		.type = VIRTIO_VSOCK_TYPE_STREAM,
		.op = (uint16_t)op,
		.flags = flags,
		.buf_alloc = VSOCK_BUFFER_BYTES,
		.fwd_cnt = s->fwd_cnt,
	};

	chain_copy_in(chain, 0, &hdr, sizeof(hdr));
	s->fwd_told = s->fwd_cnt;
	return VSOCK_HDR_BYTES + len;
}

static uint32_t put_data(struct stream *s, const struct vq_chain *chain)
{
	struct iovec iov[VQ_MAX_IOV];
	uint64_t room = chain->in_bytes - VSOCK_HDR_BYTES;
	unsigned int count;
	ssize_t n;

	if (room > credit(s))
		room = credit(s);
	if (room > VSOCK_BUFFER_BYTES)
		room = VSOCK_BUFFER_BYTES;
	count = chain_iov(chain, true, VSOCK_HDR_BYTES, room, iov);
	do
		n = readv(s->fd, iov, (int)count);
	while (n < 0 && errno == EINTR);
	/* less than asked for: it was all there is, or its end */
	s->readable = n == (ssize_t)room || s->never_waits;
	if (n > 0) {
		s->tx_cnt += (uint32_t)n;
		return put_header(s, chain, VIRTIO_VSOCK_OP_RW, (uint32_t)n, 0);
	}
	if (!n)
		s->eof = true;
	else if (errno != EAGAIN || s->never_waits)
		stream_reset(s);
	return 0;
}

static uint32_t put_control(struct stream *s, const struct vq_chain *chain)
{
	/* clang-format off */
	static const struct {
		unsigned int pending;
		enum virtio_vsock_op op;
	} rows[] = {
		{ PENDING_RST, VIRTIO_VSOCK_OP_RST },
		{ PENDING_REQUEST, VIRTIO_VSOCK_OP_REQUEST },
		{ PENDING_RESPONSE, VIRTIO_VSOCK_OP_RESPONSE },
		{ PENDING_CREDIT_UPDATE, VIRTIO_VSOCK_OP_CREDIT_UPDATE },
		{ PENDING_CREDIT_REQUEST, VIRTIO_VSOCK_OP_CREDIT_REQUEST },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!(s->pending & rows[i].pending))
			continue;
		s->pending &= ~rows[i].pending;
		if (rows[i].pending == PENDING_REQUEST)
			s->asked = true;
		return put_header(s, chain, rows[i].op, 0, 0);
	}
	return 0;
}

uint32_t stream_emit(struct stream *s, const struct vq_chain *chain)
{
	uint32_t n = put_control(s, chain);

	if (!n && wants_input(s) && s->readable) {
		n = put_data(s, chain);
		if (!n)
			n = put_control(s, chain); /* it was reset */
	}
	if (!n && shut_news(s)) {
		s->told_shut |= shut_news(s);
		n = put_header(s, chain, VIRTIO_VSOCK_OP_SHUTDOWN, 0,
			       s->told_shut);
	}
	return n;
}
