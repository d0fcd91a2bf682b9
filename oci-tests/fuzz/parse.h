/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_TEST_FUZZ_PARSE_H
#define HULL_TEST_FUZZ_PARSE_H

/* What the targets for parsers of texts share. */

#include <stdbool.h>

#include "base/auto.h"
#include "base/err.h"
#include "oci-tests/fuzz/fuzz.h"

/* The input as a string, in memory of exactly its size; the caller frees it. */
static inline char *fuzz_string(const void *data, size_t size)
{
	char *s = malloc(size + 1);

	if (!s)
		abort();
	if (size)
		memcpy(s, data, size);
	s[size] = '\0';
	return s;
}

/* Whoever reads it learns something. */
static inline void fuzz_error(const struct err *err)
{
	fuzz_check(err->code < 0 && err->code >= -4095);
	fuzz_check(err->msg[0]);
	fuzz_check(strnlen(err->msg, sizeof(err->msg)) < sizeof(err->msg));
	fuzz_check(strnlen(err->field, sizeof(err->field)) <
		   sizeof(err->field));
}

/* The next line of the input without its newline; false at the end. */
static inline bool fuzz_line(char **cursor, char **line)
{
	if (!*cursor || !**cursor)
		return false;
	*line = *cursor;
	*cursor += strcspn(*cursor, "\n");
	if (**cursor)
		*(*cursor)++ = '\0';
	return true;
}

#endif
