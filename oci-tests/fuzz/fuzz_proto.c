/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json/utf8.h"
#include "microvm/proto/proto.h"
#include "oci-tests/fuzz/fuzz.h"

#define MOST_BYTES 150000

/* Fit for a terminal: UTF-8, and no control character but newline. */
static void check_text(const char *text, size_t size)
{
	fuzz_check(strnlen(text, size) < size);
	while (*text) {
		const unsigned char *b = (const unsigned char *)text;
		size_t len = utf8_len(text);

		fuzz_check(len);
		fuzz_check(b[0] == '\n' || (b[0] >= 0x20 && b[0] != 0x7f));
		fuzz_check(len != 2 || b[0] != 0xc2 || b[1] >= 0xa0);
		text += len;
	}
}

static void check_message(const struct proto_msg *msg)
{
	fuzz_check(proto_check_len(msg->type, msg->len));
	fuzz_check(msg->data[msg->len] == '\0');
	if (msg->type == PROTO_ERROR) {
		struct err err;

		proto_get_err(msg, &err);
		fuzz_check(err.code < 0 && err.code >= -4095);
		check_text(err.stage, sizeof(err.stage));
		check_text(err.field, sizeof(err.field));
		check_text(err.msg, sizeof(err.msg));
	}
}

/* The input as what comes from a stream: messages until one is none. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const int room = 2 * MOST_BYTES;
	struct proto_msg msg;
	int pair[2], ret;
	char text[64];

	if (size > MOST_BYTES)
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	fuzz_check(send(pair[0], data, size, MSG_DONTWAIT) == (ssize_t)size);
	close(pair[0]);
	while ((ret = proto_recv(pair[1], 1000, &msg)) > 0) {
		check_message(&msg);
		proto_msg_release(&msg);
	}
	fuzz_check(ret == 0 || ret == -EPROTO);
	fuzz_check(!msg.data);
	close(pair[1]);

	memset(text, 0, sizeof(text));
	if (size)
		memcpy(text, data, size < sizeof(text) ? size : sizeof(text));
	proto_clean(text, sizeof(text));
	check_text(text, sizeof(text));
	return 0;
}
