/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_BASE_NUM_H
#define HULL_BASE_NUM_H

#include <stdint.h>

/*
 * Strict decimal: digits only, an optional leading '-' for the signed one; no
 * blanks, no '+', no leading zeros but "0" itself, no exponent. The same
 * functions serve the command line, config.json and the kernel's files.
 *
 * Return of all: 0, -EINVAL (not a number of that form), -ERANGE.
 */
int num_u64(const char *s, uint64_t *out);
int num_i64(const char *s, int64_t *out);
int num_u32(const char *s, uint32_t *out);

/**
 * num_size() - a size with an optional suffix k, m, g, t, p (any case, with or
 * without "b" or "ib"), in units of 1024; "b" alone is bytes; "-1" is allowed
 * and gives -1.
 */
int num_size(const char *s, int64_t *out);

/**
 * num_duration_ms() - Go's duration text ("5s", "100ms", "1m30s", "1.5s", "0").
 * @out: milliseconds, rounded up to 1 for what is positive but below
 */
int num_duration_ms(const char *s, uint64_t *out);

#endif
