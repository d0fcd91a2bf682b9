/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/auto.h"
#include "microvm/fs/ops.h"

/* From here to the end of the request req->node->fd is the directory's. */
static int need_dir(struct fs *fs, const struct req *req)
{
	int fd = node_dir_fd(&fs->nodes, req->node);

	return fd < 0 ? fd : 0;
}

/* Answer with the file that an operation has just made. */
static int made(struct fs *fs, struct req *req, const char *name)
{
	struct node *node;
	struct statx stx;
	int ret;

	fs->nodes.expect_known = req->head->opcode == FUSE_LINK;
	ret = node_lookup(&fs->nodes, req->node, name, &stx, &node);
	if (ret < 0)
		return ret;
	fs_entry(fs, req->node, node, &stx, (struct fuse_entry_out *)fs->out);
	return sizeof(struct fuse_entry_out);
}

/*
 * New files are the requester's, and set-group-ID stays only where that user
 * may have it: older guests leave this to the server.
 */
static int enter(struct fs *fs, const struct req *req, uint32_t umask,
		 uint32_t *mode)
{
	const struct fuse_in_header *head = req->head;
	int ret = cred_enter(&fs->cred, head->uid, head->gid, umask);

	if (ret < 0 || !head->uid || !(*mode & S_ISGID))
		return ret;
	if (!fs->cred.no_groups)
		*mode &= ~(uint32_t)S_ISGID;
	ret = cred_lower(&fs->cred);
	if (ret < 0)
		cred_leave(&fs->cred);
	return ret;
}

static void leave(struct fs *fs)
{
	cred_raise(&fs->cred);
	cred_leave(&fs->cred);
}

/* The two names of SYMLINK differ: any text is good for a target. */
static int symlink_names(const struct req *req, const char **name,
			 const char **target)
{
	struct req first = *req;
	size_t len = strnlen((const char *)req->arg, req->arg_len) + 1;
	int ret;

	if (len >= req->arg_len || req->arg[req->arg_len - 1])
		return -EINVAL;
	first.arg_len = len;
	ret = req_names(&first, 0, 1, name);
	*target = (const char *)req->arg + len;
	if (!ret && strlen(*target) + 1 != req->arg_len - len)
		ret = -EINVAL;
	return ret;
}

int op_symlink(struct fs *fs, struct req *req)
{
	const char *name, *target;
	uint32_t mode = 0;
	int ret = need_dir(fs, req);

	if (!ret)
		ret = symlink_names(req, &name, &target);
	if (!ret)
		ret = node_room(&fs->nodes);
	if (!ret)
		ret = enter(fs, req, 0, &mode);
	if (ret < 0)
		return ret;
	if (symlinkat(target, req->node->fd, name) < 0)
		ret = -errno;
	leave(fs);
	return ret < 0 ? ret : made(fs, req, name);
}

/*
 * Device nodes too, when the server has CAP_MKNOD: a container in a process
 * could make them as well. The server itself never opens one.
 */
int op_mknod(struct fs *fs, struct req *req)
{
	const struct fuse_mknod_in *in = (const struct fuse_mknod_in *)req->arg;
	dev_t dev = makedev((in->rdev & 0xfff00) >> 8,
			    (in->rdev & 0xff) | ((in->rdev >> 12) & 0xfff00));
	uint32_t mode = in->mode;
	const char *name;
	int ret = need_dir(fs, req);

	if (!ret)
		ret = req_names(req, sizeof(*in), 1, &name);
	if (!ret && S_ISDIR(in->mode))
		ret = -EPERM;
	if (!ret)
		ret = node_room(&fs->nodes);
	if (!ret)
		ret = enter(fs, req, in->umask, &mode);
	if (ret < 0)
		return ret;
	if (mknodat(req->node->fd, name, mode, dev) < 0)
		ret = -errno;
	leave(fs);
	return ret < 0 ? ret : made(fs, req, name);
}

