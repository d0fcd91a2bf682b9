/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_PROCESS_PROCESS_H
#define HULL_LIBCONTAINER_PROCESS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "spec/spec.h"

struct err;
struct sock_fprog;

/*
 * What a process applies to itself before it becomes the workload. Used by
 * hull's init, by exec, and by the agent of a microVM; knows nothing of
 * namespaces, mounts or cgroups.
 */

/**
 * struct seccomp_prog - a compiled filter, ready for seccomp(2).
 */
struct seccomp_prog {
	void *map; /* whole memory, see seccomp_prog_release() */
	size_t map_len;
	const void *insns; /* struct sock_filter[] */
	unsigned short count;
	unsigned int flags; /* SECCOMP_FILTER_FLAG_* */
};

/**
 * struct seccomp_notify - who decides about system calls with SCMP_ACT_NOTIFY
 * (runtime-spec config-linux.md, "The Container Process State").
 * @agent_fd: connected stream socket
 * @payload:  the container process state, JSON
 */
struct seccomp_notify {
	int agent_fd;
	const char *payload;
	size_t len;
};

/**
 * seccomp_prepare() - the filter of a profile: from the cache when the very
 * same bytes of config.json were compiled before, else by libseccomp and then
 * cached, with as few instructions as the same answers take.
 * @cache_fd: directory (0700, root's own) that holds the cache, or -1 for none
 *
 * A cache entry holds the profile's bytes and the versions it depends on
 * (libseccomp, architecture, format); all of that is compared, no hash is
 * trusted. At most 64 entries are kept, the oldest go.
 * System calls newer than the newest one named in the profile get ENOSYS
 * instead of the default errno, as runc does.
 *
 * Return: 0, -EINVAL (unknown name where it matters, with the JSON path), ...
 */
int seccomp_prepare(int cache_fd, const struct spec_seccomp *profile,
		    struct seccomp_prog *out, struct err *err);

/**
 * seccomp_adopt() - keep a filter for seccomp_prepare() to find that somebody
 * who is trusted has compiled from the very same bytes. That it cannot be kept
 * matters to nobody: the profile is compiled then.
 * @insns: struct sock_filter[]
 */
void seccomp_adopt(int cache_fd, const struct spec_seccomp *profile,
		   const void *insns, unsigned short count);

/** seccomp_prog_release() - libseccomp has a seccomp_release() of its own. */
void seccomp_prog_release(struct seccomp_prog *prog);

/**
 * struct process_ctx - everything the steps need.
 * @process:   user, caps, limits, ...
 * @personality, @mempolicy: of linux
 * @proc_fd:   procfs root (base/proc.h), opened before the container's mount
 *             namespace was entered
 * @filter:    NULL: none
 * @notify:    NULL: the filter asks nobody
 * @keyring:   name of the new session keyring ("_ses.<id>"), NULL: keep the
 *             caller's (--no-new-keyring)
 * @parent_sets_limits: rlimits are set by the parent with prlimit(2), because
 *             in a user namespace CAP_SYS_RESOURCE does not count
 * @is_exec:   an additional process: it joins init's session keyring as it is
 * @userns:    the process runs in a user namespace of its own, made or joined:
 *             all capabilities are there to give
 */
struct process_ctx {
	const struct spec_process *process;
	const struct spec_personality *personality;
	const struct spec_mempolicy *mempolicy;
	int proc_fd;
	const struct seccomp_prog *filter;
	const struct seccomp_notify *notify;
	const char *keyring;
	bool parent_sets_limits;
	bool is_exec;
	bool userns;
};

/**
 * process_limit_caps() - take out what hull itself does not have and so cannot
 * give, with a warning for each: runtime-spec config.md, "capabilities", wants
 * no failure there.
 * @userns: in a user namespace of its own a process has them all
 */
int process_limit_caps(struct spec_caps *caps, bool userns, struct err *err);

/**
 * process_check() - before anything is made: can this host do what is asked?
 * A label for an LSM that is not there, a capability the caller lacks and so
 * cannot give (names it), a limit above the hard one without CAP_SYS_RESOURCE.
 * Errors carry the JSON path.
 */
