/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_NAMESPACES_IDMAP_H
#define HULL_NAMESPACES_IDMAP_H

#include "namespaces/ns.h"

/**
 * struct idmap - one of the two mappings of a user namespace.
 * @field: where it stands in config.json
 */
struct idmap {
	const struct spec_id_map *maps;
	size_t count;
	const char *field;
};

/**
 * idmap_write() - write uid_map and gid_map of a process.
 *
 * What an unprivileged caller may write itself is one line with its own id,
 * with setgroups denied first; other maps are newuidmap(1)'s and newgidmap(1)'s
 * to write, by what the administrator allows in subuid(5) and subgid(5).
 */
int idmap_write(int proc_fd, pid_t pid, const struct idmap *uids,
		const struct idmap *gids, struct err *err);

/**
 * idtool_run() - let a set-uid program write a map.
 * @dirs: NULL-terminated, where it may be; NULL: the system's directories.
 *        PATH is never asked
 * @name: "newuidmap" or "newgidmap"; started without an environment
 *
 * Return: 0, -ENOENT (not installed), -EPERM with what the program says,
 * -ETIMEDOUT, or -errno.
 */
int idtool_run(const char *const *dirs, const char *name, pid_t pid,
	       const struct idmap *map, struct err *err);

#endif
