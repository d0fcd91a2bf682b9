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

/*
 * Filesystems of the kernel's own: "ro" concerns the mount, as their
 * superblock may be shared with the host or with other mounts of the
 * container. On a disk it concerns the superblock too.
 */
static const struct fs_kind {
	const char *type;
	bool labelled; /* takes linux.mountLabel, as in runc */
	/* Where the kernel refuses a new one because the namespace that it
	 * shows belongs to the host, the host's own shows the same. */
	const char *host_path;
	enum spec_ns_type ns;
} fs_kinds[] = {
	{ "proc", false, "/proc", SPEC_NS_PID },
	{ "sysfs", false, "/sys", SPEC_NS_NETWORK },
	{ "mqueue", false, "/dev/mqueue", SPEC_NS_IPC },
	{ "tmpfs", true, NULL, 0 },
	{ "devpts", true, NULL, 0 },
	{ "cgroup", false, NULL, 0 },
	{ "cgroup2", false, NULL, 0 },
	{ "ramfs", true, NULL, 0 },
	{ "bpf", true, NULL, 0 },
	{ "debugfs", true, NULL, 0 },
	{ "tracefs", true, NULL, 0 },
	{ "securityfs", true, NULL, 0 },
	{ "hugetlbfs", true, NULL, 0 },
	{ "binfmt_misc", true, NULL, 0 },
};

static const struct fs_kind *fs_kind_find(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(fs_kinds); i++)
		if (!strcmp(fs_kinds[i].type, type))
			return &fs_kinds[i];
	return NULL;
}

uint64_t fs_attrs(const struct mount_opts *opts)
{
	uint64_t attrs = opts->here.set;

	return (attrs & ~opts->below.clr) | opts->below.set;
}

static int fs_set(int fs_fd, size_t i, const char *key, const char *value,
		  struct err *err)
{
	int ret = mnt_fs_set(fs_fd, key, value);
	char why[256];

	if (!ret)
		return 0;
	mnt_fs_reason(fs_fd, why, sizeof(why));
	if (value && strlen(value) > 255)
		return mount_err(
			err, i, ".options", ret,
			"option '%s': its value is longer than the 255 bytes that the kernel takes: %s",
			key, err_text(ret));
	return mount_err(err, i, ".options", ret, "option '%s%s%s': %s%s", key,
			 value ? "=" : "", value ? value : "", err_text(ret),
			 why);
}

/*
 * overlay's list of layers may be longer than one fsconfig(2) string; since
 * Linux 6.8 it can be given layer by layer: "a:b::d" is lower layers a and b,
 * data-only layer d. "\:" is a colon of the path.
 */
static int fs_set_layers(int fs_fd, size_t i, char *list, struct err *err)
{
	const char *key = "lowerdir+";

	for (char *p = list; *p;) {
		char *out = p, *in = p;
		int ret;

		for (; *in && *in != ':'; in++) {
			if (in[0] == '\\' && in[1])
				in++;
			*out++ = *in;
		}
		if (*in)
			in++;
		*out = '\0';
		ret = fs_set(fs_fd, i, key, p, err);
		if (ret < 0)
			return ret;
		if (*in == ':') {
			key = "datadir+";
			in++;
		}
		p = in;
	}
	return 0;
}

static int fs_set_token(int fs_fd, size_t i, const char *type, char *token,
			struct err *err)
{
	char *value = strchr(token, '=');

	if (value)
		*value++ = '\0';
	/* each is one since Linux 4.7, and the word means nothing */
	if (!value && !strcmp(type, "devpts") && !strcmp(token, "newinstance"))
		return 0;
	if (value && !strcmp(type, "overlay") && !strcmp(token, "lowerdir") &&
	    strlen(value) > 255)
		return fs_set_layers(fs_fd, i, value, err);
	return fs_set(fs_fd, i, token, value, err);
}

/* The options that are not ours, in the order of the list. */
static int fs_set_data(int fs_fd, size_t i, const char *type,
		       const struct spec_mount *m, struct err *err)
{
	char token[MOUNT_TOKEN_MAX];

	for (size_t k = 0; k < m->option_count; k++) {
		const char *cursor = m->options[k];

		while (mount_opt_next(&cursor, token) > 0) {
			int ret;

			if (mount_opt_known(token))
				continue;
			ret = fs_set_token(fs_fd, i, type, token, err);
			if (ret < 0)
				return ret;
		}
	}
	return 0;
}

/* mount(2) took MS_I_VERSION from anybody; today only a filesystem that has
 * the option does, and for the others it never meant a thing. */
