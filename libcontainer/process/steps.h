/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_PROCESS_STEPS_H
#define HULL_LIBCONTAINER_PROCESS_STEPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libcontainer/process/process.h"

/**
 * struct apply - one run through the table of process_apply().
 * @cwd_later:   chdir(2) was denied and is tried again as the user
 * @groups_kept: the user namespace denies setgroups(2), so the caller's groups
 *               stay and the audit does not look at them
 */
struct apply {
	const struct process_ctx *ctx;
	bool cwd_later;
	bool groups_kept;
};

/* One step each; 0 or -errno with @err filled in. */
int step_keyring(struct apply *a, struct err *err);
int step_label(struct apply *a, struct err *err);
int step_scheduler(struct apply *a, struct err *err);
int step_io_priority(struct apply *a, struct err *err);
int step_personality(struct apply *a, struct err *err);
int step_mempolicy(struct apply *a, struct err *err);
int step_rlimits(struct apply *a, struct err *err);
int step_bounding(struct apply *a, struct err *err);
int step_stdio(struct apply *a, struct err *err);
int step_user(struct apply *a, struct err *err);
int step_capabilities(struct apply *a, struct err *err);
int step_audit(struct apply *a, struct err *err);

/**
 * struct cap_sets - what capset(2) is given before execve(2).
 */
struct cap_sets {
	uint64_t effective;
	uint64_t permitted;
	uint64_t inheritable;
	uint64_t ambient;
};

/**
 * caps_keep_admin() - whether CAP_SYS_ADMIN has to outlive the steps: the
 * kernel loads a filter only for a process with no_new_privs or with it.
 */
bool caps_keep_admin(const struct process_ctx *ctx);

/** caps_before_exec() - the sets that process_apply() leaves. */
struct cap_sets caps_before_exec(const struct process_ctx *ctx);

/**
 * caps_check() - the part of process_check() on capabilities.
 * @permitted: hull's own
 */
int caps_check(const struct process_ctx *ctx, uint64_t permitted,
	       struct err *err);

/** lsm_check() - the part of process_check() on labels. */
int lsm_check(const struct process_ctx *ctx, struct err *err);

/**
 * rlimit_check() - the part of process_check() on limits.
 * @effective: hull's own capabilities
 */
int rlimit_check(const struct process_ctx *ctx, uint64_t effective,
		 struct err *err);

/**
 * lsm_keyring_label() - SELinux label of keyrings made from now on; NULL puts
 * the default back.
 */
int lsm_keyring_label(int proc_fd, const char *label, struct err *err);

/**
 * numlist_parse() - a list of numbers as cpusets have it ("0-1,3") to a bit
 * map.
 * @bits: @nbits bits, cleared first
 *
 * Return: 0, -EINVAL (not such a list, or empty), -ERANGE (number >= @nbits).
 */
int numlist_parse(const char *text, unsigned long *bits, size_t nbits);

/**
 * passwd_home() - home directory of a uid from /etc/passwd of the present
 * root. The file may be hostile: only a regular file of at most 10 MiB counts,
 * and lines longer than a few KiB are passed over. The uid is compared as a
 * number, never as a name.
 * @home: receives the text, untouched unless found
 *
 * Return: 0, -ENOENT (no file, no entry, or an entry without a home), -EFBIG,
 * -EINVAL (no regular file), -ENAMETOOLONG, or -errno.
 */
int passwd_home(uid_t uid, char *home, size_t size);

/** passwd_find_home() - as passwd_home(), in the file that is open at @fd. */
int passwd_find_home(int fd, uid_t uid, char *home, size_t size);

#endif
