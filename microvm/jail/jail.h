/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_MICROVM_JAIL_JAIL_H
#define HULL_MICROVM_JAIL_JAIL_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

/*
 * What the VMM's processes and threads still may do once everything is open.
 * The container's namespaces are the outer wall; this is the inner one.
 */

/** enum jail_role - each thread has one, and a list of system calls. */
enum jail_role {
	JAIL_VCPU,    /* runs the guest, answers its register accesses */
	JAIL_LOOP,    /* serves the devices */
	JAIL_MAIN,    /* until the workload may start */
	JAIL_SESSION, /* then: the session with the agent, and the end */
	JAIL_GATE,    /* waits for "go" */
	JAIL_ATTACH,  /* a session of its own process */
	JAIL_FS,      /* the server of files */
	JAIL_ROLES,
};

/* Capabilities that the fs server keeps, as bits. Not DAC_READ_SEARCH, which
 * would open what lies outside of its tree by file handles; DAC_OVERRIDE is
 * enough to read. */
#define JAIL_FS_CAPS                                            \
	(1ULL << 0 /* CHOWN */ | 1ULL << 1 /* DAC_OVERRIDE */ | \
	 1ULL << 3 /* FOWNER */ | 1ULL << 4 /* FSETID */ |      \
	 1ULL << 6 /* SETGID */ | 1ULL << 7 /* SETUID */ |      \
	 1ULL << 27 /* MKNOD */ | 1ULL << 31 /* SETFCAP */)

/** enum jail_files - what Landlock takes away, where the kernel has it. */
enum jail_files {
	JAIL_NO_FILES,    /* nothing is opened by name */
	JAIL_FILES_BELOW, /* below a directory all but running programs */
};

/**
 * struct jail_process
 * @uid, @gid: what the process becomes; supplementary groups are given up
 *             where that is allowed
 * @caps: what it keeps of its capabilities; all others are gone for good
 * @files, @below_fd: what it opens; the second with JAIL_FILES_BELOW only
 * @nofile: at most that many descriptors; 0: as it is
 */
struct jail_process {
	uint32_t uid;
	uint32_t gid;
	uint64_t caps;
	enum jail_files files;
	int below_fd;
	uint64_t nofile;
};

/**
 * jail_process() - before there is a second thread. No core dumps, no new
 * privileges; then as @jail tells.
 *
 * Return: 0 or -errno.
 */
int jail_process(const struct jail_process *jail, struct err *err);

/**
 * jail_thread() - from now on only the system calls of its role; any other one
 * kills the process (SIGSYS). All signals are blocked: a signalfd reads them.
 */
int jail_thread(enum jail_role role, struct err *err);

/**
 * jail_keep_fds() - close every descriptor but 0, 1, 2 and those listed.
 * @fds: sorted here; -1 is none
 */
int jail_keep_fds(int *fds, size_t count, struct err *err);

/** enum jail_check - what is asked of a call beside its number. */
enum jail_check {
	JAIL_ANY,
	JAIL_ONE_OF,  /* argument @arg is one of @values */
	JAIL_WITHOUT, /* argument @arg has none of the bits values[0] */
	JAIL_OWN_PID, /* argument @arg is the calling process */
};

#define JAIL_VALUES 12
/** struct jail_rule - one system call of a role. */
struct jail_rule {
	int nr;
	enum jail_check check;
	unsigned int arg;
	uint32_t values[JAIL_VALUES];
	unsigned int value_count;
};

/** jail_rules() - the table of a role, for tests and the filter. */
const struct jail_rule *jail_rules(enum jail_role role, size_t *count);

/**
 * jail_build() - the filter of a table as BPF.
 *
 * Return: instructions, or -ENOSPC.
 */
int jail_build(const struct jail_rule *rules, size_t count,
	       struct sock_filter *out, size_t room);
#define JAIL_MAX_BPF 512

#endif
