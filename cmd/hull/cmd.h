/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CMD_HULL_CMD_H
#define HULL_CMD_HULL_CMD_H

#include <stdbool.h>
#include <stddef.h>

#include "cmd/hull/opt.h"
#include "libcontainer/container.h"

struct err;

/**
 * struct call - what every command is given.
 * @program: name hull was called by, without directories
 * @isolation: hull's own option --isolation
 * @misused: what was typed makes no sense: the usage line helps
 * @args:    operands, with a NULL behind the last
 */
struct call {
	const char *program;
	struct hull_context ctx;
	enum hull_isolation isolation;
	bool misused;
	const char *const *args;
	size_t arg_count;
};

/**
 * struct cmd - a row of the command table.
 * @args:        operands, as usage lines show them
 * @summary:     one line for the list of commands
 * @about:       what --help adds, or NULL
 * @values_size: size of the command's struct of options, 0 for none
 * @defaults:    what that struct holds before parsing; NULL: zeroes
 * @preserved:   only of commands that start a process inside a container: how
 *               many descriptors from 3 up go with it, by the options
 * @early:       with @preserved: before all other descriptors are closed, to
 *               read files that are named by one (/dev/fd/N); or NULL
 * @fail_status: exit status of a failure of hull's own
 * @run:         returns the exit status, or -errno with @err filled in
 */
struct cmd {
	const char *name;
	const char *args;
	const char *summary;
	const char *about;
	struct opt_set opts;
	size_t values_size;
	const void *defaults;
	size_t min_args;
	size_t max_args;
	unsigned int (*preserved)(const void *values);
	int (*early)(void *values, struct err *err);
	int fail_status;
	int (*run)(const struct call *call, const void *values,
		   struct err *err);
};

extern const struct cmd cmd_completion, cmd_create, cmd_delete, cmd_events,
	cmd_exec, cmd_features, cmd_help, cmd_kill, cmd_list, cmd_pause, cmd_ps,
	cmd_resume, cmd_run, cmd_spec, cmd_start, cmd_state, cmd_update,
	cmd_wait;

/** cmd_table - all commands by name, NULL-terminated. */
extern const struct cmd *const cmd_table[];

/** cmd_find() - a command by name, or NULL. */
const struct cmd *cmd_find(const char *name);

/** cmd_unknown() - "No help topic for 'NAME'", and what was meant perhaps. */
int cmd_unknown(const char *name, struct err *err);

#define EXIT_UNKNOWN_COMMAND 3

#endif
