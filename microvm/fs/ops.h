/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_MICROVM_FS_OPS_H
#define HULL_MICROVM_FS_OPS_H

#include <linux/fuse.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "microvm/fs/cred.h"
#include "microvm/fs/handle.h"
#include "microvm/fs/node.h"

/* What linux/fuse.h of protocol 7.38 lacks. */
#define FS_MINOR 39U
#define FS_MINOR_MIN 31U
#define FS_OP_STATX 52U
#define FS_OPS (FS_OP_STATX + 1)

#define FS_MAX_WRITE (1U << 20)
#define FS_MAX_PAGES 256U
#define FS_NAME_MAX 255U
#define FS_MAX_IOV 256U
#define FS_IN_BYTES (72U << 10) /* an xattr of 64 KiB and its name */
#define FS_OUT_BYTES (64U << 10)
#define FS_HEAD_BYTES sizeof(struct fuse_in_header)
#define FS_SHARED_MS 1000U

/**
 * struct fs - the server; one thread.
 * @self_fd: /proc/self/fd, where an O_PATH descriptor is opened again
 * @root_mnt: mount id of the root: what lies on other mounts is shared
 * @root_local: close(2) of a file there does not fail
 * @running: INIT was answered
 * @submounts, @setxattr_ext: negotiated
 * @in: the request, but for the data of WRITE, copied once
 * @out: the answer, but for the data of READ, without its header
 */
struct fs {
	struct node_table nodes;
	struct handle_table handles;
	struct cred cred;
	int self_fd;
	uint64_t root_mnt;
	bool root_local;
	bool read_only;
	unsigned int cache_ms;
	bool running;
	bool may_spin;
	bool submounts;
	bool setxattr_ext;
	struct iovec iov[FS_MAX_IOV];
	_Alignas(8) uint8_t in[FS_IN_BYTES];
	_Alignas(8) uint8_t out[FS_OUT_BYTES];
};

/**
 * struct req - one request.
 * @head: its header, copied
 * @arg, @arg_len: what follows, copied: the fixed part is there whole, and for
 *                 WRITE nothing but that
 * @broken: longer or shorter than its header tells
 * @node: of head->nodeid, where the operation wants one
 * @in, @in_count: the guest's buffers, for the data of WRITE
 * @out, @out_count: the guest's buffers for the answer
 * @room: bytes they have for what follows the header
 */
struct req {
	const struct fuse_in_header *head;
	const uint8_t *arg;
	size_t arg_len;
	bool broken;
	struct node *node;
	const struct iovec *in;
	unsigned int in_count;
	const struct iovec *out;
	unsigned int out_count;
	size_t room;
};

/*
 * Operations. Return: length of the answer in fs->out (op_read(): in the
 * guest's buffers), or -errno.
 */
typedef int fs_op(struct fs *fs, struct req *req);
fs_op op_init, op_destroy, op_statfs, op_syncfs;
fs_op op_lookup, op_forget, op_batch_forget, op_getattr, op_statx, op_setattr;
fs_op op_readlink;
fs_op op_symlink, op_mknod, op_mkdir, op_unlink, op_rmdir, op_rename;
fs_op op_rename2, op_link, op_create, op_tmpfile;
fs_op op_open, op_read, op_write, op_flush, op_release, op_fsync, op_fallocate;
fs_op op_lseek, op_copy_file_range;
fs_op op_opendir, op_readdir, op_readdirplus, op_releasedir, op_fsyncdir;
fs_op op_setxattr, op_getxattr, op_listxattr, op_removexattr;

/** fs_clear() - forget everything but the root: a new session begins. */
void fs_clear(struct fs *fs);

/**
 * req_names() - the names that fill the rest of the request.
 * @from: where in @arg they begin
 *
 * Return: 0, -EINVAL: not exactly @count strings, or one is "", "." or "..", or
 * has a slash; -ENAMETOOLONG.
 */
int req_names(const struct req *req, size_t from, unsigned int count,
	      const char **names);

/** fs_reopen() - open what an O_PATH descriptor refers to. Return: fd, -errno.
 */
int fs_reopen(const struct fs *fs, int path_fd, int flags);

/** fs_attr() - attributes as the protocol has them. */
void fs_attr(const struct statx *stx, struct fuse_attr *attr);

/** fs_cache_ms() - how long the guest may trust what it knows of @node. */
unsigned int fs_cache_ms(const struct fs *fs, const struct node *node);

/** fs_entry() - the answer to whatever finds or makes a name in @dir. */
void fs_entry(const struct fs *fs, const struct node *dir,
	      const struct node *node, const struct statx *stx,
	      struct fuse_entry_out *out);

/** fs_open_node() - OPEN and the second half of CREATE. */
int fs_open_node(struct fs *fs, struct node *node,
		 const struct fuse_open_in *in, struct fuse_open_out *out);
/** fs_file_flags() - of open(2) that the server passes on; -EINVAL, -EROFS. */
int fs_file_flags(const struct fs *fs, uint32_t flags);
/** fs_open_answer() - for a file of which @fd was opened with @flags. */
void fs_open_answer(const struct fs *fs, struct node *node, int fd, int flags,
		    struct fuse_open_out *out);

#endif
