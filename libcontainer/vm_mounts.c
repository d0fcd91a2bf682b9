/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/vm_mounts.h"

#include <limits.h>
#include <string.h>

#include "base/path.h"
#include "libcontainer/guest.h"
#include "spec/spec.h"

bool vm_mount_has_option(const struct spec_mount *m, const char *option)
{
	for (size_t i = 0; i < m->option_count; i++)
		if (!strcmp(m->options[i], option))
			return true;
	return false;
}

bool vm_mount_is_guests(const struct spec_mount *m)
{
	return !vm_mount_has_option(m, "remount") && guest_makes_mount(m);
}

bool vm_mount_is_memory(const struct spec_mount *m)
{
	return !strcmp(m->type, "tmpfs") || !strcmp(m->type, "ramfs");
}

bool vm_path_is_below(const char *path, const char *dir)
{
	char a[PATH_MAX], b[PATH_MAX];
	size_t len;

	if (path_clean(path, a, sizeof(a)) || path_clean(dir, b, sizeof(b)))
		return false;
	len = strlen(b);
	if (len == 1)
		return true;
	return !strncmp(a, b, len) && (!a[len] || a[len] == '/');
}

const struct spec_mount *vm_mount_above(const struct spec *spec, size_t i)
{
	const char *path = spec->mounts[i].destination;

	while (i-- > 0) {
		const struct spec_mount *m = &spec->mounts[i];

		if (vm_mount_has_option(m, "remount") ||
		    !vm_path_is_below(path, m->destination))
			continue;
		/* a bind in between brings the host's files back */
		return vm_mount_is_guests(m) ? m : NULL;
	}
	return NULL;
}
