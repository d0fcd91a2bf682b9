/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MORE_FMT "\n... and %u more"
#define MORE_MAX 32 /* bytes of the line above, with any count */

/* A copy that always ends in NUL; cut where it does not fit. */
static void copy_text(char *dst, size_t size, const char *src)
{
	size_t len = strnlen(src, size - 1);

	memmove(dst, src, len);
	dst[len] = '\0';
}

/* A message that was formatted elsewhere, so that the arguments may have
 * pointed into @err itself. */
static int err_store(struct err *err, int code, const char *field,
		     const char *msg)
{
	char name[sizeof(err->field)];

	copy_text(name, sizeof(name), field ? field : "");
	err->code = code;
	err->stage[0] = '\0';
	memcpy(err->field, name, sizeof(name));
	copy_text(err->msg, sizeof(err->msg), msg);
	return code;
}

/* "FIELD: " (if any), the formatted text, ": reason" (if @reason). */
__attribute__((format(printf, 5, 0))) static void
format_msg(char *out, size_t size, const char *field, int reason,
	   const char *fmt, va_list args)
{
	size_t len = 0;

	out[0] = '\0';
	if (field && *field) {
		snprintf(out, size, "%s: ", field);
		len = strlen(out);
	}
	vsnprintf(out + len, size - len, fmt, args);
	len = strlen(out);
	if (reason)
		snprintf(out + len, size - len, ": %s", err_text(reason));
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
	char msg[sizeof(err->msg)];
	va_list args;

	if (!err)
		return code;
	va_start(args, fmt);
	format_msg(msg, sizeof(msg), NULL, 0, fmt, args);
	va_end(args);
	return err_store(err, code, NULL, msg);
}

int err_sys(struct err *err, const char *fmt, ...)
{
	int code = errno ? -errno : -EIO;
	char msg[sizeof(err->msg)];
	va_list args;

	if (!err)
		return code;
	va_start(args, fmt);
	format_msg(msg, sizeof(msg), NULL, code, fmt, args);
	va_end(args);
	return err_store(err, code, NULL, msg);
}

int err_code(struct err *err, int code, const char *fmt, ...)
{
	char msg[sizeof(err->msg)];
	va_list args;

	if (!err)
		return code;
	va_start(args, fmt);
	format_msg(msg, sizeof(msg), NULL, code, fmt, args);
	va_end(args);
	return err_store(err, code, NULL, msg);
}

int err_at(struct err *err, int code, const char *field, const char *fmt, ...)
{
	char msg[sizeof(err->msg)];
	va_list args;

	if (!err)
		return code;
	va_start(args, fmt);
	format_msg(msg, sizeof(msg), field, 0, fmt, args);
	va_end(args);
	return err_store(err, code, field, msg);
}

/* How many problems the last line stands for; 0 when it is an ordinary one. */
static unsigned more_count(const char *last_line)
{
	unsigned count = 0;
	int end = 0;

	if (!last_line || sscanf(last_line, MORE_FMT "%n", &count, &end) != 1)
		return 0;
	return end && !last_line[end] ? count : 0;
}

static void append_problem(struct err *err, const char *line)
{
	char *last = strrchr(err->msg, '\n');
	unsigned more = more_count(last);
	size_t used = more ? (size_t)(last - err->msg) : strlen(err->msg);

	if (!more && used + 1 + strlen(line) + MORE_MAX < sizeof(err->msg)) {
		err->msg[used] = '\n';
		copy_text(err->msg + used + 1, sizeof(err->msg) - used - 1,
			  line);
		return;
	}
	/* a first message of full length leaves no room for the count */
	if (used + MORE_MAX >= sizeof(err->msg))
		used = sizeof(err->msg) - MORE_MAX - 1;
	snprintf(err->msg + used, sizeof(err->msg) - used, MORE_FMT, more + 1);
}

int err_add(struct err *err, int code, const char *field, const char *fmt, ...)
{
	char line[sizeof(err->msg)];
	va_list args;

	if (!err)
		return code;
	va_start(args, fmt);
	format_msg(line, sizeof(line), field, 0, fmt, args);
	va_end(args);
	if (!err->code)
		return err_store(err, code, field, line);
	append_problem(err, line);
	return code;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	char msg[sizeof(err->msg)];
	size_t len;
	va_list args;

	if (!err)
		return -EIO;
	va_start(args, fmt);
	format_msg(msg, sizeof(msg), NULL, 0, fmt, args);
	va_end(args);
	len = strlen(msg);
	if (err->msg[0]) { /* what does not fit is cut at the end */
		copy_text(msg + len, sizeof(msg) - len, ": ");
		len = strlen(msg);
		copy_text(msg + len, sizeof(msg) - len, err->msg);
	}
	copy_text(err->msg, sizeof(err->msg), msg);
	if (!err->code)
		err->code = -EIO;
	return err->code;
}

int err_stage(struct err *err, const char *stage)
{
	if (!err)
		return -EIO;
	if (!err->stage[0])
		copy_text(err->stage, sizeof(err->stage), stage);
	return err->code ? err->code : -EIO;
}

/* NULL: there is none. */
static const char *describe(int code)
{
#ifdef __GLIBC__
	return strerrordesc_np(code);
#else
	const char *none = strerror(-1), *desc = strerror(code);

	return strcmp(desc, none) ? desc : NULL;
#endif
}

const char *err_text(int code)
{
	static char text[64];
	const char *desc;

	if (code < 0)
		code = (int)-(unsigned)code; /* INT_MIN, too */
	desc = describe(code);
	if (!desc) {
		snprintf(text, sizeof(text), "unknown error %d", code);
		return text;
	}
	copy_text(text, sizeof(text), desc);
	/* "RFS specific error" begins with a name, not with a word */
	if (!isupper((unsigned char)text[1]))
		text[0] = (char)tolower((unsigned char)text[0]);
	return text;
}
