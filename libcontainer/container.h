/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CONTAINER_H
#define HULL_CONTAINER_H

/*
 * libcontainer: OCI containers from C. This is the one public header; it
 * includes nothing of hull's own.
 *
 * Functions return 0 (or what their comment says) or a negative errno, and
 * fill in @err when it is not NULL. Nothing here prints or exits. Not safe for
 * several threads at once: hull clones processes, and a lock that another
 * thread holds would stay locked in the child.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define HULL_API __attribute__((visibility("default")))

struct err;

/** hull_err_new() - an error object; free it with hull_err_free(). */
HULL_API struct err *hull_err_new(void);
HULL_API void hull_err_free(struct err *err);
/** hull_err_message() - what failed and why, for a person. */
HULL_API const char *hull_err_message(const struct err *err);
/** hull_err_field() - place in config.json, or "". */
HULL_API const char *hull_err_field(const struct err *err);
/** hull_err_stage() - step of the pipeline, or "". */
HULL_API const char *hull_err_stage(const struct err *err);

enum hull_cgroup_manager {
	HULL_CGROUPFS,
	HULL_SYSTEMD,
	HULL_CGROUP_DISABLED,
};

/* Whether a container may do without a cgroup that cannot be had. */
enum hull_rootless {
	HULL_ROOTLESS_AUTO, /* yes for ordinary users and in user namespaces */
	HULL_ROOTLESS_TRUE,
	HULL_ROOTLESS_FALSE,
};

/** enum hull_isolation - what holds a container. */
enum hull_isolation {
	HULL_ISOLATION_AUTO, /* a microVM if the bundle asks for one */
	HULL_ISOLATION_PROCESS,
	HULL_ISOLATION_VM,
};

enum hull_status {
	HULL_CREATING,
	HULL_CREATED,
	HULL_RUNNING,
	HULL_PAUSED,
	HULL_STOPPED,
};

/** hull_status_name() - "creating", "created", "running", ... */
HULL_API const char *hull_status_name(enum hull_status status);

/**
 * struct hull_context - options of all operations.
 * @root: directory of the states, absolute; NULL: /run/hull, or
 *        $XDG_RUNTIME_DIR/hull for other users than root
 * @manager: at create and run only; later operations follow the state
 * @rootless: at create and run: whether missing permission on cgroups is an
 *        error; limits that then cannot be had always are
 * @exiting: the caller exits right after: descriptors and memory are left to
 *        the kernel
 * @guest: for the agent of a microVM (libcontainer/guest.h); else NULL
 */
struct hull_guest;
struct hull_context {
	const char *root;
	enum hull_cgroup_manager manager;
	enum hull_rootless rootless;
	bool exiting;
	const struct hull_guest *guest;
};

/**
 * struct hull_create_options - what create and run take.
 * @bundle:         directory, NULL: the current one
 * @config:         file to read in place of BUNDLE/config.json, or NULL
 * @console_socket: unix stream socket that receives the terminal's master
 * @pidfd_socket:   unix stream socket that receives init's pidfd
 * @pid_file:       receives init's pid: decimal, no newline, by rename
 * @kernel:         for a microVM: the guest's kernel, in place of vm.kernel and
 *                  of hull's own
 * @isolation:      strongest; a bundle that asks for a microVM is refused with
 *                  HULL_ISOLATION_PROCESS
 * @preserve_fds:   descriptors 3 .. 2+N go to the workload as well
 * @detach:         run only: return once the workload runs
 * @keep:           run only: leave the stopped container (until delete)
 * @no_subreaper:   run only: do not adopt orphans of the container
 */
struct hull_create_options {
	const char *bundle;
	const char *config;
	const char *console_socket;
	const char *pidfd_socket;
	const char *pid_file;
	const char *kernel;
	enum hull_isolation isolation;
	unsigned int preserve_fds;
	bool no_pivot;
	bool no_new_keyring;
	bool detach;
	bool keep;
	bool no_subreaper;
};

/**
 * hull_protect() - make sure that this process runs from a file the container
 * cannot write (CVE-2019-5736): re-executes /proc/self/exe through a detached
 * read-only mount, or from a sealed copy in memory. Call first thing in
 * main() of a program that uses create, run or exec.
 * @argv: as given to main()
 *
 * Return: 0 (already protected), or -errno; does not return when it had to
 * execute itself again.
 */
HULL_API int hull_protect(char *const argv[], struct err *err);

/**
 * hull_close_fds() - close every descriptor from @first up: what a caller
 * leaked must not stay open in a container's init. Call it before anything of
 * one's own is opened, with 3 + preserved descriptors (LISTEN_FDS included).
 */
HULL_API int hull_close_fds(unsigned int first);

/** hull_create() - everything but the start: init waits at the start gate. */
HULL_API int hull_create(const struct hull_context *ctx, const char *id,
			 const struct hull_create_options *opt,
			 struct err *err);

/**
 * hull_run() - create and start; without @detach also wait and delete.
 * @status: receives the exit status as a shell has it (128 + N for a signal);
 *          0 with @detach
 */
HULL_API int hull_run(const struct hull_context *ctx, const char *id,
		      const struct hull_create_options *opt, int *status,
		      struct err *err);

/** hull_start() - -EINVAL unless the container is created. */
HULL_API int hull_start(const struct hull_context *ctx, const char *id,
			struct err *err);

