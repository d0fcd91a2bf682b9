/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/fs/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statfs.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/sabotage.h"
#include "microvm/fs/iov.h"
#include "microvm/fs/ops.h"

#define SPARE_FDS 64U /* queues, control, what one request opens */
#define MIN_FDS 256U
#define MAX_HANDLES 65536U

#define OP_NODE 1U   /* resolve nodeid */
#define OP_CHANGE 2U /* refused on a read-only server */
#define OP_QUIET 4U  /* has no answer */
#define OP_FIRST 8U  /* also before INIT */
#define OP_DATA 16U  /* the data after the fixed part stays where it is */

/**
 * struct op - one operation.
 * @in: bytes of the fixed part
 * @out: bytes of an answer of fixed length, which must have room before
 *       anything is done
 */
static const struct op {
	fs_op *call;
	uint16_t in;
	uint16_t out;
	unsigned int flags;
} ops[FS_OPS] = {
/* clang-format off */
#define IN(type) sizeof(struct fuse_##type)
	[FUSE_INIT] = { op_init, 16, IN(init_out), OP_FIRST },
	[FUSE_DESTROY] = { op_destroy, 0, 0, OP_FIRST },
	[FUSE_FORGET] = { op_forget, IN(forget_in), 0, OP_NODE | OP_QUIET },
	[FUSE_BATCH_FORGET] = { op_batch_forget, IN(batch_forget_in), 0, OP_QUIET },
	[FUSE_STATFS] = { op_statfs, 0, IN(statfs_out), OP_NODE },
	[FUSE_SYNCFS] = { op_syncfs, IN(syncfs_in), 0, OP_NODE },
	[FUSE_LOOKUP] = { op_lookup, 0, IN(entry_out), OP_NODE },
	[FUSE_GETATTR] = { op_getattr, IN(getattr_in), IN(attr_out), OP_NODE },
	[FS_OP_STATX] = { op_statx, 24, 288, OP_NODE },
	[FUSE_SETATTR] = { op_setattr, IN(setattr_in), IN(attr_out), OP_NODE | OP_CHANGE },
	[FUSE_READLINK] = { op_readlink, 0, 0, OP_NODE },
	[FUSE_SYMLINK] = { op_symlink, 0, IN(entry_out), OP_NODE | OP_CHANGE },
	[FUSE_MKNOD] = { op_mknod, IN(mknod_in), IN(entry_out), OP_NODE | OP_CHANGE },
	[FUSE_MKDIR] = { op_mkdir, IN(mkdir_in), IN(entry_out), OP_NODE | OP_CHANGE },
	[FUSE_UNLINK] = { op_unlink, 0, 0, OP_NODE | OP_CHANGE },
	[FUSE_RMDIR] = { op_rmdir, 0, 0, OP_NODE | OP_CHANGE },
	[FUSE_RENAME] = { op_rename, IN(rename_in), 0, OP_NODE | OP_CHANGE },
	[FUSE_RENAME2] = { op_rename2, IN(rename2_in), 0, OP_NODE | OP_CHANGE },
	[FUSE_LINK] = { op_link, IN(link_in), IN(entry_out), OP_NODE | OP_CHANGE },
	[FUSE_CREATE] = { op_create, IN(create_in), IN(entry_out) + IN(open_out), OP_NODE | OP_CHANGE },
	[FUSE_TMPFILE] = { op_tmpfile, IN(create_in), IN(entry_out) + IN(open_out), OP_NODE | OP_CHANGE },
	[FUSE_OPEN] = { op_open, IN(open_in), IN(open_out), OP_NODE },
	[FUSE_READ] = { op_read, IN(read_in), 0, 0 },
	[FUSE_WRITE] = { op_write, IN(write_in), IN(write_out), OP_CHANGE | OP_DATA },
	[FUSE_FLUSH] = { op_flush, IN(flush_in), 0, 0 },
	[FUSE_RELEASE] = { op_release, IN(release_in), 0, 0 },
	[FUSE_FSYNC] = { op_fsync, IN(fsync_in), 0, 0 },
	[FUSE_FALLOCATE] = { op_fallocate, IN(fallocate_in), 0, OP_CHANGE },
	[FUSE_LSEEK] = { op_lseek, IN(lseek_in), IN(lseek_out), 0 },
	[FUSE_COPY_FILE_RANGE] = { op_copy_file_range, IN(copy_file_range_in), IN(write_out), OP_CHANGE },
	[FUSE_OPENDIR] = { op_opendir, IN(open_in), IN(open_out), OP_NODE },
	[FUSE_READDIR] = { op_readdir, IN(read_in), 0, OP_NODE },
	[FUSE_READDIRPLUS] = { op_readdirplus, IN(read_in), 0, OP_NODE },
	[FUSE_RELEASEDIR] = { op_releasedir, IN(release_in), 0, 0 },
	[FUSE_FSYNCDIR] = { op_fsyncdir, IN(fsync_in), 0, 0 },
	[FUSE_SETXATTR] = { op_setxattr, FUSE_COMPAT_SETXATTR_IN_SIZE, 0, OP_NODE | OP_CHANGE },
	[FUSE_GETXATTR] = { op_getxattr, IN(getxattr_in), IN(getxattr_out), OP_NODE },
	[FUSE_LISTXATTR] = { op_listxattr, IN(getxattr_in), IN(getxattr_out), OP_NODE },
	[FUSE_REMOVEXATTR] = { op_removexattr, 0, 0, OP_NODE | OP_CHANGE },
#undef IN
	/* clang-format on */
};

