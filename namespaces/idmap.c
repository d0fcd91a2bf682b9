/* SPDX-License-Identifier: Apache-2.0 */
#include "namespaces/idmap.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/proc.h"
#include "base/sabotage.h"
#include "base/str.h"

int64_t ns_host_id(const struct spec_id_map *maps, size_t count, uint32_t id)
{
	if (!count)
		return id;
	for (size_t i = 0; i < count; i++) {
		const struct spec_id_map *map = &maps[i];

		/* as a difference, which cannot overflow */
		if (id >= map->container_id &&
		    id - map->container_id < map->size)
			return (int64_t)map->host_id + (id - map->container_id);
	}
	return -1;
}

/* The kernel takes a map in one write(2), of less than a page and at most 340
 * lines. */
static int write_map(int proc_fd, pid_t pid, const char *file,
		     const struct idmap *map, struct err *err)
{
	auto_strbuf struct strbuf text = STRBUF_INIT;
	char path[48];
	int ret;

	if (!map->count)
		return 0;
	for (size_t i = 0; i < map->count; i++)
		strbuf_addf(&text, "%u %u %u\n", map->maps[i].container_id,
			    map->maps[i].host_id, map->maps[i].size);
	if (!strbuf_ok(&text))
		return err_set(err, -ENOMEM, "out of memory");
	if (text.len >= (size_t)sysconf(_SC_PAGESIZE))
		return err_at(err, -E2BIG, map->field,
			      "%zu ranges are %zu bytes of text, more than the "
			      "kernel takes",
			      map->count, text.len);
	snprintf(path, sizeof(path), "%d/%s", (int)pid, file);
	ret = proc_write(proc_fd, path, text.s);
	if (ret == -EINVAL)
		return err_at(err, ret, map->field,
			      "the kernel refuses the mapping: overlapping or "
			      "too many ranges, or ids that hull's own user "
			      "namespace lacks");
	if (ret)
		return err_at(err, ret, map->field, "cannot write %s: %s", file,
			      err_text(ret));
	return 0;
}

/* What the kernel lets an unprivileged process map: itself (user_namespaces(7),
 * "Defining user and group ID mappings"). */
static bool is_own_id(const struct idmap *map, uint32_t own)
{
	return map->count == 1 && map->maps[0].size == 1 &&
	       map->maps[0].host_id == own;
}

static int write_or_ask(int proc_fd, pid_t pid, bool is_uid,
			const struct idmap *map, struct err *err)
{
	uint32_t own = is_uid ? geteuid() : getegid();

	if (map->count && geteuid() != 0 && !is_own_id(map, own))
		return idtool_run(NULL, is_uid ? "newuidmap" : "newgidmap", pid,
				  map, err);
	return write_map(proc_fd, pid, is_uid ? "uid_map" : "gid_map", map,
			 err);
}

int idmap_write(int proc_fd, pid_t pid, const struct idmap *uids,
		const struct idmap *gids, struct err *err)
{
	char path[48];
	int ret;

	/*
	 * Without CAP_SETGID a map of groups could be used to drop a group
	 * that a file's mode holds against the user (CVE-2014-8989).
	 * newgidmap(1) decides that by itself.
	 */
	if (geteuid() != 0 && is_own_id(gids, getegid()) &&
	    !SABOTAGED("idmap_setgroups")) {
		snprintf(path, sizeof(path), "%d/setgroups", (int)pid);
		ret = proc_write(proc_fd, path, "deny");
		if (ret && ret != -ENOENT)
			return err_code(err, ret, "cannot deny setgroups");
	}
	ret = write_or_ask(proc_fd, pid, true, uids, err);
	return ret ? ret : write_or_ask(proc_fd, pid, false, gids, err);
}

int ns_write_maps(int proc_fd, pid_t pid, const struct spec_linux *linux_,
		  struct err *err)
{
	const struct idmap uids = { linux_->uid_maps, linux_->uid_map_count,
				    "linux.uidMappings" };
	const struct idmap gids = { linux_->gid_maps, linux_->gid_map_count,
				    "linux.gidMappings" };

	return idmap_write(proc_fd, pid, &uids, &gids, err);
}
