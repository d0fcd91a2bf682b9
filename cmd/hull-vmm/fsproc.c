/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull-vmm/fsproc.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/sys.h"
#include "microvm/fs/fs.h"
#include "microvm/jail/jail.h"
#include "microvm/mem/mem.h"
#include "microvm/vmm.h"

/* How long the guest trusts what it knows of the root's own files. */
#define CACHE_MS 1000

/*
 * It holds the container's directories and the guest's memory, and nothing of
 * the workload's stdio: a reader at the other end must see its end when the VMM
 * is gone. A descriptor that can neither be read nor written takes their place.
 */
static int keep_own(const struct vm_config *config, const struct guest_mem *mem,
		    int ctl_fd, int root_fd, struct err *err)
{
	int keep[] = { ctl_fd, root_fd, config->proc_fd, mem->fd,
		       config->log_fd };

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (dup2(root_fd, fd) < 0)
			return err_sys(err, "cannot leave the stdio");
	return jail_keep_fds(keep, ARRAY_SIZE(keep), err);
}

/* Return: what fs_serve() does, or why it could not be called. */
static int serve(const struct vm_config *config, const struct guest_mem *mem,
		 int ctl_fd, struct err *err)
{
	struct jail_process jail = {
		.uid = config->fs_uid,
		.gid = config->fs_gid,
		.caps = JAIL_FS_CAPS,
		.files = JAIL_FILES_BELOW,
	};
	struct fs_config fs_config = {
		.proc_fd = config->proc_fd,
		.read_only = config->flags & VM_ROOT_READONLY,
		.cache_ms = CACHE_MS,
	};
	struct fs *fs;
	int rc;

	fs_config.root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fs_config.root_fd < 0)
		return err_sys(err, "cannot open the root directory");
	jail.below_fd = fs_config.root_fd;
	rc = keep_own(config, mem, ctl_fd, fs_config.root_fd, err);
	if (!rc)
		rc = jail_process(&jail, err);
	if (!rc)
		rc = fs_new(&fs_config, &fs, err);
	if (!rc)
		rc = jail_thread(JAIL_FS, err);
	if (!rc)
		rc = fs_serve(fs, mem, ctl_fd, err);
	return rc;
}

int fsproc_start(const struct vm_config *config, const struct guest_mem *mem,
		 struct fsproc *proc, struct err *err)
{
	struct err why = { 0 };
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return err_sys(err, "cannot make a socket for the file server");
	pid = fork();
	if (pid < 0) {
		int rc = err_sys(err, "cannot fork the file server");

		close(ends[0]);
		close(ends[1]);
		return rc;
	}
	if (!pid) {
		close(ends[0]);
		prctl(PR_SET_NAME, "hull-fs");
		if (serve(config, mem, ends[1], &why))
			log_line(LOG_LEVEL_ERROR, "%s", why.msg);
		_exit(why.code ? VMM_EXIT_SETUP : 0);
	}
	close(ends[1]);
	proc->ctl_fd = ends[0];
	proc->pidfd = sys_pidfd_open(pid, 0);
	if (proc->pidfd < 0) {
		/* it sees the end of the socket, and ends */
		auto_close_fd(&proc->ctl_fd);
		return err_sys(err, "cannot watch the file server");
	}
	return 0;
}
