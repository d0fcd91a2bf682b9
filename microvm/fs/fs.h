/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_MICROVM_FS_FS_H
#define HULL_MICROVM_FS_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct err;
struct guest_mem;

/*
 * A FUSE server over directory descriptors (linux/fuse.h, protocol 7.31 to
 * 7.39). Nothing here knows virtio: a request is a list of buffers to read and
 * a list of buffers to write.
 */
struct fs;

/**
 * struct fs_config
 * @root_fd: O_PATH descriptor of the directory that is served, taken
 * @proc_fd: a procfs of the pid namespace that the server runs in, taken:
 *           inodes are opened again through its self/fd
 * @read_only: answer every change with EROFS, whatever the mounts say
 * @cache_ms: how long the guest may trust names and attributes on the root's
 *            own mount; on what is mounted below it at most one second, and
 *            there names that do not exist are not cached
 */
struct fs_config {
	int root_fd;
	int proc_fd;
	bool read_only;
	unsigned int cache_ms;
};

/**
 * fs_new() - a server. It belongs to a process of its own: the soft limit of
 * descriptors is raised to the hard one, the working directory becomes
 * /proc/self/fd, SIGXFSZ is ignored, supplementary groups are given up, and
 * each request may change umask(2) and the thread's filesystem ids (which
 * clears PR_SET_PDEATHSIG).
 *
 * Return: 0; -EMFILE (fewer than 256 descriptors allowed), -ENOTDIR, -ENOSYS
 * (a kernel older than 5.8), -ENOMEM or -errno.
 */
int fs_new(const struct fs_config *config, struct fs **fs, struct err *err);
void fs_free(struct fs *fs);

/**
 * fs_handle() - serve one request.
 * @in, @in_count:   what the guest sent, header first; copied once
 * @out, @out_count: room for the answer
 *
 * Return: bytes of the answer written to @out; 0 for requests that have none
 * (FORGET) and for those too broken to be answered.
 */
size_t fs_handle(struct fs *fs, const struct iovec *in, unsigned int in_count,
		 const struct iovec *out, unsigned int out_count);

/** fs_may_spin() - there was more than one CPU for it when it was made. */
bool fs_may_spin(const struct fs *fs);

/**
 * fs_serve() - main loop of the server's process: waits for FSDEV_START on
 * @ctl_fd (microvm/virtio/fsdev.h), serves the queues, ends when the other end
 * of @ctl_fd is closed.
 *
 * Return: 0, or -errno.
 */
int fs_serve(struct fs *fs, const struct guest_mem *mem, int ctl_fd,
	     struct err *err);

#endif
