/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json/slab.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * yajl has two buffers, the decoded string and a token cut off at the end.
 * They double from 2 KiB and hold parts of the document that do not overlap,
 * so that all their generations together stay below four times its length and
 * that of two first buffers; the rest is a few small objects.
 */
#define SLAB_FIXED ((size_t)24 * 1024)
#define SLAB_PER_BYTE 4

struct slab_head {
	_Alignas(max_align_t) size_t size;
};

int slab_init(struct slab *slab, size_t len)
{
	if (len > (SIZE_MAX - SLAB_FIXED) / SLAB_PER_BYTE)
		return -ENOMEM;
	slab->used = 0;
	slab->size = SLAB_FIXED + SLAB_PER_BYTE * len;
	slab->data = malloc(slab->size);
	return slab->data ? 0 : -ENOMEM;
}

void slab_release(struct slab *slab)
{
	free(slab->data);
	slab->data = NULL;
}

void *slab_malloc(void *ctx, size_t size)
{
	const size_t align = _Alignof(max_align_t);
	struct slab *slab = ctx;
	struct slab_head *head;

	size = (size + align - 1) & ~(align - 1);
	if (slab->size - slab->used < sizeof(*head) + size)
		return NULL;
	head = (struct slab_head *)(slab->data + slab->used);
	head->size = size;
	slab->used += sizeof(*head) + size;
	return head + 1;
}

void *slab_realloc(void *ctx, void *ptr, size_t size)
{
	void *out = slab_malloc(ctx, size);

	if (out && ptr) {
		const size_t old = ((struct slab_head *)ptr - 1)->size;

		memcpy(out, ptr, old < size ? old : size);
	}
	return out;
}

void slab_free(void *ctx, void *ptr)
{
	(void)ctx;
	(void)ptr;
}
