/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_SPEC_STORE_H
#define HULL_SPEC_STORE_H

#include <string.h>

#include "spec/fields.h"

/* Where the readers of the table engine put what they have read. */

static inline void store_pointer(void *at, size_t offset, const void *p)
{
	memcpy((unsigned char *)at + offset, &p, sizeof(p));
}

/* The bool "set" or the size_t count beside a value, if the row has one. */
static inline void store_set(void *at, const struct spec_field *f)
{
	if (f->aux)
		*((bool *)((unsigned char *)at + f->aux)) = true;
}

static inline void store_count(void *at, const struct spec_field *f,
			       size_t count)
{
	if (f->aux)
		memcpy((unsigned char *)at + f->aux, &count, sizeof(count));
}

#endif
