/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_SPEC_REPORT_H
#define HULL_SPEC_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json/json.h"
#include "spec/names.h"

/*
 * What a run of the parser has to say: problems and warnings, each with its
 * place in the document.
 */

struct arena;
struct err;
struct spec_warning;

/** struct spec_path - a place in the document, chained from the inside out. */
struct spec_path {
	const struct spec_path *up;
	const char *key; /* NULL: an array element, number @index */
	size_t index;
};

#define SPEC_PATH_KEY(up_, key_) ((struct spec_path){ .up = up_, .key = key_ })
#define SPEC_PATH_INDEX(up_, i_) ((struct spec_path){ .up = up_, .index = i_ })

/**
 * spec_path_text() - how messages spell a place: mounts[3].destination,
 * annotations["org.example.x"]. What does not fit @buf is cut off.
 *
 * Return: the length of the text.
 */
size_t spec_path_text(const struct spec_path *path, char *buf, size_t size);

/** struct spec_ctx - one run of the parser. */
struct spec_ctx {
	struct arena *arena;
	const char *text; /* the document: raw slices are copied out of it */
	struct err *err;
	size_t problems;
	bool no_memory;
	bool ns_unsure; /* linux.namespaces had problems of its own */
	const struct spec_warning *warnings;
	struct spec_warning *last_warning;
};

/** spec_problem() - record an error at a place; nothing stops. */
void spec_problem(struct spec_ctx *ctx, const struct spec_path *path,
		  const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/** spec_warn() - as spec_problem(), for the list of warnings. */
void spec_warn(struct spec_ctx *ctx, const struct spec_path *path,
	       const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/** spec_alloc() - arena memory; a failure ends the parse with -ENOMEM. */
void *spec_alloc(struct spec_ctx *ctx, size_t count, size_t size);

#define SPEC_SHOW_SIZE 80

/** spec_show() - a value for a message: one line, shortened. */
const char *spec_show(const struct json *v, char buf[SPEC_SHOW_SIZE]);

/** spec_show_text() - the same for text: quoted, no control characters. */
const char *spec_show_text(const char *s, char buf[SPEC_SHOW_SIZE]);

/** spec_is_type() - true, or a problem "expected a string, got ...". */
bool spec_is_type(struct spec_ctx *ctx, const struct spec_path *path,
		  const struct json *v, enum json_type type);

/**
 * spec_name() - look a name up; a problem when it is unknown or no string.
 *
 * Return: true and *value set, or false.
 */
bool spec_name(struct spec_ctx *ctx, const struct spec_path *path,
	       const struct json *v, const struct spec_names *names,
	       int *value);

#endif
