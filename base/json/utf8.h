/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_BASE_JSON_UTF8_H
#define HULL_BASE_JSON_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/**
 * utf8_len() - length of the UTF-8 sequence at the beginning of a string.
 * @s: NUL-terminated, not empty
 *
 * Return: 1 to 4, or 0 when the bytes are no character (Unicode 15, table
 * 3-7: overlong forms and surrogates are none).
 */
static inline size_t utf8_len(const char *s)
{
	const unsigned char *b = (const unsigned char *)s;
	unsigned char low = 0x80, high = 0xbf; /* range of the second byte */
	size_t len;

	if (b[0] < 0x80)
		return 1;
	if (b[0] < 0xc2 || b[0] > 0xf4)
		return 0;
	len = b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : 4;
	if (b[0] == 0xe0)
		low = 0xa0;
	else if (b[0] == 0xed)
		high = 0x9f;
	else if (b[0] == 0xf0)
		low = 0x90;
	else if (b[0] == 0xf4)
		high = 0x8f;
	if (b[1] < low || b[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((b[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

/** utf8_valid() - whether a NUL-terminated string is UTF-8 throughout. */
static inline bool utf8_valid(const char *s)
{
	size_t len = 1;

	for (; *s && len; s += len)
		len = utf8_len(s);
	return len;
}

#endif
