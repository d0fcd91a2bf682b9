/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_NAMESPACES_NS_H
#define HULL_NAMESPACES_NS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "spec/spec.h"

struct err;
struct json_gen;

/**
 * struct ns_type - one row per kind, in the order in which they are joined:
 * user first (the kernel checks the others against the owner's capabilities),
 * pid last.
 */
struct ns_type {
	enum spec_ns_type type;
	int flag;         /* CLONE_NEW* */
	const char *file; /* name below /proc/PID/ns */
};

extern const struct ns_type ns_types[SPEC_NS_TYPES];

/** ns_flag() - the CLONE_NEW* flag of a type. */
int ns_flag(enum spec_ns_type type);

/**
 * struct ns_plan - which namespaces are made and which are joined.
 * @create:   CLONE_NEW* flags that clone3(2) makes. CLONE_NEWCGROUP and
 *            CLONE_NEWTIME never stand here: the child makes them itself, the
 *            first because its root is the creator's cgroup, the second
 *            because offsets must be written before anyone enters
 * @new_cgroup, @new_time: the child makes these
 * @join_fd:  by type: descriptor of the namespace to join, or -1
 * @present:  CLONE_NEW* flags of all namespaces in the config, made or joined:
 *            what exec has to join
 * @own:      CLONE_NEW* flags of those that are joined by a path and are the
 *            caller's own: what is changed in them is changed on the host
 */
struct ns_plan {
	int create;
	bool new_cgroup;
	bool new_time;
	int join_fd[SPEC_NS_TYPES];
	int present;
	int own;
};

/**
 * ns_plan_init() - from linux.namespaces: opens the paths, checks that each is
 * a namespace file of the named type (NS_GET_NSTYPE). A path that is the
 * caller's own namespace is joined as any other, except user (the kernel
 * refuses): it counts as shared.
 *
 * Return: 0; release with ns_plan_release(). -EINVAL with the JSON path.
 */
int ns_plan_init(struct ns_plan *plan, const struct spec_linux *linux_,
		 struct err *err);
void ns_plan_release(struct ns_plan *plan);

/**
 * ns_join() - setns(2) into every namespace of the plan's join_fd whose flag is
 * in @which, in table order.
 * @refused: if not NULL, the flags of those that gave EPERM (none: 0), which
 *	are then no failure: another user namespace may have the right to them.
 */
int ns_join(const struct ns_plan *plan, int which, int *refused,
	    struct err *err);

/**
 * ns_join_process() - join the namespaces @flags of another process in one
 * setns(2) on its pidfd.
 */
int ns_join_process(int pidfd, int flags, struct err *err);

/**
 * ns_child_setup() - in the child, once it may: unshare the cgroup namespace,
 * make the time namespace with its offsets and enter it, bring "lo" up in a
 * new network namespace, set host name and domain name.
 * @proc_fd: procfs root (base/proc.h)
 */
int ns_child_setup(const struct ns_plan *plan, const struct spec *spec,
		   int proc_fd, struct err *err);

/**
 * ns_time_before_join(), ns_time_after_join() - a new time namespace in a user
 * namespace that is joined. There the offsets belong to the host's root, and to
 * be dumpable would open the process to whoever is in that namespace already.
 * So it is made by the process that joins and clones: the file is opened
 * before, by whoever it belongs to, and written afterwards. The clone is inside
 * from its first moment; @plan->new_time becomes false.
 *
 * @offsets_fd: stays as it is, -1, where nothing is to be done
 */
int ns_time_before_join(const struct ns_plan *plan, int proc_fd,
			int *offsets_fd, struct err *err);
int ns_time_after_join(struct ns_plan *plan, const struct spec_linux *linux_,
		       int offsets_fd, struct err *err);

/**
 * ns_write_maps() - write uid_map and gid_map of a child that waits in its new
 * user namespace.
 * @proc_fd: procfs root in which @pid is valid
 */
int ns_write_maps(int proc_fd, pid_t pid, const struct spec_linux *linux_,
		  struct err *err);

/**
 * ns_userns_fd() - a user namespace with the given mappings and nobody in it,
 * for id-mapped mounts: a helper process lives just long enough.
 *
 * Return: descriptor, or -errno.
 */
int ns_userns_fd(int proc_fd, const struct spec_id_map *uid_maps,
		 size_t uid_count, const struct spec_id_map *gid_maps,
		 size_t gid_count, struct err *err);

/**
 * ns_host_id() - what a container id is outside, by a mapping.
 * @maps: none (count 0) means the identity
 *
 * Return: host id, or -1 when it is not mapped.
 */
int64_t ns_host_id(const struct spec_id_map *maps, size_t count, uint32_t id);

/**
 * ns_net_stats() - write the array network_interfaces of runc's events ("Name",
 * "RxBytes", ...) of the network namespace of @pid to @gen; "lo" is left out.
 * Asked of rtnetlink by the program hull-net (it links libmnl, which has no
 * static archive), looked for beside hull and in ../libexec/hull from there.
 *
 * Return: 0, -ENOENT (no hull-net, or no such process), or -errno.
 */
int ns_net_stats(pid_t pid, struct json_gen *gen, struct err *err);

/**
 * ns_move_devices() - move linux.netDevices of the caller's network namespace
 * into the container's, by hull-net. All are looked at before the first moves.
 * @pid: process in the container's namespace, where the plan does not join one
 */
int ns_move_devices(const struct ns_plan *plan, pid_t pid,
		    const struct spec_linux *linux_, struct err *err);

#endif
