/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/process/steps.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#define LONG_BITS (sizeof(unsigned long) * CHAR_BIT)

/* Digits at *@s, which is moved behind them; larger ones are -ERANGE. */
static int take_number(const char **s, size_t limit, size_t *out)
{
	size_t n = 0;

	if (!isdigit((unsigned char)**s))
		return -EINVAL;
	for (; isdigit((unsigned char)**s); (*s)++) {
		n = n * 10 + (size_t)(**s - '0');
		if (n >= limit)
			return -ERANGE;
	}
	*out = n;
	return 0;
}

int numlist_parse(const char *text, unsigned long *bits, size_t nbits)
{
	const char *s = text;

	memset(bits, 0, (nbits + LONG_BITS - 1) / LONG_BITS * sizeof(*bits));
	for (;;) {
		size_t first = 0, last;
		int ret;

		while (*s == ' ')
			s++;
		ret = take_number(&s, nbits, &first);
		last = first;
		if (!ret && *s == '-') {
			s++;
			ret = take_number(&s, nbits, &last);
		}
		if (ret)
			return ret;
		if (last < first)
			return -EINVAL;
		for (size_t n = first; n <= last; n++)
			bits[n / LONG_BITS] |= 1UL << (n % LONG_BITS);
		while (*s == ' ')
			s++;
		if (!*s)
			return 0;
		if (*s++ != ',')
			return -EINVAL;
	}
}
