/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "rootfs/internal.h"
#include "rootfs/mount_api.h"

/* Does the list of options hold @key with a value? */
static bool has_data_key(const struct spec_mount *m, const char *key)
{
	char token[MOUNT_TOKEN_MAX];
	size_t len = strlen(key);

	for (size_t k = 0; k < m->option_count; k++) {
		const char *cursor = m->options[k];

		while (mount_opt_next(&cursor, token) > 0)
			if (!strncmp(token, key, len) && token[len] == '=')
				return true;
	}
	return false;
}

/* A tmpfs takes the mode of the directory that it covers, as in runc. */
static int tmpfs_mode(const struct spec_mount *m, const struct target *target)
{
	struct stat st;

	if (target->made || has_data_key(m, "mode") ||
	    fstat(target->fd, &st) < 0)
		return -1;
	return (int)(st.st_mode & 07777);
}

static int copy_up(struct rootfs *r, size_t i, const struct target *target,
		   int tree_fd, struct err *err)
{
	const struct spec_mount *m = &r->cfg.spec->mounts[i];
	struct err why = { 0 };
	int ret;

	/* a mount point that hull made is not the image's: its mode neither */
	if (target->made || !(r->plans[i].opts.what & MOUNT_COPYUP))
		return 0;
	ret = tmpfs_copy_up(target->fd, tree_fd, has_data_key(m, "mode"),
			    has_data_key(m, "uid") || has_data_key(m, "gid"),
			    &why);
	return ret < 0 ? mount_err(err, i, ".options", ret, "tmpcopyup: %s",
				   why.msg)
		       : 0;
}

/*
 * Read-only for the container, writable for what hull still has to put there:
 * two mounts of one tmpfs, of which only the read-only one is ever attached.
 *
 * Before Linux 6.15 a detached mount cannot be cloned (EINVAL). Then the clone
 * is made right after attaching, and the attached one changed by descriptor:
 * nothing of the container runs yet.
 */
static int attach_ro(struct rootfs *r, size_t i, int *tree_fd,
		     const struct target *target, int *write_fd,
		     struct err *err)
{
	static const struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY };
	int ret = mnt_clone(*tree_fd, "", 0, &ro);

	if (ret >= 0) {
		*write_fd = *tree_fd;
		*tree_fd = ret;
		return mount_attach(r, i, *tree_fd, target, err);
	}
	if (ret == -EINVAL) {
		ret = mount_attach(r, i, *tree_fd, target, err);
		if (ret < 0)
			return ret;
		ret = *write_fd = mnt_clone(*tree_fd, "", 0, NULL);
	}
	if (ret >= 0)
		ret = mnt_setattr(*tree_fd, 0, &ro);
	return ret < 0 ? mount_err(err, i, "", ret,
				   "cannot make the tmpfs read-only: %s",
				   err_text(ret))
		       : 0;
}

int tmpfs_mount(struct rootfs *r, size_t i, const struct target *target,
		struct err *err)
{
	const struct spec_mount *m = &r->cfg.spec->mounts[i];
	bool ro = fs_attrs(&r->plans[i].opts) & MOUNT_ATTR_RDONLY;
	const char *dest = r->plans[i].dest;
	int tree_fd = fs_make(r, i, "tmpfs", MOUNT_ATTR_RDONLY,
			      tmpfs_mode(m, target), err);
	int write_fd = -1, ret;

	if (tree_fd < 0)
		return tree_fd;
	ret = copy_up(r, i, target, tree_fd, err);
	if (!ret)
		ret = fs_idmap(r, i, tree_fd, err);
	if (!ret)
		ret = props_apply(r, i, tree_fd, err);
	if (!ret && ro)
		ret = attach_ro(r, i, &tree_fd, target, &write_fd, err);
	else if (!ret)
		ret = mount_attach(r, i, tree_fd, target, err);
	if (!ret && target->exact && (ro || !strcmp(dest, "/dev"))) {
		fresh_add(r, dest, tree_fd, ro ? write_fd : tree_fd);
		return 0;
	}
	fd_later(r, tree_fd);
	fd_later(r, write_fd);
	return ret;
}
