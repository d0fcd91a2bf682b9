/* SPDX-License-Identifier: Apache-2.0 */
#include "base/report.h"

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/auto.h"
#include "base/sabotage.h"
#include "base/sock.h"

#define GO_WAIT_S 2
#define OVERFLOW_UID 65534

_Static_assert(REPORT_MAX_FDS <= SOCK_MAX_FDS, "one message takes them all");

/* struct report_in - what came with a "go". */
struct report_in {
	char **payload;
	size_t *len;
	int *fds;
	size_t fd_count;
};

static ssize_t recv_all(int conn, void *buf, size_t len)
{
	ssize_t n;

	do
		n = recv(conn, buf, len, MSG_WAITALL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int report_send(int conn, const struct err *err)
{
	struct {
		struct report_head head;
		struct err err;
	} msg = {
		.head = { .magic = REPORT_MAGIC, .len = sizeof(*err) },
		.err = *err,
	};

	return sock_send(conn, &msg, sizeof(msg), NULL, 0);
}

int report_read(int conn, struct err *err)
{
	struct report_head head;
	struct err told;
	ssize_t n = recv_all(conn, &head, sizeof(head));

	if (n <= 0)
		return (int)n;
	if (n != sizeof(head) || head.magic != REPORT_MAGIC ||
	    head.len != sizeof(told) ||
	    recv_all(conn, &told, sizeof(told)) != sizeof(told))
		return err_set(err, -EPROTO, "garbled answer from init");
	told.stage[sizeof(told.stage) - 1] = '\0';
	told.field[sizeof(told.field) - 1] = '\0';
	told.msg[sizeof(told.msg) - 1] = '\0';
	if (told.code >= 0)
		told.code = -EIO;
	if (err)
		*err = told;
	return told.code;
}

int report_go(int conn, const void *payload, size_t len, const int *fds,
	      size_t fd_count)
{
	const struct report_head head = { .magic = REPORT_MAGIC,
					  .len = (uint32_t)len };
	int ret;

	if (len > REPORT_MAX_GO || fd_count > REPORT_MAX_FDS)
		return -EINVAL;
	ret = sock_send(conn, &head, sizeof(head), fds, fd_count);
	if (!ret && len)
		ret = sock_send(conn, payload, len, NULL, 0);
	return ret;
}

/*
 * The directory keeps others out already. Seen from a user namespace hull's
 * own uid may have no number, and then shows as the overflow uid.
 */
static bool is_trusted(int conn)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(conn, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return false;
	return cred.uid == 0 || cred.uid == geteuid() ||
	       cred.uid == OVERFLOW_UID || SABOTAGED("report_peer");
}

/* Return: 1, 0 (the payload did not come), or -ENOMEM. */
static int take_payload(int conn, size_t len, const struct report_in *in)
{
	auto_free char *data = NULL;

	if (!len)
		return 1;
	data = malloc(len + 1);
	if (!data)
		return -ENOMEM;
	if (recv_all(conn, data, len) != (ssize_t)len)
		return 0;
	data[len] = '\0';
	*in->payload = take_ptr(&data);
	*in->len = len;
	return 1;
}

/*
 * A status probe connects and hangs up. One that was stopped in between must
 * not hold the gate for ever: who says nothing in time is dropped, and comes
 * back if it meant to say "go". Return: as take_payload().
 */
static int hears_go(int conn, const struct report_in *in)
{
	/* stays set: the connection is only for sending from here on */
	const struct timeval patience = { .tv_sec = GO_WAIT_S };
	struct report_head head;
	int ret = 0;

	if (!is_trusted(conn) || setsockopt(conn, SOL_SOCKET, SO_RCVTIMEO,
					    &patience, sizeof(patience)) < 0)
		return 0;
	if (sock_recv(conn, &head, sizeof(head), in->fds, in->fd_count) ==
		    sizeof(head) &&
	    head.magic == REPORT_MAGIC &&
	    (head.len <= (in->payload ? REPORT_MAX_GO : 0) ||
	     SABOTAGED("report_length")))
		ret = take_payload(conn, head.len, in);
	for (size_t i = 0; ret != 1 && i < in->fd_count; i++)
		auto_close_fd(&in->fds[i]);
	return ret;
}

int report_wait_go(int listen_fd, char **payload, size_t *len, int *fds,
		   size_t fd_count, struct err *err)
{
	const struct report_in in = { payload, len, fds, fd_count };

	for (size_t i = 0; i < fd_count; i++)
		fds[i] = -1;
	if (payload) {
		*payload = NULL;
		*len = 0;
	}
	for (;;) {
		auto_fd int conn = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
		int ret;

		if (conn < 0) {
			if (errno == EINTR || errno == ECONNABORTED)
				continue;
			return err_sys(err, "waiting at the start gate");
		}
		ret = hears_go(conn, &in);
		if (ret < 0)
			return err_code(err, ret, "waiting at the start gate");
		if (ret)
			return take_fd(&conn);
	}
}
