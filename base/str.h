/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_BASE_STR_H
#define HULL_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct strbuf - growing text. A failed allocation is remembered: later calls
 * do nothing and strbuf_ok() says so, so that callers check once at the end.
 */
struct strbuf {
	char *s;    /* NUL-terminated, NULL while empty */
	size_t len; /* without the NUL */
	size_t cap;
	bool failed;
};

#define STRBUF_INIT               \
	{                         \
		NULL, 0, 0, false \
	}
#define auto_strbuf __attribute__((cleanup(strbuf_release)))

void strbuf_add(struct strbuf *b, const char *s);
void strbuf_addn(struct strbuf *b, const void *s, size_t n);
void strbuf_addf(struct strbuf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
bool strbuf_ok(const struct strbuf *b);
void strbuf_release(struct strbuf *b);

/**
 * strbuf_add_json_string() - append @s as a JSON string literal with its
 * quotes. A byte that is not part of well-formed UTF-8 becomes U+FFFD.
 */
void strbuf_add_json_string(struct strbuf *b, const char *s);

/** str_starts() - true when @s begins with @prefix. */
bool str_starts(const char *s, const char *prefix);

/** str_ends() - true when @s ends with @suffix. */
bool str_ends(const char *s, const char *suffix);

/**
 * str_near() - the entry of @words nearest to @s by edit distance.
 * @words: NULL-terminated
 *
 * Return: an entry at most a third of its length away, or NULL.
 */
const char *str_near(const char *s, const char *const *words);

#endif
