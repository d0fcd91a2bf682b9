/* SPDX-License-Identifier: Apache-2.0 */
#include "base/num.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/auto.h"
#include "base/sabotage.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * Digits from @s on; @end is set behind them. A number too large is read to
 * its end all the same, so that "9...9x" is a wrong form and not a range.
 */
static int read_digits(const char *s, uint64_t *out, const char **end)
{
	uint64_t value = 0;
	bool over = false;

	if (!is_digit(*s) || (*s == '0' && is_digit(s[1])))
		return -EINVAL;
	for (; is_digit(*s); s++)
		over |= __builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, *s - '0', &value);
	*end = s;
	if (over)
		return -ERANGE;
	*out = value;
	return 0;
}

int num_u64(const char *s, uint64_t *out)
{
	const char *end = "";
	uint64_t value = 0;
	int ret = read_digits(s, &value, &end);

	if (ret == -EINVAL || *end)
		return -EINVAL;
	if (!ret)
		*out = value;
	return ret;
}

/* The magnitude is one larger on the negative side. */
static int apply_sign(uint64_t magnitude, bool negative, int64_t *out)
{
	if (magnitude > (uint64_t)INT64_MAX + negative)
		return -ERANGE;
	*out = (int64_t)(negative ? -magnitude : magnitude);
	return 0;
}

int num_i64(const char *s, int64_t *out)
{
	bool negative = *s == '-';
	uint64_t magnitude = 0;
	int ret = num_u64(s + negative, &magnitude);

	if (ret < 0)
		return ret;
	if (negative && !magnitude)
		return -EINVAL; /* "-0" */
	return apply_sign(magnitude, negative, out);
}

int num_u32(const char *s, uint32_t *out)
{
	uint64_t value = 0;
	int ret = num_u64(s, &value);

	if (ret < 0)
		return ret;
	if (value > UINT32_MAX && !SABOTAGED("num_range"))
		return -ERANGE;
	*out = (uint32_t)value;
	return 0;
}

static char to_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Power of two that the suffix stands for, or -1. */
static int size_shift(const char *suffix)
{
	static const char units[] = "kmgtp";
	char first = to_lower(suffix[0]);
	const char *unit;

	if (!first || (first == 'b' && !suffix[1]))
		return 0;
	unit = strchr(units, first);
	if (!unit)
		return -1;
	suffix++;
	if (to_lower(suffix[0]) == 'i' && to_lower(suffix[1]) == 'b')
		suffix++;
	if (to_lower(suffix[0]) == 'b')
		suffix++;
	return *suffix ? -1 : 10 * (int)(unit - units + 1);
}

int num_size(const char *s, int64_t *out)
{
	const char *end;
	uint64_t value = 0;
	int shift, ret;

	if (!strcmp(s, "-1")) {
		*out = -1;
		return 0;
	}
	ret = read_digits(s, &value, &end);
	if (ret == -EINVAL)
		return ret;
	shift = size_shift(end);
	if (shift < 0)
		return -EINVAL;
	if (ret < 0 || value > (uint64_t)INT64_MAX >> shift)
		return -ERANGE;
	*out = (int64_t)(value << shift);
	return 0;
}

static const struct {
	const char *name;
	uint64_t ns;
} duration_units[] = {
	{ "ns", 1 },
	{ "us", 1000ULL },
	{ "\xc2\xb5s", 1000ULL }, /* U+00B5, micro sign */
	{ "\xce\xbcs", 1000ULL }, /* U+03BC, Greek mu */
	{ "ms", 1000000ULL },
	{ "s", 1000000000ULL },
	{ "m", 60 * 1000000000ULL },
	{ "h", 3600 * 1000000000ULL },
};

/* The unit at @s: as in Go, all that is neither a digit nor a point. */
static int read_unit(const char *s, uint64_t *ns, const char **end)
{
	size_t len = 0;

	while (s[len] && s[len] != '.' && !is_digit(s[len]))
		len++;
	for (size_t i = 0; i < ARRAY_SIZE(duration_units); i++) {
		const char *name = duration_units[i].name;

		if (strlen(name) == len && !memcmp(name, s, len)) {
			*ns = duration_units[i].ns;
			*end = s + len;
			return 0;
		}
	}
	return -EINVAL;
}

/* One "1.5s": added to @sum, in nanoseconds. */
static int read_term(const char *s, uint64_t *sum, const char **end)
{
	const char *whole = s, *point, *p;
	uint64_t value = 0, unit, part, scale;
	bool over = false;

	for (; is_digit(*s); s++)
		over |= __builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, *s - '0', &value);
	point = s;
	if (*s == '.')
		for (s++; is_digit(*s); s++)
			;
	if (point == whole && s - point < 2)
		return -EINVAL; /* no digit on either side */
	if (read_unit(s, &unit, end) < 0)
		return -EINVAL;
	over |= __builtin_mul_overflow(value, unit, &value);
	/* digits below a nanosecond change nothing */
	scale = unit;
	for (p = point + 1; p < s && scale; p++) {
		part = scale * (uint64_t)(*p - '0') / 10;
		over |= __builtin_add_overflow(value, part, &value);
		scale /= 10;
	}
	over |= __builtin_add_overflow(*sum, value, sum);
	return over || *sum > INT64_MAX ? -ERANGE : 0;
}

int num_duration_ms(const char *s, uint64_t *out)
{
	const uint64_t ns_per_ms = 1000 * 1000;
	uint64_t sum = 0;
	int range = 0;

	if (!strcmp(s, "0")) {
		*out = 0;
		return 0;
	}
	if (!*s)
		return -EINVAL;
	while (*s) {
		int ret = read_term(s, &sum, &s);

		if (ret == -EINVAL)
			return ret;
		if (ret < 0) {
			range = ret;
			sum = 0;
		}
	}
	if (range)
		return range;
	*out = sum && sum < ns_per_ms ? 1 : sum / ns_per_ms;
	return 0;
}