int process_check(const struct process_ctx *ctx, struct err *err);

/**
 * process_apply() - the ordered table of steps: session keyring, LSM exec
 * label, scheduler, io priority, personality, memory policy, rlimits, (not oom
 * score: the parent writes it), no_new_privs when asked, cwd, bounding set,
 * groups, gid, uid, umask, cwd again when the first try was denied and a check
 * that cwd lies inside the root, capabilities (with CAP_SYS_ADMIN kept
 * effective when a filter must still be loaded without no_new_privs: execve
 * drops it), a read-back audit of ids, groups, capabilities, NoNewPrivs.
 * err->stage names the step.
 */
int process_apply(const struct process_ctx *ctx, struct err *err);

/**
 * process_resolve() - find argv[0] as execvp(3) would in the container's PATH,
 * as the container's user, after process_apply().
 * @path: receives the path, fresh memory
 *
 * Return: 0 or -errno with runc's texts: `exec: "x": executable file not found
 * in $PATH`, `exec: "/x": stat /x: no such file or directory`,
 * `exec: "/etc/passwd": permission denied`, `exec: "/etc": is a directory`.
 */
int process_resolve(const struct spec_process *process, char **path,
		    struct err *err);

/**
 * process_env() - the environment for execve: the spec's, last duplicate wins,
 * HOME added from the container's /etc/passwd when it is unset (regular file,
 * at most 10 MiB, bounded lines), "/" when the user is not there. After
 * rootfs_enter().
 * @extra: more "NAME=value" (LISTEN_FDS, ...), NULL-terminated, or NULL
 * @env:   receives a vector in fresh memory, for one free(); the strings of the
 *         spec and of @extra are referred to, not copied
 */
int process_env(const struct spec_process *process, const char *const *extra,
		char ***env, struct err *err);

/**
 * process_filter() - put the caller under a seccomp filter: after
 * process_apply(), with nothing but execve(2) behind.
 * @notify: receives the listener, or NULL: what the filter would ask about is
 *          answered with ENOSYS
 */
int process_filter(const struct seccomp_prog *filter,
		   const struct seccomp_notify *notify, struct err *err);

/**
 * process_exec() - the very last step: load the filter, execve(2). Everything
 * else must be closed or close-on-exec already. Returns only on failure.
 */
int process_exec(const struct process_ctx *ctx, const char *path,
		 char *const *env, struct err *err);

/**
 * process_limits() - set a process's rlimits from outside: prlimit(2).
 * @pid: 0 for the caller
 */
int process_limits(pid_t pid, const struct spec_process *process,
		   struct err *err);

/** process_oom_score() - write PID/oom_score_adj; nothing when unset. */
int process_oom_score(int proc_fd, pid_t pid,
		      const struct spec_process *process, struct err *err);

/**
 * process_scheduler() - process.scheduler; nothing when unset.
 * @pid: 0 for the caller; process_apply() does that, except for exec
 */
int process_scheduler(pid_t pid, const struct spec_process *process,
		      struct err *err);

/**
 * process_affinity() - execCPUAffinity: set a cpu list ("0-1,3") on a pid.
 * @member: "initial" or "final"
 */
int process_affinity(pid_t pid, const char *member, const char *cpus,
		     struct err *err);

/**
 * process_affinity_reset() - run on all CPUs of the cgroup's cpuset: since
 * Linux 6.2 what hull's caller was bound to would stay in force there. Not
 * being able to (a deadline policy) leaves it as it is.
 */
void process_affinity_reset(void);

/**
 * process_sysctls() - write linux.sysctl through @proc_fd, in the container's
 * namespaces.
 */
int process_sysctls(int proc_fd, const struct spec_linux *linux_,
		    struct err *err);

/* For features. */
bool process_apparmor_enabled(void);
bool process_selinux_enabled(void);

/** process_last_cap() - number of the running kernel's last capability. */
int process_last_cap(void);

#endif