int op_mkdir(struct fs *fs, struct req *req)
{
	const struct fuse_mkdir_in *in = (const struct fuse_mkdir_in *)req->arg;
	uint32_t mode = in->mode & 01777; /* set-group-ID is the parent's */
	const char *name;
	int ret = need_dir(fs, req);

	if (!ret)
		ret = req_names(req, sizeof(*in), 1, &name);
	if (!ret)
		ret = node_room(&fs->nodes);
	if (!ret)
		ret = enter(fs, req, in->umask, &mode);
	if (ret < 0)
		return ret;
	if (mkdirat(req->node->fd, name, mode) < 0)
		ret = -errno;
	leave(fs);
	return ret < 0 ? ret : made(fs, req, name);
}

static int remove_name(struct fs *fs, struct req *req, int flags)
{
	const char *name;
	int ret = need_dir(fs, req);

	if (!ret)
		ret = req_names(req, 0, 1, &name);
	if (!ret)
		ret = node_hold(&fs->nodes, req->node, name);
	if (ret < 0)
		return ret;
	return unlinkat(ret, name, flags) < 0 ? -errno : 0;
}

int op_unlink(struct fs *fs, struct req *req)
{
	return remove_name(fs, req, 0);
}

int op_rmdir(struct fs *fs, struct req *req)
{
	return remove_name(fs, req, AT_REMOVEDIR);
}

static int rename_name(struct fs *fs, struct req *req, size_t from,
		       uint64_t new_dir, unsigned int flags)
{
	struct node *to = node_get(&fs->nodes, new_dir);
	const char *names[2];
	int ret = req_names(req, from, 2, names);
	int old_fd, new_fd;

	if (ret < 0)
		return ret;
	if (!to)
		return -ESTALE;
	old_fd = node_hold(&fs->nodes, req->node, names[0]);
	if (old_fd < 0)
		return old_fd;
	new_fd = node_hold(&fs->nodes, to, names[1]);
	if (new_fd < 0)
		return new_fd;
	/* libc's own takes another call when there are no flags, and the
	 * server's filter has this one only */
	if (syscall(SYS_renameat2, old_fd, names[0], new_fd, names[1], flags) <
	    0)
		return -errno;
	return 0;
}

int op_rename(struct fs *fs, struct req *req)
{
	const struct fuse_rename_in *in =
		(const struct fuse_rename_in *)req->arg;

	return rename_name(fs, req, sizeof(*in), in->newdir, 0);
}

int op_rename2(struct fs *fs, struct req *req)
{
	const struct fuse_rename2_in *in =
		(const struct fuse_rename2_in *)req->arg;

	return rename_name(fs, req, sizeof(*in), in->newdir, in->flags);
}

int op_link(struct fs *fs, struct req *req)
{
	const struct fuse_link_in *in = (const struct fuse_link_in *)req->arg;
	struct node *old = node_get(&fs->nodes, in->oldnodeid);
	const char *name;
	char self[16];
	int ret = need_dir(fs, req);
	int fd;

	if (!old)
		return -ESTALE;
	if (!ret)
		ret = req_names(req, sizeof(*in), 1, &name);
	if (ret < 0)
		return ret;
	fd = node_fd(&fs->nodes, old);
	if (fd < 0)
		return fd;
	/* AT_EMPTY_PATH would need a capability of the first user namespace */
	snprintf(self, sizeof(self), "%d", fd);
	if (linkat(fs->self_fd, self, req->node->fd, name, AT_SYMLINK_FOLLOW) <
	    0)
		return -errno;
	return made(fs, req, name);
}

/* Descriptors and slots first: a file must not be made and then not told. */
static int create_room(struct fs *fs)
{
	int ret = node_room(&fs->nodes);

	return ret < 0 ? ret : handle_room(&fs->handles);
}

