/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CGROUPS_CGROUP_H
#define HULL_CGROUPS_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct json_gen;
struct spec;
struct spec_resources;

/*
 * A container's control group. cgroup v2 is the native path: plain files below
 * one directory descriptor. On a hybrid host (controllers mounted as v1 beside
 * a cgroup2 tree) the v2 tree still serves for membership, freeze, kill, events
 * and device rules, and only limits whose controller sits in a v1 hierarchy go
 * through libcgroup.
 */

enum cg_manager {
	CG_MANAGER_CGROUPFS,
	CG_MANAGER_SYSTEMD,
	CG_MANAGER_DISABLED,
	CG_MANAGER_SYSTEMD_USER, /* the manager of an ordinary user */
};

enum cg_mode {
	CG_MODE_UNIFIED, /* cgroup2 on /sys/fs/cgroup */
	CG_MODE_HYBRID,  /* v1 hierarchies there, cgroup2 below "unified" */
	CG_MODE_NONE,    /* no cgroup2 anywhere */
};

/* v1 controllers that can carry a limit on a hybrid host; bits of a mask. */
enum cg_v1 {
	CG_V1_CPU = 1 << 0,
	CG_V1_CPUSET = 1 << 1,
	CG_V1_MEMORY = 1 << 2,
	CG_V1_PIDS = 1 << 3,
	CG_V1_BLKIO = 1 << 4,
	CG_V1_HUGETLB = 1 << 5,
};

#define CG_PATH_MAX 1024

/**
 * struct cg_place - where a container's cgroup is: computed before anything is
 * made, written to the state file as it stands, and enough to find and remove
 * everything later.
 * @path:   from the root of the cgroup2 mount, begins with "/"; "" with
 *          CG_MANAGER_DISABLED
 * @v1_mask: v1 controllers (enum cg_v1) in which the same path is made because
 *          a limit needs it; 0 on unified hosts
 */
struct cg_place {
	enum cg_manager manager;
	enum cg_mode mode;
	uint32_t v1_mask;
	char path[CG_PATH_MAX];
};

/** cg_mode_probe() - statfs(2) on /sys/fs/cgroup and .../unified. */
enum cg_mode cg_mode_probe(void);

/**
 * cg_place_init() - decide where: nothing is touched.
 * @manager: the systemd driver may become that of the user's manager, and for
 *                an absolute path the cgroupfs driver
 * @cgroups_path: linux.cgroupsPath or NULL. Absolute: from the mount's root;
 *                relative or NULL ("<id>"): below the parent of hull's own
 *                cgroup, as runc does. ".." is refused. With the systemd driver
 *                SLICE:PREFIX:NAME, for NULL ":hull:<id>"
 * @res:          limits, to know which v1 controllers are needed; may be NULL
 *
 * Return: 0, -EINVAL, -ENOTSUP (the systemd driver on a hybrid host, or a limit
 * that no hierarchy of this host can take: names the controller and the JSON
 * path), or -errno (the user's systemd cannot be asked).
 */
int cg_place_init(struct cg_place *place, enum cg_manager manager,
		  const char *cgroups_path, const char *id,
		  const struct spec_resources *res, struct err *err);

/**
 * cg_place_add() - for `update` on a hybrid host: new limits may need v1
 * hierarchies that the container is not in yet. They are made, its processes
 * moved in, and @place->v1_mask extended: call it before cg_apply(), and save
 * the place afterwards also when it failed. Nothing to do on unified hosts.
 *
 * Return: 0, -ENOTSUP (as cg_place_init()), or -errno.
 */
int cg_place_add(struct cg_place *place, int cg_fd,
		 const struct spec_resources *res, struct err *err);

/**
 * cg_create() - make the directories and enable the controllers on the way
 * down (all that are available at each level). Refuses a cgroup that has
 * processes already or is frozen (-EBUSY).
 *
 * Return: descriptor of the cgroup2 directory for CLONE_INTO_CGROUP and all
 * below, owned by the caller; -1 with 0 errors cannot happen; or -errno with
 * what was made removed again. CG_MANAGER_DISABLED: -ENOTSUP, do not call.
 */
int cg_create(const struct cg_place *place, struct err *err);

/**
 * struct cg_start - whose cgroup cg_start() makes.
 */
struct cg_start {
	const char *id;
	const struct spec *spec;
};

/**
 * struct cg_hold - what keeps a new cgroup until a process of the container is
 * in it: with systemd a process of hull-systemd, for a scope without processes
 * ends at once. When hull is killed it goes, and the cgroup with it.
 */
struct cg_hold {
	int fd;
	pid_t pid;
};

#define CG_HOLD_INIT               \
	{                          \
		.fd = -1, .pid = 0 \
	}

/**
 * cg_start() - as cg_create(), by the place's driver.
 * @hold: receives what is to be given to cg_settle(), or cg_hold_release()
 */
int cg_start(const struct cg_place *place, const struct cg_start *start,
	     struct cg_hold *hold, struct err *err);

/**
 * cg_settle() - after the clone: release @hold, write what could not be
 * written before, and install the device rules (with the default devices
 * appended as runc does), while the other process has work of its own: the
 * kernel takes its time to check and translate them. Making a node is allowed
 * by every rule set, so it is all the same to that work.
 * @pid: to be put into the cgroup, or 0: it is there already
 */
int cg_settle(int cg_fd, const struct cg_place *place, struct cg_hold *hold,
	      pid_t pid, const struct spec_resources *res, struct err *err);

/**
 * cg_give() - to @uid, the cgroup and those of its files that the kernel names
 * for delegation (cgroup-v2.rst, "Delegation"). Its limits stay ours.
 */
