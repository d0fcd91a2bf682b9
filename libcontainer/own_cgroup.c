/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/init.h"

#include <string.h>
#include <unistd.h>

#include "base/str.h"

static bool is_writable_cgroupfs(const struct spec_mount *m)
{
	bool writable = true;

	if (!m->type || !m->source || strcmp(m->source, "cgroup") ||
	    strcmp(m->destination, "/sys/fs/cgroup") ||
	    (strcmp(m->type, "cgroup") && strcmp(m->type, "cgroup2")))
		return false;
	for (size_t i = 0; i < m->option_count; i++) {
		if (!strcmp(m->options[i], "ro") ||
		    !strcmp(m->options[i], "rro"))
			writable = false;
		else if (!strcmp(m->options[i], "rw"))
			writable = true;
	}
	return writable;
}

/* The process's user, seen from the host; false: nobody. */
static bool host_uid(const struct spec *spec, uid_t *out)
{
	const struct spec_linux *l = &spec->linux_;
	uint32_t uid = spec->process.user.uid;

	*out = uid;
	for (size_t i = 0; i < l->uid_map_count; i++) {
		const struct spec_id_map *m = &l->uid_maps[i];

		if (uid < m->container_id || uid - m->container_id >= m->size)
			continue;
		*out = m->host_id + (uid - m->container_id);
		return true;
	}
	return !l->uid_map_count;
}

int init_own_cgroup(const struct init *in, struct err *err)
{
	const struct spec *spec = in->spec;
	uid_t uid;

	/* an ordinary user's cgroups are that user's already; with a user
	 * namespace by path the maps are not known */
	if (in->cgroup_fd < 0 || in->vm || geteuid() || !in->ns.new_cgroup ||
	    in->ns.join_fd[SPEC_NS_USER] >= 0 ||
	    in->ct->st.cgroup.mode != CG_MODE_UNIFIED)
		return 0;
	for (size_t i = 0; i < spec->mount_count; i++) {
		if (is_writable_cgroupfs(&spec->mounts[i]))
			return host_uid(spec, &uid) && uid
				       ? cg_give(in->cgroup_fd, uid, err)
				       : 0;
	}
	return 0;
}
