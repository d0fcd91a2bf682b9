/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statfs.h>

#include "base/auto.h"
#include "microvm/fs/ops.h"

/*
 * Not among them, by decision:
 *  - FUSE_POSIX_LOCKS and FUSE_FLOCK_LOCKS: a lock that waits cannot be waited
 *    for in a server of one thread. Without them the guest's kernel keeps the
 *    locks itself: right among all processes of the guest, unknown to others
 *    that share the directory.
 *  - FUSE_WRITEBACK_CACHE: what the guest has written is on the host's side
 *    when write(2) returns, as others that share the directory expect.
 */
#define WANTED                                                           \
	(FUSE_ASYNC_READ | FUSE_ATOMIC_O_TRUNC | FUSE_BIG_WRITES |       \
	 FUSE_DONT_MASK | FUSE_AUTO_INVAL_DATA | FUSE_DO_READDIRPLUS |   \
	 FUSE_READDIRPLUS_AUTO | FUSE_ASYNC_DIO | FUSE_PARALLEL_DIROPS | \
	 FUSE_HANDLE_KILLPRIV_V2 | FUSE_POSIX_ACL | FUSE_MAX_PAGES |     \
	 FUSE_CACHE_SYMLINKS | FUSE_SUBMOUNTS | FUSE_SETXATTR_EXT |      \
	 FUSE_INIT_EXT)

#define BACKGROUND 64U
#define CONGESTION 48U

int op_init(struct fs *fs, struct req *req)
{
	struct fuse_init_in in = { 0 };
	struct fuse_init_out *out = (struct fuse_init_out *)fs->out;
	size_t len = req->arg_len < sizeof(in) ? req->arg_len : sizeof(in);

	memcpy(&in, req->arg, len);
	fs_clear(fs);
	*out = (struct fuse_init_out){ .major = FUSE_KERNEL_VERSION,
				       .minor = FS_MINOR };
	/* a newer major version asks again, for the one it is told here */
	if (in.major > FUSE_KERNEL_VERSION)
		return sizeof(*out);
	if (in.major < FUSE_KERNEL_VERSION || in.minor < FS_MINOR_MIN)
		return -EPROTO;
	if (in.minor < FS_MINOR)
		out->minor = in.minor;
	out->max_readahead = in.max_readahead < FS_MAX_WRITE ? in.max_readahead
							     : FS_MAX_WRITE;
	out->flags = in.flags & (uint32_t)WANTED;
	out->max_background = BACKGROUND;
	out->congestion_threshold = CONGESTION;
	out->max_write = FS_MAX_WRITE;
	out->time_gran = 1;
	if (in.flags & FUSE_MAX_PAGES)
		out->max_pages = FS_MAX_PAGES;
	fs->submounts = in.flags & FUSE_SUBMOUNTS;
	fs->setxattr_ext = in.flags & FUSE_SETXATTR_EXT;
	fs->running = true;
	return sizeof(*out);
}

int op_destroy(struct fs *fs, struct req *req)
{
	(void)req;
	fs_clear(fs);
	return 0;
}

int op_statfs(struct fs *fs, struct req *req)
{
	struct fuse_statfs_out *out = (struct fuse_statfs_out *)fs->out;
	int fd = node_fd(&fs->nodes, req->node);
	struct statfs st;

	if (fd < 0)
		return fd;
	if (fstatfs(fd, &st) < 0)
		return -errno;
	*out = (struct fuse_statfs_out){
		.st = { .blocks = st.f_blocks,
			.bfree = st.f_bfree,
			.bavail = st.f_bavail,
			.files = st.f_files,
			.ffree = st.f_ffree,
			.bsize = (uint32_t)st.f_bsize,
			.namelen = (uint32_t)st.f_namelen,
			.frsize = (uint32_t)st.f_frsize },
	};
	return sizeof(*out);
}

int op_syncfs(struct fs *fs, struct req *req)
{
	int dir_fd = node_dir_fd(&fs->nodes, req->node);
	auto_fd int fd = -1;

	if (dir_fd < 0)
		return dir_fd;
	fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || syncfs(fd) < 0)
		return -errno;
	return 0;
}
