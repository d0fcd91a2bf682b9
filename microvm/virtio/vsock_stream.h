/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_MICROVM_VIRTIO_VSOCK_STREAM_H
#define HULL_MICROVM_VIRTIO_VSOCK_STREAM_H

#include "microvm/virtio/devices.h"

#include <linux/virtio_vsock.h>

#define VSOCK_HDR_BYTES ((unsigned int)sizeof(struct virtio_vsock_hdr))
#define VSOCK_HASH 256
#define VSOCK_REPLIES 64

/* Both sides of a connection as the wire has them. */
#define SHUT_RCV ((unsigned int)VIRTIO_VSOCK_SHUTDOWN_RCV)
#define SHUT_SEND ((unsigned int)VIRTIO_VSOCK_SHUTDOWN_SEND)

enum stream_state {
	STREAM_ASKING, /* REQUEST is pending, or sent and not answered */
	STREAM_OPEN,
	STREAM_DEAD,      /* only its RST is still to be sent */
	STREAM_LINGERING, /* the guest has done with it, its reader has not */
};

/* Packets that a stream has to send, in this order. Data come between
 * CREDIT_REQUEST and SHUTDOWN. */
#define PENDING_RST 0x01u
#define PENDING_REQUEST 0x02u
#define PENDING_RESPONSE 0x04u
#define PENDING_CREDIT_UPDATE 0x08u
#define PENDING_CREDIT_REQUEST 0x10u

struct vsock;

/**
 * struct stream - one connection.
 * @ready_next, @ready_prev: in the circle of those that have a packet to send
 * @fd: the host's end; -1 when it is closed already
 * @never_waits: a file or device that epoll(7) refuses
 * @asked: REQUEST was sent
 * @eof: nothing more comes from @fd
 * @deaf: nothing more can be written to @fd
 * @readable: @fd may have something, or its end: it is not watched for that
 * @gone: the other end of @fd was seen to be gone
 * @guest_shut: what the guest said it will not do any more
 * @told_shut: what we said
 * @fwd_cnt: bytes of the guest that @fd has taken; what came and was not taken
 *           is in @buf: a ring of VSOCK_BUFFER_BYTES, there only when needed
 * @fwd_told: @fwd_cnt in the last packet to the guest
 * @tx_cnt: bytes sent to the guest
 * @peer_alloc, @peer_fwd: the guest's buffer, and what it took out of it
 */
struct stream {
	struct vsock *vs;
	struct stream *hash_next;
	struct stream *ready_next;
	struct stream *ready_prev;
	struct loop_watch watch;
	int fd;
	uint32_t guest_port;
	uint32_t host_port;
	enum stream_state state;
	unsigned int pending;
	bool is_socket;
	bool never_waits;
	bool asked;
	bool eof;
	bool deaf;
	bool readable;
	bool gone;
	bool credit_asked;
	unsigned int guest_shut;
	unsigned int told_shut;
	uint32_t fwd_cnt;
	uint32_t fwd_told;
	uint32_t tx_cnt;
	uint32_t peer_alloc;
	uint32_t peer_fwd;
	uint8_t *buf;
	uint32_t buf_head;
	uint32_t buf_len;
};

/* struct reply - an RST for a connection that is none. */
struct reply {
	uint32_t guest_port;
	uint32_t host_port;
	uint16_t type;
};

/**
 * struct vsock - the device.
 * @ready: streams that have something to send, served in turn
 * @replies: as many as there is room for; more are not sent, and the guest's
 *           connect(2) times out instead
 * @chain: the RX buffer in work
 */
struct vsock {
	struct virtio_dev dev;
	int (*accept)(void *arg, uint32_t port);
	void *arg;
	struct stream *hash[VSOCK_HASH];
	struct stream *ready;
	unsigned int count;
	uint32_t next_port;
	struct reply replies[VSOCK_REPLIES];
	unsigned int reply_head;
	unsigned int reply_count;
	struct vq_chain chain;
};

/* ---- the table: vsock_table.c */

/**
 * stream_new() - a stream in state STREAM_ASKING, in the table.
 * @fd: taken, also on failure; made non-blocking
 *
 * Return: 0, -EMFILE, -ENOMEM, or -errno of fcntl(2).
 */
int stream_new(struct vsock *vs, uint32_t guest_port, uint32_t host_port,
	       int fd, struct stream **out);
/** stream_find() - of those that the guest knows; NULL when there is none. */
struct stream *stream_find(const struct vsock *vs, uint32_t guest_port,
			   uint32_t host_port);
void stream_free(struct stream *s);
void stream_free_all(struct vsock *vs);
/** stream_abandon_all() - stream_abandon() each: the device was reset. */
void stream_abandon_all(struct vsock *vs);
void ready_add(struct stream *s);
void ready_del(struct stream *s);

/* ---- one stream: vsock_stream.c. None of them sends anything; what is to be
 * sent makes the stream ready. All but stream_emit() may free it. */

/** stream_data() - RW: @len bytes after the header of @chain, which has them.
 */
void stream_data(struct stream *s, const struct vq_chain *chain, uint32_t len);
/** stream_shut() - SHUTDOWN of the guest. */
void stream_shut(struct stream *s, uint32_t flags);
/** stream_reset() - give up: close @fd, RST to the guest. */
void stream_reset(struct stream *s);
/**
 * stream_abandon() - RST of the guest, which says so also when it is tired of
 * waiting for a reader: what it sent is delivered nevertheless.
 */
void stream_abandon(struct stream *s);
/** stream_update() - after a change: watch what is worth it, end what is over.
 */
void stream_update(struct stream *s);

/**
 * stream_emit() - put the stream's next packet into an RX buffer of more than
 * VSOCK_HDR_BYTES. The caller puts the stream at the end of the circle, and
 * updates it.
 *
 * Return: bytes written, or 0 when there was nothing after all.
 */
uint32_t stream_emit(struct stream *s, const struct vq_chain *chain);

/* ---- packets: vsock.c */

/** vsock_pump() - send what is ready, as far as there are RX buffers. */
void vsock_pump(struct vsock *vs);

#endif
