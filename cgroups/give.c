/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "cgroups/cgroup.h"

static int give_one(int cg_fd, const char *file, uid_t uid)
{
	if (fchownat(cg_fd, file, uid, (gid_t)-1, AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno != ENOENT)
		return -errno;
	return 0;
}

int cg_give(int cg_fd, uid_t uid, struct err *err)
{
	/* before Linux 4.15 no file tells them */
	char names[1024] = "cgroup.procs\ncgroup.subtree_control\n"
			   "cgroup.threads\n";
	char *rest = NULL;
	auto_fd int dir_fd =
		open("/sys/kernel/cgroup", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int ret;

	if (dir_fd >= 0) {
		char text[sizeof(names)];

		if (io_read_text(dir_fd, "delegate", text, sizeof(text)) > 0)
			memcpy(names, text, sizeof(names));
	}
	ret = fchown(cg_fd, uid, (gid_t)-1) < 0 ? -errno : 0;
	for (char *f = strtok_r(names, "\n", &rest); !ret && f;
	     f = strtok_r(NULL, "\n", &rest)) {
		if (!strchr(f, '/'))
			ret = give_one(cg_fd, f, uid);
	}
	return ret ? err_code(err, ret, "cannot give the cgroup to uid %u",
			      (unsigned int)uid)
		   : 0;
}
