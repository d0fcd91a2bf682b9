/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_BASE_JSON_SLAB_H
#define HULL_BASE_JSON_SLAB_H

#include <stddef.h>

/**
 * struct slab - memory for one run of yajl, which does not check what malloc(3)
 * gives it: everything it may ask for is taken before it starts.
 */
struct slab {
	unsigned char *data;
	size_t used;
	size_t size;
};

#define auto_slab __attribute__((cleanup(slab_release)))

/**
 * slab_init() - memory enough for parsing a document.
 * @len: its length in bytes
 *
 * Return: 0 or -ENOMEM.
 */
int slab_init(struct slab *slab, size_t len);

void slab_release(struct slab *slab);

/* yajl_alloc_funcs with a struct slab as the context; nothing is given back
 * before slab_release(). */
void *slab_malloc(void *ctx, size_t size);
void *slab_realloc(void *ctx, void *ptr, size_t size);
void slab_free(void *ctx, void *ptr);

#endif
