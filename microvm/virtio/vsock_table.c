/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/virtio/vsock_stream.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/sabotage.h"

static struct stream **slot_of(struct vsock *vs, uint32_t guest_port,
			       uint32_t host_port)
{
	uint32_t mixed = (guest_port ^ (host_port << 7)) * 0x9e3779b1u;

	return &vs->hash[mixed >> 24];
}

_Static_assert(VSOCK_HASH == 1 << 8, "slot_of() takes 8 bits");

struct stream *stream_find(const struct vsock *vs, uint32_t guest_port,
			   uint32_t host_port)
{
	struct vsock *mutable = (struct vsock *)(uintptr_t)vs;
	struct stream *s = *slot_of(mutable, guest_port, host_port);

	while (s && (s->guest_port != guest_port || s->host_port != host_port ||
		     s->state == STREAM_LINGERING))
		s = s->hash_next;
	return s;
}

/*
 * Called for what is watched. While there is nothing to do for a stream it is
 * watched for the end of its owner only, and that once: the event stays.
 */
static void on_event(struct loop_watch *watch, uint32_t events)
{
	struct stream *s = watch->arg;
	struct vsock *vs = s->vs;

	if (watch->events & EPOLLIN)
		s->readable = events & (EPOLLIN | EPOLLHUP | EPOLLERR);
	else if (events & (EPOLLHUP | EPOLLERR))
		s->gone = true;
	stream_update(s);
	vsock_pump(vs);
}

static int set_up_fd(struct stream *s)
{
	int flags = fcntl(s->fd, F_GETFL);

	if (flags < 0 || fcntl(s->fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	s->is_socket = true; /* until sendmsg(2) knows better */
	/* a pipe has one direction */
	s->eof = (flags & O_ACCMODE) == O_WRONLY;
	s->deaf = (flags & O_ACCMODE) == O_RDONLY;
	return 0;
}

int stream_new(struct vsock *vs, uint32_t guest_port, uint32_t host_port,
	       int fd, struct stream **out)
{
	auto_fd int taken = fd;
	auto_free struct stream *s = NULL;
	struct stream **slot = slot_of(vs, guest_port, host_port);
	int ret;

	if (vs->count >= VSOCK_MAX_STREAMS && !SABOTAGED("vsock_streams"))
		return -EMFILE;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	*s = (struct stream){
		.vs = vs,
		.fd = fd,
		.guest_port = guest_port,
		.host_port = host_port,
		.watch = { .fd = fd, .call = on_event, .arg = s },
	};
	ret = set_up_fd(s);
	if (ret)
		return ret;
	take_fd(&taken);
	s->hash_next = *slot;
	*slot = s;
	vs->count++;
	*out = take_ptr(&s);
	return 0;
}

void stream_free(struct stream *s)
{
	struct vsock *vs = s->vs;
	struct stream **link = slot_of(vs, s->guest_port, s->host_port);

	while (*link != s)
		link = &(*link)->hash_next;
	*link = s->hash_next;
	vs->count--;
	ready_del(s);
	virtio_watch(&vs->dev, &s->watch, 0);
	auto_close_fd(&s->fd);
	free(s->buf);
	free(s);
}

void stream_free_all(struct vsock *vs)
{
	for (unsigned int i = 0; i < VSOCK_HASH; i++)
		while (vs->hash[i])
			stream_free(vs->hash[i]);
}

void stream_abandon_all(struct vsock *vs)
{
	for (unsigned int i = 0; i < VSOCK_HASH; i++) {
		struct stream *next;

		for (struct stream *s = vs->hash[i]; s; s = next) {
			next = s->hash_next;
			stream_abandon(s);
		}
	}
}

void ready_add(struct stream *s)
{
	struct vsock *vs = s->vs;

	if (s->ready_next)
		return;
	if (!vs->ready) {
		s->ready_next = s->ready_prev = s;
		vs->ready = s;
		return;
	}
	s->ready_next = vs->ready;
	s->ready_prev = vs->ready->ready_prev;
	s->ready_prev->ready_next = s;
	vs->ready->ready_prev = s;
}

void ready_del(struct stream *s)
{
	struct vsock *vs = s->vs;

	if (!s->ready_next)
		return;
	if (vs->ready == s)
		vs->ready = s->ready_next == s ? NULL : s->ready_next;
	s->ready_prev->ready_next = s->ready_next;
	s->ready_next->ready_prev = s->ready_prev;
	s->ready_next = s->ready_prev = NULL;
}
