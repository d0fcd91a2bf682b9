/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/fields.h"

#include <string.h>

#include "base/str.h"
#include "spec/spec.h"
#include "spec/store.h"

const char *const spec_no_strings[] = { NULL };

static void read_objects(struct spec_ctx *ctx, const struct spec_path *path,
			 const struct json *v, const struct spec_field *f,
			 void *at)
{
	unsigned char *list;
	size_t n = 0;

	if (!spec_is_type(ctx, path, v, JSON_ARRAY))
		return;
	list = spec_alloc(ctx, v->count, f->table->size);
	if (!list)
		return;
	for (const struct json *e = v->child; e; e = e->next, n++) {
		struct spec_path here = SPEC_PATH_INDEX(path, n);
		void *element = list + n * f->table->size;

		spec_defaults(f->table, element);
		if (spec_is_type(ctx, &here, e, JSON_OBJECT))
			spec_object(ctx, &here, e, f->table, element);
	}
	store_pointer(at, f->offset, list);
	store_count(at, f, n);
}

static void read_pairs(struct spec_ctx *ctx, const struct spec_path *path,
		       const struct json *v, const struct spec_field *f,
		       void *at)
{
	struct spec_pair *list;
	size_t n = 0;

	if (!spec_is_type(ctx, path, v, JSON_OBJECT))
		return;
	list = spec_alloc(ctx, v->count, sizeof(*list));
	if (!list)
		return;
	for (const struct json *e = v->child; e; e = e->next) {
		struct spec_path here = SPEC_PATH_KEY(path, e->key);
		const char *wrong = f->check_key ? f->check_key(e->key) : NULL;

		if (wrong)
			spec_problem(ctx, &here, "%s", wrong);
		if (!spec_is_type(ctx, &here, e, JSON_STRING))
			continue;
		list[n++] = (struct spec_pair){ e->key, e->text };
	}
	store_pointer(at, f->offset, list);
	store_count(at, f, n);
}

/* Does a value say no more than leaving it out would? */
static bool says_nothing(const struct json *v, const struct spec_field *f)
{
	int64_t number;

	if (f->flags & SPEC_ZERO_TOO)
		return false;
	switch (v->type) {
	case JSON_NULL:
		return true;
	case JSON_BOOL:
		return !v->boolean;
	case JSON_NUMBER:
		return !json_i64(v, &number) &&
		       (!number || (f->min && number == f->min));
	case JSON_STRING:
		return !*v->text;
	default:
		return !v->count;
	}
}

static void read_object(struct spec_ctx *ctx, const struct spec_path *path,
			const struct json *v, const struct spec_field *f,
			void *at)
{
	if (!spec_is_type(ctx, path, v, JSON_OBJECT))
		return;
	spec_object(ctx, path, v, f->table, (unsigned char *)at + f->offset);
	store_set(at, f);
}

void spec_value(struct spec_ctx *ctx, const struct spec_path *path,
		const struct json *v, const struct spec_field *f, void *at)
{
	switch (f->kind) {
	case SPEC_OBJECT:
		read_object(ctx, path, v, f, at);
		return;
	case SPEC_OBJECTS:
		read_objects(ctx, path, v, f, at);
		return;
	case SPEC_PAIRS:
		read_pairs(ctx, path, v, f, at);
		return;
	case SPEC_CALL:
		f->call(ctx, path, v, (unsigned char *)at + f->offset);
		return;
	case SPEC_REFUSE:
		if (!says_nothing(v, f))
			spec_problem(ctx, path, "%s", f->text);
		return;
	case SPEC_IGNORE:
		return;
	default:
		spec_plain_value(ctx, path, v, f, at);
		return;
	}
}

void spec_defaults(const struct spec_table *table, void *at)
{
	if (table->init)
		memcpy(at, table->init, table->size);
	for (size_t i = 0; i < table->count; i++) {
		const struct spec_field *f = &table->fields[i];

		if (f->kind == SPEC_STRINGS && !(f->flags & SPEC_MAY_BE_NULL))
			store_pointer(at, f->offset, spec_no_strings);
		else if (f->kind == SPEC_OBJECT)
			spec_defaults(f->table,
				      (unsigned char *)at + f->offset);
	}
}

static void unknown_member(struct spec_ctx *ctx, const struct spec_path *path,
			   const struct spec_table *table, const char *key)
{
	const char *words[SPEC_FIELDS_MAX + 1] = { NULL };
	const char *near;

	if (table->closed) {
		spec_problem(ctx, path, "unknown property");
		return;
	}
	for (size_t i = 0; i < table->count && i < SPEC_FIELDS_MAX; i++)
		words[i] = table->fields[i].name;
	near = str_near(key, words);
	if (near)
		spec_warn(ctx, path, "unknown property, did you mean \"%s\"?",
			  near);
}

static const struct spec_field *find_field(const struct spec_table *table,
					   const char *key)
{
	for (size_t i = 0; i < table->count; i++)
		if (!strcmp(table->fields[i].name, key))
			return &table->fields[i];
	return NULL;
}

void spec_object(struct spec_ctx *ctx, const struct spec_path *path,
		 const struct json *v, const struct spec_table *table, void *at)
{
	const size_t before = ctx->problems;
	uint64_t seen = 0;

	for (const struct json *m = v->child; m; m = m->next) {
		const struct spec_field *f = find_field(table, m->key);
		struct spec_path here = SPEC_PATH_KEY(path, m->key);

		if (!f) {
			unknown_member(ctx, &here, table, m->key);
			continue;
		}
		if (m->type == JSON_NULL) /* as if it were not there */
			continue;
		seen |= UINT64_C(1) << (f - table->fields);
		spec_value(ctx, &here, m, f, at);
	}
	for (size_t i = 0; i < table->count; i++) {
		const struct spec_field *f = &table->fields[i];
		struct spec_path here = SPEC_PATH_KEY(path, f->name);

		if ((f->flags & SPEC_REQUIRED) && !(seen >> i & 1))
			spec_problem(ctx, &here, "required, but missing");
	}
	if (table->finish && ctx->problems == before && !ctx->no_memory)
		table->finish(ctx, path, at);
}
