/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/report.h"
#include "oci-tests/fuzz/parse.h"

/*
 * The start gate's messages, both ways: the input as init's answer, and as
 * what somebody says who connects to the gate, before one who says "go".
 */

#define MOST_FDS 2
#define MOST_BYTES 65536

static void answer(const uint8_t *data, size_t size)
{
	struct err err = { 0 };
	int pair[2], ret;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	fuzz_check(send(pair[0], data, size, MSG_DONTWAIT) == (ssize_t)size);
	close(pair[0]);
	ret = report_read(pair[1], &err);
	fuzz_check(ret <= 0 && ret == err.code);
	fuzz_check(ret == 0 || ret == -EPROTO || size > sizeof(err));
	fuzz_check(!err.stage[sizeof(err.stage) - 1]);
	fuzz_check(!err.field[sizeof(err.field) - 1]);
	fuzz_check(!err.msg[sizeof(err.msg) - 1]);
	close(pair[1]);
}

static int gate(struct sockaddr_un *addr, socklen_t *len)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	addr->sun_family = AF_UNIX;
	*len = sizeof(*addr);
	/* without a name: the kernel picks an abstract one */
	if (fd < 0 || bind(fd, (struct sockaddr *)addr, sizeof(sa_family_t)) ||
	    listen(fd, 4) < 0 ||
	    getsockname(fd, (struct sockaddr *)addr, len) < 0)
		abort();
	return fd;
}

static int caller(const struct sockaddr_un *addr, socklen_t len)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)addr, len) < 0)
		abort();
	return fd;
}

static void question(int listen_fd, const uint8_t *data, size_t size)
{
	int fds[MOST_FDS];
	auto_free char *payload = NULL;
	size_t len = 0;
	int conn =
		report_wait_go(listen_fd, &payload, &len, fds, MOST_FDS, NULL);

	fuzz_check(conn >= 0);
	if (!payload)
		fuzz_check(!len);
	else
		fuzz_check(len && !payload[len]);
	fuzz_check(len <= size || len == 4);
	(void)data;
	for (int i = 0; i < MOST_FDS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	close(conn);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sockaddr_un addr = { 0 };
	int listen_fd, first, second;
	socklen_t len;

	if (size > MOST_BYTES)
		return 0;
	answer(data, size);
	listen_fd = gate(&addr, &len);
	first = caller(&addr, len);
	fuzz_check(send(first, data, size, MSG_DONTWAIT) == (ssize_t)size);
	close(first);
	second = caller(&addr, len);
	fuzz_check(!report_go(second, "true", 4, &second, 1));
	question(listen_fd, data, size);
	close(second);
	close(listen_fd);
	return 0;
}
