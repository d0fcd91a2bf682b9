/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_STATE_H
#define HULL_LIBCONTAINER_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "cgroups/cgroup.h"
#include "cgroups/resctrl.h"
#include "libcontainer/container.h"

struct spec;

/*
 * The state directory of a container, <root>/<id>/ (0700):
 *   state.json   struct ct_state, replaced by rename
 *   config.json  config.json's bytes as they were at create
 *   gate.sock    where init waits for start (see gate.h)
 *   vm.sock      of a microVM: streams to the agent in its guest
 *   vm.exit      of a microVM: how it ended (microvm/vmm.h)
 * Beside them:
 *   .pinned/<id>    init's pidfd, mounted in a namespace of its own: the kernel
 *                   keeps the exit status of a process for as long as a pidfd
 *                   of it is somewhere (Linux 6.15). Absent where that cannot
 *                   be, and with a container that `run` itself waits for
 *   .pins           that namespace, a mount; see pins.h
 *   .cache/seccomp/ compiled filters
 *
 * The directory itself carries the lock: flock(2), held by every operation
 * that changes something. It is the first thing made and the last one removed,
 * so that whatever hull was doing when it was killed, `delete -f` finds what
 * to clean up: state.json names the cgroup before the cgroup is made.
 */

/**
 * struct ct_state - contents of state.json.
 * @pid, @start_time: init; 0 until it is cloned. Trusted only together
 * @ns_flags: CLONE_NEW* of all namespaces in the config: what exec joins
 * @started:  the workload was let go (start, or run); saved before it is told
 * @no_keyring: the container uses its caller's session keyring: so does what
 *            exec starts
 * @vm:       isolated by a microVM: init is its monitor
 * @vm_memory_bytes: of the guest
 * @annotations: key, value, key, value, ..., NULL; or NULL. ct_save() takes
 *            them from ct->spec when they are unset, so that showing a state
 *            needs no config.json
 */
struct ct_state {
	char *id;
	char *oci_version;
	char *bundle;
	char *rootfs;
	int64_t created_ns;
	int64_t started_ns;
	uid_t owner;
	pid_t pid;
	uint64_t start_time;
	int ns_flags;
	bool started;
	bool no_keyring;
	bool vm;
	uint64_t vm_memory_bytes;
	struct cg_place cgroup;
	struct rdt_place rdt;
	struct hull_exit exit;
	char **annotations;
};

/**
 * struct ct - an open container: directory, lock, state, and on demand the
 * spec from the kept config.json.
 * @missing: there is no state.json (yet); @st has the id and nothing else
 * @damaged: state.json is there but not to be trusted; @st likewise
 * @may_have_pin: not so for a container that this process has made, until
 *            record_pin(): a foreground run need not look
 */
struct ct {
	struct arena arena;
	int root_fd; /* directory of all states */
	int dir_fd;  /* this container's */
	bool locked;
	bool missing;
	bool damaged;
	bool may_have_pin;
	struct ct_state st;
	const struct hull_guest *guest; /* of the context */
	const struct spec *spec;        /* NULL until ct_load_spec() */
};

#define auto_ct __attribute__((cleanup(ct_close)))
#define CT_INIT                             \
	{                                   \
		.root_fd = -1, .dir_fd = -1 \
	}

/**
 * ct_check_id() - letters, digits, '_', '+', '.', '-'; not empty, no leading
 * '.' or '-'; at most 255 bytes (a directory's name).
 */
int ct_check_id(const char *id, struct err *err);

/**
 * ct_root_open() - open the directory of states, making it (0700) first when
 * @make. Refuses one that others may write to or that belongs to someone else.
 *
 * Return: descriptor, -ENOENT (and not @make), or -errno.
 */
int ct_root_open(const struct hull_context *ctx, bool make, struct err *err);

/**
 * ct_new() - make a container's directory, locked.
 *
 * Return: 0, -EEXIST ("container with given ID already exists").
 */
int ct_new(const struct hull_context *ctx, const char *id, struct ct *ct,
	   struct err *err);

/**
 * ct_open() - open an existing container and read its state.
 * @lock: take the lock; waits while another operation holds it
 *
 * Return: 0, -ENOENT ("container does not exist"), -EBADMSG (state.json is
 * damaged or missing: @ct is open all the same, so that delete -f can go on).
 */
int ct_open(const struct hull_context *ctx, const char *id, bool lock,
	    struct ct *ct, struct err *err);

void ct_close(struct ct *ct);

/** ct_save() - write state.json. */
int ct_save(struct ct *ct, struct err *err);

/** ct_save_config() - keep config.json's bytes. */
int ct_save_config(struct ct *ct, const char *text, size_t len,
		   struct err *err);

/** ct_load_spec() - parse the kept config.json into ct->spec. */
int ct_load_spec(struct ct *ct, struct err *err);

/** ct_unlock() - let others go on while this process waits for something. */
void ct_unlock(struct ct *ct);

/**
 * ct_lock() - take the lock again; waits. What is in memory is not read again.
 *
 * Return: 0, -ENOENT (somebody has deleted the container meanwhile: not locked,
 * and ct_remove() then does nothing), or -errno.
 */
int ct_lock(struct ct *ct, struct err *err);

/**
 * ct_status() - what the kernel says now: the pid with its start time, the
 * gate, the freezer. Reading the end of init for the first time fills in the
 * exit record in memory (see record.h); callers that hold the lock may save it.
 */
enum hull_status ct_status(struct ct *ct);

/**
 * ct_pidfd() - init's pidfd.
 *
 * Return: descriptor; -ESRCH when it has ended (also for a zombie).
 */
int ct_pidfd(const struct ct *ct);

/**
 * ct_remove() - remove everything of a container whose processes are dead or
 * to be killed: cgroup (kills what is in it), pin, directory. When the
 * cgroup cannot be removed the directory stays, so that `delete` can be tried
 * again. The lock must be held.
 */
int ct_remove(struct ct *ct, struct err *err);

/**
 * ct_state_json() - the OCI state document as hooks and `state` have it:
 * ociVersion, id, status, pid, bundle, rootfs, created, owner, annotations.
 * @status, @pid: as the receiver is to see them
 * @out: fresh memory
 */
int ct_state_json(const struct ct *ct, enum hull_status status, pid_t pid,
		  char **out);

#endif
