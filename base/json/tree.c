/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json/json.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yajl/yajl_parse.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json/slab.h"
#include "base/json/utf8.h"

#define LINEAR_MAX 24 /* members up to which comparing all pairs is faster */

struct parse {
	struct arena *arena;
	yajl_handle yajl;
	const char *text;
	size_t len;
	size_t pos;    /* end of the token before */
	unsigned line; /* line of @pos */
	bool at_end;   /* yajl_complete_parse() runs: its offsets are its own */
	const char *key;
	struct json *root;
	unsigned depth;
	struct {
		struct json *value;
		struct json *last;
	} stack[JSON_DEPTH_MAX];
	int code; /* why a callback stopped, 0 when yajl itself did */
	size_t bad_at;
	char bad[128];
};

/* A callback's way to stop the parser. */
__attribute__((format(printf, 4, 5))) static int
parse_stop(struct parse *p, int code, size_t at, const char *fmt, ...)
{
	va_list args;

	p->code = code;
	p->bad_at = at;
	va_start(args, fmt);
	vsnprintf(p->bad, sizeof(p->bad), fmt, args);
	va_end(args);
	return 0;
}

static size_t token_end(const struct parse *p)
{
	return p->at_end ? p->len : yajl_get_bytes_consumed(p->yajl);
}

/* yajl tells where a token ends; it begins behind what may stand between two
 * tokens. Newlines are found here alone: inside strings none is allowed. */
static size_t token_begin(struct parse *p)
{
	for (size_t pos = p->pos; pos < p->len; pos++) {
		switch (p->text[pos]) {
		case '\n':
			p->line++;
			break;
		case ' ':
		case '\t':
		case '\r':
		case ',':
		case ':':
			break;
		default:
			return pos;
		}
	}
	return p->len;
}

/* Make a value, hang it into the tree and step over its (first) token. */
static struct json *add_value(struct parse *p, enum json_type type)
{
	struct json *v = arena_alloc(p->arena, sizeof(*v));

	if (!v) {
		parse_stop(p, -ENOMEM, 0, "out of memory");
		return NULL;
	}
	v->type = type;
	v->begin = token_begin(p);
	v->line = p->line;
	v->end = p->pos = token_end(p);
	v->key = p->key;
	p->key = NULL;
	if (!p->depth) {
		p->root = v;
		return v;
	}
	if (p->stack[p->depth - 1].last)
		p->stack[p->depth - 1].last->next = v;
	else
		p->stack[p->depth - 1].value->child = v;
	p->stack[p->depth - 1].last = v;
	p->stack[p->depth - 1].value->count++;
	return v;
}

static char *add_text(struct parse *p, size_t at, const char *from, size_t len)
{
	char *text;

	if (memchr(from, '\0', len)) {
		parse_stop(p, -EINVAL, at, "a string must not contain \\u0000");
		return NULL;
	}
	text = arena_strndup(p->arena, from, len);
	if (!text) {
		parse_stop(p, -ENOMEM, 0, "out of memory");
		return NULL;
	}
	/* yajl lets overlong forms and surrogates pass */
	if (!utf8_valid(text)) {
		parse_stop(p, -EINVAL, at, "invalid UTF-8 in a string");
		return NULL;
	}
	return text;
}

static int on_null(void *ctx)
{
	return add_value(ctx, JSON_NULL) != NULL;
}

static int on_boolean(void *ctx, int value)
{
	struct json *v = add_value(ctx, JSON_BOOL);

	if (v)
		v->boolean = value;
	return v != NULL;
}

static int on_number(void *ctx, const char *s, size_t len)
{
	struct json *v = add_value(ctx, JSON_NUMBER);

	if (!v)
		return 0;
	v->end = v->begin + len;
	v->text = add_text(ctx, v->begin, s, len);
	return v->text != NULL;
}

static int on_string(void *ctx, const unsigned char *s, size_t len)
{
	struct json *v = add_value(ctx, JSON_STRING);

	if (!v)
		return 0;
	v->text = add_text(ctx, v->begin, (const char *)s, len);
	return v->text != NULL;
}

static int on_key(void *ctx, const unsigned char *s, size_t len)
{
	struct parse *p = ctx;
	const size_t begin = token_begin(p);

	p->pos = token_end(p);
	p->key = add_text(p, begin, (const char *)s, len);
	return p->key != NULL;
}

static int on_begin(struct parse *p, enum json_type type)
{
	struct json *v;

	if (p->depth == JSON_DEPTH_MAX)
		return parse_stop(p, -EINVAL, token_end(p) - 1,
				  "nested more than %d levels deep",
				  JSON_DEPTH_MAX);
	v = add_value(p, type);
	if (!v)
		return 0;
	p->stack[p->depth].value = v;
	p->stack[p->depth].last = NULL;
	p->depth++;
	return 1;
}

static int on_begin_object(void *ctx)
{
	return on_begin(ctx, JSON_OBJECT);
}

