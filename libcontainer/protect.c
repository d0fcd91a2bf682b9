/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/container.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/sabotage.h"
#include "base/sys.h"
#include "libcontainer/protect.h"

/*
 * A process of the container can reach the file that a process of hull runs
 * from (/proc/PID/exe, "#!/proc/self/exe", an ELF interpreter of that name) and
 * write to it once nobody executes it (CVE-2019-5736). So hull never runs from
 * the installed file when it enters a container, but from the same file seen
 * through a detached, read-only mount: measured at 0.4 ms less than copying the
 * program to sealed memory, which serves where mounts are not allowed.
 *
 * The second run is recognised by looking, not by a flag that a caller could
 * set: the file system of /proc/self/exe is read-only, or it is a sealed memfd.
 */

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static bool is_readonly(void)
{
	struct statfs st;

	return statfs("/proc/self/exe", &st) == 0 && (st.f_flags & ST_RDONLY);
}

static bool is_sealed(int exe_fd)
{
	int seals = fcntl(exe_fd, F_GET_SEALS);

	return seals >= 0 && (seals & SEALS) == SEALS;
}

int protect_mount(int fd)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	auto_fd int tree_fd = -1;

	tree_fd = open_tree(
		fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (tree_fd < 0)
		return -errno;
	if (mount_setattr(tree_fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return -errno;
	return take_fd(&tree_fd);
}

/* Return: descriptor of a sealed copy in memory. */
static int sealed_copy(int exe_fd)
{
	auto_fd int mem_fd = -1;
	struct stat st;
	off_t done = 0;

	mem_fd = memfd_create("hull", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (mem_fd < 0 || fstat(exe_fd, &st) < 0)
		return -errno;
	while (done < st.st_size) {
		ssize_t n = sendfile(mem_fd, exe_fd, &done,
				     (size_t)(st.st_size - done));

		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;
	}
	if (fcntl(mem_fd, F_ADD_SEALS, SEALS) < 0)
		return -errno;
	return take_fd(&mem_fd);
}

int hull_protect(char *const argv[], struct err *err)
{
	auto_fd int exe_fd = -1;
	auto_fd int safe_fd = -1;

	if (is_readonly() || SABOTAGED("protect_program"))
		return 0;
	exe_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (exe_fd < 0)
		return err_sys(err, "cannot open /proc/self/exe");
	if (is_sealed(exe_fd))
		return 0;
	safe_fd = protect_mount(exe_fd);
	if (safe_fd < 0)
		safe_fd = sealed_copy(exe_fd);
	if (safe_fd < 0)
		return err_code(err, safe_fd,
				"cannot put hull's program out of reach");
	sys_execveat(safe_fd, "", argv, environ, AT_EMPTY_PATH);
	return err_sys(err, "cannot execute hull's protected program");
}

int hull_close_fds(unsigned int first)
{
	if (SABOTAGED("protect_close_fds"))
		return 0;
	return sys_close_range(first, ~0U, 0) < 0 ? -errno : 0;
}
