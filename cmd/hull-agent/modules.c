/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/module.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "cmd/hull-agent/agent.h"

#define LIST_BYTES 16384

/* A compressed one the kernel unpacks itself, from 5.17 on. */
static int load(int dir_fd, const char *name, struct err *err)
{
	auto_fd int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	size_t len = strlen(name);
	bool plain = len > 3 && !strcmp(name + len - 3, ".ko");

	if (fd < 0)
		return err_sys(err, "cannot open module '%s'", name);
	if (syscall(SYS_finit_module, fd, "",
		    plain ? 0 : MODULE_INIT_COMPRESSED_FILE) < 0 &&
	    errno != EEXIST)
		return err_sys(err, "cannot load module '%s'", name);
	return 0;
}

int modules_load(const char *dir, struct err *err)
{
	auto_fd int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_fd int fd = -1;
	char list[LIST_BYTES];
	ssize_t len;

	if (dir_fd < 0)
		return errno == ENOENT ? 0
				       : err_sys(err, "cannot open '%s'", dir);
	fd = openat(dir_fd, "list", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "cannot open '%s/list'", dir);
	len = io_read_full(fd, list, sizeof(list) - 1);
	if (len < 0)
		return err_code(err, (int)len, "cannot read '%s/list'", dir);
	list[len] = '\0';
	for (char *save = NULL, *name = strtok_r(list, "\n", &save); name;
	     name = strtok_r(NULL, "\n", &save)) {
		int ret = load(dir_fd, name, err);

		if (ret)
			return ret;
	}
	return 0;
}
