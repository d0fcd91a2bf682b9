/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_ROOTFS_ROOTFS_H
#define HULL_ROOTFS_ROOTFS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct err;
struct spec;

/*
 * The container's file system, built with the new mount API. Nothing here takes
 * a path below the rootfs as a string to act on: targets are resolved with
 * path_*_in_root() to descriptors, and every later step uses the descriptor.
 *
 * Order: rootfs_open() in hull's own namespaces, rootfs_build() and what
 * follows in the child, in its new mount namespace (and user namespace).
 */

struct rootfs;

/** enum rootfs_left - what happens to a mount that a microVM's guest makes. */
enum rootfs_left {
	ROOTFS_MADE,  /* none of the guest's: made here */
	ROOTFS_BOTH,  /* made here too: something that is made here is in it */
	ROOTFS_POINT, /* checked, and a place for it made */
	ROOTFS_NONE, /* checked: its place is in another mount of the guest's */
};

/**
 * struct rootfs_config - what the pipeline tells.
 * @spec:        borrowed until rootfs_free()
 * @bundle:      absolute host path; relative mount sources start there
 * @root_path:   absolute host path of root.path
 * @new_mount_ns: the child gets a mount namespace of its own; without one
 *               (spec has no mount namespace, or joins one by path) nothing is
 *               pivoted: see rootfs_enter()
 * @own_mount_ns: the one that is joined is the caller's own
 * @userns:      the child runs in a user namespace (new or joined): sources
 *               and devices are opened by the parent, device nodes bound
 * @userns_fd:   user namespace for "idmap" mounts without their own mappings,
 *               or -1
 * @mount_userns_fds: one user namespace per entry of spec->mounts, for those
 *               that carry uidMappings and gidMappings, -1 for the others; or
 *               NULL when no mount has any
 * @new_net_ns, @new_pid_ns: a fresh sysfs or proc can be mounted
 * @cgroup_ns:   the child has a cgroup namespace of its own
 * @cgroup_fd:   the container's cgroup2 directory, or negative: bound where a
 *               mount of type cgroup is asked for without a cgroup namespace
 * @no_pivot:    MS_MOVE and chroot(2) in place of pivot_root(2)
 * @left:        one per entry of spec->mounts; NULL: all are made here
 * @no_devices:  nothing is made in /dev
 */
struct rootfs_config {
	const struct spec *spec;
	const char *bundle;
	const char *root_path;
	bool new_mount_ns;
	bool own_mount_ns;
	bool userns;
	int userns_fd;
	const int *mount_userns_fds;
	bool new_net_ns;
	bool new_pid_ns;
	bool cgroup_ns;
	int cgroup_fd;
	bool no_pivot;
	const enum rootfs_left *left;
	bool no_devices;
};

/**
 * rootfs_open() - check every mount and its options, and open what must be
 * opened outside the container: with a user namespace all bind sources and
 * host devices, and id-mapped trees (attributes set before anyone sees them).
 * Errors name the place ("mounts[3].options: ..."), all of them at once.
 *
 * Options of the filesystem as a whole (sync, dirsync, lazytime, mand,
 * iversion, silent and their opposites) are accepted on a bind mount, where
 * the kernel has always ignored them; unknown ones are refused there. A mount
 * of type cgroup shows the cgroup2 tree, also on hosts that keep controllers
 * in v1 hierarchies. With no mount namespace at all (neither new nor joined)
 * mounts, root.readonly, masked and read-only paths are refused: they would
 * change the host.
 *
 * Return: 0 and *@out, freed by rootfs_free(); or -errno, nothing kept.
 */
int rootfs_open(const struct rootfs_config *cfg, struct rootfs **out,
		struct err *err);

/**
 * rootfs_build() - in the child: set propagation, attach the root and all
 * mounts in order, make devices and links in /dev, create process.cwd.
 */
int rootfs_build(struct rootfs *r, struct err *err);

/**
 * rootfs_enter() - make it "/": pivot_root (or move and chroot), detach the
 * old root. After it no host path can be reached by name. With a joined or no
 * mount namespace: chroot only.
 */
int rootfs_enter(struct rootfs *r, struct err *err);

/**
 * struct rootfs_tty - a terminal to make.
 * @uid, @gid: owner of the slave (process.user)
 * @rows, @cols: initial size; 0, 0: left alone
 */
struct rootfs_tty {
	uid_t uid;
	gid_t gid;
	unsigned short rows;
	unsigned short cols;
};

/**
 * rootfs_console() - make a pseudo terminal in the container's own devpts and
 * bind it on /dev/console. After rootfs_build(), before rootfs_enter().
 * @master_fd, @slave_fd: receive descriptors that the caller owns
 *
 * The master is opened from a checked devpts "ptmx" (character device 5:2 on
 * devpts), the slave by TIOCGPTPEER, never by name.
 */
int rootfs_console(struct rootfs *r, const struct rootfs_tty *tty,
		   int *master_fd, int *slave_fd, struct err *err);

/**
 * rootfs_terminal() - the same for an additional process, which has joined the
 * container's mount namespace; nothing is bound.
 * @root_fd: the container's root, borrowed
 */
int rootfs_terminal(int root_fd, const struct rootfs_tty *tty, int *master_fd,
		    int *slave_fd, struct err *err);

/**
 * rootfs_lock() - last: read-only root, readonlyPaths, maskedPaths, and the
 * propagation of the root. All by descriptor. @r may be freed afterwards.
 */
int rootfs_lock(struct rootfs *r, struct err *err);

/** rootfs_root_fd() - the container's root directory, borrowed (O_PATH). */
int rootfs_root_fd(const struct rootfs *r);

/** rootfs_free() - close and free; NULL is fine. Not needed before execve. */
void rootfs_free(struct rootfs *r);

/**
 * rootfs_option_names() - mount options hull knows, for features: a
 * NULL-terminated table, from the rows that the parser uses.
 */
const char *const *rootfs_option_names(void);

#endif