int cg_give(int cg_fd, uid_t uid, struct err *err);

/** cg_hold_release() - give it up; nothing to do without one. */
void cg_hold_release(struct cg_hold *hold);

/**
 * cg_attach_new() - when CLONE_INTO_CGROUP was refused (-EACCES): let the
 * driver put the process in.
 *
 * Return: 0, -EACCES (it cannot either), or -errno.
 */
int cg_attach_new(const struct cg_place *place, pid_t pid, struct err *err);

/** cg_exists() - true when there is a cgroup at this place, whoever made it. */
bool cg_exists(const struct cg_place *place);

/**
 * cg_open() - the directory again, later.
 *
 * Return: descriptor, -ENOENT when it is gone.
 */
int cg_open(const struct cg_place *place);

/** cg_open_own() - the cgroup2 directory that hull itself is in, or -errno. */
int cg_open_own(void);

/**
 * cg_apply() - write limits.
 * @cg_fd: from cg_create() or cg_open(), borrowed
 * @res:   the limits; unset members are left as they are
 * @update: false at create (device rules come with cg_settle()); true for
 *         `update`: device rules when given, and on failure what had been
 *         changed before in this call is written back
 */
int cg_apply(int cg_fd, const struct cg_place *place,
	     const struct spec_resources *res, bool update, struct err *err);

struct cg_update;

/**
 * cg_update_begin() - cg_apply() with @update, but what was changed may still
 * be written back.
 * @out: for cg_update_end(), on success
 */
int cg_update_begin(int cg_fd, const struct cg_place *place,
		    const struct spec_resources *res, struct cg_update **out,
		    struct err *err);

/** cg_update_end() - keep what was changed, or write it back; frees @update. */
void cg_update_end(struct cg_update *update, bool keep);

/**
 * cg_attach() - put a process into the v1 hierarchies of @place, and with
 * @v2 also into the cgroup2 directory (exec and init normally start there by
 * CLONE_INTO_CGROUP).
 * @sub: sub-cgroup relative to the container's ("" or NULL: itself); ".." and
 *       absolute escapes are refused. "memory:PATH" on a hybrid host: of that
 *       v1 hierarchy, and nothing else is joined
 */
int cg_attach(int cg_fd, const struct cg_place *place, pid_t pid, bool v2,
	      const char *sub, struct err *err);

/**
 * cg_open_sub() - descriptor of a sub-cgroup, for CLONE_INTO_CGROUP.
 * @sub: as for cg_attach()
 *
 * Return: descriptor, -EINVAL ("bad sub cgroup path: ..."), or -errno.
 */
int cg_open_sub(int cg_fd, const char *sub, struct err *err);

/**
 * cg_freeze() - freeze or thaw and wait until the kernel says so in
 * cgroup.events (poll(2), at most 10 s).
 *
 * Return: 0, -ETIMEDOUT (thawed again), or -errno.
 */
int cg_freeze(int cg_fd, bool frozen, struct err *err);

/** cg_is_frozen() - 1, 0, or -errno. */
int cg_is_frozen(int cg_fd);

/**
 * cg_wait_thawed() - until neither it nor an ancestor is frozen.
 *
 * Return: 0, -ETIMEDOUT, or -errno (-ENODEV: it is gone).
 */
int cg_wait_thawed(int cg_fd, int64_t timeout_ms);

/** cg_is_populated() - 1, 0, or -errno: any process in it or below. */
int cg_is_populated(int cg_fd);

/**
 * cg_kill() - SIGKILL to every process in the cgroup and below: cgroup.kill,
 * before Linux 5.14 freeze, signal, thaw. Does not wait.
 */
int cg_kill(int cg_fd, struct err *err);

/** cg_signal() - another signal to every process in it and below. */
int cg_signal(int cg_fd, int sig, struct err *err);

/**
 * cg_procs() - pids in the cgroup and below, in the caller's pid namespace.
 * @pids: fresh memory, the caller frees it
 */
int cg_procs(int cg_fd, pid_t **pids, size_t *count, struct err *err);

/**
 * cg_destroy() - kill what is left, wait until it is empty (at most 10 s),
 * remove the cgroup, its descendants, and its v1 twins. A cgroup that is gone
 * is fine. Parents stay.
 */
int cg_destroy(const struct cg_place *place, struct err *err);

/**
 * struct cg_record - what a cgroup remembers of a container that ended.
 */
struct cg_record {
	bool oom_known;
	uint64_t oom_kills; /* memory.events oom_kill, or the v1 count */
	bool peak_known;
	uint64_t memory_peak_bytes; /* memory.peak (Linux 5.19), or v1 */
	bool cpu_known;
	uint64_t cpu_usec;
};

void cg_record(int cg_fd, const struct cg_place *place, struct cg_record *out);

/**
 * cg_stats() - write the members cpu, cpuset, memory, pids, hugetlb, blkio of
 * runc's `events --stats` "data" object (reference 1.4) to @gen.
 */
int cg_stats(int cg_fd, const struct cg_place *place, struct json_gen *gen,
	     struct err *err);

/**
 * cg_oom_watch() - descriptor that polls readable (POLLPRI or POLLIN) when the
 * OOM counters may have changed: inotify on memory.events, or the v1 eventfd.
 *
 * Return: descriptor, -ENOTSUP without a memory controller.
 */
int cg_oom_watch(int cg_fd, const struct cg_place *place, struct err *err);

/** cg_controllers() - names of v2 controllers of this host, for features. */
int cg_controllers(char *buf, size_t size);

#endif
