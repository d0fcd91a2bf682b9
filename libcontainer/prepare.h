/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_PREPARE_H
#define HULL_LIBCONTAINER_PREPARE_H

#include "libcontainer/bundle.h"
#include "libcontainer/handover.h"
#include "libcontainer/init.h"
#include "libcontainer/vm.h"

/**
 * struct launch - one create or run from its arguments to the clone.
 * @ready_fd: where the workload says that it is ready (ready.h), or -1
 * @made: the container's directory exists, and must go if this fails
 */
struct launch {
	const struct hull_context *ctx;
	const struct hull_create_options *opt;
	struct ct ct;
	struct bundle bundle;
	struct listen_fds listen;
	struct init in;
	struct vm vm;
	int console_fd;
	int ready_fd;
	bool made;
};

/**
 * launch_check_own() - what is set in a namespace that is joined by its path
 * must not be set on the host: sysctls and names where it is the caller's own.
 *
 * Return: 0, or -EINVAL with the JSON path.
 */
int launch_check_own(const struct spec *spec, const struct ns_plan *ns,
		     struct err *err);

/**
 * launch_prepare() - everything before the clone: the bundle is read and
 * checked, all that can be refused is refused, then state, cgroup, filter.
 * @gate: init waits at a gate (create) instead of the handshake (run)
 *
 * On failure launch_undo() cleans up whatever was made.
 */
int launch_prepare(struct launch *l, const struct hull_context *ctx,
		   const char *id, const struct hull_create_options *opt,
		   bool gate, struct err *err);

/* prepare_cgroup.c: steps of launch_prepare() */
int launch_check_cgroup(const struct cg_place *place, struct err *err);
int launch_make_cgroup(struct launch *l, struct err *err);

/* ---- sides.c */

/**
 * launch_choose_isolation() - is there to be a microVM; if so, what of
 * config.json is left for the host.
 */
int launch_choose_isolation(struct launch *l, struct err *err);

/** launch_enter_guest() - inside one: what of the bundle is done here. */
int launch_enter_guest(struct launch *l, struct err *err);

/** launch_spawn() - clone init and bring it to its start. */
int launch_spawn(struct launch *l, struct err *err);

/**
 * launch_undo() - a failed launch leaves nothing: kill, poststop hooks,
 * cgroup, state.
 */
void launch_undo(struct launch *l);

/** launch_release() - free memory and descriptors; the container stays. */
void launch_release(struct launch *l);

#endif