/**
 * struct hull_exec_options - what exec takes. Unset members (NULL, 0) leave
 * what the container's own process has.
 * @process:    a `process` object as JSON text, or NULL; then @args is ignored
 * @user:       "UID[:GID]"
 * @env, @caps: NULL-terminated, added to the container's; or NULL
 * @gids:       additional groups, NULL-terminated decimal texts; or NULL
 * @cgroups:    NULL-terminated paths below the container's cgroup ("CTRL:PATH"
 *              for one v1 controller), or NULL
 */
struct hull_exec_options {
	const char *process;
	size_t process_len;
	const char *const *args;
	const char *cwd;
	const char *user;
	const char *const *env;
	const char *const *caps;
	const char *const *gids;
	const char *const *cgroups;
	const char *process_label;
	const char *apparmor;
	const char *console_socket;
	const char *pidfd_socket;
	const char *pid_file;
	unsigned int preserve_fds;
	bool tty;
	bool no_new_privs;
	bool detach;
	bool ignore_paused;
};

/** hull_exec() - an additional process; @status as for hull_run(). */
HULL_API int hull_exec(const struct hull_context *ctx, const char *id,
		       const struct hull_exec_options *opt, int *status,
		       struct err *err);

/**
 * struct hull_exit - the exit record. What nobody could see stays unknown:
 * hull(1), "wait", says what is known when.
 * @status:  wait(2) status of init, valid with @status_known
 * @end_exact: hull itself waited for the end; else @end_ns is when the end was
 *           first noticed
 */
struct hull_exit {
	bool recorded;
	bool status_known;
	int status;
	bool oom_known;
	bool oom;
	bool peak_known;
	uint64_t memory_peak_bytes;
	bool end_exact;
	int64_t end_ns;   /* since 1970 */
	char vm_end[256]; /* what happened to the microVM, if not the workload
			     ended it; or "" */
};

/** struct hull_state - a container as `state` and `list` show it. */
struct hull_state {
	char *oci_version;
	char *id;
	enum hull_status status;
	pid_t pid; /* 0 when stopped */
	char *bundle;
	char *rootfs;
	char *isolation;    /* "process" or "vm" */
	int64_t created_ns; /* since 1970 */
	int64_t started_ns; /* 0: not started */
	uid_t owner;
	char **annotations; /* key, value, key, value, ..., NULL */
	struct hull_exit exit;
	char *problem; /* list only: why this one cannot be read; or NULL */
};

/**
 * hull_state_get() - read one; release with hull_state_release().
 *
 * Return: 0, -ENOENT ("container does not exist"), ...
 */
HULL_API int hull_state_get(const struct hull_context *ctx, const char *id,
			    struct hull_state *out, struct err *err);
HULL_API void hull_state_release(struct hull_state *state);

/**
 * hull_list() - all containers of the root, by name. Directories that are not
 * hull's are passed over; a broken one is listed with @problem set.
 */
HULL_API int hull_list(const struct hull_context *ctx,
		       struct hull_state **states, size_t *count,
		       struct err *err);

/**
 * hull_kill() - send a signal to init, or with @all to every process.
 * SIGKILL to a container without a pid namespace of its own always goes to all.
 */
HULL_API int hull_kill(const struct hull_context *ctx, const char *id, int sig,
		       bool all, struct err *err);

/**
 * hull_delete() - remove a stopped (or created) container.
 * @force: kill it first; a container that does not exist is no error
 */
HULL_API int hull_delete(const struct hull_context *ctx, const char *id,
			 bool force, struct err *err);

HULL_API int hull_pause(const struct hull_context *ctx, const char *id,
			struct err *err);
HULL_API int hull_resume(const struct hull_context *ctx, const char *id,
			 struct err *err);

/**
 * hull_pids() - processes, as the caller's pid namespace numbers them; of a
 * microVM those of its monitor.
 */
HULL_API int hull_pids(const struct hull_context *ctx, const char *id,
		       pid_t **pids, size_t *count, struct err *err);

/**
 * hull_processes() - the processes of a microVM's guest, as its agent tells
 * them: a JSON array of objects, in fresh memory.
 *
 * Return: 0, -ENOTSUP ("process" isolation: the host's ps(1) knows them), ...
 */
HULL_API int hull_processes(const struct hull_context *ctx, const char *id,
			    char **json, struct err *err);

/**
 * hull_update() - change limits; on failure the old ones are put back.
 * @resources: a `linux.resources` object as JSON text
 */
HULL_API int hull_update(const struct hull_context *ctx, const char *id,
			 const char *resources, size_t len, struct err *err);

/**
 * hull_stats() - the "data" object of an events line, as JSON text.
 * @json: fresh memory
 */
HULL_API int hull_stats(const struct hull_context *ctx, const char *id,
			char **json, struct err *err);

/**
 * hull_watch() - descriptors for an event loop of `events`.
 * @oom_fd:  readable when OOM counters may have changed; -1: cannot be watched
 * @exit_fd: readable when init has ended
 */
HULL_API int hull_watch(const struct hull_context *ctx, const char *id,
			int *oom_fd, int *exit_fd, struct err *err);

/** hull_oom_kills() - processes of the container killed for memory so far. */
HULL_API int hull_oom_kills(const struct hull_context *ctx, const char *id,
			    uint64_t *count, struct err *err);

/**
 * hull_wait() - block until the container has ended and record how.
 * @status: exit status as a shell has it
 *
 * Return: 0, -ENODATA when it ended but nobody could see how.
 */
HULL_API int hull_wait(const struct hull_context *ctx, const char *id,
		       int *status, struct err *err);

/** hull_features() - the features document, as JSON text in fresh memory. */
HULL_API int hull_features(char **json, struct err *err);

/** hull_spec() - the default config.json, as JSON text in fresh memory. */
HULL_API int hull_spec(bool rootless, char **json);

#endif
