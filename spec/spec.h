/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_SPEC_SPEC_H
#define HULL_SPEC_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "spec/spec_linux.h"

/*
 * config.json (runtime-spec 1.3.0) as C types. Everything is const after
 * spec_load(), lives in one arena, and is freed with it. Strings are NULL
 * where the document has nothing; lists are NULL-terminated vectors of strings
 * (never NULL themselves when a count stands beside them) or an array and a
 * count.
 */

struct arena;
struct err;
struct json;

struct spec_rlimit {
	int resource; /* RLIMIT_* */
	const char *type;
	uint64_t soft;
	uint64_t hard;
};

/* Bit n is capability n; names that this hull does not know are warned about
 * and dropped (runtime-spec config.md, "capabilities"). */
struct spec_caps {
	bool set;
	uint64_t effective;
	uint64_t bounding;
	uint64_t inheritable;
	uint64_t permitted;
	uint64_t ambient;
};

struct spec_user {
	uid_t uid;
	gid_t gid;
	bool umask_set;
	mode_t umask;
	const gid_t *groups; /* additionalGids */
	size_t group_count;
};

struct spec_scheduler {
	bool set;
	int policy; /* SCHED_* */
	int32_t nice;
	int32_t priority;
	uint64_t flags; /* SCHED_FLAG_* */
	uint64_t runtime_ns;
	uint64_t deadline_ns;
	uint64_t period_ns;
};

struct spec_io_priority {
	bool set;
	int class;    /* IOPRIO_CLASS_*: 1 RT, 2 BE, 3 IDLE */
	int priority; /* 0..7 */
};

struct spec_process {
	bool terminal;
	bool console_size_set;
	uint16_t console_height;
	uint16_t console_width;
	struct spec_user user;
	const char *const *args; /* NULL-terminated */
	size_t arg_count;
	const char *const *env; /* NULL-terminated, "NAME=value" */
	size_t env_count;
	const char *cwd;
	struct spec_caps caps;
	const struct spec_rlimit *rlimits;
	size_t rlimit_count;
	bool no_new_privs;
	const char *apparmor_profile;
	const char *selinux_label;
	bool oom_score_adj_set;
	int oom_score_adj;
	struct spec_scheduler scheduler;
	struct spec_io_priority io_priority;
	const char *cpu_affinity_initial; /* execCPUAffinity: "0-1,3" */
	const char *cpu_affinity_final;
};

struct spec_id_map {
	uint32_t container_id;
	uint32_t host_id;
	uint32_t size;
};

struct spec_mount {
	const char *destination; /* absolute; a relative one has got its "/" */
	const char *type;        /* NULL: from the options (bind) */
	const char *source;
	const char *const *options; /* NULL-terminated */
	size_t option_count;
	const struct spec_id_map *uid_maps;
	size_t uid_map_count;
	const struct spec_id_map *gid_maps;
	size_t gid_map_count;
};

enum spec_hook_kind {
	SPEC_HOOK_PRESTART,
	SPEC_HOOK_CREATE_RUNTIME,
	SPEC_HOOK_CREATE_CONTAINER,
	SPEC_HOOK_START_CONTAINER,
	SPEC_HOOK_POSTSTART,
	SPEC_HOOK_POSTSTOP,
	SPEC_HOOK_KINDS,
};

struct spec_hook {
	const char *path;        /* absolute */
	const char *const *args; /* NULL: the path alone */
	const char *const *env;  /* never NULL; empty when unset */
	bool env_set;
	uint32_t timeout_s; /* 0: none */
};

struct spec_hooks {
	const struct spec_hook *list[SPEC_HOOK_KINDS];
	size_t count[SPEC_HOOK_KINDS];
};

/* config-vm.md. Paths are the host's: config.json comes from a trusted caller.
 */
struct spec_vm {
	bool set;
	const char *kernel_path;          /* NULL: hull's own */
	const char *const *kernel_params; /* NULL-terminated */
	size_t kernel_param_count;
	const char *initrd_path;
	const char *image_path; /* a raw image */
	const char *image_format;
	struct opt_u64 vcpus;
	struct opt_u64 memory_bytes;
};

