/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_BASE_ARENA_H
#define HULL_BASE_ARENA_H

#include <stddef.h>

/**
 * struct arena - memory that is freed all at once: config.json's tree and the
 * spec made from it. Zeroed memory, aligned for any type.
 */
struct arena {
	struct arena_chunk *chunks;
};

#define auto_arena __attribute__((cleanup(arena_release)))

/** arena_alloc() - @size zeroed bytes, or NULL when memory is out. */
void *arena_alloc(struct arena *a, size_t size);

/** arena_array() - as calloc(3): the product is checked for overflow. */
void *arena_array(struct arena *a, size_t count, size_t size);

/** arena_strndup() - copy @n bytes and add a NUL; NULL when memory is out. */
char *arena_strndup(struct arena *a, const char *s, size_t n);

/** arena_printf() - a formatted string, or NULL when memory is out. */
char *arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

void arena_release(struct arena *a);

#endif
