/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CGROUPS_INTERNAL_H
#define HULL_CGROUPS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cgroups/cgroup.h"

/* What the files of this folder share; nothing here is for other folders. */

struct err;
struct json_gen;

#define CG_WAIT_MS 10000       /* freeze, and the end of what was killed */
#define CG_CONTROLLERS_MAX 512 /* text of a cgroup.controllers file */

enum cg_ctrl {
	CG_CPU,
	CG_CPUSET,
	CG_MEMORY,
	CG_PIDS,
	CG_IO,
	CG_HUGETLB,
	CG_RDMA,
	CG_CTRLS,
};

/* ---- mode.c: where the hierarchies are */

/**
 * struct cg_roots - test seam: other places than the host's.
 * @base: instead of "/sys/fs/cgroup"
 * @self: instead of "/proc/self/cgroup"
 * @mode: taken as given; the magic numbers of the file systems are not looked
 *        at, and v1 files are written without libcgroup
 */
struct cg_roots {
	const char *base;
	const char *self;
	enum cg_mode mode;
};

/** cg_roots_override() - for tests only; NULL: the host's again. */
void cg_roots_override(const struct cg_roots *roots);
bool cg_roots_are_fake(void);
const char *cg_self_file(void);

/**
 * cg_root_open() - O_PATH descriptor of the cgroup2 root, checked by magic.
 *
 * Return: descriptor, -ENOTSUP (CG_MODE_NONE, or it is no cgroup2), -errno.
 */
int cg_root_open(enum cg_mode mode);

/* The cgroup's path as the host names it: for looks and for the removal of what
 * is empty; everything else goes by descriptor. 0 or -ENAMETOOLONG. */
int cg_host_path(const struct cg_place *place, char *buf, size_t size);

/**
 * cg_v1_root_open() - O_PATH descriptor of a v1 hierarchy's root.
 * @name: "memory", ...
 *
 * Return: descriptor, -ENOENT when that controller is not mounted as v1.
 */
int cg_v1_root_open(const char *name);

/** cg_root_controllers() - text of the root's cgroup.controllers. */
int cg_root_controllers(enum cg_mode mode, char *buf, size_t size);

/** cg_relative() - @place->path without the leading slash; "." for the root. */
const char *cg_relative(const struct cg_place *place);

/** cg_own_path() - hull's own cgroup, from the line "0::/path"; or -errno. */
int cg_own_path(char *buf, size_t size);

/* ---- file.c: small helpers on cgroup files */

/** cg_has_word() - is @word one of the words of @list (blanks between)? */
bool cg_has_word(const char *list, const char *word);

/**
 * cg_key_u64() - value of "KEY VALUE" in a flat-keyed text.
 *
 * Return: 0, -ENOENT (no such key), -EINVAL.
 */
int cg_key_u64(const char *text, const char *key, uint64_t *out);

/**
 * cg_read_u64() - a file that holds one number or "max" (UINT64_MAX).
 */
int cg_read_u64(int dir_fd, const char *name, uint64_t *out);

/**
 * cg_read_all() - a file of any length (at most 16 MiB) in fresh memory.
 */
int cg_read_all(int dir_fd, const char *name, char **text);

/** cg_has_procs() - 1 when a directory's cgroup.procs names somebody, 0, or
 * -errno. */
int cg_has_procs(int dir_fd);

/** cg_join_dir() - write a pid to a directory's cgroup.procs. */
int cg_join_dir(int dir_fd, pid_t pid);

/** cg_move_procs() - move all processes of a v2 cgroup into a v1 directory. */
int cg_move_procs(int cg_fd, int to_fd);

/** cg_now_ms() - CLOCK_MONOTONIC. */
int64_t cg_now_ms(void);

/* ---- events.c: cgroup.events */

/** cg_event() - "populated" or "frozen": 1, 0, or -errno. */
int cg_event(int cg_fd, const char *key);

/**
 * cg_event_wait() - poll(2) until cgroup.events says @key @want.
 *
 * Return: 0, -ETIMEDOUT, or -errno (-ENODEV: the cgroup was removed).
 */
int cg_event_wait(int cg_fd, const char *key, int want, int64_t timeout_ms);

/* ---- walk.c: directories */

/**
 * struct cg_made - the directories that cg_mkdir_path() made, to undo it.
 * @depth: how many components of the path existed before
 */
struct cg_made {
	bool any;
	size_t depth;
};

/**
 * cg_mkdir_path() - mkdir -p below a hierarchy's root.
 * @path: relative, clean
 *
 * Return: O_DIRECTORY|O_RDONLY descriptor of the last one, or -errno with
 * what was made removed again.
 */
int cg_mkdir_path(int root_fd, const char *path, struct cg_made *made);

/** cg_unmake_path() - rmdir what cg_mkdir_path() made, deepest first. */
void cg_unmake_path(int root_fd, const char *path, const struct cg_made *made);