static int on_begin_array(void *ctx)
{
	return on_begin(ctx, JSON_ARRAY);
}

static struct json *on_end(struct parse *p)
{
	struct json *v = p->stack[--p->depth].value;

	token_begin(p);
	v->end = p->pos = token_end(p);
	return v;
}

static int on_end_array(void *ctx)
{
	on_end(ctx);
	return 1;
}

/* Members with one name stand together; the later one comes second. */
static int compare_members(const void *a, const void *b)
{
	const struct json *x = *(const struct json *const *)a;
	const struct json *y = *(const struct json *const *)b;
	int order = strcmp(x->key, y->key);

	return order ? order : (x->begin > y->begin) - (x->begin < y->begin);
}

static const struct json *duplicate_by_pairs(const struct json *obj)
{
	for (const struct json *a = obj->child; a; a = a->next)
		for (const struct json *b = a->next; b; b = b->next)
			if (!strcmp(a->key, b->key))
				return b;
	return NULL;
}

static int on_end_object(void *ctx)
{
	struct parse *p = ctx;
	const struct json *obj = on_end(p), *twice = NULL;
	auto_free const struct json **sorted = NULL;
	size_t n = 0;

	if (obj->count <= LINEAR_MAX) {
		twice = duplicate_by_pairs(obj);
	} else {
		sorted = calloc(obj->count, sizeof(const struct json *));
		if (!sorted)
			return parse_stop(p, -ENOMEM, 0, "out of memory");
		for (const struct json *v = obj->child; v; v = v->next)
			sorted[n++] = v;
		qsort(sorted, n, sizeof(const struct json *), compare_members);
		for (size_t i = 1; i < n && !twice; i++)
			if (!strcmp(sorted[i - 1]->key, sorted[i]->key))
				twice = sorted[i];
	}
	if (twice)
		return parse_stop(p, -EINVAL, twice->begin,
				  "\"%.64s\" is given twice", twice->key);
	return 1;
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_begin_object,
	.yajl_map_key = on_key,
	.yajl_end_map = on_end_object,
	.yajl_start_array = on_begin_array,
	.yajl_end_array = on_end_array,
};

static void set_error(const struct parse *p, const char *why, size_t at,
		      struct err *err)
{
	unsigned line = 1;
	size_t start = 0;

	for (size_t i = 0; i < at && i < p->len; i++) {
		if (p->text[i] == '\n') {
			line++;
			start = i + 1;
		}
	}
	err_set(err, -EINVAL, "invalid JSON at line %u, column %zu: %s", line,
		at - start + 1, why);
}

/*
 * yajl's own text without its line end, full stop and kind of error.
 * Return: where it belongs. A wrong character is the one that was read last, a
 * token in the wrong place is the one that follows the last good one.
 */
static size_t yajl_reason(struct parse *p, char *out, size_t size)
{
	unsigned char *text = yajl_get_error(p->yajl, 0, NULL, 0);
	const char *why = (const char *)text, *colon;
	const size_t begin = token_begin(p), end = token_end(p);
	const bool is_lexical = why && str_starts(why, "lexical");

	colon = why ? strstr(why, "error: ") : NULL;
	if (colon)
		why = colon + strlen("error: ");
	snprintf(out, size, "%s", why ? why : "syntax error");
	out[strcspn(out, "\n")] = '\0';
	if (str_ends(out, "."))
		out[strlen(out) - 1] = '\0';
	if (text)
		yajl_free_error(p->yajl, text);
	return is_lexical && end > begin + 1 ? end : begin;
}

static void explain(struct parse *p, yajl_status status, struct err *err)
{
	char why[128];
	size_t at;

	if (p->code == -ENOMEM) {
		err_set(err, -ENOMEM, "out of memory while parsing JSON");
		return;
	}
	if (status == yajl_status_client_canceled) {
		set_error(p, p->bad, p->bad_at, err);
		return;
	}
	at = yajl_reason(p, why, sizeof(why));
	set_error(p, why, at, err);
}

const struct json *json_parse(struct arena *arena, const char *text, size_t len,
			      struct err *err)
{
	struct parse p = {
		.arena = arena, .text = text, .len = len, .line = 1
	};
	auto_slab struct slab slab = { 0 };
	yajl_alloc_funcs funcs = {
		.malloc = slab_malloc,
		.realloc = slab_realloc,
		.free = slab_free,
		.ctx = &slab,
	};
	yajl_status status;

	if (slab_init(&slab, len) < 0) {
		err_set(err, -ENOMEM, "out of memory while parsing JSON");
		return NULL;
	}
	p.yajl = yajl_alloc(&callbacks, &funcs, &p);
	status = yajl_parse(p.yajl, (const unsigned char *)text, len);
	if (status == yajl_status_ok) {
		p.at_end = true;
		status = yajl_complete_parse(p.yajl);
	}
	if (status != yajl_status_ok)
		explain(&p, status, err);
	yajl_free(p.yajl);
	return status == yajl_status_ok ? p.root : NULL;
}
