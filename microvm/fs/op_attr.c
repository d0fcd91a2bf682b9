/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "microvm/fs/ops.h"

/* FUSE_STATX of protocol 7.39; the attributes are laid out as by statx(2). */
struct statx_in {
	uint32_t flags;
	uint32_t reserved;
	uint64_t fh;
	uint32_t sx_flags;
	uint32_t sx_mask;
};
struct statx_out {
	uint64_t attr_valid;
	uint32_t attr_valid_nsec;
	uint32_t flags;
	uint64_t spare[2];
	struct statx stat;
};
_Static_assert(sizeof(struct statx_in) == 24, "wire format");
_Static_assert(sizeof(struct statx_out) == 288, "wire format");

#define STATX_SENT (STATX_BASIC_STATS | STATX_BTIME)

/* as new_encode_dev() of the kernel has it */
static uint32_t encode_dev(uint32_t major, uint32_t minor)
{
	return (minor & 0xff) | major << 8 | (minor & ~0xffU) << 12;
}

void fs_attr(const struct statx *stx, struct fuse_attr *attr)
{
	*attr = (struct fuse_attr){
		.ino = stx->stx_ino,
		.size = stx->stx_size,
		.blocks = stx->stx_blocks,
		.atime = (uint64_t)stx->stx_atime.tv_sec,
		.mtime = (uint64_t)stx->stx_mtime.tv_sec,
		.ctime = (uint64_t)stx->stx_ctime.tv_sec,
		.atimensec = stx->stx_atime.tv_nsec,
		.mtimensec = stx->stx_mtime.tv_nsec,
		.ctimensec = stx->stx_ctime.tv_nsec,
		.mode = stx->stx_mode,
		.nlink = stx->stx_nlink,
		.uid = stx->stx_uid,
		.gid = stx->stx_gid,
		.rdev = encode_dev(stx->stx_rdev_major, stx->stx_rdev_minor),
		.blksize = stx->stx_blksize,
	};
}

/* What is mounted below the root (a volume) may have other users. */
unsigned int fs_cache_ms(const struct fs *fs, const struct node *node)
{
	if (node->key.mnt_id != fs->root_mnt && fs->cache_ms > FS_SHARED_MS)
		return FS_SHARED_MS;
	return fs->cache_ms;
}

void fs_entry(const struct fs *fs, const struct node *dir,
	      const struct node *node, const struct statx *stx,
	      struct fuse_entry_out *out)
{
	unsigned int ms = fs_cache_ms(fs, node);

	*out = (struct fuse_entry_out){ .nodeid = node_id(node),
					.entry_valid = ms / 1000,
					.attr_valid = ms / 1000,
					.entry_valid_nsec = ms % 1000 * 1000000,
					.attr_valid_nsec =
						ms % 1000 * 1000000 };
	fs_attr(stx, &out->attr);
	if (fs->submounts && node->type == S_IFDIR &&
	    (node->key.mnt_id != dir->key.mnt_id ||
	     node->key.dev_major != dir->key.dev_major ||
	     node->key.dev_minor != dir->key.dev_minor))
		out->attr.flags = FUSE_ATTR_SUBMOUNT;
}

int op_lookup(struct fs *fs, struct req *req)
{
	struct fuse_entry_out *out = (struct fuse_entry_out *)fs->out;
	unsigned int ms = fs_cache_ms(fs, req->node);
	struct node *node;
	struct statx stx;
	const char *name;
	int ret = req_names(req, 0, 1, &name);

	if (ret < 0)
		return ret;
	ret = node_lookup(&fs->nodes, req->node, name, &stx, &node);
	/* that a name is not there is trusted only where nobody else makes
	 * it */
	if (ret == -ENOENT && ms && req->node->key.mnt_id == fs->root_mnt) {
		*out = (struct fuse_entry_out){
			.entry_valid = ms / 1000,
			.entry_valid_nsec = ms % 1000 * 1000000,
		};
		return sizeof(*out);
	}
	if (ret < 0)
		return ret;
	fs_entry(fs, req->node, node, &stx, out);
	return sizeof(*out);
}

int op_forget(struct fs *fs, struct req *req)
{
	const struct fuse_forget_in *in =
		(const struct fuse_forget_in *)req->arg;

	node_forget(&fs->nodes, req->node, in->nlookup);
	return 0;
}

int op_batch_forget(struct fs *fs, struct req *req)
{
	const struct fuse_batch_forget_in *in =
		(const struct fuse_batch_forget_in *)req->arg;
	const struct fuse_forget_one *one =
		(const struct fuse_forget_one *)(req->arg + sizeof(*in));
	size_t there = (req->arg_len - sizeof(*in)) / sizeof(*one);

	for (size_t i = 0; i < in->count && i < there; i++) {
		struct node *node = node_get(&fs->nodes, one[i].nodeid);

		if (node)
			node_forget(&fs->nodes, node, one[i].nlookup);
	}
	return 0;
}

/* Attributes of an open file where there is one: nothing to open again. */
static int stat_of(struct fs *fs, struct req *req, bool has_fh, uint64_t fh,
		   struct statx *stx)
{
	const struct handle *handle = NULL;
	int fd;

	if (has_fh)
		handle = handle_get(&fs->handles, fh, HANDLE_FILE,
				    req->head->nodeid);
	fd = handle ? handle->fd : node_fd(&fs->nodes, req->node);
	return fd < 0 ? fd : node_stat(fd, stx);
}