static int fs_set_sb(int fs_fd, size_t i, const struct mount_opts *opts,
		     bool clear, struct err *err)
{
	for (unsigned int bit = 1; bit <= MOUNT_SB_IVERSION; bit <<= 1) {
		bool set = opts->sb_set & bit;
		const char *name = mount_sb_name(bit, set);
		int ret;

		if (!name || !(set || (clear && opts->sb_clr & bit)))
			continue;
		if (bit == MOUNT_SB_IVERSION) {
			mnt_fs_set(fs_fd, name, NULL);
			continue;
		}
		ret = fs_set(fs_fd, i, name, NULL, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int fs_configure(struct rootfs *r, size_t i, const char *type, int fs_fd,
			int mode, struct err *err)
{
	const struct spec_mount *m = &r->cfg.spec->mounts[i];
	const struct mount_opts *opts = &r->plans[i].opts;
	const char *label = r->cfg.spec->linux_.mount_label;
	const struct fs_kind *kind = fs_kind_find(type);
	char text[16];
	int ret = 0;

	if (m->source && *m->source)
		ret = fs_set(fs_fd, i, "source", m->source, err);
	if (!ret && mode >= 0) {
		snprintf(text, sizeof(text), "%o", (unsigned int)mode);
		ret = fs_set(fs_fd, i, "mode", text, err);
	}
	if (!ret && label && *label && (!kind || kind->labelled))
		ret = fs_set(fs_fd, i, "context", label, err);
	if (!ret && !kind && fs_attrs(opts) & MOUNT_ATTR_RDONLY)
		ret = fs_set(fs_fd, i, "ro", NULL, err);
	if (!ret)
		ret = fs_set_sb(fs_fd, i, opts, false, err);
	if (!ret && opts->has_data)
		ret = fs_set_data(fs_fd, i, type, m, err);
	return ret;
}

int fs_make(struct rootfs *r, size_t i, const char *type, uint64_t attr_mask,
	    int mode, struct err *err)
{
	uint64_t attrs = fs_attrs(&r->plans[i].opts) & ~attr_mask;
	int fs_fd = mnt_fs_open(type);
	char why[256];
	int ret;

	if (fs_fd == -ENODEV)
		return mount_err(err, i, ".type", fs_fd,
				 "the kernel has no filesystem '%s': %s", type,
				 err_text(fs_fd));
	if (fs_fd < 0)
		return mount_err(err, i, "", fs_fd,
				 "cannot open filesystem '%s': %s", type,
				 err_text(fs_fd));
	fd_later(r, fs_fd);
	ret = fs_configure(r, i, type, fs_fd, mode, err);
	if (ret < 0)
		return ret;
	ret = mnt_fs_mount(fs_fd, (unsigned int)attrs);
	if (ret < 0)
		return mount_err(err, i, "", ret,
				 "cannot mount filesystem '%s': %s%s", type,
				 err_text(ret),
				 mnt_fs_reason(fs_fd, why, sizeof(why)));
	return ret;
}

/* Is the host's own mount the same as the one that the kernel refused? */
static bool host_shows_it(const struct rootfs *r, const struct fs_kind *kind,
			  int code)
{
	const struct spec_namespace *ns;

	if (code != -EPERM || !r->cfg.userns || !kind || !kind->host_path)
		return false;
	ns = spec_namespace(r->cfg.spec, kind->ns);
	return !ns || (kind->ns == SPEC_NS_NETWORK && !r->cfg.new_net_ns);
}

/*
 * Bound with what is below it, and the attributes go to all of it: a new sysfs
 * would have nothing below. Private, or what the host mounts there later would
 * come without them.
 */
static int fs_from_host(struct rootfs *r, size_t i, const struct fs_kind *kind,
			struct err *err)
{
	struct mount_attr attr = {
		.attr_set = fs_attrs(&r->plans[i].opts),
		.propagation = MS_PRIVATE,
	};
	int tree_fd;

	if (attr.attr_set & MOUNT_ATTR__ATIME)
		attr.attr_clr = MOUNT_ATTR__ATIME;
	tree_fd = mnt_clone(AT_FDCWD, kind->host_path, AT_RECURSIVE, &attr);
	if (tree_fd < 0)
		return mount_err(
			err, i, "", tree_fd,
			"cannot bind the host's '%s' in place of a new '%s': %s",
			kind->host_path, kind->type, err_text(tree_fd));
	return tree_fd;
}

int fs_make_or_bind(struct rootfs *r, size_t i, struct err *err)
{
	const char *type = r->cfg.spec->mounts[i].type;
	const struct fs_kind *kind = fs_kind_find(type);
	struct err why = { 0 };
	int tree_fd = fs_make(r, i, type, 0, -1, &why);

	if (tree_fd < 0 && host_shows_it(r, kind, tree_fd))
		return fs_from_host(r, i, kind, err);
	if (tree_fd < 0 && err)
		*err = why;
	return tree_fd;
}

/* The filesystem's own options, where "remount" comes with any. */
int fs_reconfigure(struct rootfs *r, size_t i, int fd, struct err *err)
{
	const struct mount_opts *opts = &r->plans[i].opts;
	const struct spec_mount *m = &r->cfg.spec->mounts[i];
	int fs_fd, ret;
	char why[256];

	if (!opts->has_data && !opts->sb_set && !opts->sb_clr)
		return 0;
	fs_fd = fspick(fd, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
	if (fs_fd < 0)
		return mount_err(err, i, "", -errno,
				 "cannot reconfigure '%s': %s", m->destination,
				 err_text(errno));
	fd_later(r, fs_fd);
	ret = fs_set_sb(fs_fd, i, opts, true, err);
	if (!ret && opts->has_data)
		ret = fs_set_data(fs_fd, i, "", m, err);
	if (ret < 0)
		return ret;
	if (fsconfig(fs_fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0)) {
		ret = -errno;
		return mount_err(err, i, ".options", ret,
				 "cannot reconfigure '%s': %s%s",
				 m->destination, err_text(ret),
				 mnt_fs_reason(fs_fd, why, sizeof(why)));
	}
	return 0;
}
