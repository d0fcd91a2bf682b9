/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/path.h"
#include "base/sabotage.h"
#include "base/str.h"
#include "rootfs/internal.h"
#include "rootfs/mount_api.h"

int mount_err(struct err *err, size_t i, const char *member, int code,
	      const char *fmt, ...)
{
	char field[64], msg[1024];
	va_list args;

	snprintf(field, sizeof(field), "mounts[%zu]%s", i, member);
	va_start(args, fmt);
	vsnprintf(msg, sizeof(msg), fmt, args);
	va_end(args);
	return err_at(err, code, field, "%s", msg);
}

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory");
}

static bool is_bind(const struct spec_mount *m, const struct mount_opts *opts)
{
	return opts->what & MOUNT_BIND || (m->type && !strcmp(m->type, "bind"));
}

static enum mount_kind kind_of(const struct spec_mount *m,
			       const struct mount_opts *opts)
{
	if (opts->what & MOUNT_REMOUNT)
		return MOUNT_KIND_REMOUNT;
	if (is_bind(m, opts))
		return MOUNT_KIND_BIND;
	if (m->type &&
	    (!strcmp(m->type, "cgroup") || !strcmp(m->type, "cgroup2")))
		return MOUNT_KIND_CGROUP;
	return MOUNT_KIND_FS;
}

/* The first option of a bind mount that would have to go to a filesystem. */
static bool data_token(const struct spec_mount *m, char *token)
{
	for (size_t k = 0; k < m->option_count; k++) {
		const char *cursor = m->options[k];

		while (mount_opt_next(&cursor, token) > 0)
			if (!mount_opt_known(token))
				return true;
	}
	return false;
}

static int check_bind(size_t i, const struct spec_mount *m,
		      const struct mount_plan *plan, struct err *err)
{
	char token[MOUNT_TOKEN_MAX];

	if (!m->source || !*m->source)
		return mount_err(err, i, ".source", -EINVAL,
				 "a bind mount needs a source");
	if (plan->opts.has_data && data_token(m, token))
		return mount_err(
			err, i, ".options", -EINVAL,
			"unknown option '%s': a bind mount cannot have options of a filesystem",
			token);
	if (plan->opts.what & MOUNT_COPYUP)
		return mount_err(err, i, ".options", -EINVAL,
				 "tmpcopyup is for mounts of type tmpfs");
	return 0;
}

static int check_fs(size_t i, const struct spec_mount *m,
		    const struct mount_plan *plan, struct err *err)
{
	if (!m->type || !*m->type)
		return mount_err(
			err, i, ".type", -EINVAL,
			"a mount needs a type, or the option bind or rbind");
	if (plan->opts.what & MOUNT_IDMAP && plan->kind != MOUNT_KIND_FS)
		return mount_err(err, i, ".options", -EINVAL,
				 "a mount of type '%s' cannot be id-mapped",
				 m->type);
	if (plan->opts.what & MOUNT_COPYUP && strcmp(m->type, "tmpfs"))
		return mount_err(err, i, ".options", -EINVAL,
				 "tmpcopyup is for mounts of type tmpfs");
	return 0;
}

static int check_mount(size_t i, const struct spec_mount *m,
		       const struct mount_plan *plan, struct err *err)
{
	const char *type = plan->kind == MOUNT_KIND_BIND ? NULL : m->type;
	const char *why;

	if (plan->kind == MOUNT_KIND_BIND) {
		int ret = check_bind(i, m, plan, err);

		if (ret < 0)
			return ret;
	} else if (plan->kind != MOUNT_KIND_REMOUNT) {
		int ret = check_fs(i, m, plan, err);

		if (ret < 0)
			return ret;
	} else if (plan->opts.what & MOUNT_IDMAP) {
		return mount_err(err, i, ".options", -EINVAL,
				 "what is mounted cannot be id-mapped by a "
				 "remount");
	}
	/* a bind over /proc is judged by its source, when that is open */
	if (plan->kind == MOUNT_KIND_REMOUNT ||
	    (!type && !strcmp(plan->dest, "/proc")))
		return 0;
	why = proc_check(plan->dest, type, -1);
	return why ? mount_err(err, i, ".destination", -EPERM, "'%s': %s",
			       m->destination, why)
		   : 0;
}

static bool has_dot_dot(const char *path)
{
	for (const char *p = path; (p = strstr(p, "..")); p += 2)
		if ((p == path || p[-1] == '/') && (!p[2] || p[2] == '/'))
			return true;
	return false;
}

static int plan_paths(struct rootfs *r, size_t i, struct mount_plan *plan,
		      struct err *err)
{
	const struct spec_mount *m = &r->cfg.spec->mounts[i];
	char clean[PATH_MAX];