static int create_file(struct fs *fs, struct req *req, const char *name,
		       int flags)
{
	const struct fuse_create_in *in =
		(const struct fuse_create_in *)req->arg;
	uint32_t mode = in->mode & 07777;
	int ret = enter(fs, req, in->umask, &mode);
	int fd;

	if (ret < 0)
		return ret;
	fd = openat(req->node->fd, name, flags | O_CLOEXEC, mode);
	if (fd < 0)
		fd = -errno;
	leave(fs);
	return fd;
}

static int create_answer(struct fs *fs, struct req *req, const char *name,
			 int *fd, int flags)
{
	struct fuse_entry_out *entry = (struct fuse_entry_out *)fs->out;
	struct fuse_open_out *open =
		(struct fuse_open_out *)(fs->out + sizeof(*entry));
	struct node *node;
	struct statx stx;
	int path_fd = fs_reopen(fs, *fd, O_PATH);
	int ret;

	if (path_fd < 0)
		return path_fd;
	ret = node_adopt(&fs->nodes, req->node, name, path_fd, &stx, &node);
	if (ret < 0)
		return ret;
	fs_entry(fs, req->node, node, &stx, entry);
	fs_open_answer(fs, node, *fd, flags, open);
	open->fh = handle_add(&fs->handles, HANDLE_FILE, take_fd(fd),
			      node_id(node));
	return sizeof(*entry) + sizeof(*open);
}

/* The name is there already: as if LOOKUP and OPEN had come. */
static int create_existing(struct fs *fs, struct req *req, const char *name)
{
	const struct fuse_create_in *in =
		(const struct fuse_create_in *)req->arg;
	struct fuse_open_in open_in = { .flags = in->flags,
					.open_flags = in->open_flags };
	struct fuse_entry_out *entry = (struct fuse_entry_out *)fs->out;
	struct fuse_open_out *open =
		(struct fuse_open_out *)(fs->out + sizeof(*entry));
	struct node *node;
	struct statx stx;
	int ret;

	ret = node_lookup(&fs->nodes, req->node, name, &stx, &node);
	if (ret < 0)
		return ret;
	ret = fs_open_node(fs, node, &open_in, open);
	if (!ret && (in->flags & O_TRUNC))
		ret = node_stat(node->fd, &stx);
	if (ret < 0) {
		node_forget(&fs->nodes, node, 1);
		return ret;
	}
	fs_entry(fs, req->node, node, &stx, entry);
	return sizeof(*entry) + sizeof(*open);
}

int op_create(struct fs *fs, struct req *req)
{
	const struct fuse_create_in *in =
		(const struct fuse_create_in *)req->arg;
	const int flags = fs_file_flags(fs, in->flags);
	auto_fd int fd = -1;
	const char *name;
	int ret = need_dir(fs, req);

	if (!ret)
		ret = req_names(req, sizeof(*in), 1, &name);
	if (!ret && flags < 0)
		ret = flags;
	if (!ret)
		ret = create_room(fs);
	if (ret < 0)
		return ret;
	/*
	 * Always O_EXCL: whatever has the name may be a FIFO or a device, and
	 * opening those is not for the server.
	 */
	fd = create_file(fs, req, name, flags | O_CREAT | O_EXCL);
	if (fd == -EEXIST && !(in->flags & O_EXCL))
		return create_existing(fs, req, name);
	return fd < 0 ? fd : create_answer(fs, req, name, &fd, flags);
}

/* The kernel sends a name that means nothing. */
int op_tmpfile(struct fs *fs, struct req *req)
{
	const struct fuse_create_in *in =
		(const struct fuse_create_in *)req->arg;
	const int flags = fs_file_flags(fs, in->flags);
	auto_fd int fd = -1;
	int ret = need_dir(fs, req);

	if (!ret && flags < 0)
		ret = flags;
	if (!ret)
		ret = create_room(fs);
	if (ret < 0)
		return ret;
	fd = create_file(fs, req, ".",
			 flags | O_TMPFILE | (int)(in->flags & O_EXCL));
	return fd < 0 ? fd : create_answer(fs, req, "", &fd, flags);
}
