/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "base/auto.h"
#include "base/sabotage.h"
#include "spec/fields.h"
#include "spec/spec.h"
#include "spec/store.h"

/* The table engine: values that hold no objects. */

/* Numbers go to members of several sizes; a cast would break aliasing. */
static void store_number(void *at, const struct spec_field *f, uint64_t v)
{
	unsigned char *to = (unsigned char *)at + f->offset;
	uint8_t v8 = (uint8_t)v;
	uint16_t v16 = (uint16_t)v;
	uint32_t v32 = (uint32_t)v;

	switch (f->size) {
	case sizeof(v8):
		memcpy(to, &v8, sizeof(v8));
		return;
	case sizeof(v16):
		memcpy(to, &v16, sizeof(v16));
		return;
	case sizeof(v32):
		memcpy(to, &v32, sizeof(v32));
		return;
	default:
		memcpy(to, &v, sizeof(v));
		return;
	}
}

static void read_bool(struct spec_ctx *ctx, const struct spec_path *path,
		      const struct json *v, const struct spec_field *f,
		      void *at)
{
	if (!spec_is_type(ctx, path, v, JSON_BOOL))
		return;
	*((bool *)((unsigned char *)at + f->offset)) = v->boolean;
	store_set(at, f);
}

static uint64_t uint_max(const struct spec_field *f)
{
	if (f->max)
		return f->max;
	return f->size >= sizeof(uint64_t) ? UINT64_MAX
					   : (UINT64_C(1) << 8 * f->size) - 1;
}

static bool read_uint(struct spec_ctx *ctx, const struct spec_path *path,
		      const struct json *v, const struct spec_field *f,
		      uint64_t *out)
{
	const uint64_t min = (uint64_t)f->min, max = uint_max(f);
	char show[SPEC_SHOW_SIZE];

	if (!json_u64(v, out)) {
		if (!*out && (f->flags & SPEC_ZERO_UNSET))
			return true;
		if (*out >= min && (*out <= max || SABOTAGED("values_range")))
			return true;
	}
	spec_problem(ctx, path,
		     "expected a whole number (%" PRIu64 " to %" PRIu64
		     "), got %s",
		     min, max, spec_show(v, show));
	return false;
}

static bool read_int(struct spec_ctx *ctx, const struct spec_path *path,
		     const struct json *v, const struct spec_field *f,
		     int64_t *out)
{
	int64_t min = f->min, max = (int64_t)f->max;
	char show[SPEC_SHOW_SIZE];

	if (!min && !max) {
		max = f->size == sizeof(int32_t) ? INT32_MAX : INT64_MAX;
		min = -max - 1;
	}
	if (!json_i64(v, out)) {
		if (!*out && (f->flags & SPEC_ZERO_UNSET))
			return true;
		if (*out >= min && *out <= max)
			return true;
	}
	spec_problem(ctx, path,
		     "expected a whole number (%" PRId64 " to %" PRId64
		     "), got %s",
		     min, max, spec_show(v, show));
	return false;
}

static void read_number(struct spec_ctx *ctx, const struct spec_path *path,
			const struct json *v, const struct spec_field *f,
			void *at)
{
	const bool is_opt = f->kind == SPEC_OPT_UINT || f->kind == SPEC_OPT_INT;
	const bool is_signed = f->kind == SPEC_INT || f->kind == SPEC_OPT_INT;
	struct opt_i64 opt = { .set = true };
	uint64_t u = 0;
	int64_t i = 0;

	if (is_signed ? !read_int(ctx, path, v, f, &i)
		      : !read_uint(ctx, path, v, f, &u))
		return;
	opt.v = is_signed ? i : (int64_t)u;
	if (!opt.v && (f->flags & SPEC_ZERO_UNSET))
		return;
	if (is_opt) /* struct opt_u64 has the same layout */
		memcpy((unsigned char *)at + f->offset, &opt, sizeof(opt));
	else
		store_number(at, f, (uint64_t)opt.v);
	store_set(at, f);
}

_Static_assert(sizeof(struct opt_i64) == sizeof(struct opt_u64) &&
		       offsetof(struct opt_i64, v) ==
			       offsetof(struct opt_u64, v),
	       "read_number() fills both alike");

