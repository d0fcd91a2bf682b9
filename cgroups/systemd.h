/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CGROUPS_SYSTEMD_H
#define HULL_CGROUPS_SYSTEMD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "cgroups/cgroup.h"

struct cg_plan;
struct err;
struct spec;

/*
 * The systemd driver: the container's cgroup is that of a transient scope. It
 * is systemd that makes and removes it and keeps the limits as properties of
 * the unit, so that its own writes (daemon-reload, set-property) agree with
 * hull's. D-Bus is spoken by the program hull-systemd.
 */

#define SD_UNIT_MAX 256 /* UNIT_NAME_MAX of systemd, with the NUL */
#define SD_ANSWER_MAX 2048

/* ---- sd_unit.c: names */

/**
 * sd_place() - the path of the scope's cgroup from linux.cgroupsPath.
 * @cgroups_path: "SLICE:PREFIX:NAME" or NULL (":hull:ID"). An empty SLICE is
 *                system.slice, for the user's manager user.slice; an empty
 *                PREFIX leaves the unit's name without one
 * @root: cgroup below which the manager makes its own, "" for the root
 *
 * Return: 0 or -EINVAL.
 */
int sd_place(struct cg_place *place, const char *cgroups_path, const char *id,
	     const char *root, struct err *err);

/** sd_unit_of() - the scope's name: the last component of the path. */
const char *sd_unit_of(const struct cg_place *place);

/** sd_slice_of() - the slice's name, the component before; in @buf. */
const char *sd_slice_of(const struct cg_place *place, char buf[SD_UNIT_MAX]);

/* ---- sd_props.c: properties of a unit */

/**
 * struct sd_prop - one property in D-Bus terms.
 * @since: first version of systemd that knows it; before, it is left out
 * @sig:   type: basic, array of basic, or array of pairs
 */
struct sd_prop {
	struct sd_prop *next;
	const char *name;
	unsigned since;
	const char *sig;
	const char **values;
	size_t count;
};

struct sd_props {
	struct arena arena;
	struct sd_prop *first;
	struct sd_prop **tail;
	bool failed; /* out of memory: sd_props_status() says so */
};

void sd_props_init(struct sd_props *props);
void sd_props_release(struct sd_props *props);
int sd_props_status(const struct sd_props *props, struct err *err);

/** sd_props_list() - append; the values are copied. */
void sd_props_list(struct sd_props *props, unsigned since, const char *name,
		   const char *sig, const char *const *values, size_t count);

/** sd_props_add() - append one with a single value, formatted. */
void sd_props_add(struct sd_props *props, unsigned since, const char *name,
		  const char *sig, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/**
 * sd_props_plan() - what the planned writes are as properties. Files that
 * systemd has no word for (hugetlb, rdma, misc, io.latency, ...) are left out:
 * it never writes them either. So is, where @plan is an update's, what a unit
 * has from its start on.
 */
void sd_props_plan(struct sd_props *props, const struct cg_plan *plan);

/** sd_props_base() - what every scope of hull's has. */
void sd_props_base(struct sd_props *props, const struct cg_place *place,
		   const char *id);

/* ---- sd_annotation.c */

/**
 * sd_props_annotations() - org.systemd.property.NAME: any other property, its
 * value as GVariant text: true, 5, 'text', ['a', 'b'], uint64 5, @as [].
 * NameSec is seconds and becomes NameUSec.
 *
 * Return: 0, or -EINVAL with the annotation's JSON path.
 */
int sd_props_annotations(struct sd_props *props, const struct spec *spec,
			 struct err *err);

/* ---- sd_ask.c: the program hull-systemd */

/**
 * sd_ask_start() - start hull-systemd with a request.
 * @verb: "root", "start", "set", "attach", "stop"
 * @arg:  of attach; or NULL
 *
 * Return: 0 with @hold filled in; sd_ask_answer() comes next.
 */
int sd_ask_start(struct cg_hold *hold, enum cg_manager manager,
		 const char *verb, const char *unit, const char *arg,
		 const struct sd_props *props, struct err *err);

/** sd_ask_answer() - wait for it; what follows "ok " goes to @out. */
int sd_ask_answer(struct cg_hold *hold, char out[SD_ANSWER_MAX],
		  struct err *err);

/** sd_ask_send() - "go PID". */
int sd_ask_send(struct cg_hold *hold, const char *text, struct err *err);

/** sd_ask() - the three of it: start, answer, end. */
int sd_ask(enum cg_manager manager, const char *verb, const char *unit,
	   const char *arg, const struct sd_props *props,
	   char out[SD_ANSWER_MAX], struct err *err);

#endif
