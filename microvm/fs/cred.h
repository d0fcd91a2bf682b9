/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_MICROVM_FS_CRED_H
#define HULL_MICROVM_FS_CRED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Who the server is towards the host's filesystems, for the length of one
 * request. The guest's kernel has checked permissions before it asked (it
 * mounts with default_permissions), and a guest may name any user it likes, so
 * the ids decide about ownership of new files only; the server keeps its
 * capabilities. All of this is per thread: raw system calls, not libc's.
 *
 * setfsuid(2) clears the parent death signal and makes the process undumpable.
 */

/**
 * struct cred
 * @can_switch: CAP_SETUID and CAP_SETGID are there; else files belong to the
 *              server's own user
 * @no_groups: the server has no supplementary groups
 * @effective, @permitted: capabilities as the server found them
 * @uid, @gid: the server's own
 * @good_uid, @good_gid: pair last seen to be valid in this user namespace
 * @umask: what umask(2) was given last
 */
struct cred {
	bool can_switch;
	bool no_groups;
	bool switched;
	bool lowered;
	uint64_t effective;
	uint64_t permitted;
	uint64_t inheritable;
	uid_t uid;
	gid_t gid;
	uid_t good_uid;
	gid_t good_gid;
	mode_t umask;
};

/** cred_init() - gives up supplementary groups. Return: 0 or -errno. */
int cred_init(struct cred *cred);

/**
 * cred_enter() - new files belong to @uid and @gid, less @umask.
 *
 * Return: 0, or -EOVERFLOW: this user namespace has no such ids.
 */
int cred_enter(struct cred *cred, uint32_t uid, uint32_t gid, uint32_t umask);
/** cred_leave() - undo cred_enter(). */
void cred_leave(struct cred *cred);

/** cred_lower() - be without CAP_FSETID: what is written, truncated or given to
 * another group loses set-user-ID and set-group-ID as the kernel's rules have
 * it. */
int cred_lower(struct cred *cred);
/** cred_raise() - undo cred_lower(). */
void cred_raise(struct cred *cred);

#endif
