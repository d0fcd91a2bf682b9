/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/sys.h"
#include "microvm/fs/ops.h"

#define GETDENTS_MIN 1024U /* one entry with the longest name, at least */
#define GETDENTS_MAX (32U << 10)

int op_opendir(struct fs *fs, struct req *req)
{
	struct fuse_open_out *out = (struct fuse_open_out *)fs->out;
	int dir_fd = node_dir_fd(&fs->nodes, req->node);
	auto_fd int fd = -1;
	int ret;

	if (dir_fd < 0)
		return dir_fd;
	ret = handle_room(&fs->handles);
	if (ret < 0)
		return ret;
	fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*out = (struct fuse_open_out){ 0 };
	/* where nobody else makes names, the guest sees each change itself */
	if (req->node->key.mnt_id == fs->root_mnt && fs->cache_ms)
		out->open_flags = FOPEN_CACHE_DIR | FOPEN_KEEP_CACHE;
	out->fh = handle_add(&fs->handles, HANDLE_DIR, take_fd(&fd),
			     req->head->nodeid);
	return sizeof(*out);
}

static struct handle *dir_of(struct fs *fs, const struct req *req, uint64_t fh)
{
	return handle_get(&fs->handles, fh, HANDLE_DIR, req->head->nodeid);
}

static bool is_dots(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/*
 * With attributes the guest need not ask for each. An entry that cannot be
 * looked up (gone meanwhile, no descriptor left) goes without: nodeid 0.
 */
static void add_entry(struct fs *fs, struct req *req, const char *name,
		      struct fuse_entry_out *out)
{
	struct node *node;
	struct statx stx;

	*out = (struct fuse_entry_out){ 0 };
	if (!is_dots(name) &&
	    !node_lookup(&fs->nodes, req->node, name, &stx, &node))
		fs_entry(fs, req->node, node, &stx, out);
}

/* getdents64(2): the kernel's struct is libc's where off_t has 64 bits */
_Static_assert(sizeof(ino_t) == 8 && sizeof(off_t) == 8 &&
		       offsetof(struct dirent, d_name) == 19,
	       "struct linux_dirent64");

/* Return: bytes added to fs->out, 0 when the entry does not fit in @room. */
static size_t add_dirent(struct fs *fs, struct req *req,
			 const struct dirent *ent, size_t at, size_t room)
{
	const bool plus = req->head->opcode == FUSE_READDIRPLUS;
	const size_t head = plus ? sizeof(struct fuse_entry_out) : 0;
	const size_t name_len = strlen(ent->d_name);
	const size_t len =
		head + FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + name_len);
	struct fuse_dirent *out = (struct fuse_dirent *)(fs->out + at + head);

	if (len > room - at)
		return 0;
	memset(fs->out + at + len - 8, 0, 8); /* padding after the name */
	if (plus)
		add_entry(fs, req, ent->d_name,
			  (struct fuse_entry_out *)(fs->out + at));
	out->ino = ent->d_ino;
	/* the number of what lies above the root is not the guest's business */
	if (req->node->index == NODE_ROOT && !strcmp(ent->d_name, ".."))
		out->ino = req->node->key.ino;
	out->off = (uint64_t)ent->d_off;
	out->namelen = (uint32_t)name_len;
	out->type = ent->d_type;
	memcpy(out->name, ent->d_name, name_len);
	return len;
}

/* Read about as much as there is room to answer with. */
static size_t getdents_size(const struct req *req, size_t room)
{
	/* 24 bytes or more there are 32 or more in the answer, 160 with
	 * attributes */
	size_t size =
		req->head->opcode == FUSE_READDIRPLUS ? room / 5 : room * 3 / 4;

	if (size < GETDENTS_MIN)
		return GETDENTS_MIN;
	return size > GETDENTS_MAX ? GETDENTS_MAX : size;
}

static int seek_dir(struct handle *handle, uint64_t offset)
{
	if (handle->pos == offset)
		return 0;
	if (lseek(handle->fd, (off_t)offset, SEEK_SET) < 0)
		return -errno;
	handle->pos = offset;
	return 0;
}

static int read_dir(struct fs *fs, struct req *req)
{
	const struct fuse_read_in *in = (const struct fuse_read_in *)req->arg;
	struct handle *handle = dir_of(fs, req, in->fh);
	_Alignas(8) char buf[GETDENTS_MAX];
	size_t room = in->size < req->room ? in->size : req->room;
	size_t done = 0;
	ssize_t got;
	int ret;

	if (!handle)
		return -EBADF;
	if (room > sizeof(fs->out))
		room = sizeof(fs->out);
	ret = seek_dir(handle, in->offset);
	if (ret < 0)
		return ret;
	got = sys_getdents64(handle->fd, buf, getdents_size(req, room));
	if (got < 0)
		return -errno;
	for (ssize_t at = 0; at < got;) {
		const struct dirent *ent = (const struct dirent *)(buf + at);
		size_t len = add_dirent(fs, req, ent, done, room);

		if (!len) { /* the descriptor is further than the answer */
			handle->pos = UINT64_MAX;
			return done ? (int)done : -EINVAL;
		}
		handle->pos = (uint64_t)ent->d_off;
		done += len;
		at += ent->d_reclen;
	}
	return (int)done;
}

int op_readdir(struct fs *fs, struct req *req)
{
	return read_dir(fs, req);
}

int op_readdirplus(struct fs *fs, struct req *req)
{
	return read_dir(fs, req);
}

int op_releasedir(struct fs *fs, struct req *req)
{
	const struct fuse_release_in *in =
		(const struct fuse_release_in *)req->arg;
	struct handle *handle = dir_of(fs, req, in->fh);

	if (!handle)
		return -EBADF;
	handle_close(&fs->handles, handle);
	return 0;
}

int op_fsyncdir(struct fs *fs, struct req *req)
{
	const struct fuse_fsync_in *in = (const struct fuse_fsync_in *)req->arg;
	const struct handle *handle = dir_of(fs, req, in->fh);
	int ret;

	if (!handle)
		return -EBADF;
	ret = in->fsync_flags & FUSE_FSYNC_FDATASYNC ? fdatasync(handle->fd)
						     : fsync(handle->fd);
	return ret < 0 ? -errno : 0;
}
