/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_BASE_JSON_JSON_H
#define HULL_BASE_JSON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct err;

enum json_type {
	JSON_NULL,
	JSON_BOOL,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

#define JSON_DEPTH_MAX 64

/**
 * struct json - one value of a parsed document. Lives in the arena given to
 * json_parse().
 * @key:    member name when the parent is an object, else NULL
 * @text:   a string's value, or a number exactly as it was written (rlimits
 *          reach UINT64_MAX, which no double holds); NULL for other types.
 *          A string with an embedded NUL is refused by json_parse()
 * @child, @next: members or elements in the order of the document
 * @count:  number of members or elements
 * @line:   line of the document, from 1
 * @begin, @end: the value's bytes in the document: text[begin..end)
 */
struct json {
	enum json_type type;
	bool boolean;
	unsigned line;
	const char *key;
	const char *text;
	struct json *child;
	struct json *next;
	size_t count;
	size_t begin;
	size_t end;
};

/**
 * json_parse() - parse one document: UTF-8 checked, no trailing bytes, no
 * duplicate member names, at most JSON_DEPTH_MAX levels.
 *
 * Return: the root value, or NULL with @err filled in (-EINVAL with line and
 * column in the message, -ENOMEM).
 */
const struct json *json_parse(struct arena *arena, const char *text, size_t len,
			      struct err *err);

/** json_get() - member of an object by name, or NULL (also for non-objects). */
const struct json *json_get(const struct json *obj, const char *key);

/** json_type_name() - "string", "object", ... for messages. */
const char *json_type_name(enum json_type type);

/* Values as C types; -EINVAL for another type, -ERANGE. Numbers must be whole:
 * 1e3 and 1.0 are refused. */
int json_u64(const struct json *v, uint64_t *out);
int json_i64(const struct json *v, int64_t *out);

/**
 * struct json_gen - a writer that appends to a strbuf: commas, escapes and
 * (when @pretty) indentation by two spaces are its business.
 */
struct json_gen {
	struct strbuf *out;
	bool pretty;
	unsigned depth;
	bool first; /* nothing written yet on this level */
};

void json_gen_init(struct json_gen *g, struct strbuf *out, bool pretty);

/* @key is NULL inside arrays and at the top level. */
void json_gen_object(struct json_gen *g, const char *key);
void json_gen_array(struct json_gen *g, const char *key);
void json_gen_end_object(struct json_gen *g);
void json_gen_end_array(struct json_gen *g);
void json_gen_str(struct json_gen *g, const char *key, const char *value);
void json_gen_u64(struct json_gen *g, const char *key, uint64_t value);
void json_gen_i64(struct json_gen *g, const char *key, int64_t value);
void json_gen_double(struct json_gen *g, const char *key, double value);
void json_gen_bool(struct json_gen *g, const char *key, bool value);
void json_gen_null(struct json_gen *g, const char *key);

/** json_gen_raw() - a value that is JSON already. */
void json_gen_raw(struct json_gen *g, const char *key, const char *json,
		  size_t len);

/** json_gen_value() - a parsed value, written again. */
void json_gen_value(struct json_gen *g, const char *key, const struct json *v);

/** json_quote() - append a JSON string literal; bytes that are not UTF-8
 * become U+FFFD. */
void json_quote(struct strbuf *out, const char *s);

#endif