/* The checks of one string, by the row's flags. */
static bool string_ok(struct spec_ctx *ctx, const struct spec_path *path,
		      const struct json *v, const struct spec_field *f)
{
	char show[SPEC_SHOW_SIZE];
	const char *wrong;

	if (!spec_is_type(ctx, path, v, JSON_STRING))
		return false;
	if ((f->flags & SPEC_EMPTY_UNSET) && !*v->text)
		return true;
	if ((f->flags & SPEC_NOT_EMPTY) && !*v->text) {
		spec_problem(ctx, path, "must not be empty");
		return false;
	}
	if ((f->flags & SPEC_ABSOLUTE) && v->text[0] != '/') {
		spec_problem(ctx, path, "expected an absolute path, got %s",
			     spec_show(v, show));
		return false;
	}
	wrong = f->check ? f->check(v->text) : NULL;
	if (wrong && (f->flags & SPEC_SECRET))
		spec_problem(ctx, path, "%s", wrong);
	else if (wrong)
		spec_problem(ctx, path, "%s, got %s", wrong,
			     spec_show(v, show));
	return !wrong;
}

static void read_string(struct spec_ctx *ctx, const struct spec_path *path,
			const struct json *v, const struct spec_field *f,
			void *at)
{
	if (!string_ok(ctx, path, v, f))
		return;
	if (!*v->text && (f->flags & SPEC_EMPTY_UNSET))
		return;
	store_pointer(at, f->offset, v->text);
}

static void read_strings(struct spec_ctx *ctx, const struct spec_path *path,
			 const struct json *v, const struct spec_field *f,
			 void *at)
{
	const char **list;
	size_t n = 0;
	int unused;

	if (!spec_is_type(ctx, path, v, JSON_ARRAY))
		return;
	if (!v->count && (f->flags & SPEC_MAY_BE_NULL))
		return;
	list = spec_alloc(ctx, v->count + 1, sizeof(*list));
	if (!list)
		return;
	for (const struct json *e = v->child; e; e = e->next, n++) {
		struct spec_path here = SPEC_PATH_INDEX(path, n);

		list[n] = "";
		if (string_ok(ctx, &here, e, f)) {
			list[n] = e->text;
			if (f->names)
				spec_name(ctx, &here, e, f->names, &unused);
		}
	}
	store_pointer(at, f->offset, list);
	store_count(at, f, n);
}

static void read_name(struct spec_ctx *ctx, const struct spec_path *path,
		      const struct json *v, const struct spec_field *f,
		      void *at)
{
	int value;

	if (!spec_is_type(ctx, path, v, JSON_STRING))
		return;
	if (!*v->text && (f->flags & SPEC_EMPTY_UNSET))
		return;
	if (spec_name(ctx, path, v, f->names, &value))
		store_number(at, f, (uint64_t)(int64_t)value);
}

static void read_flags(struct spec_ctx *ctx, const struct spec_path *path,
		       const struct json *v, const struct spec_field *f,
		       void *at)
{
	unsigned int flags = 0;
	size_t n = 0;
	int value;

	if (!spec_is_type(ctx, path, v, JSON_ARRAY))
		return;
	for (const struct json *e = v->child; e; e = e->next, n++) {
		struct spec_path here = SPEC_PATH_INDEX(path, n);

		if (spec_name(ctx, &here, e, f->names, &value))
			flags |= (unsigned int)value;
	}
	store_number(at, f, flags);
	store_set(at, f);
}

void spec_plain_value(struct spec_ctx *ctx, const struct spec_path *path,
		      const struct json *v, const struct spec_field *f,
		      void *at)
{
	typedef void reader(struct spec_ctx *, const struct spec_path *,
			    const struct json *, const struct spec_field *,
			    void *);
	static reader *const readers[] = {
		[SPEC_BOOL] = read_bool,       [SPEC_UINT] = read_number,
		[SPEC_INT] = read_number,      [SPEC_OPT_UINT] = read_number,
		[SPEC_OPT_INT] = read_number,  [SPEC_STRING] = read_string,
		[SPEC_STRINGS] = read_strings, [SPEC_NAME] = read_name,
		[SPEC_FLAGS] = read_flags,
	};

	if (f->kind < ARRAY_SIZE(readers))
		readers[f->kind](ctx, path, v, f, at);
}
