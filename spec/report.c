/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "spec/spec.h"

#define NAMES_LISTED_MAX 10 /* a longer set is not written out in a message */

/* Control characters would break the line that a message is. */
static char printable(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f ? '?' : c;
}

static bool is_plain_key(const char *key)
{
	return *key && !key[strspn(key, "abcdefghijklmnopqrstuvwxyz"
					"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					"0123456789_-")];
}

size_t spec_path_text(const struct spec_path *path, char *buf, size_t size)
{
	size_t at;
	int n;

	if (!path)
		return 0;
	at = spec_path_text(path->up, buf, size);
	if (!path->key)
		n = snprintf(buf + at, size - at, "[%zu]", path->index);
	else if (is_plain_key(path->key))
		n = snprintf(buf + at, size - at, "%s%s", at ? "." : "",
			     path->key);
	else
		n = snprintf(buf + at, size - at, "[\"%s\"]", path->key);
	for (char *c = buf + at; *c; c++)
		*c = printable(*c);
	if (n < 0)
		return at;
	return (size_t)n < size - at ? at + (size_t)n : size - 1;
}

void spec_problem(struct spec_ctx *ctx, const struct spec_path *path,
		  const char *fmt, ...)
{
	char field[sizeof(ctx->err->field)] = "", msg[512];
	va_list args;

	spec_path_text(path, field, sizeof(field));
	va_start(args, fmt);
	vsnprintf(msg, sizeof(msg), fmt, args);
	va_end(args);
	err_add(ctx->err, -EINVAL, field, "%s", msg);
	ctx->problems++;
}

void spec_warn(struct spec_ctx *ctx, const struct spec_path *path,
	       const char *fmt, ...)
{
	char field[sizeof(ctx->err->field)] = "", msg[512];
	struct spec_warning *w = spec_alloc(ctx, 1, sizeof(*w));
	va_list args;

	if (!w)
		return;
	spec_path_text(path, field, sizeof(field));
	va_start(args, fmt);
	vsnprintf(msg, sizeof(msg), fmt, args);
	va_end(args);
	w->field = arena_strndup(ctx->arena, field, strlen(field));
	w->text = arena_strndup(ctx->arena, msg, strlen(msg));
	if (!w->field || !w->text) {
		ctx->no_memory = true;
		return;
	}
	if (ctx->last_warning)
		ctx->last_warning->next = w;
	else
		ctx->warnings = w;
	ctx->last_warning = w;
}

void *spec_alloc(struct spec_ctx *ctx, size_t count, size_t size)
{
	void *p = arena_array(ctx->arena, count, size);

	if (!p)
		ctx->no_memory = true;
	return p;
}

const char *spec_show_text(const char *s, char buf[SPEC_SHOW_SIZE])
{
	const size_t max = SPEC_SHOW_SIZE - sizeof("\"\"...");
	const size_t len = strnlen(s, max);

	snprintf(buf, SPEC_SHOW_SIZE, "\"%.*s%s\"", (int)len, s,
		 s[len] ? "..." : "");
	for (char *c = buf; *c; c++)
		*c = printable(*c);
	return buf;
}

const char *spec_show(const struct json *v, char buf[SPEC_SHOW_SIZE])
{
	switch (v->type) {
	case JSON_NULL:
		return "null";
	case JSON_BOOL:
		return v->boolean ? "true" : "false";
	case JSON_NUMBER:
		snprintf(buf, SPEC_SHOW_SIZE, "%.40s", v->text);
		return buf;
	case JSON_STRING:
		return spec_show_text(v->text, buf);
	case JSON_ARRAY:
		return "an array";
	case JSON_OBJECT:
		return "an object";
	}
	return "";
}

bool spec_is_type(struct spec_ctx *ctx, const struct spec_path *path,
		  const struct json *v, enum json_type type)
{
	static const char *const wanted[] = {
		[JSON_NULL] = "null",       [JSON_BOOL] = "true or false",
		[JSON_NUMBER] = "a number", [JSON_STRING] = "a string",
		[JSON_ARRAY] = "an array",  [JSON_OBJECT] = "an object",
	};
	char show[SPEC_SHOW_SIZE];

	if (v->type == type)
		return true;
	spec_problem(ctx, path, "expected %s, got %s", wanted[type],
		     spec_show(v, show));
	return false;
}

static void unknown_name(struct spec_ctx *ctx, const struct spec_path *path,
			 const char *name, const struct spec_names *set)
{
	char list[256] = "", show[SPEC_SHOW_SIZE];
	const char *near;
	size_t count = 0, at = 0;

	while (set->names[count])
		count++;
	spec_show_text(name, show);
	if (count > NAMES_LISTED_MAX) {
		near = str_near(name, set->names);
		spec_problem(ctx, path, "unknown name %s%s%s%s", show,
			     near ? ", did you mean \"" : "", near ? near : "",
			     near ? "\"?" : "");
		return;
	}
	for (size_t i = 0; i < count && at < sizeof(list); i++)
		if (*set->names[i])
			at += (size_t)snprintf(list + at, sizeof(list) - at,
					       "%s%s", at ? ", " : "",
					       set->names[i]);
	spec_problem(ctx, path, "expected one of %s, got %s", list, show);
}

bool spec_name(struct spec_ctx *ctx, const struct spec_path *path,
	       const struct json *v, const struct spec_names *names, int *value)
{
	if (!spec_is_type(ctx, path, v, JSON_STRING))
		return false;
	if (!spec_name_value(names, v->text, value))
		return true;
	unknown_name(ctx, path, v->text, names);
	return false;
}
