/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/pins.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/path.h"
#include "libcontainer/statedir.h"

#define NS_FILE ".pins"
#define PIN_DIR ".pinned"
#define LOCK_MS 4000
#define STACK_BYTES 16384
#define PLACE_TRIES 16
#define UMOUNT_TRIES 8
#define OPEN_PIN (O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC)
#define PIDFS_MAGIC 0x50494446UL
/* linux/nsfs.h of Linux 6.11; Debian 12's headers are older. */
#define GET_NS_ID _IOR(0xb7, 5, uint64_t)

/**
 * struct visit - what a visitor does in the pin namespace.
 * @ns_fd:  the namespace; make_ns() fills it in
 * @dir_fd: detached mount of PIN_DIR, for make_ns()
 * @pin_fd: detached mount of a pidfd
 * @out_fd: for read_pin() to fill in
 * @ret:    0 or -errno; -ESTALE: this namespace is no good, another is needed
 */
struct visit {
	const char *id;
	int ns_fd;
	int dir_fd;
	int pin_fd;
	int out_fd;
	int ret;
};

/*
 * A namespace is entered with the root and the working directory of the one
 * who enters, so a child does it that shares all but these (no CLONE_FS): what
 * it opens is this process's, which sleeps meanwhile. It ends silently, and
 * only who asks for __WALL waits for it.
 */
static int visit(int (*work)(void *), struct visit *v)
{
	_Alignas(16) char stack[STACK_BYTES];
	pid_t pid;

	v->ret = -EINTR;
	pid = clone(work, stack + sizeof(stack),
		    CLONE_VM | CLONE_VFORK | CLONE_FILES, v);
	if (pid < 0)
		return -errno;
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	return v->ret;
}

/* EINVAL: no namespace is mounted there; it is a plain file. */
static int enter(const struct visit *v)
{
	if (setns(v->ns_fd, CLONE_NEWNS) < 0)
		return errno == EINVAL ? -ESTALE : -errno;
	return 0;
}

