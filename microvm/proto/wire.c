/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/proto/proto.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/auto.h"
#include "microvm/proto/patience.h"

static int wait_for(int fd, short events, struct patience *patience)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	int n;

	do
		n = patience_poll(patience, &pfd, 1, true);
	while (!n);
	return n < 0 ? n : 0;
}

/* Drop the first @n bytes of what is to be sent. */
static void advance(struct iovec *iov, size_t count, size_t n)
{
	for (size_t i = 0; i < count; i++) {
		size_t part = n < iov[i].iov_len ? n : iov[i].iov_len;

		iov[i].iov_base = (char *)iov[i].iov_base + part;
		iov[i].iov_len -= part;
		n -= part;
	}
}

int proto_send(int fd, enum proto_type type, const void *fixed,
	       size_t fixed_len, const void *tail, size_t tail_len)
{
	struct proto_head head = { .type = type };
	struct iovec iov[] = {
		{ &head, sizeof(head) },
		{ (void *)(uintptr_t)fixed, fixed_len },
		{ (void *)(uintptr_t)tail, tail_len },
	};
	const struct msghdr msg = { .msg_iov = iov,
				    .msg_iovlen = ARRAY_SIZE(iov) };
	size_t left;

	if (fixed_len > PROTO_MAX_START || tail_len > PROTO_MAX_START ||
	    !proto_check_len(type, (uint32_t)(fixed_len + tail_len)))
		return -EMSGSIZE;
	head.len = (uint32_t)(fixed_len + tail_len);
	left = sizeof(head) + head.len;
	while (left) {
		struct patience patience = { PROTO_STALL_MS };
		ssize_t n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0) {
			advance(iov, ARRAY_SIZE(iov), (size_t)n);
			left -= (size_t)n;
		} else if (n < 0 && errno == EAGAIN) {
			int ret = wait_for(fd, POLLOUT, &patience);

			if (ret)
				return ret;
		} else if (n < 0 && errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

/*
 * Return: bytes, less than @len at the end of the stream. A patience without
 * end has one from the first byte on.
 */
static ssize_t recv_all(int fd, char *to, size_t len, struct patience *patience)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = recv(fd, to + got, len - got, MSG_DONTWAIT);

		if (n == 0)
			break;
		if (n > 0) {
			got += (size_t)n;
			if (patience->left_ms < 0)
				patience->left_ms = PROTO_STALL_MS;
		} else if (errno == EAGAIN) {
			int ret = wait_for(fd, POLLIN, patience);

			if (ret)
				return ret;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return (ssize_t)got;
}

int proto_recv(int fd, int timeout_ms, struct proto_msg *msg)
{
	struct patience patience = { timeout_ms };
	struct proto_head head;
	auto_free char *data = NULL;
	ssize_t n;

	*msg = (struct proto_msg){ 0 };
	n = recv_all(fd, (char *)&head, sizeof(head), &patience);
	if (n <= 0)
		return (int)n;
	if (n != sizeof(head) || !proto_check_len(head.type, head.len))
		return -EPROTO;
	data = malloc((size_t)head.len + 1);
	if (!data)
		return -ENOMEM;
	n = recv_all(fd, data, head.len, &patience);
	if (n < 0)
		return (int)n;
	if ((size_t)n != head.len)
		return -EPROTO;
	data[head.len] = '\0';
	*msg = (struct proto_msg){ head.type, head.len, take_ptr(&data) };
	return 1;
}
