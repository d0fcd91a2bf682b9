/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/proto/proto.h"

#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/json/utf8.h"
#include "base/sabotage.h"

/*
 * How much follows the head, by type. What has no payload of its own and what
 * is one fixed structure has one length only.
 */
struct bounds {
	uint32_t min;
	uint32_t max;
};

#define EXACTLY(type)                                                        \
	{                                                                    \
		.min = (uint32_t)sizeof(type), .max = (uint32_t)sizeof(type) \
	}

/* clang-format off */
static const struct bounds bounds[PROTO_TYPES] = {
	[PROTO_HELLO]   = EXACTLY(struct proto_hello),
	[PROTO_START]   = { sizeof(struct proto_start), PROTO_MAX_START },
	[PROTO_EXEC]    = { sizeof(struct proto_start), PROTO_MAX_START },
	[PROTO_SESSION] = EXACTLY(struct proto_session),
	[PROTO_ATTACH]  = EXACTLY(struct proto_attach),
	[PROTO_STARTED] = { 0, 0 },
	[PROTO_ERROR]   = EXACTLY(struct proto_error),
	[PROTO_SIGNAL]  = EXACTLY(struct proto_signal),
	[PROTO_RESIZE]  = EXACTLY(struct proto_resize),
	[PROTO_EXITED]  = EXACTLY(struct proto_exited),
	[PROTO_PS]      = { 0, 0 },
	[PROTO_STATS]   = { 0, 0 },
	[PROTO_UPDATE]  = { 1, PROTO_MAX_START },
	[PROTO_REPLY]   = { sizeof(struct proto_reply), PROTO_MAX_REPLY },
};
/* clang-format on */

_Static_assert(sizeof(struct proto_head) == 8 &&
		       sizeof(struct proto_hello) == 68 &&
		       sizeof(struct proto_start) == 8 &&
		       sizeof(struct proto_attach) == 16 &&
		       sizeof(struct proto_exited) == 8,
	       "no padding of the compiler's goes over the wire");
_Static_assert(sizeof(struct proto_error) <= PROTO_MAX_SMALL,
	       "the longest of the small ones");

bool proto_check_len(uint32_t type, uint32_t len)
{
	/* 0 is no type, and its row would allow an empty message */
	if (type == 0 || type >= PROTO_TYPES)
		return false;
	return (len >= bounds[type].min && len <= bounds[type].max) ||
	       SABOTAGED("proto_length");
}

void proto_msg_release(struct proto_msg *msg)
{
	free(msg->data);
	*msg = (struct proto_msg){ 0 };
}

/* Control characters act on terminals: C0 but newline, DEL, and C1, which is
 * two bytes in UTF-8. */
static bool is_control(const char *at, size_t len)
{
	const unsigned char *b = (const unsigned char *)at;

	if (len == 1)
		return (b[0] < 0x20 && b[0] != '\n') || b[0] == 0x7f;
	return len == 2 && b[0] == 0xc2 && b[1] < 0xa0;
}

void proto_clean(char *text, size_t size)
{
	text[size - 1] = '\0';
	while (*text) {
		size_t len = utf8_len(text);

		if (!len || is_control(text, len)) {
			memset(text, '?', len ? len : 1);
			len = len ? len : 1;
		}
		text += len;
	}
}

int proto_send_err(int fd, const struct err *err)
{
	struct proto_error msg = { .code = err->code };

	_Static_assert(sizeof(msg.stage) == sizeof(err->stage) &&
			       sizeof(msg.field) == sizeof(err->field) &&
			       sizeof(msg.msg) == sizeof(err->msg),
		       "as base/err.h has it");
	snprintf(msg.stage, sizeof(msg.stage), "%s", err->stage);
	snprintf(msg.field, sizeof(msg.field), "%s", err->field);
	snprintf(msg.msg, sizeof(msg.msg), "%s", err->msg);
	return proto_send(fd, PROTO_ERROR, &msg, sizeof(msg), NULL, 0);
}

void proto_get_err(const struct proto_msg *msg, struct err *err)
{
	struct proto_error told;

	if (!err)
		return;
	memcpy(&told, msg->data, sizeof(told));
	proto_clean(told.stage, sizeof(told.stage));
	proto_clean(told.field, sizeof(told.field));
	proto_clean(told.msg, sizeof(told.msg));
	*err = (struct err){ .code = told.code };
	/* beyond -4095 the kernel has no errno either */
	if (err->code >= 0 || err->code < -4095)
		err->code = -EIO;
	memcpy(err->stage, told.stage, sizeof(told.stage));
	memcpy(err->field, told.field, sizeof(told.field));
	memcpy(err->msg, told.msg, sizeof(told.msg));
}