/*
 * As many descriptors as this process may have: each inode that the guest knows
 * takes one.
 */
static uint32_t fd_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	if (limit.rlim_cur < limit.rlim_max) {
		rlim_t before = limit.rlim_cur;

		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			limit.rlim_cur = before;
	}
	return limit.rlim_cur > NODE_MAX ? NODE_MAX : (uint32_t)limit.rlim_cur;
}

/*
 * Where closing a file has nothing to tell: all that was written is in this
 * machine's page cache, and errors come from fsync(2).
 */
static bool is_local(int fd)
{
	static const uint32_t types[] = {
		EXT4_SUPER_MAGIC,     XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC,
		F2FS_SUPER_MAGIC,     TMPFS_MAGIC,     OVERLAYFS_SUPER_MAGIC,
		EROFS_SUPER_MAGIC_V1,
	};
	struct statfs st;

	if (fstatfs(fd, &st) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if ((uint32_t)st.f_type == types[i])
			return true;
	return false;
}

static int init_tables(struct fs *fs, int root_fd, struct err *err)
{
	uint32_t fds = fd_limit();
	uint32_t handles = fds / 4;
	int ret;

	if (fds < MIN_FDS)
		return err_set(err, -EMFILE,
			       "fs: %u descriptors are not enough (%u are)",
			       fds, MIN_FDS);
	if (handles > MAX_HANDLES)
		handles = MAX_HANDLES;
	ret = nodes_init(&fs->nodes, root_fd, fds - handles - SPARE_FDS);
	if (ret < 0)
		return err_code(err, ret, "fs: cannot serve the root");
	handles_init(&fs->handles, handles);
	fs->root_mnt = node_at(&fs->nodes, NODE_ROOT)->key.mnt_id;
	fs->root_local = is_local(root_fd);
	return 0;
}

bool fs_may_spin(const struct fs *fs)
{
	return fs->may_spin;
}

int fs_new(const struct fs_config *config, struct fs **out, struct err *err)
{
	auto_fd int root_fd = config->root_fd;
	auto_fd int proc_fd = config->proc_fd;
	auto_fd int self_fd = -1;
	auto_free struct fs *fs = calloc(1, sizeof(*fs));
	cpu_set_t cpus;
	int ret;

	if (!fs)
		return err_set(err, -ENOMEM, "fs: out of memory");
	self_fd = openat(proc_fd, "self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (self_fd < 0)
		return err_sys(err, "fs: cannot open 'self/fd' of procfs");
	/* extended attributes of an O_PATH descriptor: by a relative path, as
	 * there may be no /proc, and setxattrat(2) is of Linux 6.13 */
	if (fchdir(self_fd) < 0)
		return err_sys(err, "fs: cannot change to 'self/fd'");
	ret = cred_init(&fs->cred);
	if (ret < 0)
		return err_code(err, ret, "fs: cannot read capabilities");
	ret = init_tables(fs, root_fd, err);
	if (ret < 0)
		return ret;
	(void)take_fd(&root_fd);
	fs->self_fd = take_fd(&self_fd);
	fs->read_only = config->read_only;
	fs->cache_ms = config->cache_ms;
	fs->may_spin = !sched_getaffinity(0, sizeof(cpus), &cpus) &&
		       CPU_COUNT(&cpus) > 1;
	/* a write over RLIMIT_FSIZE is the guest's EFBIG, not our end */
	signal(SIGXFSZ, SIG_IGN);
	*out = take_ptr(&fs);
	return 0;
}

void fs_free(struct fs *fs)
{
	if (!fs)
		return;
	handles_release(&fs->handles);
	nodes_release(&fs->nodes);
	close(fs->self_fd);
	free(fs);
}

void fs_clear(struct fs *fs)
{
	handles_clear(&fs->handles);
	nodes_clear(&fs->nodes);
	fs->running = false;
}

int fs_reopen(const struct fs *fs, int path_fd, int flags)
{
	char name[16];
	int fd;

	snprintf(name, sizeof(name), "%d", path_fd);
	fd = openat(fs->self_fd, name, flags | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

static int check_name(const char *name, size_t len)
{
	if ((!len || !strcmp(name, ".") || !strcmp(name, "..") ||
	     memchr(name, '/', len)) &&
	    !SABOTAGED("fs_name"))
		return -EINVAL;
	return len > FS_NAME_MAX ? -ENAMETOOLONG : 0;
}

int req_names(const struct req *req, size_t from, unsigned int count,
	      const char **names)
{
	for (unsigned int i = 0; i < count; i++) {
		const char *name = (const char *)req->arg + from;
		size_t len = strnlen(name, req->arg_len - from);
		int ret;

		if (len == req->arg_len - from) /* no NUL */
			return -EINVAL;
		ret = check_name(name, len);
		if (ret < 0)
			return ret;
		names[i] = name;
		from += len + 1;
	}
	return from == req->arg_len ? 0 : -EINVAL;
}

/* What must be true before an operation is called. */
static int prepare(struct fs *fs, const struct op *op, struct req *req)
{
	if (!op->call)
		return -ENOSYS;
	if (!fs->running && !(op->flags & OP_FIRST))
		return -EIO;
	if (req->broken || req->arg_len < op->in || req->room < op->out)
		return -EINVAL;
	if (fs->read_only && (op->flags & OP_CHANGE) &&
	    !SABOTAGED("fs_read_only"))
		return -EROFS;
	if (op->flags & OP_NODE) {
		req->node = node_get(&fs->nodes, req->head->nodeid);
		if (!req->node)
			return -ESTALE;
	}
	return 0;
}

/*
 * The header and what belongs to it, once: from here on the guest cannot change
 * it. The length that the header tells must be there; more is passed over.
 */
static const struct op *copy_in(struct fs *fs, struct req *req)
{
	static const struct op unknown = { 0 };
	struct fuse_in_header *head = (struct fuse_in_header *)fs->in;
	const struct op *op = &unknown;
	size_t want;

	req->head = head;
	if (iov_read(req->in, req->in_count, 0, head, FS_HEAD_BYTES) <
	    FS_HEAD_BYTES)
		return NULL;
	if (head->opcode < FS_OPS)
		op = &ops[head->opcode];
	if (head->len < FS_HEAD_BYTES ||
	    head->len > iov_bytes(req->in, req->in_count)) {
		req->broken = true;
		return op;
	}
	want = head->len - FS_HEAD_BYTES;
	if ((op->flags & OP_DATA) && want > op->in)
		want = op->in;
	req->broken = want > FS_IN_BYTES - FS_HEAD_BYTES;
	if (req->broken)
		return op;
	req->arg = fs->in + FS_HEAD_BYTES;
	req->arg_len = iov_read(req->in, req->in_count, FS_HEAD_BYTES,
				fs->in + FS_HEAD_BYTES, want);
	return op;
}

static size_t answer(struct fs *fs, const struct req *req, int ret)
{
	struct fuse_out_header head = { .unique = req->head->unique };
	size_t len = ret < 0 ? 0 : (size_t)ret;

	if (len > req->room) {
		ret = -EIO;
		len = 0;
	}
	head.len = (uint32_t)(sizeof(head) + len);
	head.error = ret < 0 ? ret : 0;
	iov_write(req->out, req->out_count, 0, &head, sizeof(head));
	if (req->head->opcode != FUSE_READ)
		iov_write(req->out, req->out_count, sizeof(head), fs->out, len);
	return head.len;
}

size_t fs_handle(struct fs *fs, const struct iovec *in, unsigned int in_count,
		 const struct iovec *out, unsigned int out_count)
{
	struct req req = { .in = in,
			   .in_count = in_count,
			   .out = out,
			   .out_count = out_count };
	size_t room = iov_bytes(out, out_count);
	const struct op *op;
	int ret;

	if (in_count > FS_MAX_IOV || out_count > FS_MAX_IOV)
		return 0;
	op = copy_in(fs, &req);
	if (!op)
		return 0;
	if (room >= sizeof(struct fuse_out_header))
		req.room = room - sizeof(struct fuse_out_header);
	else if (!(op->flags & OP_QUIET))
		return 0;
	/* the protocol answers neither INTERRUPT nor FORGET; a request is over
	 * before the next one is read, so there is nothing to interrupt */
	if (req.head->opcode == FUSE_INTERRUPT)
		return 0;
	fs->nodes.epoch++;
	ret = prepare(fs, op, &req);
	if (!ret)
		ret = op->call(fs, &req);
	return op->flags & OP_QUIET ? 0 : answer(fs, &req, ret);
}