/**
 * cg_rmdir_tree() - remove a cgroup and all below it, bottom-up, without a
 * limit on the depth; EBUSY is tried again until the time is over.
 * @path: relative to @root_fd
 *
 * Return: 0 (also when it was not there), -EBUSY, or -errno.
 */
int cg_rmdir_tree(int root_fd, const char *path, int64_t timeout_ms);

/**
 * cg_walk() - visit a cgroup and all below it.
 * @visit: gets a descriptor of each; not 0 ends the walk and is returned. A
 *         cgroup that vanishes meanwhile is passed over.
 */
int cg_walk(int top_fd, int (*visit)(int dir_fd, void *arg), void *arg);

/* ---- table.c: the controllers */

struct cg_plan;
struct spec_resources;

/**
 * struct cg_ctrl_row - one controller.
 * @name:    in cgroup.controllers
 * @v1_name: mount below /sys/fs/cgroup on a hybrid host, or NULL
 * @v1_bit:  enum cg_v1, or 0
 * @wanted:  JSON path of the first limit in effect that needs it, or NULL
 * @plan_v2, @plan_v1: add the writes for its limits
 */
struct cg_ctrl_row {
	const char *name;
	const char *v1_name;
	uint32_t v1_bit;
	const char *(*wanted)(const struct spec_resources *res);
	int (*plan_v2)(struct cg_plan *plan, const struct spec_resources *res,
		       struct err *err);
	int (*plan_v1)(struct cg_plan *plan, const struct spec_resources *res,
		       struct err *err);
};

extern const struct cg_ctrl_row cg_ctrl_rows[CG_CTRLS];

/** cg_ctrl_find() - controller by its v2 name ("io") or v1 name; or -ENOENT. */
int cg_ctrl_find(const char *name, size_t len);

/**
 * cg_needs() - which v1 controllers @res needs on this host.
 *
 * Return: 0, or -ENOTSUP naming the controller and the JSON path.
 */
int cg_needs(enum cg_mode mode, const struct spec_resources *res,
	     uint32_t *v1_mask, struct err *err);

/* ---- modeops.c: what differs between the modes, chosen once */

struct cg_ops {
	const char *name;
	bool enable_all; /* at create: every controller, all the way down */
	/* v1 twins of the directory: make, join, remove */
	int (*twins_make)(const struct cg_place *place, struct err *err);
	int (*twins_join)(const struct cg_place *place, pid_t pid,
			  struct err *err);
	int (*twins_remove)(const struct cg_place *place, struct err *err);
	/* "CTRL:PATH": a sub-cgroup of one twin; NULL: there are none */
	int (*join_named)(const struct cg_place *place, pid_t pid,
			  const char *sub, struct err *err);
	void (*record)(int cg_fd, const struct cg_place *place,
		       struct cg_record *out);
	int (*stats)(int cg_fd, const struct cg_place *place,
		     struct json_gen *gen, struct err *err);
	int (*oom_watch)(int cg_fd, const struct cg_place *place,
			 struct err *err);
};

extern const struct cg_ops cg_ops_unified;
extern const struct cg_ops cg_ops_hybrid;
const struct cg_ops *cg_ops(const struct cg_place *place);

/* ---- enable.c: cgroup.subtree_control */

/**
 * cg_enable_all() - give a cgroup every controller that the root has, writing
 * only where something is missing. What cannot be had is no error here: a
 * limit that needs it will say so.
 */
void cg_enable_all(int root_fd, int cg_fd, const char *path);

/**
 * cg_enable() - give a cgroup one controller.
 *
 * Return: 0 (it has it now), 1 (had it before), or -errno: @err tells which
 * cgroup on the way refused and why.
 */
int cg_enable(const struct cg_place *place, int cg_fd, const char *name,
	      const char *field, struct err *err);

/** cg_join_threaded() - a cgroup in a threaded subtree becomes threaded itself.
 */
void cg_join_threaded(int cg_fd);

/* ---- path.c */

/** cg_path_place() - place->path as the cgroupfs driver has it. */
int cg_path_place(struct cg_place *place, const char *cgroups_path,
		  const char *id, struct err *err);

/* ---- apply.c */

/**
 * cg_apply_late() - the writes that cg_apply() at create leaves to the time
 * when the placeholder of a systemd scope is about to leave: pids.max.
 */
int cg_apply_late(int cg_fd, const struct cg_place *place,
		  const struct spec_resources *res, struct err *err);

/* ---- unified_ops.c */

void cg_record_v2(int cg_fd, const struct cg_place *place,
		  struct cg_record *out);
/** cg_record_cpu() - cpu.stat: every v2 cgroup has it, with no controller. */
void cg_record_cpu(int cg_fd, struct cg_record *out);

/* ---- devices.c */

/** cg_devices_apply() - install the device program; replaces hull's old one. */
int cg_devices_apply(int cg_fd, const struct spec_resources *res,
		     struct err *err);

#endif