	if (path_clean(m->destination, clean, sizeof(clean)) < 0)
		return mount_err(err, i, ".destination", -ENAMETOOLONG,
				 "longer than a path may be");
	plan->dest = arena_strndup(&r->arena, clean, strlen(clean));
	plan->place = plan->dest;
	plan->plain = !has_dot_dot(m->destination);
	plan->source = m->source;
	if (plan->kind == MOUNT_KIND_BIND && m->source && m->source[0] != '/')
		plan->source = arena_printf(&r->arena, "%s/%s", r->cfg.bundle,
					    m->source);
	if (!plan->dest || (m->source && !plan->source))
		return no_memory(err);
	return 0;
}

static int plan_mount(struct rootfs *r, size_t i, struct err *err)
{
	const struct spec_mount *m = &r->cfg.spec->mounts[i];
	struct mount_plan *plan = &r->plans[i];
	int ret = mount_opts_parse(m->options, &plan->opts);

	if (ret < 0)
		return mount_err(
			err, i, ".options", ret,
			"an option is too long, or there are too many about propagation");
	plan->kind = kind_of(m, &plan->opts);
	/* runtime-spec: SHOULD stand beside the mappings; without it as runc */
	if (m->uid_map_count || m->gid_map_count)
		plan->opts.what |= MOUNT_IDMAP;
	ret = plan_paths(r, i, plan, err);
	if (ret < 0)
		return ret;
	ret = check_mount(i, m, plan, err);
	if (ret < 0)
		return ret;
	if (plan->kind == MOUNT_KIND_BIND && !strcmp(plan->dest, "/dev"))
		r->own_dev = false;
	if (r->cfg.left && r->cfg.left[i] == ROOTFS_POINT)
		plan->kind = MOUNT_KIND_POINT;
	if (r->cfg.left && r->cfg.left[i] == ROOTFS_NONE)
		plan->kind = MOUNT_KIND_NONE;
	return 0;
}

/* All problems at once, one line each. */
static int plan_all(struct rootfs *r, struct err *err)
{
	const struct spec *spec = r->cfg.spec;
	struct err all = { 0 };

	r->plans = arena_array(&r->arena, spec->mount_count + 1,
			       sizeof(*r->plans));
	if (!r->plans)
		return no_memory(err);
	for (size_t i = 0; i < spec->mount_count; i++)
		r->plans[i].tree_fd = r->plans[i].userns_fd = -1;
	for (size_t i = 0; i < spec->mount_count; i++) {
		struct err one = { 0 };

		if (plan_mount(r, i, &one) < 0)
			err_add(&all, one.code, NULL, "%s", one.msg);
		if (all.code && !all.field[0])
			memcpy(all.field, one.field, sizeof(all.field));
	}
	if (all.code && err)
		*err = all;
	return all.code;
}

/* Without a namespace for them, mounts would stay behind on the host. */
static int check_namespace(const struct rootfs *r, struct err *err)
{
	const struct spec *spec = r->cfg.spec;
	const struct spec_linux *l = &spec->linux_;
	static const char why[] =
		"not possible without a mount namespace: it would change the host";

	if (r->cfg.new_mount_ns || SABOTAGED("mount_namespace") ||
	    (spec_namespace(spec, SPEC_NS_MOUNT) && !r->cfg.own_mount_ns))
		return 0;
	if (spec->mount_count)
		return err_at(err, -EINVAL, "mounts", why);
	if (spec->root_readonly)
		return err_at(err, -EINVAL, "root.readonly", why);
	if (l->masked_count)
		return err_at(err, -EINVAL, "linux.maskedPaths", why);
	if (l->readonly_count)
		return err_at(err, -EINVAL, "linux.readonlyPaths", why);
	return 0;
}

static int check_label(const struct rootfs *r, struct err *err)
{
	const char *label = r->cfg.spec->linux_.mount_label;
	struct statfs fs;

	if (!label || !*label)
		return 0;
	if (statfs("/sys/fs/selinux", &fs) < 0 ||
	    (unsigned long)fs.f_type != SELINUX_MAGIC)
		return err_at(err, -EINVAL, "linux.mountLabel",
			      "SELinux is not enabled on this host");
	return 0;
}

