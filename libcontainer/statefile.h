/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_STATEFILE_H
#define HULL_LIBCONTAINER_STATEFILE_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct ct_state;
struct err;
struct strbuf;

/*
 * The text of state.json: one JSON object whose first member marks it as
 * hull's and whose last one is a checksum of all bytes before it. What a disk
 * error or an editor did to a pid or to a cgroup's path is thus noticed before
 * anything is signalled.
 */

enum statefile_kind {
	STATEFILE_GOOD,
	STATEFILE_BROKEN,  /* no JSON, or hull's and damaged */
	STATEFILE_FOREIGN, /* a JSON object without hull's marker */
};

/** statefile_encode() - append the document to @out; check strbuf_ok(). */
void statefile_encode(const struct ct_state *st, struct strbuf *out);

/**
 * statefile_decode() - the way back.
 * @arena: receives the strings
 * @id:    the container that the file has to be of
 * @st:    written only when the document is good
 * @err:   why it is not
 */
enum statefile_kind statefile_decode(struct arena *arena, const char *text,
				     size_t len, const char *id,
				     struct ct_state *st, struct err *err);

#endif
