/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json/utf8.h"

void json_gen_init(struct json_gen *g, struct strbuf *out, bool pretty)
{
	*g = (struct json_gen){ .out = out, .pretty = pretty, .first = true };
}

static void new_line(struct json_gen *g)
{
	strbuf_add(g->out, "\n");
	for (unsigned i = 0; i < g->depth; i++)
		strbuf_add(g->out, "  ");
}

/* What stands before any value: comma, indentation, key. */
static void begin_value(struct json_gen *g, const char *key)
{
	if (!g->first)
		strbuf_add(g->out, ",");
	if (g->pretty && g->depth)
		new_line(g);
	g->first = false;
	if (!key)
		return;
	json_quote(g->out, key);
	strbuf_add(g->out, g->pretty ? ": " : ":");
}

static void begin_level(struct json_gen *g, const char *key, const char *mark)
{
	begin_value(g, key);
	strbuf_add(g->out, mark);
	g->depth++;
	g->first = true;
}

static void end_level(struct json_gen *g, const char *mark)
{
	g->depth--;
	if (g->pretty && !g->first)
		new_line(g);
	strbuf_add(g->out, mark);
	g->first = false;
}

void json_gen_object(struct json_gen *g, const char *key)
{
	begin_level(g, key, "{");
}

void json_gen_array(struct json_gen *g, const char *key)
{
	begin_level(g, key, "[");
}

void json_gen_end_object(struct json_gen *g)
{
	end_level(g, "}");
}

void json_gen_end_array(struct json_gen *g)
{
	end_level(g, "]");
}

void json_gen_str(struct json_gen *g, const char *key, const char *value)
{
	begin_value(g, key);
	json_quote(g->out, value);
}

void json_gen_u64(struct json_gen *g, const char *key, uint64_t value)
{
	begin_value(g, key);
	strbuf_addf(g->out, "%" PRIu64, value);
}

void json_gen_i64(struct json_gen *g, const char *key, int64_t value)
{
	begin_value(g, key);
	strbuf_addf(g->out, "%" PRId64, value);
}

void json_gen_double(struct json_gen *g, const char *key, double value)
{
	char text[40];

	if (!isfinite(value)) { /* JSON has no word for these */
		json_gen_null(g, key);
		return;
	}
	/* the shortest of the usual precisions that reads back the same */
	snprintf(text, sizeof(text), "%.15g", value);
	if (strtod(text, NULL) != value)
		snprintf(text, sizeof(text), "%.17g", value);
	begin_value(g, key);
	strbuf_add(g->out, text);
}

void json_gen_bool(struct json_gen *g, const char *key, bool value)
{
	begin_value(g, key);
	strbuf_add(g->out, value ? "true" : "false");
}

void json_gen_null(struct json_gen *g, const char *key)
{
	begin_value(g, key);
	strbuf_add(g->out, "null");
}

void json_gen_raw(struct json_gen *g, const char *key, const char *json,
		  size_t len)
{
	begin_value(g, key);
	strbuf_addn(g->out, json, len);
}

/* Depth is bounded by JSON_DEPTH_MAX, as the value came from json_parse(). */
void json_gen_value(struct json_gen *g, const char *key, const struct json *v)
{
	switch (v->type) {
	case JSON_NULL:
		json_gen_null(g, key);
		return;
	case JSON_BOOL:
		json_gen_bool(g, key, v->boolean);
		return;
	case JSON_NUMBER:
		json_gen_raw(g, key, v->text, strlen(v->text));
		return;
	case JSON_STRING:
		json_gen_str(g, key, v->text);
		return;
	case JSON_ARRAY:
		json_gen_array(g, key);
		for (const struct json *c = v->child; c; c = c->next)
			json_gen_value(g, NULL, c);
		json_gen_end_array(g);
		return;
	case JSON_OBJECT:
		json_gen_object(g, key);
		for (const struct json *c = v->child; c; c = c->next)
			json_gen_value(g, c->key, c);
		json_gen_end_object(g);
		return;
	}
}

/* The escape of a control character, a quote or a backslash. */
static void quote_special(struct strbuf *out, unsigned char c)
{
	static const char from[] = "\b\f\n\r\t\"\\";
	static const char to[] = "bfnrt\"\\";
	const char *at = strchr(from, c);

	if (at)
		strbuf_addf(out, "\\%c", to[at - from]);
	else
		strbuf_addf(out, "\\u%04x", c);
}

static bool is_special(unsigned char c)
{
	return c < 0x20 || c == 0x7f || c == '"' || c == '\\';
}

void json_quote(struct strbuf *out, const char *s)
{
	const char *plain = s; /* begin of what can be copied as it is */

	strbuf_add(out, "\"");
	while (*s) {
		size_t len = utf8_len(s);

		if (len && !is_special((unsigned char)*s)) {
			s += len;
			continue;
		}
		strbuf_addn(out, plain, (size_t)(s - plain));
		if (len)
			quote_special(out, (unsigned char)*s);
		else
			strbuf_add(out, "\xef\xbf\xbd"); /* U+FFFD */
		plain = ++s;
	}
	strbuf_addn(out, plain, (size_t)(s - plain));
	strbuf_add(out, "\"");
}