/* The last component may not be a link; who owns the bundle owns the rest. */
static int check_root(const struct rootfs *r, struct err *err)
{
	auto_fd int fd = open(r->cfg.root_path,
			      O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_at(err, -errno, "root.path", "'%s': %s",
			      r->cfg.root_path, err_text(errno));
	return 0;
}

static bool has_cgroup_mount(const struct rootfs *r)
{
	for (size_t i = 0; i < r->cfg.spec->mount_count; i++)
		if (r->plans[i].kind == MOUNT_KIND_CGROUP)
			return true;
	return false;
}

static int open_sources(struct rootfs *r, struct err *err)
{
	int ret = 0;

	if (r->cfg.userns && r->cfg.new_mount_ns) {
		ret = tree_clone_host(r, AT_FDCWD, r->cfg.root_path,
				      AT_RECURSIVE | AT_SYMLINK_NOFOLLOW);
		r->root_tree_fd = ret < 0 ? -1 : ret;
		ret = 0;
	}
	for (size_t i = 0; !ret && i < r->cfg.spec->mount_count; i++) {
		if (r->plans[i].kind == MOUNT_KIND_BIND)
			ret = bind_prepare(r, i, err);
		else if (r->plans[i].kind == MOUNT_KIND_FS)
			ret = fs_idmap_prepare(r, i, err);
	}
	if (!ret && has_cgroup_mount(r))
		ret = cgroup_prepare(r, err);
	return ret;
}

static int open_all(struct rootfs *r, struct err *err)
{
	int ret = plan_all(r, err);

	if (!ret)
		ret = check_namespace(r, err);
	if (!ret)
		ret = check_label(r, err);
	if (!ret)
		ret = check_root(r, err);
	return ret ? ret : open_sources(r, err);
}

int rootfs_open(const struct rootfs_config *cfg, struct rootfs **out,
		struct err *err)
{
	struct rootfs *r = calloc(1, sizeof(*r));
	int ret;

	if (!r)
		return no_memory(err);
	r->cfg = *cfg;
	r->own_dev = !cfg->no_devices;
	r->self_fd = r->root_fd = r->root_tree_fd = r->null_fd = r->mask_fd =
		-1;
	r->pts_fd = r->cgroup_tree_fd = r->null_spare_fd = -1;
	r->proc_fd = r->sys_fd = -1;
	ret = open_all(r, err);
	if (ret < 0) {
		rootfs_free(r);
		return ret;
	}
	*out = r;
	return 0;
}

/* The host's own, before anything of the image is in reach. */
static int open_null(struct rootfs *r, struct err *err)
{
	int fd;

	if (!r->cfg.spec->linux_.masked_count)
		return 0;
	fd = host_device_clone("/dev/null", S_IFCHR, makedev(1, 3));
	if (fd == -ENXIO)
		return err_set(err, fd,
			       "the host's '/dev/null' is no null device");
	if (fd < 0)
		return err_code(err, fd, "cannot open the host's '/dev/null'");
	r->null_fd = fd;
	return 0;
}

static int make_cwd(struct rootfs *r, struct err *err)
{
	const char *cwd = r->cfg.spec->process.cwd;
	int fd;

	if (!cwd || !*cwd || !strcmp(cwd, "/"))
		return 0;
	fd = path_mkdir_in_root(r->root_fd, cwd, MOUNTPOINT_MODE);
	if (fd < 0)
		return err_at(err, fd, "process.cwd",
			      "cannot make the directory '%s': %s", cwd,
			      err_text(fd));
	fd_later(r, fd);
	return 0;
}

int rootfs_build(struct rootfs *r, struct err *err)
{
	int ret = root_attach(r, err);

	if (!ret)
		ret = open_null(r, err);
	if (!ret)
		ret = mount_all(r, err);
	if (!ret)
		ret = devices_make(r, err);
	return ret ? ret : make_cwd(r, err);
}

int rootfs_root_fd(const struct rootfs *r)
{
	return r->root_fd;
}

static void close_one(int fd)
{
	if (fd >= 0)
		close(fd);
}

void rootfs_free(struct rootfs *r)
{
	if (!r)
		return;
	close_one(r->self_fd);
	close_one(r->root_fd);
	close_one(r->root_tree_fd);
	close_one(r->null_fd);
	if (r->null_used)
		close_one(r->null_spare_fd);
	close_one(r->proc_fd);
	close_one(r->sys_fd);
	close_one(r->mask_fd);
	close_one(r->pts_fd);
	close_one(r->cgroup_tree_fd);
	for (size_t i = 0; r->plans && i < r->cfg.spec->mount_count; i++) {
		close_one(r->plans[i].tree_fd);
		close_one(r->plans[i].userns_fd);
	}
	for (size_t i = 0; i < r->fresh_count; i++) {
		close_one(r->fresh[i].mount_fd);
		if (r->fresh[i].write_fd != r->fresh[i].mount_fd)
			close_one(r->fresh[i].write_fd);
	}
	for (size_t i = 0; i < r->later_count; i++)
		close(r->later[i]);
	arena_release(&r->arena);
	free(r);
}
