/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_SPEC_FIELDS_H
#define HULL_SPEC_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/json/json.h"
#include "spec/report.h"

/*
 * The table engine: a JSON object is described by rows, one per property, and
 * one function fills the C struct. Types, ranges, required members and
 * misspelt names are thereby handled alike everywhere.
 */

struct spec;

enum spec_kind {
	SPEC_BOOL,     /* bool */
	SPEC_UINT,     /* unsigned of .size bytes, .min to .max */
	SPEC_INT,      /* signed of .size bytes, .min to .max */
	SPEC_OPT_UINT, /* struct opt_u64, .min to .max */
	SPEC_OPT_INT,  /* struct opt_i64, .min to .max */
	SPEC_STRING,   /* const char * */
	SPEC_STRINGS,  /* const char *const *, never NULL */
	SPEC_NAME,     /* integer of .size bytes, by .names */
	SPEC_FLAGS,  /* list of names: integer of .size bytes, or-ed together */
	SPEC_OBJECT, /* .table fills the struct at .offset */
	SPEC_OBJECTS, /* array: .table fills one element */
	SPEC_PAIRS,   /* object of strings: array of struct spec_pair */
	SPEC_CALL,    /* .call does it all */
	SPEC_REFUSE,  /* an error with .text unless the value means "unset" */
	SPEC_IGNORE,  /* known, but nothing to do: not even looked at */
};

enum spec_flag {
	SPEC_REQUIRED = 1 << 0,
	SPEC_NOT_EMPTY = 1 << 1,   /* strings: "" is an error */
	SPEC_EMPTY_UNSET = 1 << 2, /* strings: "" is as good as nothing */
	SPEC_ABSOLUTE = 1 << 3,    /* strings: begins with a slash */
	SPEC_ZERO_UNSET = 1 << 4,  /* numbers: 0 is as good as nothing */
	SPEC_MAY_BE_NULL = 1 << 5, /* strings: an empty list is NULL */
	SPEC_ZERO_TOO = 1 << 6,    /* refuse: even 0, {} and the like */
	SPEC_SECRET = 1 << 7,      /* strings: never shown in a message */
};

struct spec_table;

struct spec_field {
	const char *name;
	enum spec_kind kind;
	unsigned int flags;
	size_t offset; /* of the value in the struct that the table describes */
	size_t size;   /* of the value */
	size_t aux;    /* offset of a size_t count or a bool "set"; 0: none */
	int64_t min;
	uint64_t max;
	const struct spec_names *names;
	const struct spec_table
		*table; /* SPEC_CALL: what .call reads, if any */
	const char *text;
	/* SPEC_PAIRS: looks at a key and returns what is wrong, or NULL */
	const char *(*check_key)(const char *key);
	/* strings: the same for a value */
	const char *(*check)(const char *value);
	void (*call)(struct spec_ctx *ctx, const struct spec_path *path,
		     const struct json *v, void *at);
};

struct spec_table {
	const struct spec_field *fields;
	size_t count;
	size_t size;      /* of the struct; of an element in SPEC_OBJECTS */
	const void *init; /* what a fresh element holds; NULL: zeros */
	bool closed;      /* unknown properties are errors */
	/* relations between properties; runs when each by itself is right */
	void (*finish)(struct spec_ctx *ctx, const struct spec_path *path,
		       void *at);
};

#define SPEC_FIELDS_MAX 40

/* Row helpers: where a value goes, its number's range, its flag or count. */
#define SPEC_AT(type_, member_)             \
	.offset = offsetof(type_, member_), \
	.size = sizeof(((type_ *)NULL)->member_)
#define SPEC_AUX(type_, member_) .aux = offsetof(type_, member_)
#define SPEC_RANGE(min_, max_) .min = (min_), .max = (max_)
#define SPEC_ROWS(rows_) .fields = (rows_), .count = ARRAY_SIZE(rows_)

/* The struct itself: for an object whose members lie in its parent's struct */
#define SPEC_HERE .offset = 0

extern const char *const spec_no_strings[]; /* the empty vector */

/** spec_defaults() - what a struct holds before its object is read. */
void spec_defaults(const struct spec_table *table, void *at);

/** spec_object() - read an object by its table. */
void spec_object(struct spec_ctx *ctx, const struct spec_path *path,
		 const struct json *v, const struct spec_table *table,
		 void *at);

/** spec_value() - read one value by its row; @at is the struct. */
void spec_value(struct spec_ctx *ctx, const struct spec_path *path,
		const struct json *v, const struct spec_field *field, void *at);

/** spec_plain_value() - the part of spec_value() for kinds without objects. */
void spec_plain_value(struct spec_ctx *ctx, const struct spec_path *path,
		      const struct json *v, const struct spec_field *field,
		      void *at);

/**
 * spec_is_cpu_list() - "0-3,7": a list of CPUs or memory nodes, as the
 * specification writes it.
 */
bool spec_is_cpu_list(const char *s);

/* the tables of the parts, one per file */
extern const struct spec_table spec_table_process;
extern const struct spec_table spec_table_mount;
extern const struct spec_table spec_table_id_map;
extern const struct spec_table spec_table_hooks;
extern const struct spec_table spec_table_linux;
extern const struct spec_table spec_table_resources;
extern const struct spec_table spec_table_seccomp;
extern const struct spec_table spec_table_rdt;
extern const struct spec_table spec_table_vm;
extern const struct spec_table spec_table_root; /* of struct spec */

/** spec_parse_seccomp() - linux.seccomp: its table and its raw bytes. */
void spec_parse_seccomp(struct spec_ctx *ctx, const struct spec_path *path,
			const struct json *v, void *at);

/** spec_parse_net_devices() - linux.netDevices: an object by interface. */
void spec_parse_net_devices(struct spec_ctx *ctx, const struct spec_path *path,
			    const struct json *v, void *at);

/** spec_validate() - relations across the whole document. */
void spec_validate(struct spec_ctx *ctx, const struct spec *spec);

#endif
