/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CMD_HULL_AGENT_AGENT_H
#define HULL_CMD_HULL_AGENT_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libcontainer/container.h"
#include "libcontainer/guest.h"

struct err;

/**
 * struct agent - what all parts of hull-agent know.
 * @unix_dir: not in a guest, but a test on an ordinary machine: unix sockets in
 *            this directory take the place of vsock; NULL in a guest
 * @state:   directory of the states (hull_context.root)
 * @bundle:  directory that receives config.json
 * @root, @binds, @cgroup: see struct hull_guest
 */
struct agent {
	const char *unix_dir;
	const char *state;
	const char *bundle;
	const char *root;
	const char *binds;
	const char *cgroup;
};

/* The one container of the guest, unless START names it. */
#define AGENT_ID "container"

/* ---- modules.c */

/**
 * modules_load() - the kernel modules that @dir/list names, in its order; no
 * directory, no modules. hull-mkinitrd(8) makes it, for a kernel that is not
 * built for hull.
 */
int modules_load(const char *dir, struct err *err);

/* ---- boot.c: what an init does before there is anything else */

/**
 * boot() - mount what the agent itself needs, leave the initial ramfs, and put
 * the limits and the OOM score in place that a service of a usual machine has.
 */
int boot(struct err *err);

/** boot_root() - mount the tree that the host serves. */
int boot_root(const struct agent *a, struct err *err);

/** boot_end() - nothing is left to do: the VM goes. Returns only on failure. */
void boot_end(const struct agent *a);

/* ---- link.c: streams to and from the host */

/** link_connect() - the boot stream. Return: descriptor or -errno. */
int link_connect(const struct agent *a);

/** link_listen() - Return: descriptor (non-blocking) or -errno. */
int link_listen(const struct agent *a);

/**
 * link_accept() - the next connection of the host; others are dropped.
 *
 * Return: descriptor, -EAGAIN (none), or -errno.
 */
int link_accept(const struct agent *a, int listen_fd);

/* ---- serve.c */

/**
 * serve() - until the session of the container has ended: accepts connections,
 * gives each session a process, hands streams to it, reaps.
 * @boot_fd: taken: the boot stream, HELLO sent
 */
int serve(const struct agent *a, int boot_fd, struct err *err);

/* ---- session.c */

/**
 * struct session - one process of the workload, and a process of the agent that
 * looks after it.
 * @ctl_fd: the host's control stream
 * @slot_fd: unix socket on which serve() hands over attached streams: the
 *           stream's number (uint32_t) with the descriptor
 * @token:  what ATTACH names this session by
 * @boot:   the container's own; else the first message decides
 */
struct session {
	const struct agent *agent;
	int ctl_fd;
	int slot_fd;
	uint64_t token;
	bool boot;
};

/** session_serve() - the whole of a session, in a process of its own. */
int session_serve(const struct session *s);

/** session_context() - the container, as libcontainer's functions want it. */
struct hull_context session_context(const struct agent *a,
				    const struct hull_guest *guest);

/** session_guest() - its guest, with a terminal or without. */
struct hull_guest session_guest(const struct agent *a);

/**
 * session_find() - id of the container.
 *
 * Return: 0 (fresh memory in @id), -ENOENT before START.
 */
int session_find(const struct agent *a, char **id, struct err *err);

/* ---- query.c */

struct proto_msg;

/** query_serve() - PS, STATS or UPDATE: send the REPLY. */
int query_serve(const struct agent *a, int fd, const struct proto_msg *msg);

#endif