/* ENOENT: "/" is a PIN_DIR that has been removed. */
static int attach(const struct visit *v)
{
	if (move_mount(v->pin_fd, "", AT_FDCWD, v->id,
		       MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return errno == ENOENT ? -ESTALE : -errno;
	return 0;
}

static int add_pin(void *arg)
{
	struct visit *v = arg;

	v->ret = enter(v);
	if (!v->ret)
		v->ret = attach(v);
	return 0;
}

static int read_pin(void *arg)
{
	struct visit *v = arg;

	v->ret = enter(v);
	if (v->ret)
		return 0;
	v->out_fd = open(v->id, OPEN_PIN);
	if (v->out_fd < 0)
		v->ret = -errno;
	return 0;
}

/* 0: a kernel before 6.11 */
static uint64_t ns_id(int ns_fd)
{
	uint64_t id;

	return ns_fd < 0 || ioctl(ns_fd, GET_NS_ID, &id) < 0 ? 0 : id;
}

static int run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

/*
 * Only a namespace with a higher id than that of the mounting process's can be
 * mounted, lest two of them hold each other. Since Linux 6.18 each CPU has a
 * range of its own to take ids from, so that a later one can be lower, unless
 * hull is in the first namespace of the machine. On one of the CPUs the id
 * gets higher: the one where this process's namespace was made, for instance.
 */
static int unshare_later(struct visit *v)
{
	auto_fd int here_fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	uint64_t here = ns_id(here_fd);
	cpu_set_t all;

	CPU_ZERO(&all);
	for (int cpu = -1; cpu < CPU_SETSIZE; cpu++) {
		if (!cpu && sched_getaffinity(0, sizeof(all), &all) < 0)
			return -ELOOP;
		if (cpu >= 0 && (!CPU_ISSET(cpu, &all) || run_on(cpu) < 0))
			continue;
		auto_close_fd(&v->ns_fd);
		if (unshare(CLONE_NEWNS) < 0)
			return -errno;
		v->ns_fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
		if (v->ns_fd < 0)
			return -errno;
		if (!here || ns_id(v->ns_fd) > here)
			return 0;
	}
	return -ELOOP;
}

/*
 * A copy of this namespace, of which nothing stays but PIN_DIR as its root, so
 * that no file system of the host is held. Entering the copy leads to its
 * root, wherever this process has been chrooted to; and before anything is
 * mounted or unmounted it must not be told to the host any more.
 */
static int make_ns(struct visit *v)
{
	int ret = unshare_later(v);

	if (ret)
		return ret;
	if (setns(v->ns_fd, CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    move_mount(v->dir_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) <
		    0 ||
	    fchdir(v->dir_fd) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0)
		return -errno;
	return 0;
}

static int make_ns_and_add(void *arg)
{
	struct visit *v = arg;

	v->ret = make_ns(v);
	if (!v->ret)
		v->ret = attach(v);
	return 0;
}

/* A mount of its own of a file or directory, cut off from other namespaces. */
static int clone_private(int dir_fd, const char *name)
{
	struct mount_attr attr = { .propagation = MS_PRIVATE };
	auto_fd int fd = -1;

	fd = open_tree(dir_fd, name,
		       OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
			       AT_SYMLINK_NOFOLLOW);
	if (fd < 0 ||
	    mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return -errno;
	return take_fd(&fd);
}

static bool umount_at(int root_fd, const char *name)
{
	char path[64 + NAME_MAX];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", root_fd, name);
	return !umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
}

/*
 * A shared mount would hand the new one on, to every service that has a mount
 * namespace of its own, and a mount namespace's file cannot be (EINVAL). A
 * bind mount of NS_FILE on itself can, and leaves behind what is on top of it.
 */
static int mount_ns(int root_fd, int ns_fd)
{
	auto_fd int tree_fd = -1, base_fd = -1;

	tree_fd = open_tree(
		ns_fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (tree_fd < 0)
		return -errno;
	/* of a dead one */
	for (int i = 0; i < UMOUNT_TRIES && umount_at(root_fd, NS_FILE); i++)
		;
	if (mknodat(root_fd, NS_FILE, S_IFREG | 0600, 0) < 0 && errno != EEXIST)
		return -errno;
	if (!move_mount(tree_fd, "", root_fd, NS_FILE, MOVE_MOUNT_F_EMPTY_PATH))
		return 0;
	if (errno != EINVAL)
		return -errno;
	base_fd = clone_private(root_fd, NS_FILE);
	if (base_fd < 0)
		return base_fd;
	if (move_mount(tree_fd, "", base_fd, "",
		       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0 ||
	    move_mount(base_fd, "", root_fd, NS_FILE, MOVE_MOUNT_F_EMPTY_PATH) <
		    0)
		return -errno;
	return 0;
}

struct pin_path {
	char s[sizeof(PIN_DIR) + 1 + NAME_MAX];
};

static struct pin_path pin_path(const char *id)
{
	struct pin_path path;

	snprintf(path.s, sizeof(path.s), PIN_DIR "/%s", id);
	return path;
}

/* Also when it has a mount in this very namespace. */
static void remove_file(int root_fd, const char *id)
{
	struct pin_path path = pin_path(id);

	if (unlinkat(root_fd, path.s, 0) < 0 && errno == EBUSY &&
	    umount_at(root_fd, path.s))
		unlinkat(root_fd, path.s, 0);
}

/* A file of that name is left from a container whose directory somebody else
 * has removed. */
static int make_file(int root_fd, const char *id)
{
	struct pin_path path = pin_path(id);

	if (!mknodat(root_fd, path.s, S_IFREG | 0600, 0))
		return 0;
	if (errno != EEXIST)
		return -errno;
	remove_file(root_fd, id);
	return mknodat(root_fd, path.s, S_IFREG | 0600, 0) < 0 ? -errno : 0;
}

static int make_dir_and_file(int root_fd, const char *id)
{
	int ret = -ENOENT;

	/* the last file in there may be about to go, and the directory */
	for (int i = 0; ret == -ENOENT && i < PLACE_TRIES; i++) {
		if (mkdirat(root_fd, PIN_DIR, 0700) < 0 && errno != EEXIST)
			return -errno;
		ret = make_file(root_fd, id);
	}
	return ret;
}

static int add_to_ns(int root_fd, struct visit *v)
{
	auto_fd int ns_fd =
		openat(root_fd, NS_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (ns_fd < 0)
		return errno == ENOENT ? -ESTALE : -errno;
	v->ns_fd = ns_fd;
	return visit(add_pin, v);
}

static int add_to_new_ns(int root_fd, struct visit *v)
{
	auto_fd int dir_fd = clone_private(root_fd, PIN_DIR), ns_fd = -1;
	int ret;

	if (dir_fd < 0)
		return dir_fd;
	v->dir_fd = dir_fd;
	v->ns_fd = -1;
	ret = visit(make_ns_and_add, v);
	ns_fd = v->ns_fd;
	return ret ? ret : mount_ns(root_fd, ns_fd);
}

/* The lock is on a description that no other process can have inherited. */
static int lock_root(int root_fd)
{
	auto_fd int fd =
		openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	ret = statedir_flock(fd, LOCK_MS);
	return ret ? ret : take_fd(&fd);
}

static int add_locked(int root_fd, struct visit *v)
{
	auto_fd int lock_fd = lock_root(root_fd);
	int ret;

	if (lock_fd < 0)
		return lock_fd;
	ret = make_dir_and_file(root_fd, v->id);
	if (!ret)
		ret = add_to_ns(root_fd, v);
	if (ret == -ESTALE)
		ret = add_to_new_ns(root_fd, v);
	if (ret && move_mount(v->pin_fd, "", root_fd, pin_path(v->id).s,
			      MOVE_MOUNT_F_EMPTY_PATH) == 0) {
		log_info("no namespace for exit statuses: %s", err_text(ret));
		ret = 0;
	}
	return ret;
}

int pins_add(int root_fd, const char *id, int pidfd, struct err *err)
{
	struct visit v = { .id = id };
	auto_fd int pin_fd = -1;
	int ret;

	pin_fd = open_tree(pidfd, "",
			   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (pin_fd < 0) {
		/* no such file system, or no right to mount: no pin */
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
			return err_sys(err, "cannot keep the exit status");
		return 0;
	}
	v.pin_fd = pin_fd;
	ret = make_file(root_fd, id);
	if (ret && ret != -ENOENT)
		return err_code(err, ret, "cannot make '" PIN_DIR "/%s'", id);
	if (!ret)
		ret = add_to_ns(root_fd, &v);
	if (ret == -ENOENT || ret == -ESTALE)
		ret = add_locked(root_fd, &v);
	if (ret) {
		log_info("the exit status is not kept: %s", err_text(ret));
		pins_remove(root_fd, id);
	}
	return 0;
}

int pins_open(int root_fd, const char *id)
{
	auto_fd int ns_fd = -1, fd = openat(root_fd, pin_path(id).s, OPEN_PIN);
	struct visit v = { .id = id, .out_fd = -1 };
	int ret;

	if (fd < 0)
		return -errno;
	if (path_is_fs(fd, PIDFS_MAGIC))
		return take_fd(&fd);
	ns_fd = openat(root_fd, NS_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (ns_fd < 0)
		return -errno;
	v.ns_fd = ns_fd;
	ret = visit(read_pin, &v);
	return ret ? ret : v.out_fd;
}

static bool is_there(int root_fd, const char *name)
{
	return !faccessat(root_fd, name, F_OK, AT_SYMLINK_NOFOLLOW);
}

static void remove_ns(int root_fd)
{
	auto_fd int lock_fd = lock_root(root_fd);

	if (lock_fd < 0) {
		log_info("'" NS_FILE "' stays: %s", err_text(lock_fd));
		return;
	}
	if (is_there(root_fd, PIN_DIR))
		return; /* somebody has begun anew */
	for (int i = 0; i < UMOUNT_TRIES; i++) {
		if (!unlinkat(root_fd, NS_FILE, 0) || errno != EBUSY ||
		    !umount_at(root_fd, NS_FILE))
			return;
	}
}

void pins_remove(int root_fd, const char *id)
{
	remove_file(root_fd, id);
	if (unlinkat(root_fd, PIN_DIR, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return;
	if (is_there(root_fd, NS_FILE))
		remove_ns(root_fd);
}
