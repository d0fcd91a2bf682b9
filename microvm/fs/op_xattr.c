/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "microvm/fs/ops.h"

/*
 * Names of attributes that a guest may have: its own, file capabilities, ACLs.
 * "trusted." and the labels of the host's security modules mean something to
 * the host (overlayfs, SELinux) and are not for it.
 */
static const char *const allowed[] = {
	"user.",
	"security.capability",
	"system.posix_acl_access",
	"system.posix_acl_default",
};

static bool is_allowed(const char *name)
{
	if (!strncmp(name, allowed[0], strlen(allowed[0])))
		return true;
	for (size_t i = 1; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (!strcmp(name, allowed[i]))
			return true;
	return false;
}

/* Ends @name at or before the end of the request; the value follows. */
static int xattr_name(const struct req *req, size_t from, const char **name,
		      size_t *next)
{
	size_t room = req->arg_len - from;
	size_t len;

	*name = (const char *)req->arg + from;
	len = strnlen(*name, room);
	if (!len || len == room)
		return -EINVAL;
	if (len > XATTR_NAME_MAX)
		return -ERANGE;
	*next = from + len + 1;
	return is_allowed(*name) ? 0 : -EOPNOTSUPP;
}

/*
 * The file as a path: the working directory is /proc/self/fd, and its link
 * leads to the inode itself, be it a symbolic link or a device.
 */
static int xattr_path(struct fs *fs, struct req *req, char path[16])
{
	int fd = node_fd(&fs->nodes, req->node);

	if (fd < 0)
		return fd;
	snprintf(path, 16, "%d", fd);
	return 0;
}

int op_setxattr(struct fs *fs, struct req *req)
{
	const struct fuse_setxattr_in *in =
		(const struct fuse_setxattr_in *)req->arg;
	size_t fixed =
		fs->setxattr_ext ? sizeof(*in) : FUSE_COMPAT_SETXATTR_IN_SIZE;
	const char *name;
	char path[16];
	size_t value;
	int ret;

	if (req->arg_len < fixed)
		return -EINVAL;
	ret = xattr_name(req, fixed, &name, &value);
	if (ret < 0)
		return ret;
	if (in->size != req->arg_len - value)
		return -EINVAL;
	ret = xattr_path(fs, req, path);
	if (ret < 0)
		return ret;
	if (fs->setxattr_ext &&
	    (in->setxattr_flags & FUSE_SETXATTR_ACL_KILL_SGID))
		ret = cred_lower(&fs->cred);
	if (!ret && setxattr(path, name, req->arg + value, in->size,
			     (int)in->flags) < 0)
		ret = -errno;
	cred_raise(&fs->cred);
	return ret;
}

/* @len of fs->out, or only its length when the guest asks for that. */
static int sized_answer(struct fs *fs, const struct req *req, size_t asked,
			size_t len)
{
	struct fuse_getxattr_out *out = (struct fuse_getxattr_out *)fs->out;

	if (!asked) {
		*out = (struct fuse_getxattr_out){ .size = (uint32_t)len };
		return sizeof(*out);
	}
	return len > asked || len > req->room ? -ERANGE : (int)len;
}

int op_getxattr(struct fs *fs, struct req *req)
{
	const struct fuse_getxattr_in *in =
		(const struct fuse_getxattr_in *)req->arg;
	const char *name;
	char path[16];
	size_t end;
	ssize_t len;
	int ret = xattr_name(req, sizeof(*in), &name, &end);

	if (!ret && end != req->arg_len)
		ret = -EINVAL;
	if (!ret)
		ret = xattr_path(fs, req, path);
	if (ret < 0)
		return ret;
	len = getxattr(path, name, fs->out, sizeof(fs->out));
	return len < 0 ? -errno : sized_answer(fs, req, in->size, (size_t)len);
}

/* Leave only what the guest may have. Return: the new length. */
static size_t filter_list(char *list, size_t len)
{
	size_t kept = 0;

	for (size_t at = 0; at < len;) {
		size_t part = strlen(list + at) + 1;

		if (is_allowed(list + at)) {
			memmove(list + kept, list + at, part);
			kept += part;
		}
		at += part;
	}
	return kept;
}

int op_listxattr(struct fs *fs, struct req *req)
{
	const struct fuse_getxattr_in *in =
		(const struct fuse_getxattr_in *)req->arg;
	char path[16];
	ssize_t len;
	int ret = xattr_path(fs, req, path);

	if (ret < 0)
		return ret;
	len = listxattr(path, (char *)fs->out, sizeof(fs->out));
	if (len < 0)
		return -errno;
	return sized_answer(fs, req, in->size,
			    filter_list((char *)fs->out, (size_t)len));
}

int op_removexattr(struct fs *fs, struct req *req)
{
	const char *name;
	char path[16];
	size_t end;
	int ret = xattr_name(req, 0, &name, &end);

	if (!ret && end != req->arg_len)
		ret = -EINVAL;
	if (!ret)
		ret = xattr_path(fs, req, path);
	if (ret < 0)
		return ret;
	return removexattr(path, name) < 0 ? -errno : 0;
}
