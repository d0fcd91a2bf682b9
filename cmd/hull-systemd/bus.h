/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CMD_HULL_SYSTEMD_BUS_H
#define HULL_CMD_HULL_SYSTEMD_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

/**
 * struct manager - a connection to systemd.
 * @version: 257, ...: some properties are not known before
 * @text:    what went wrong last, for a person
 */
struct manager {
	sd_bus *bus;
	unsigned version;
	char text[1024];
};

/**
 * struct prop - a property in the words of the command line.
 * @since:  first version of systemd that knows it
 * @sig:    D-Bus type: basic, array of basic, or array of pairs
 * @values: the basic values in order, @count of them
 */
struct prop {
	const char *name;
	unsigned since;
	const char *sig;
	char *const *values;
	size_t count;
};

/**
 * struct scope - a transient scope that is to be.
 * @pid: its first process
 */
struct scope {
	const char *unit;
	pid_t pid;
	const struct prop *props;
	size_t count;
};

/* All return 0 or -errno with m->text filled in. */

/** manager_open() - connect to the system's manager or the user's. */
int manager_open(struct manager *m, bool user);
void manager_close(struct manager *m);

/** manager_root() - the cgroup below which the manager makes its own. */
int manager_root(struct manager *m, char *buf, size_t size);

/**
 * unit_start() - start a transient scope and wait until it is there.
 * @cgroup: receives its path
 */
int unit_start(struct manager *m, const struct scope *scope, char *cgroup,
	       size_t size);

/** unit_set() - change properties until the next boot, and wait until the
 * cgroup has them. */
int unit_set(struct manager *m, const char *unit, const struct prop *props,
	     size_t count);

/** unit_attach() - move a process into the unit's cgroup. */
int unit_attach(struct manager *m, const char *unit, pid_t pid);

/** unit_stop() - stop it, wait for that, forget a failure. No unit: fine. */
int unit_stop(struct manager *m, const char *unit);

/** prop_append() - add one (sv) to a message that collects them. */
int prop_append(sd_bus_message *msg, const struct prop *prop);

#endif