static int attr_answer(struct fs *fs, struct req *req, const struct statx *stx)
{
	struct fuse_attr_out *out = (struct fuse_attr_out *)fs->out;
	unsigned int ms = fs_cache_ms(fs, req->node);

	*out = (struct fuse_attr_out){ .attr_valid = ms / 1000,
				       .attr_valid_nsec = ms % 1000 * 1000000 };
	fs_attr(stx, &out->attr);
	return sizeof(*out);
}

int op_getattr(struct fs *fs, struct req *req)
{
	const struct fuse_getattr_in *in =
		(const struct fuse_getattr_in *)req->arg;
	struct statx stx;
	int ret = stat_of(fs, req, in->getattr_flags & FUSE_GETATTR_FH, in->fh,
			  &stx);

	return ret < 0 ? ret : attr_answer(fs, req, &stx);
}

int op_statx(struct fs *fs, struct req *req)
{
	const struct statx_in *in = (const struct statx_in *)req->arg;
	struct statx_out *out = (struct statx_out *)fs->out;
	unsigned int ms = fs_cache_ms(fs, req->node);
	struct statx stx;
	int ret = stat_of(fs, req, in->flags & FUSE_GETATTR_FH, in->fh, &stx);

	if (ret < 0)
		return ret;
	*out = (struct statx_out){ .attr_valid = ms / 1000,
				   .attr_valid_nsec = ms % 1000 * 1000000,
				   .stat = stx };
	/* mount ids and the rest of the host's are not the guest's business */
	out->stat.stx_mask &= STATX_SENT;
	memset((char *)&out->stat + offsetof(struct statx, stx_mnt_id), 0,
	       sizeof(stx) - offsetof(struct statx, stx_mnt_id));
	return sizeof(*out);
}

static int set_owner(int path_fd, const struct fuse_setattr_in *in)
{
	uid_t uid = in->valid & FATTR_UID ? in->uid : (uid_t)-1;
	gid_t gid = in->valid & FATTR_GID ? in->gid : (gid_t)-1;

	if (!(in->valid & (FATTR_UID | FATTR_GID)))
		return 0;
	if (fchownat(path_fd, "", uid, gid,
		     AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int set_mode(const struct fs *fs, int path_fd,
		    const struct fuse_setattr_in *in)
{
	char name[16];

	if (!(in->valid & FATTR_MODE))
		return 0;
	snprintf(name, sizeof(name), "%d", path_fd);
	if (fchmodat(fs->self_fd, name, in->mode & 07777, 0) < 0)
		return -errno;
	return 0;
}

static int set_size(struct fs *fs, struct req *req, int path_fd,
		    const struct fuse_setattr_in *in)
{
	const struct handle *handle = NULL;
	auto_fd int mine = -1;
	int ret = 0;

	if (!(in->valid & FATTR_SIZE))
		return 0;
	if (req->node->type != S_IFREG)
		return req->node->type == S_IFDIR ? -EISDIR : -EINVAL;
	if (in->size > INT64_MAX)
		return -EFBIG;
	if (in->valid & FATTR_FH) {
		handle = handle_get(&fs->handles, in->fh, HANDLE_FILE,
				    req->head->nodeid);
		if (!handle)
			return -EBADF;
	} else {
		mine = fs_reopen(fs, path_fd, O_WRONLY);
		if (mine < 0)
			return mine;
	}
	if (in->valid & FATTR_KILL_SUIDGID)
		ret = cred_lower(&fs->cred);
	if (!ret && ftruncate(handle ? handle->fd : mine, (off_t)in->size) < 0)
		ret = -errno;
	cred_raise(&fs->cred);
	return ret;
}

static int set_times(int path_fd, const struct fuse_setattr_in *in)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
				     { .tv_nsec = UTIME_OMIT } };

	if (!(in->valid & (FATTR_ATIME | FATTR_MTIME)))
		return 0;
	if (in->valid & FATTR_ATIME_NOW)
		times[0].tv_nsec = UTIME_NOW;
	else if (in->valid & FATTR_ATIME)
		times[0] = (struct timespec){ .tv_sec = (time_t)in->atime,
					      .tv_nsec = in->atimensec };
	if (in->valid & FATTR_MTIME_NOW)
		times[1].tv_nsec = UTIME_NOW;
	else if (in->valid & FATTR_MTIME)
		times[1] = (struct timespec){ .tv_sec = (time_t)in->mtime,
					      .tv_nsec = in->mtimensec };
	/* Linux 5.8: an O_PATH descriptor itself, also of a symbolic link */
	if (utimensat(path_fd, "", times, AT_EMPTY_PATH) < 0)
		return -errno;
	return 0;
}

int op_setattr(struct fs *fs, struct req *req)
{
	const struct fuse_setattr_in *in =
		(const struct fuse_setattr_in *)req->arg;
	int fd = node_fd(&fs->nodes, req->node);
	struct statx stx;
	int ret;

	if (fd < 0)
		return fd;
	/* chown(2) clears set-user-ID: a mode asked for with it comes later */
	ret = set_owner(fd, in);
	if (!ret)
		ret = set_mode(fs, fd, in);
	if (!ret)
		ret = set_size(fs, req, fd, in);
	if (!ret)
		ret = set_times(fd, in);
	if (!ret)
		ret = node_stat(fd, &stx);
	return ret < 0 ? ret : attr_answer(fs, req, &stx);
}

int op_readlink(struct fs *fs, struct req *req)
{
	int fd = node_fd(&fs->nodes, req->node);
	ssize_t len;

	if (fd < 0)
		return fd;
	if (req->node->type != S_IFLNK)
		return -EINVAL;
	len = readlinkat(fd, "", (char *)fs->out, PATH_MAX);
	if (len < 0)
		return -errno;
	return (size_t)len > req->room ? -ENAMETOOLONG : (int)len;
}
