/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_ROOTFS_INTERNAL_H
#define HULL_ROOTFS_INTERNAL_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "rootfs/mount_opt.h"
#include "rootfs/rootfs.h"
#include "spec/spec.h"

struct err;
struct mount_attr;

#define ROOTFS_FRESH_MAX 16
#define ROOTFS_LATER_MAX 64
#define ROOTFS_LATER_FD 48 /* numbers from here on: time to close some */
#define MOUNTPOINT_MODE 0755
#define MOUNTPOINT_FILE_MODE 0644

enum mount_kind {
	MOUNT_KIND_FS, /* a new filesystem of spec's type */
	MOUNT_KIND_BIND,
	MOUNT_KIND_CGROUP,
	MOUNT_KIND_REMOUNT,
	MOUNT_KIND_POINT, /* left to a guest: only the place is made */
	MOUNT_KIND_NONE,  /* left to a guest, with its place */
};

/**
 * struct mount_plan - one entry of spec->mounts, checked.
 * @dest:    destination, cleaned as text
 * @place:   where that is, of one that is in place; else @dest
 * @plain:   @dest names what the destination names, links aside (no "..")
 * @source:  of a bind mount: absolute host path
 * @tree_fd: the source, cloned by the parent, or -1
 * @userns_fd: of a new filesystem that is to be id-mapped, or -1
 */
struct mount_plan {
	enum mount_kind kind;
	const char *dest;
	const char *place;
	bool plain;
	const char *source;
	struct mount_opts opts;
	int tree_fd;
	int userns_fd;
};

/**
 * struct fresh - a tmpfs of hull's own making whose inside is still ours: no
 * link that leads anywhere can stand in it.
 * @dest:     where it is attached, cleaned
 * @mount_fd: the attached mount
 * @write_fd: a mount of the same filesystem that may be written: @mount_fd, or
 *            for a read-only one a detached clone from before it became so.
 *            Mount points and nodes are made through it, so that "ro" needs no
 *            deferred remount.
 */
struct fresh {
	const char *dest;
	int mount_fd;
	int write_fd;
};

struct rootfs {
	struct rootfs_config cfg;
	struct arena arena;
	struct mount_plan *plans; /* spec->mount_count */
	bool own_dev;             /* nodes are made in /dev */

	unsigned int prepared; /* sources that the parent has cloned */

	int self_fd;        /* pidfd of this process, to reach its namespace */
	int root_fd;        /* the container's "/" */
	int root_tree_fd;   /* user namespace: root.path cloned by the parent */
	bool root_readonly; /* linux.readonlyPaths names "/" */
	bool root_on_top; /* attached over "/", as root.path was out of reach */
	char root_link[PATH_MAX]; /* what root_fd is called; "" until asked */

	int null_fd; /* clone of the host's /dev/null */
	bool null_used;
	int null_spare_fd;  /* it, or another clone, attached nowhere yet */
	int proc_fd;        /* the procfs that hull mounted on /proc, or -1 */
	int sys_fd;         /* the sysfs on /sys, or -1 */
	int mask_fd;        /* the read-only tmpfs that masks directories */
	int pts_fd;         /* the devpts mounted on /dev/pts, or -1 */
	int cgroup_tree_fd; /* the container's cgroup, or -1 */
	bool cgroup_used;
	const char *cgroup_path; /* where cgroup_tree_fd could not be cloned */

	struct fresh fresh[ROOTFS_FRESH_MAX];
	size_t fresh_count;

	/* Descriptors nobody needs any more. They are close-on-exec and would
	 * cost a call each, so they go in batches, and only in containers with
	 * many mounts. */
	int later[ROOTFS_LATER_MAX];
	size_t later_count;
	bool later_high; /* one of them is ROOTFS_LATER_FD or above */
};

/* ---- prepare.c */

