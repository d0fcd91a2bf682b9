/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/statedir.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/path.h"
#include "base/sabotage.h"
#include "base/str.h"
#include "libcontainer/gate.h"
#include "libcontainer/rdt.h"
#include "libcontainer/ready.h"
#include "libcontainer/record.h"
#include "libcontainer/state.h"
#include "libcontainer/vm.h"

#define NEW_TRIES 16
#define LOCK_STEP_MS 10
#define SWEEP_DEPTH 16

static const char *const own_names[] = {
	STATE_FILE, CONFIG_FILE, GATE_NAME, READY_DIR, VM_SOCKET, VM_EXIT_FILE,
};

static int not_there(struct err *err)
{
	return err_set(err, -ENOENT, "container does not exist");
}

/* io_replace() writes to ".<name>.<pid>.<n>" first. */
static bool is_own_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(own_names); i++) {
		size_t len = strlen(own_names[i]);

		if (!strcmp(name, own_names[i]))
			return true;
		if (*name == '.' && !strncmp(name + 1, own_names[i], len) &&
		    name[len + 1] == '.')
			return true;
	}
	return false;
}

/* A stream of its own: rewinding a shared description would disturb others. */
static DIR *open_stream(int dir_fd)
{
	auto_fd int fd =
		openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir;

	if (fd < 0)
		return NULL;
	dir = fdopendir(fd);
	if (dir)
		fd = -1;
	return dir;
}

