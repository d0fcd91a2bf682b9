/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_RDT_H
#define HULL_LIBCONTAINER_RDT_H

#include <sys/types.h>

struct ct;
struct err;
struct spec;

/*
 * linux.intelRdt in a container's life. The resctrl file system is the one that
 * is mounted where hull is; without intelRdt it is never looked for.
 */

/**
 * rdt_plan() - where, and whether it can be there: fills in ct->st.rdt.
 *
 * Return: 0 (also when nothing is asked), -ENOTSUP (no resctrl is mounted), or
 * what rdt_check() says.
 */
int rdt_plan(struct ct *ct, const struct spec *spec, const char *id,
	     struct err *err);

/** rdt_begin() - after the state was saved: rdt_make(). */
int rdt_begin(struct ct *ct, const struct spec *spec, struct err *err);

/** rdt_join() - a process of the container goes where the state says. */
int rdt_join(const struct ct *ct, pid_t pid, struct err *err);

/** rdt_end() - remove what is the container's. */
int rdt_end(const struct ct *ct, struct err *err);

#endif
