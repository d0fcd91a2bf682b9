/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CGROUPS_RESCTRL_H
#define HULL_CGROUPS_RESCTRL_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct err;
struct spec_rdt;

/*
 * linux.intelRdt: shares of caches and of memory bandwidth, by directories of a
 * resctrl file system (Documentation/arch/x86/resctrl.rst): one for each class
 * of service, in it perhaps one to monitor a container's tasks.
 */

/**
 * struct rdt_place - a container's class of service; in the state file before
 * anything is made.
 * @group: its directory, one component or "." for the root; "": none
 * @own:   it has the container's name, hull makes and removes it
 * @mon:   there is a monitoring group of the container's name in it
 */
struct rdt_place {
	char group[NAME_MAX + 1];
	bool own;
	bool mon;
};

/** rdt_place_of() - where the configuration wants it. */
void rdt_place_of(const struct spec_rdt *rdt, const char *id,
		  struct rdt_place *place);

/**
 * rdt_check() - can it be there? Nothing is touched.
 * @root_fd: directory of the resctrl mount, borrowed
 *
 * Return: 0, -EEXIST (there is something of the container's name already), or
 * -ENOENT (the class that is named is not there, and no schema says how it
 * should be).
 */
int rdt_check(int root_fd, const struct spec_rdt *rdt,
	      const struct rdt_place *place, struct err *err);

/**
 * rdt_make() - make what is not there; write its schemata. Those of a class
 * that somebody else has made are compared: l3CacheSchema and memBwSchema must
 * be in force there.
 * @place: what turns out to be another's is no longer in it
 *
 * Return: 0 or -errno; what was made and is not in @place is gone again.
 */
int rdt_make(int root_fd, const struct spec_rdt *rdt, const char *id,
	     struct rdt_place *place, struct err *err);

/** rdt_attach() - put a process there; its children follow. */
int rdt_attach(int root_fd, const struct rdt_place *place, const char *id,
	       pid_t pid, struct err *err);

/** rdt_remove() - remove what is the container's; gone already is fine. */
int rdt_remove(int root_fd, const struct rdt_place *place, const char *id,
	       struct err *err);

#endif
