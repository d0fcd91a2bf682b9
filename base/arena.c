/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_MIN ((size_t)16 * 1024)
#define CHUNK_MAX ((size_t)64 * 1024) /* below malloc's own mmap threshold */

struct arena_chunk {
	struct arena_chunk *next;
	size_t used;
	size_t size;
	_Alignas(max_align_t) unsigned char data[];
};

static struct arena_chunk *chunk_new(size_t size)
{
	struct arena_chunk *chunk;

	if (size > SIZE_MAX - sizeof(*chunk))
		return NULL;
	chunk = calloc(1, sizeof(*chunk) + size);
	if (chunk)
		chunk->size = size;
	return chunk;
}

/* A chunk of its own, put behind the current one, which still has room. */
static void *alloc_large(struct arena *a, size_t size)
{
	struct arena_chunk *chunk = chunk_new(size);

	if (!chunk)
		return NULL;
	chunk->used = size;
	if (a->chunks) {
		chunk->next = a->chunks->next;
		a->chunks->next = chunk;
	} else {
		a->chunks = chunk;
	}
	return chunk->data;
}

static struct arena_chunk *arena_grow(struct arena *a)
{
	size_t size = a->chunks ? a->chunks->size * 2 : CHUNK_MIN;
	struct arena_chunk *chunk;

	if (size > CHUNK_MAX)
		size = CHUNK_MAX;
	if (size < CHUNK_MIN)
		size = CHUNK_MIN;
	chunk = chunk_new(size);
	if (!chunk)
		return NULL;
	chunk->next = a->chunks;
	a->chunks = chunk;
	return chunk;
}

void *arena_alloc(struct arena *a, size_t size)
{
	const size_t align = _Alignof(max_align_t);
	struct arena_chunk *chunk = a->chunks;
	void *p;

	if (!size)
		size = 1;
	if (size > SIZE_MAX - align)
		return NULL;
	size = (size + align - 1) & ~(align - 1);
	if (!chunk || chunk->size - chunk->used < size) {
		if (size > CHUNK_MIN / 4)
			return alloc_large(a, size);
		chunk = arena_grow(a);
		if (!chunk)
			return NULL;
	}
	p = chunk->data + chunk->used;
	chunk->used += size;
	return p;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		return NULL;
	return arena_alloc(a, bytes);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *out = n < SIZE_MAX ? arena_alloc(a, n + 1) : NULL;

	if (out && n)
		memcpy(out, s, n);
	return out;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list args, again;
	char *out = NULL;
	int len;

	va_start(args, fmt);
	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, args);
	if (len >= 0)
		out = arena_alloc(a, (size_t)len + 1);
	if (out)
		vsnprintf(out, (size_t)len + 1, fmt, again);
	va_end(again);
	va_end(args);
	return out;
}

void arena_release(struct arena *a)
{
	while (a->chunks) {
		struct arena_chunk *next = a->chunks->next;

		free(a->chunks);
		a->chunks = next;
	}
}
