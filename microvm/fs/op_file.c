/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/sabotage.h"
#include "base/sys.h"
#include "microvm/fs/iov.h"
#include "microvm/fs/ops.h"

#define COPY_MAX (16U << 20) /* others wait meanwhile; the guest asks on */

/*
 * What the guest's open(2) flags mean on the host. O_APPEND does not go there:
 * the page cache writes back at offsets of its own through any descriptor (see
 * op_write()). O_DIRECT neither: it goes around the guest's cache, while the
 * host's is what all users of the file share.
 */
int fs_file_flags(const struct fs *fs, uint32_t flags)
{
	const int pass = O_ACCMODE | O_TRUNC | O_NOATIME;
	int out = (int)flags & pass;

	if ((out & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	if (fs->read_only && !SABOTAGED("fs_read_only") &&
	    ((out & O_ACCMODE) != O_RDONLY || (out & O_TRUNC)))
		return -EROFS;
	return out;
}

/*
 * The guest's page cache of this file stays good over the open when the file
 * is as it was: nobody else changes what is on the root's own mount, and
 * elsewhere the time of the last change tells.
 */
static bool cache_is_good(const struct fs *fs, struct node *node, int fd)
{
	struct statx stx;
	uint64_t now;

	if (node->key.mnt_id == fs->root_mnt && fs->cache_ms)
		return true;
	if (node_stat(fd, &stx) < 0)
		return false;
	now = (uint64_t)stx.stx_ctime.tv_sec * 1000000000U +
	      stx.stx_ctime.tv_nsec;
	if (now == node->seen_ns)
		return true;
	node->seen_ns = now;
	return false;
}

void fs_open_answer(const struct fs *fs, struct node *node, int fd, int flags,
		    struct fuse_open_out *out)
{
	*out = (struct fuse_open_out){
		.open_flags = FOPEN_PARALLEL_DIRECT_WRITES,
	};
	if (cache_is_good(fs, node, fd))
		out->open_flags |= FOPEN_KEEP_CACHE;
	/* elsewhere close(2) can fail for writers */
	if ((flags & O_ACCMODE) == O_RDONLY ||
	    (fs->root_local && node->key.mnt_id == fs->root_mnt))
		out->open_flags |= FOPEN_NOFLUSH;
}

/* Files only: opening a device or a FIFO is for the guest's own kernel. */
static int check_type(const struct node *node)
{
	switch (node->type) {
	case S_IFREG:
		return 0;
	case S_IFDIR:
		return -EISDIR;
	case S_IFLNK:
		return -ELOOP;
	default:
		return SABOTAGED("fs_special") ? 0 : -ENXIO;
	}
}

int fs_open_node(struct fs *fs, struct node *node,
		 const struct fuse_open_in *in, struct fuse_open_out *out)
{
	int flags = fs_file_flags(fs, in->flags);
	auto_fd int fd = -1;
	int ret = check_type(node);
	int path_fd;

	if (!ret && flags < 0)
		ret = flags;
	if (!ret)
		ret = handle_room(&fs->handles);
	if (ret < 0)
		return ret;
	path_fd = node_fd(&fs->nodes, node);
	if (path_fd < 0)
		return path_fd;
	if (in->open_flags & FUSE_OPEN_KILL_SUIDGID)
		ret = cred_lower(&fs->cred);
	fd = ret < 0 ? ret : fs_reopen(fs, path_fd, flags);
	cred_raise(&fs->cred);
	if (fd < 0)
		return fd;
	fs_open_answer(fs, node, fd, flags, out);
	out->fh = handle_add(&fs->handles, HANDLE_FILE, take_fd(&fd),
			     node_id(node));
	return 0;
}

int op_open(struct fs *fs, struct req *req)
{
	int ret = fs_open_node(fs, req->node,
			       (const struct fuse_open_in *)req->arg,
			       (struct fuse_open_out *)fs->out);

	return ret < 0 ? ret : (int)sizeof(struct fuse_open_out);
}

static struct handle *file_of(struct fs *fs, const struct req *req, uint64_t fh)
{
	return handle_get(&fs->handles, fh, HANDLE_FILE, req->head->nodeid);
}

int op_read(struct fs *fs, struct req *req)
{
	const struct fuse_read_in *in = (const struct fuse_read_in *)req->arg;
	const struct handle *handle = file_of(fs, req, in->fh);
	size_t len = in->size < req->room ? in->size : req->room;
	unsigned int count;
	ssize_t got;

	if (!handle)
		return -EBADF;
	if (in->offset > INT64_MAX)
		return -EINVAL;
	if (len > FS_MAX_WRITE)
		len = FS_MAX_WRITE;
	count = iov_part(req->out, req->out_count,
			 sizeof(struct fuse_out_header), len, fs->iov);
	got = sys_preadv2(handle->fd, fs->iov, (int)count, (off_t)in->offset,
			  0);
	return got < 0 ? -errno : (int)got;
}

static int write_flags(const struct fuse_write_in *in)
{
	int flags = 0;

	if (in->write_flags & FUSE_WRITE_CACHE)
		return 0;
	if (in->flags & O_APPEND)
		flags |= RWF_APPEND;
	if ((in->flags & O_SYNC) == O_SYNC)
		flags |= RWF_SYNC;
	else if (in->flags & O_DSYNC)
		flags |= RWF_DSYNC;
	return flags;
}

/* Few files have the bits; a look costs less than changing capabilities. */
static int lower_for_write(struct fs *fs, const struct handle *handle,
			   const struct fuse_write_in *in)
{
	struct statx stx;
	int ret;

	if (!(in->write_flags & FUSE_WRITE_KILL_SUIDGID))
		return 0;
	ret = node_stat(handle->fd, &stx);
	if (ret < 0)
		return ret;
	return stx.stx_mode & (S_ISUID | S_ISGID) ? cred_lower(&fs->cred) : 0;
}

int op_write(struct fs *fs, struct req *req)
{
	const struct fuse_write_in *in = (const struct fuse_write_in *)req->arg;
	const struct handle *handle = file_of(fs, req, in->fh);
	struct fuse_write_out *out = (struct fuse_write_out *)fs->out;
	const size_t head = FS_HEAD_BYTES + sizeof(*in);
	unsigned int count;
	ssize_t put;
	int ret;

	if (!handle)
		return -EBADF;
	if (((in->size > FS_MAX_WRITE || in->size > req->head->len - head) &&
	     !SABOTAGED("fs_write_length")) ||
	    in->offset > INT64_MAX)
		return -EINVAL;
	ret = lower_for_write(fs, handle, in);
	if (ret < 0)
		return ret;
	count = iov_part(req->in, req->in_count, head, in->size, fs->iov);
	put = sys_pwritev2(handle->fd, fs->iov, (int)count, (off_t)in->offset,
			   write_flags(in));
	ret = put < 0 ? -errno : (int)put;
	cred_raise(&fs->cred);
	if (ret < 0)
		return ret;
	*out = (struct fuse_write_out){ .size = (uint32_t)ret };
	return sizeof(*out);
}

/* What close(2) would tell: an error of a network filesystem, or a quota. */
int op_flush(struct fs *fs, struct req *req)
{
	const struct fuse_flush_in *in = (const struct fuse_flush_in *)req->arg;
	const struct handle *handle = file_of(fs, req, in->fh);
	int fd;

	if (!handle)
		return -EBADF;
	fd = fcntl(handle->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0 || close(fd) < 0)
		return -errno;
	return 0;
}

int op_release(struct fs *fs, struct req *req)
{
	const struct fuse_release_in *in =
		(const struct fuse_release_in *)req->arg;
	struct handle *handle = file_of(fs, req, in->fh);

	if (!handle)
		return -EBADF;
	handle_close(&fs->handles, handle);
	return 0;
}

int op_fsync(struct fs *fs, struct req *req)
{
	const struct fuse_fsync_in *in = (const struct fuse_fsync_in *)req->arg;
	const struct handle *handle = file_of(fs, req, in->fh);
	int ret;

	if (!handle)
		return -EBADF;
	ret = in->fsync_flags & FUSE_FSYNC_FDATASYNC ? fdatasync(handle->fd)
						     : fsync(handle->fd);
	return ret < 0 ? -errno : 0;
}

int op_fallocate(struct fs *fs, struct req *req)
{
	const struct fuse_fallocate_in *in =
		(const struct fuse_fallocate_in *)req->arg;
	const struct handle *handle = file_of(fs, req, in->fh);

	if (!handle)
		return -EBADF;
	/* lengths over 2^63 are negative there, and refused */
	if (fallocate(handle->fd, (int)in->mode, (off_t)in->offset,
		      (off_t)in->length) < 0)
		return -errno;
	return 0;
}

int op_lseek(struct fs *fs, struct req *req)
{
	const struct fuse_lseek_in *in = (const struct fuse_lseek_in *)req->arg;
	const struct handle *handle = file_of(fs, req, in->fh);
	struct fuse_lseek_out *out = (struct fuse_lseek_out *)fs->out;
	off_t at;

	if (!handle)
		return -EBADF;
	/* the other kinds concern the guest's own file position */
	if (in->whence != SEEK_DATA && in->whence != SEEK_HOLE)
		return -EINVAL;
	at = lseek(handle->fd, (off_t)in->offset, (int)in->whence);
	if (at < 0)
		return -errno;
	*out = (struct fuse_lseek_out){ .offset = (uint64_t)at };
	return sizeof(*out);
}

int op_copy_file_range(struct fs *fs, struct req *req)
{
	const struct fuse_copy_file_range_in *in =
		(const struct fuse_copy_file_range_in *)req->arg;
	const struct handle *from = file_of(fs, req, in->fh_in);
	const struct handle *to = handle_get(&fs->handles, in->fh_out,
					     HANDLE_FILE, in->nodeid_out);
	struct fuse_write_out *out = (struct fuse_write_out *)fs->out;
	off_t at = (off_t)in->off_in, put = (off_t)in->off_out;
	ssize_t done;

	if (!from || !to)
		return -EBADF;
	if (in->flags)
		return -EINVAL;
	done = copy_file_range(from->fd, &at, to->fd, &put,
			       in->len < COPY_MAX ? in->len : COPY_MAX, 0);
	if (done < 0)
		return -errno;
	*out = (struct fuse_write_out){ .size = (uint32_t)done };
	return sizeof(*out);
}
