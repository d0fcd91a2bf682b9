/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEAR_WORD_MAX 64

/* Room for @extra more bytes and the NUL. */
static bool strbuf_reserve(struct strbuf *b, size_t extra)
{
	size_t need, cap;
	char *s;

	if (b->failed)
		return false;
	if (__builtin_add_overflow(b->len, extra, &need) ||
	    __builtin_add_overflow(need, 1, &need)) {
		b->failed = true;
		return false;
	}
	if (need <= b->cap)
		return true;
	cap = b->cap <= SIZE_MAX / 2 ? b->cap * 2 : need;
	if (cap < 64)
		cap = 64;
	if (cap < need)
		cap = need;
	s = realloc(b->s, cap);
	if (!s) {
		b->failed = true;
		return false;
	}
	b->s = s;
	b->cap = cap;
	return true;
}

void strbuf_addn(struct strbuf *b, const void *s, size_t n)
{
	if (!strbuf_reserve(b, n))
		return;
	if (n)
		memcpy(b->s + b->len, s, n);
	b->len += n;
	b->s[b->len] = '\0';
}

void strbuf_add(struct strbuf *b, const char *s)
{
	strbuf_addn(b, s, strlen(s));
}

void strbuf_addf(struct strbuf *b, const char *fmt, ...)
{
	va_list args, again;
	int len;

	va_start(args, fmt);
	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, args);
	if (len < 0) {
		b->failed = true;
	} else if (strbuf_reserve(b, (size_t)len)) {
		vsnprintf(b->s + b->len, (size_t)len + 1, fmt, again);
		b->len += (size_t)len;
	}
	va_end(again);
	va_end(args);
}

bool strbuf_ok(const struct strbuf *b)
{
	return !b->failed;
}

void strbuf_release(struct strbuf *b)
{
	free(b->s);
	*b = (struct strbuf)STRBUF_INIT;
}

/*
 * Length of the well-formed UTF-8 sequence at @s, 0 for none. Table 3-7 of the
 * Unicode standard: no overlong form, no surrogate, nothing above U+10FFFF.
 * A NUL is never a valid second byte, so nothing behind the end is read.
 */
static size_t utf8_len(const unsigned char *s)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t len;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	return len;
}

static void add_json_escape(struct strbuf *b, unsigned char c)
{
	static const char plain[] = "\"\\\b\f\n\r\t";
	static const char letter[] = "\"\\bfnrt";
	const char *at = memchr(plain, c, sizeof(plain) - 1);

	if (at)
		strbuf_addf(b, "\\%c", letter[at - plain]);
	else
		strbuf_addf(b, "\\u%04x", c);
}

void strbuf_add_json_string(struct strbuf *b, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n = 0;

	strbuf_addn(b, "\"", 1);
	while (s[n]) {
		size_t len = utf8_len(s + n);
		bool special = s[n] < 0x20 || s[n] == '"' || s[n] == '\\' ||
			       s[n] == 0x7f;

		if (len && !special) {
			n += len;
			continue;
		}
		strbuf_addn(b, s, n);
		if (len)
			add_json_escape(b, s[n]);
		else
			strbuf_add(b, "\xef\xbf\xbd"); /* U+FFFD */
		s += n + 1;
		n = 0;
	}
	strbuf_addn(b, s, n);
	strbuf_addn(b, "\"", 1);
}

bool str_starts(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

bool str_ends(const char *s, const char *suffix)
{
	size_t len = strlen(s), tail = strlen(suffix);

	return len >= tail && !memcmp(s + len - tail, suffix, tail);
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/*
 * Insertions, deletions, replacements and swaps of neighbours (optimal string
 * alignment), three rows of the table at a time.
 */
static size_t edit_distance(const char *a, size_t a_len, const char *b,
			    size_t b_len)
{
	size_t rows[3][NEAR_WORD_MAX + 1];
	size_t *prev2 = rows[0], *prev = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b_len; j++)
		prev[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *spare = prev2;

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t cost = a[i - 1] != b[j - 1];

			row[j] = min3(prev[j] + 1, row[j - 1] + 1,
				      prev[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && prev2[j - 2] + 1 < row[j])
				row[j] = prev2[j - 2] + 1;
		}
		prev2 = prev;
		prev = row;
		row = spare;
	}
	return prev[b_len];
}

const char *str_near(const char *s, const char *const *words)
{
	size_t len = strlen(s), best = SIZE_MAX;
	const char *found = NULL;

	if (!len || len > NEAR_WORD_MAX)
		return NULL;
	for (; *words; words++) {
		size_t word_len = strlen(*words);
		size_t distance;

		if (word_len > NEAR_WORD_MAX)
			continue;
		distance = edit_distance(s, len, *words, word_len);
		if (distance > word_len / 3 || distance >= best)
			continue;
		best = distance;
		found = *words;
	}
	return found;
}
