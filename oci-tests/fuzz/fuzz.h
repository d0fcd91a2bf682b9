/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_TEST_FUZZ_H
#define HULL_TEST_FUZZ_H

/*
 * What fuzz targets share. A target is one file, fuzz_NAME.c, that defines
 * LLVMFuzzerTestOneInput(); `make fuzz` links it with libFuzzer, and `make
 * check-fuzz-seeds` with replay.c, which runs the files of seeds/NAME/.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input as a tape: at its end everything reads as zero. */
struct tape {
	const uint8_t *at;
	size_t left;
};

static inline void tape_bytes(struct tape *t, void *to, size_t len)
{
	size_t n = len < t->left ? len : t->left;

	if (n)
		memcpy(to, t->at, n);
	memset((uint8_t *)to + n, 0, len - n);
	t->at += n;
	t->left -= n;
}

static inline uint8_t tape_u8(struct tape *t)
{
	uint8_t v;

	tape_bytes(t, &v, sizeof(v));
	return v;
}

static inline uint16_t tape_u16(struct tape *t)
{
	uint16_t v;

	tape_bytes(t, &v, sizeof(v));
	return v;
}

static inline uint32_t tape_u32(struct tape *t)
{
	uint32_t v;

	tape_bytes(t, &v, sizeof(v));
	return v;
}

static inline uint64_t tape_u64(struct tape *t)
{
	uint64_t v;

	tape_bytes(t, &v, sizeof(v));
	return v;
}

/* An invariant that holds whatever the input is. */
#define fuzz_check(what)                                                   \
	do {                                                               \
		if (!(what)) {                                             \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, \
				#what);                                    \
			abort();                                           \
		}                                                          \
	} while (0)

#endif