/** mount_err() - err_at() for "mounts[@i]@member". */
int mount_err(struct err *err, size_t i, const char *member, int code,
	      const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* ---- fds.c */

/** fd_later() - close @fd (if it is one) with the next batch. It stays open
 * until fds_flush(), so it may be given up before its last use. */
void fd_later(struct rootfs *r, int fd);

/** fds_flush() - between two mounts: close the batch, if it is large. */
void fds_flush(struct rootfs *r);

/* ---- procfs.c */

/**
 * proc_check() - may something be mounted at this place? Nothing but a procfs
 * covers /proc, and inside /proc only the files that lxcfs emulates may be
 * covered.
 * @path:    resolved, seen from the container's root
 * @type:    filesystem type, NULL for a bind mount
 * @tree_fd: bind mount: its source
 *
 * Return: NULL, or why not.
 */
const char *proc_check(const char *path, const char *type, int tree_fd);

/* ---- target.c */

/**
 * struct target - a place to mount on.
 * @fd:    O_PATH, the caller's; with a @name the directory that holds it,
 *         which is not
 * @name:  "", or of a directory that has just been made in a tmpfs of hull's
 * @made:  it had to be made
 * @exact: no link led there: the destination's text is its name
 */
struct target {
	int fd;
	const char *name;
	bool made;
	bool exact;
};

/**
 * target_open() - find or make the place of mount @i.
 * @is_dir:  what to make when there is nothing
 * @tree_fd: bind mount: its source, for proc_check(); else -1
 * @out:     @fd is the caller's
 */
int target_open(struct rootfs *r, size_t i, bool is_dir, int tree_fd,
		struct target *out, struct err *err);

/** target_place() - target_open() of a directory that needs no descriptor of
 * its own: the only one that may leave a name. */
int target_place(struct rootfs *r, size_t i, struct target *out,
		 struct err *err);

/** target_existing() - as target_open(), for "remount": nothing is made. */
int target_existing(struct rootfs *r, size_t i, struct err *err);

/**
 * fresh_add() - remember a tmpfs as one of struct fresh; without room for it
 * nothing but speed is lost for a writable one.
 */
void fresh_add(struct rootfs *r, const char *dest, int mount_fd, int write_fd);

/** fresh_find() - the latest entry attached at @dest, or NULL. */
const struct fresh *fresh_find(const struct rootfs *r, const char *dest);

/* ---- left.c */

/**
 * left_check() - mount @i is about to be made at @place: will a microVM's guest
 * find it where it looks for it, and not behind a mount of its own?
 */
int left_check(struct rootfs *r, size_t i, const char *place, struct err *err);

/* ---- mount.c */
int mount_all(struct rootfs *r, struct err *err);

/** mount_attach() - mnt_attach_at() with an error for mount @i. */
int mount_attach(struct rootfs *r, size_t i, int tree_fd,
		 const struct target *target, struct err *err);

/* ---- fs.c */

/**
 * fs_make() - make a filesystem with mount @i's options.
 * @type:      its type; not the spec's own for "cgroup"
 * @attr_mask: attributes to leave out for now
 * @mode:      for a tmpfs without "mode=", or -1
 *
 * Return: tree, or -errno.
 */
int fs_make(struct rootfs *r, size_t i, const char *type, uint64_t attr_mask,
	    int mode, struct err *err);

/** fs_attrs() - MOUNT_ATTR_* of a new filesystem. */
uint64_t fs_attrs(const struct mount_opts *opts);

/**
 * fs_make_or_bind() - fs_make() of the spec's type; where a user namespace may
 * not have a new one of the host's namespace, the host's own is bound.
 */
int fs_make_or_bind(struct rootfs *r, size_t i, struct err *err);

/** fs_reconfigure() - "remount": options of the filesystem, if there are any.
 */
int fs_reconfigure(struct rootfs *r, size_t i, int fd, struct err *err);

/* ---- tmpfs.c */
int tmpfs_mount(struct rootfs *r, size_t i, const struct target *target,
		struct err *err);

/* ---- attrs.c */

enum attrs_how {
	/* attributes that the options do not name are cleared, if any is named
	 * at all; where the kernel has locked them they stay */
	ATTRS_BIND = 1 << 0,
	ATTRS_TREE = 1 << 1, /* there may be more than one mount */
	/* The parent cloned it for a user namespace: the kernel has not locked
	 * what the host's mount forbids, hull behaves as if it had. */
	ATTRS_KEEP = 1 << 2,
};

/** attrs_apply() - the options on a tree. @how: ATTRS_* */
int attrs_apply(struct rootfs *r, size_t i, int tree_fd, unsigned int how,
		struct err *err);

/** props_apply() - only the propagation. */
int props_apply(struct rootfs *r, size_t i, int tree_fd, struct err *err);

/* ---- bind.c */
int bind_prepare(struct rootfs *r, size_t i, struct err *err);

/** fs_idmap_prepare() - by the parent: keep the user namespace whose maps the
 * new filesystem is to be seen by. */
int fs_idmap_prepare(struct rootfs *r, size_t i, struct err *err);

/** fs_idmap() - do it, before anybody can see the mount; Linux 6.3 for tmpfs.
 */
int fs_idmap(struct rootfs *r, size_t i, int tree_fd, struct err *err);
int bind_mount(struct rootfs *r, size_t i, struct err *err);

/**
 * tree_clone_host() - parent: clone a tree of the host for the child, so that
 * what happens inside never reaches the host's mounts.
 *
 * Return: tree or -errno.
 */
int tree_clone_host(const struct rootfs *r, int dir_fd, const char *path,
		    unsigned int flags);

/* ---- cgroupfs.c */
int cgroup_prepare(struct rootfs *r, struct err *err);
int cgroup_mount(struct rootfs *r, size_t i, struct err *err);

/* ---- copyup.c */

/**
 * tmpfs_copy_up() - copy a directory's content, owner and mode into a tmpfs.
 * @from_fd: O_PATH directory
 * @tree_fd: the tmpfs, detached and writable
 * @keep_mode, @keep_owner: an option has given the tmpfs its own
 */
int tmpfs_copy_up(int from_fd, int tree_fd, bool keep_mode, bool keep_owner,
		  struct err *err);

/* ---- devices.c, links.c */
int devices_make(struct rootfs *r, struct err *err);
int links_make(int dev_fd, struct err *err);

/** device_node_name() - @path's name when it is a direct child of /dev. */
const char *device_node_name(const char *path);

/**
 * host_device_clone() - a tree of one device of the host, verified.
 *
 * Return: tree, -ENXIO (another device), or -errno.
 */
int host_device_clone(const char *path, mode_t type, dev_t dev);

/* ---- propagation.c */
int root_attach(struct rootfs *r, struct err *err);

/** root_leave_chroot() - be at our mount namespace's root, where allowed. */
int root_leave_chroot(const struct rootfs *r, struct err *err);

/** root_propagation() - MS_* that rootfsPropagation stands for, or 0. */
unsigned int root_propagation(const struct rootfs *r);

/* ---- mountinfo.c */

/**
 * mountinfo_hide_proc() - detach or cover every whole proc and sysfs mount of
 * the present mount namespace that is not below @root: after chroot(2) they
 * would still count for the kernel's "already fully visible" check.
 */
int mountinfo_hide_proc(const char *root, struct err *err);

#endif
