/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/vm.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "libcontainer/process/process.h"
#include "libcontainer/vm_mounts.h"

/*
 * The guest looks for the program when the container starts, which is late for
 * engines: they tell "not found" from other failures when they create it. So
 * the host looks as well, in the tree that it serves, and says so where the
 * guest could only say the same. What lies in file systems of the guest's own,
 * or at the end of links that lead nowhere here, is left to the guest.
 */

static bool is_hosts(const struct spec *spec, const char *dir)
{
	for (size_t i = 0; i < spec->mount_count; i++) {
		const struct spec_mount *m = &spec->mounts[i];

		if (vm_mount_is_guests(m) &&
		    vm_path_is_below(dir, m->destination))
			return false;
	}
	return true;
}

/*
 * @dir: made shorter until it is there. True if that is the host's, and no
 * link is what comes next.
 */
static bool is_certain(const struct spec *spec, char *path)
{
	char real[PATH_MAX];
	struct stat st;

	for (;;) {
		char *slash = strrchr(path, '/');

		if (!slash || (!lstat(path, &st) && S_ISLNK(st.st_mode)))
			return false;
		*slash = '\0';
		if (!chdir(slash == path ? "/" : path))
			return getcwd(real, sizeof(real)) &&
			       is_hosts(spec, real);
		if (errno != ENOENT && errno != ENOTDIR)
			return false;
	}
}

static bool all_certain(const struct spec *spec)
{
	const struct spec_process *p = &spec->process;
	const char *name = p->args[0], *dirs = "";
	char path[PATH_MAX];

	if (strchr(name, '/'))
		return name[0] == '/' &&
		       snprintf(path, sizeof(path), "%s", name) < PATH_MAX &&
		       is_certain(spec, path);
	for (size_t i = 0; i < p->env_count; i++)
		if (!strncmp(p->env[i], "PATH=", 5))
			dirs = p->env[i] + 5;
	for (const char *dir = dirs; *dirs && dir;) {
		size_t len = strcspn(dir, ":");

		if (*dir != '/' || /* from the process's cwd */
		    snprintf(path, sizeof(path), "%.*s/%s", (int)len, dir,
			     name) >= PATH_MAX ||
		    !is_certain(spec, path))
			return false;
		dir = dir[len] ? dir + len + 1 : NULL;
	}
	return true;
}

int vm_find_program(const struct vm *vm, struct err *err)
{
	auto_free char *path = NULL;
	struct err why = { 0 };
	int ret;

	ret = process_resolve(&vm->full->process, &path, &why);
	if (!ret || !all_certain(vm->full))
		ret = 0;
	if (chdir("/") < 0)
		return err_sys(err, "cannot enter '/'");
	if (ret && err)
		*err = why;
	return ret;
}
