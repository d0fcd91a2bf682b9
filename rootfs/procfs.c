/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/magic.h>
#include <string.h>

#include "base/auto.h"
#include "base/path.h"
#include "base/sabotage.h"
#include "base/str.h"
#include "rootfs/internal.h"

/* What lxcfs and its like emulate; the list is runc's. */
static const char *const emulated[] = {
	"/proc/cpuinfo",
	"/proc/diskstats",
	"/proc/meminfo",
	"/proc/stat",
	"/proc/swaps",
	"/proc/uptime",
	"/proc/loadavg",
	"/proc/slabinfo",
	"/proc/sys/kernel/ns_last_pid",
	"/proc/sys/crypto/fips_enabled",
};

const char *proc_check(const char *path, const char *type, int tree_fd)
{
	if (!strcmp(path, "/"))
		return "the container's root cannot be mounted over";
	if (!strcmp(path, "/proc")) {
		if (type && !strcmp(type, "proc"))
			return NULL;
		if (!type && tree_fd >= 0 &&
		    (path_is_fs(tree_fd, PROC_SUPER_MAGIC) ||
		     SABOTAGED("procfs_bind")))
			return NULL;
		return "only a filesystem of type proc can be mounted there";
	}
	if (!str_starts(path, "/proc/") || SABOTAGED("procfs_inside"))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(emulated); i++)
		if (!strcmp(path, emulated[i]))
			return NULL;
	return "it cannot be mounted because it is inside /proc";
}
