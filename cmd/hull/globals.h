/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CMD_HULL_GLOBALS_H
#define HULL_CMD_HULL_GLOBALS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "cmd/hull/opt.h"

struct call;
struct err;

/**
 * struct globals - options in front of the command. The words are indices into
 * the table's value texts.
 */
struct globals {
	const char *root;
	const char *log;
	uint32_t log_format;
	uint32_t log_level;
	uint32_t cgroup_manager;
	uint32_t rootless;
	uint32_t isolation;
	bool debug;
	bool systemd_cgroup;
	bool version;
	char root_path[PATH_MAX]; /* what call->ctx.root points to */
};

extern const struct opt_set global_opts;

void globals_init(struct globals *g);

/** globals_apply() - open the log and fill in @call. */
int globals_apply(struct globals *g, struct call *call, struct err *err);

#endif
