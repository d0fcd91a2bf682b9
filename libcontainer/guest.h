/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_GUEST_H
#define HULL_LIBCONTAINER_GUEST_H

#include <stdbool.h>

#include "spec/spec.h"

struct arena;
struct err;

/*
 * The same config.json seen from inside a microVM. The host has made the
 * container's tree (root file system, bind mounts, overlays) and serves it; its
 * network, its hooks and the VM's own limits are the host's as well. Everything
 * else is done by the same pipeline in the guest, on a spec that guest_spec()
 * has amended.
 */

/**
 * struct hull_guest - hull_context.guest: the caller is the agent of a microVM.
 * @root:   where the tree that the host serves is mounted
 * @binds:  directory of the agent's own for guest_binds()
 * @cgroup: takes the place of linux.cgroupsPath
 * @terminal: the session has a terminal, of @rows and @cols
 * @plain_lines: it ends lines with LF alone
 * @filter, @filter_len: struct sock_filter[], linux.seccomp as the host has
 *                       compiled it; NULL: it has not
 */
struct hull_guest {
	const char *root;
	const char *binds;
	const char *cgroup;
	bool terminal;
	bool plain_lines;
	unsigned short rows;
	unsigned short cols;
	const void *filter;
	unsigned short filter_len;
};

/**
 * guest_makes_mount() - true for the file systems that the guest makes itself:
 * those that show a kernel (proc, sysfs, cgroup, ...) or live in memory.
 * Everything else (bind mounts, overlays, file systems on disks) is made by the
 * host and seen through the served tree.
 */
bool guest_makes_mount(const struct spec_mount *m);

/**
 * guest_spec() - what of a spec the guest applies:
 *  - root.path is @g->root;
 *  - a mount of the host's stays where it is, unless a mount of the guest's
 *    covers it or it has attributes (nosuid, nodev, ...), which only the kernel
 *    that runs the workload can enforce: then it is bound once more, from
 *    @g->binds, see guest_binds();
 *  - pid and mount namespaces are always new, so that nothing of the agent is
 *    in reach; ipc, uts and cgroup as listed, but never joined by path; the
 *    network namespace is the guest's; a user or time namespace by path is
 *    refused (-ENOTSUP), as nobody in here knows its mappings;
 *  - a user namespace maps the container's ids to themselves: the files are
 *    served as they look in the container's own on the host;
 *  - hooks: startContainer alone;
 *  - linux.resources as guest_resources(), process as guest_process();
 *  - net.* sysctls are left to guest_net_sysctls(), the memory policy (nodes of
 *    the host) and the mount label to the host.
 * @in:  borrowed, @out refers to it
 */
int guest_spec(struct arena *arena, const struct hull_guest *g,
	       const struct spec *in, const struct spec **out, struct err *err);

/**
 * guest_process() - LSM labels and CPU numbers are the host's; the terminal is
 * the session's; without oomScoreAdj the workload would inherit the agent's.
 */
void guest_process(const struct hull_guest *g, struct spec_process *process);

/**
 * guest_resources() - memory (no swap: the guest has none), pids and device
 * rules; of unified the files of these controllers. The VM as a whole is held
 * to the rest (cpu, io, huge pages, rdma) by the host.
 */
int guest_resources(struct arena *arena, const struct spec_resources *in,
		    struct spec_resources *out, struct err *err);

/** guest_keeps_file() - a file of linux.resources.unified for the guest. */
bool guest_keeps_file(const char *file);

/**
 * guest_binds() - attach below @g->binds the trees that the amended @spec
 * binds again. Destinations are resolved inside @g->root: a link in the image
 * cannot lead to the agent's own files.
 */
int guest_binds(const struct hull_guest *g, const struct spec *spec,
		struct err *err);

/**
 * guest_net_sysctls() - write the net.* sysctls of the container's own spec to
 * the caller's network namespace: the workload's user namespace has no say in
 * it.
 */
int guest_net_sysctls(struct arena *arena, const struct spec *spec,
		      struct err *err);

#endif