bool statedir_only_own(int dir_fd, size_t *count)
{
	auto_dir DIR *dir = open_stream(dir_fd);
	const struct dirent *entry;
	size_t n = 0;

	if (!dir)
		return false;
	while ((errno = 0, entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (!is_own_name(entry->d_name))
			return false;
		n += strcmp(entry->d_name, STATE_FILE) != 0;
	}
	if (count)
		*count = n;
	return !errno;
}

int statedir_flock(int fd, int wait_ms)
{
	const struct timespec step = { .tv_nsec = LOCK_STEP_MS * 1000000L };
	int op = wait_ms == LOCK_WAIT ? LOCK_EX : LOCK_EX | LOCK_NB;

	if (SABOTAGED("statedir_lock"))
		return 0;
	for (;;) {
		if (!flock(fd, op))
			return 0;
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return -errno;
		if (wait_ms <= 0)
			return -EBUSY;
		nanosleep(&step, NULL);
		wait_ms -= LOCK_STEP_MS;
	}
}

/*
 * The lock is on an inode, and whoever held it before may have removed the
 * directory: then it is the lock of nothing (-ENOENT).
 */
static int check_alive(int fd, struct stat *st)
{
	if (fstat(fd, st) < 0)
		return -errno;
	return st->st_nlink ? 0 : -ENOENT;
}

int statedir_lock(struct ct *ct, int lock_ms, struct err *err)
{
	struct stat st;
	int ret;

	if (ct->locked)
		return 0;
	ret = statedir_flock(ct->dir_fd, lock_ms);
	if (ret == -EBUSY)
		return err_set(err, ret,
			       "container is busy: another operation on it has "
			       "not ended yet");
	if (ret)
		return err_code(err, ret, "cannot lock the container");
	ct->locked = true;
	ret = check_alive(ct->dir_fd, &st);
	if (!ret)
		return 0;
	ct_unlock(ct);
	return ret == -ENOENT ? not_there(err)
			      : err_code(err, ret, "cannot lock the container");
}

int ct_lock(struct ct *ct, struct err *err)
{
	return statedir_lock(ct, LOCK_WAIT, err);
}

void ct_unlock(struct ct *ct)
{
	/* not left to close(2): a child may have inherited the description */
	if (ct->locked)
		flock(ct->dir_fd, LOCK_UN);
	ct->locked = false;
}

bool statedir_is_held(const struct ct *ct)
{
	if (ct->locked)
		return false;
	if (flock(ct->dir_fd, LOCK_SH | LOCK_NB) < 0)
		return errno == EWOULDBLOCK;
	flock(ct->dir_fd, LOCK_UN);
	return false;
}

void ct_close(struct ct *ct)
{
	ct_unlock(ct);
	auto_close_fd(&ct->dir_fd);
	auto_close_fd(&ct->root_fd);
	arena_release(&ct->arena);
	ct->spec = NULL;
}

/* One try of making a directory and locking it; -ENOENT: a `delete -f` took
 * the empty directory away in between. */
static int make_locked(struct ct *ct, const char *id, struct err *err)
{
	struct stat st;
	int ret;

	if (mkdirat(ct->root_fd, id, SABOTAGED("statedir_mode") ? 0777 : 0700) <
	    0) {
		if (errno != EEXIST)
			return err_sys(err, "cannot make state directory '%s'",
				       id);
		return err_set(err, -EEXIST,
			       "container with given ID already exists");
	}
	ct->dir_fd = path_open_beneath(ct->root_fd, id,
				       O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (ct->dir_fd < 0) {
		ret = ct->dir_fd;
		if (ret == -EMFILE || ret == -ENFILE || ret == -ENOMEM)
			unlinkat(ct->root_fd, id, AT_REMOVEDIR);
		return err_code(err, ret, "cannot open state directory '%s'",
				id);
	}
	ret = statedir_flock(ct->dir_fd, LOCK_WAIT);
	ct->locked = !ret;
	if (!ret)
		ret = check_alive(ct->dir_fd, &st);
	if (!ret && (st.st_mode & 07777) != 0700 &&
	    !SABOTAGED("statedir_mode") && fchmod(ct->dir_fd, 0700) < 0)
		ret = -errno;
	return ret ? err_code(err, ret, "cannot lock state directory '%s'", id)
		   : 0;
}

int ct_new(const struct hull_context *ctx, const char *id, struct ct *ct,
	   struct err *err)
{
	int ret;

	ret = ct_check_id(id, err);
	if (ret)
		return ret;
	ct->st = (struct ct_state){ .id = arena_strndup(&ct->arena, id,
							strlen(id)) };
	if (!ct->st.id)
		return err_set(err, -ENOMEM, "out of memory");
	ct->root_fd = ct_root_open(ctx, true, err);
	if (ct->root_fd < 0)
		return ct->root_fd;
	for (int i = 0; i < NEW_TRIES; i++) {
		ret = make_locked(ct, id, err);
		if (!ret)
			return 0;
		ct_unlock(ct);
		auto_close_fd(&ct->dir_fd);
		if (ret != -ENOENT)
			break;
	}
	return ret;
}

static int open_dir(struct ct *ct, const char *id, int lock_ms, struct stat *st,
		    struct err *err)
{
	int fd = path_open_beneath(ct->root_fd, id,
				   O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	int ret;

	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
		return not_there(err);
	if (fd < 0)
		return err_code(err, fd, "cannot open state of container '%s'",
				id);
	ct->dir_fd = fd;
	if (lock_ms != LOCK_NONE) {
		ret = statedir_lock(ct, lock_ms, err);
		if (ret)
			return ret;
	}
	ret = check_alive(fd, st);
	return ret ? not_there(err) : 0;
}

int statedir_open(struct ct *ct, const char *id, int lock_ms, struct err *err)
{
	struct stat st;
	int ret;

	ct->st = (struct ct_state){ .id = arena_strndup(&ct->arena, id,
							strlen(id)) };
	if (!ct->st.id)
		return err_set(err, -ENOMEM, "out of memory");
	ct->may_have_pin = true;
	ret = open_dir(ct, id, lock_ms, &st, err);
	if (!ret && st.st_uid != geteuid() && !SABOTAGED("statedir_owner")) {
		ct->damaged = true;
		return err_set(err, -EBADMSG,
			       "state of container '%s' belongs to uid %u", id,
			       st.st_uid);
	}
	if (!ret)
		ret = state_load(ct, id, err);
	if (ret && ret != -EBADMSG) {
		ct_unlock(ct);
		auto_close_fd(&ct->dir_fd);
	}
	return ret;
}

int ct_open(const struct hull_context *ctx, const char *id, bool lock,
	    struct ct *ct, struct err *err)
{
	int ret;

	ret = ct_check_id(id, err);
	if (ret)
		return ret;
	ct->guest = ctx->guest;
	ct->root_fd = ct_root_open(ctx, false, err);
	if (ct->root_fd == -ENOENT)
		return not_there(err);
	if (ct->root_fd < 0)
		return ct->root_fd;
	return statedir_open(ct, id, lock ? LOCK_WAIT : LOCK_NONE, err);
}

static int sweep(int dir_fd, int depth);

static int sweep_one(int dir_fd, const char *name, int depth)
{
	auto_fd int fd = -1;
	char path[64 + NAME_MAX];
	int ret;

	if (!unlinkat(dir_fd, name, 0) || errno == ENOENT)
		return 0;
	if (errno == EBUSY) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir_fd,
			 name);
		umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
		if (!unlinkat(dir_fd, name, 0))
			return 0;
	}
	if (errno != EISDIR && errno != EPERM && errno != EBUSY)
		return -errno;
	fd = path_open_beneath(dir_fd, name,
			       O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd < 0)
		return fd;
	ret = depth ? sweep(fd, depth - 1) : -ELOOP;
	if (ret)
		return ret;
	return unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

/* Whatever a broken state directory holds: it is ours, and has to go. */
static int sweep(int dir_fd, int depth)
{
	auto_dir DIR *dir = open_stream(dir_fd);
	const struct dirent *entry;
	int ret = 0;

	if (!dir)
		return -errno;
	while ((errno = 0, entry = readdir(dir))) {
		int one;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		one = sweep_one(dir_fd, entry->d_name, depth);
		if (one && !ret)
			ret = one;
	}
	return ret;
}

/*
 * state.json goes after the cgroup that it names. The rest is found by name,
 * and a directory that has only such names is still known as hull's.
 */
static int remove_dir(struct ct *ct)
{
	const char *id = ct->st.id;
	int ret;

	record_unpin(ct);
	unlinkat(ct->dir_fd, CONFIG_FILE, 0);
	unlinkat(ct->dir_fd, STATE_FILE, 0);
	if (!unlinkat(ct->root_fd, id, AT_REMOVEDIR))
		return 0;
	unlinkat(ct->dir_fd, GATE_NAME, 0);
	if (!unlinkat(ct->root_fd, id, AT_REMOVEDIR))
		return 0;
	ret = sweep(ct->dir_fd, SWEEP_DEPTH);
	if (!unlinkat(ct->root_fd, id, AT_REMOVEDIR))
		return 0;
	return ret ? ret : -errno;
}

int ct_remove(struct ct *ct, struct err *err)
{
	const struct cg_place *place = &ct->st.cgroup;
	struct stat st;
	int ret;

	if (!ct->locked) {
		if (ct->dir_fd < 0 || check_alive(ct->dir_fd, &st) == -ENOENT)
			return 0;
		return err_set(err, -ENOLCK,
			       "cannot remove a container without its lock");
	}
	if (place->manager != CG_MANAGER_DISABLED && place->path[0]) {
		ret = cg_destroy(place, err);
		if (ret)
			return ret;
	}
	ret = rdt_end(ct, err);
	if (ret)
		return ret;
	if (ct->st.vm)
		vm_leave_network(ct);
	ret = remove_dir(ct);
	return ret ? err_code(err, ret, "cannot remove state directory '%s'",
			      ct->st.id)
		   : 0;
}