struct spec_pair {
	const char *key;
	const char *value;
};

struct spec {
	const char *oci_version;
	bool has_process; /* REQ at create; `hull update` and tools go without
			   */
	struct spec_process process;
	const char *root_path; /* as written, relative to the bundle */
	bool root_readonly;
	const char *hostname;
	const char *domainname;
	const struct spec_mount *mounts;
	size_t mount_count;
	struct spec_hooks hooks;
	const struct spec_pair *annotations;
	size_t annotation_count;
	struct spec_linux linux_;
	struct spec_vm vm;
};

/**
 * struct spec_warning - something odd that is no error: an unknown key near a
 * known one, an unknown capability. Kept in a list so that the caller decides
 * what it prints (callers parse output). @demanded: the specification wants it
 * logged as a warning.
 */
struct spec_warning {
	const char *field;
	const char *text;
	bool demanded;
	const struct spec_warning *next;
};

/**
 * spec_parse() - config.json's text to a checked spec.
 * @arena:    receives everything, borrowed
 * @text:     the document, @len bytes; kept by reference by json values only
 *            during the call
 * @warnings: receives the list of warnings, or NULL when not wanted
 * @err:      all problems, one line each ("linux.resources.cpu.shares:
 *            expected a whole number, got a string")
 *
 * Checks types, ranges, required members, duplicates, absolute paths, and
 * refuses, by its JSON path, every property that hull does not do yet.
 *
 * Return: the spec, or NULL.
 */
const struct spec *spec_parse(struct arena *arena, const char *text, size_t len,
			      const struct spec_warning **warnings,
			      struct err *err);

/**
 * spec_parse_process() - a `process` object on its own: exec --process.
 */
const struct spec_process *spec_parse_process(struct arena *arena,
					      const char *text, size_t len,
					      const struct spec_warning **warn,
					      struct err *err);

/**
 * spec_parse_resources() - a `linux.resources` object on its own: update -r.
 * Field names in errors start at "resources".
 */
const struct spec_resources *
spec_parse_resources(struct arena *arena, const char *text, size_t len,
		     const struct spec_warning **warn, struct err *err);

/** spec_annotation() - value of an annotation, or NULL. */
const char *spec_annotation(const struct spec *spec, const char *key);

/**
 * spec_sysctl_namespace() - which namespace a kernel parameter belongs to.
 * Return: its type, or SPEC_NS_TYPES: none.
 */
enum spec_ns_type spec_sysctl_namespace(const char *key);

/** spec_namespace() - the entry of a type, or NULL when not in the list. */
const struct spec_namespace *spec_namespace(const struct spec *spec,
					    enum spec_ns_type type);

/**
 * spec_template() - what `hull spec` writes: the default config.json, as text.
 * @rootless: with a user namespace that maps @uid and @gid to 0
 * @out:      fresh memory, the caller frees it
 *
 * Return: 0 or -ENOMEM.
 */
int spec_template(bool rootless, uid_t uid, gid_t gid, char **out);

/* Names as config.json writes them, for features and messages: NULL-terminated
 * tables, the same that the parser uses. */
extern const char *const spec_hook_names[]; /* SPEC_HOOK_KINDS entries */
extern const char *const spec_ns_names[];   /* SPEC_NS_TYPES entries */
/** spec_seccomp_notifies() - does any rule, or the default, ask a listener? */
bool spec_seccomp_notifies(const struct spec_seccomp *seccomp);

extern const char *const spec_seccomp_actions[];
extern const char *const spec_seccomp_operators[];
extern const char *const spec_seccomp_archs[];
extern const char *const spec_seccomp_flags[];
extern const char *const spec_mempolicy_modes[];
extern const char *const spec_mempolicy_flags[];

/** spec_cap_name() - "CAP_CHOWN" for 0 ...; NULL past the last one known. */
const char *spec_cap_name(unsigned int cap);

/** spec_cap_number() - reverse, any case, with or without "CAP_"; -EINVAL. */
int spec_cap_number(const char *name);

/** spec_rlimit_number() - "RLIMIT_NOFILE" to RLIMIT_NOFILE; -EINVAL. */
int spec_rlimit_number(const char *name);

#endif
