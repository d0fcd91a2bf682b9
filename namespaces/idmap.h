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
 * idmap_write() - write uid_map and gid_map of a process; setgroups is denied
 * first when the caller is unprivileged, since the kernel wants it so.
 */
int idmap_write(int proc_fd, pid_t pid, const struct idmap *uids,
		const struct idmap *gids, struct err *err);

#endif
