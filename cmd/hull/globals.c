/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull/globals.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/path.h"
#include "cmd/hull/cmd.h"

#define NOT_GIVEN UINT32_MAX

/* In the order of the words in the table. */

_Static_assert(LOG_FORMAT_TEXT == 0 && LOG_FORMAT_JSON == 1,
	       "--log-format's words");
_Static_assert(LOG_LEVEL_ERROR == 0 && LOG_LEVEL_WARN == 1 &&
		       LOG_LEVEL_INFO == 2 && LOG_LEVEL_DEBUG == 3,
	       "--log-level's words");
_Static_assert(HULL_CGROUPFS == 0 && HULL_SYSTEMD == 1 &&
		       HULL_CGROUP_DISABLED == 2,
	       "--cgroup-manager's words");
_Static_assert(HULL_ROOTLESS_AUTO == 0 && HULL_ROOTLESS_TRUE == 1 &&
		       HULL_ROOTLESS_FALSE == 2,
	       "--rootless's words");

/* clang-format off */
static const struct opt rows[] = {
	{ "root", 0, OPT_TEXT, "DIR",
	  "directory of the containers' states (default: /run/hull)",
	  offsetof(struct globals, root) },
	{ "log", 0, OPT_TEXT, "DEST",
	  "log to a file (PATH or file:PATH), journald:NAME or syslog:NAME; "
	  "errors go to standard error as well",
	  offsetof(struct globals, log) },
	{ "log-format", 0, OPT_WORD, "text|json", "format of log lines",
	  offsetof(struct globals, log_format) },
	{ "log-level", 0, OPT_WORD, "error|warning|info|debug",
	  "least important lines to log (default: error with --log, else "
	  "warning)",
	  offsetof(struct globals, log_level) },
	{ "debug", 0, OPT_SWITCH, NULL, "the same as --log-level debug",
	  offsetof(struct globals, debug) },
	{ "cgroup-manager", 0, OPT_WORD, "cgroupfs|systemd|disabled",
	  "who makes the containers' cgroups",
	  offsetof(struct globals, cgroup_manager) },
	{ "systemd-cgroup", 0, OPT_SWITCH, NULL,
	  "the same as --cgroup-manager systemd",
	  offsetof(struct globals, systemd_cgroup) },
	{ "rootless", 0, OPT_WORD, "auto|true|false",
	  "do without a cgroup where none may be made (default: auto, which is "
	  "true for other users than root and in user namespaces)",
	  offsetof(struct globals, rootless) },
	{ "isolation", 0, OPT_WORD, "auto|process|vm",
	  "the same as create's and run's option",
	  offsetof(struct globals, isolation) },
	{ "version", 'v', OPT_SWITCH, NULL, "print the version",
	  offsetof(struct globals, version) },
};
/* clang-format on */

const struct opt_set global_opts = { OPT_SET(rows), .ordered = true };

void globals_init(struct globals *g)
{
	*g = (struct globals){
		.log_level = NOT_GIVEN,
	};
}

/*
 * The callers that give --log show its last error line to people, and Podman
 * reads the whole file as one JSON object: by default only errors go there.
 */
static enum log_level level(const struct globals *g, const char *dest)
{
	if (g->debug)
		return LOG_LEVEL_DEBUG;
	if (g->log_level != NOT_GIVEN)
		return (enum log_level)g->log_level;
	return dest ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN;
}

static int set_root(struct globals *g, struct err *err)
{
	char cwd[PATH_MAX] = "", clean[sizeof(g->root_path)];
	int len;

	if (!g->root[0])
		return err_set(err, -EINVAL,
			       "Option --root argument should not be empty");
	if (g->root[0] != '/' && !getcwd(cwd, sizeof(cwd)))
		return err_sys(err, "cannot read the current directory");
	len = snprintf(g->root_path, sizeof(g->root_path), "%s%s%s", cwd,
		       cwd[0] ? "/" : "", g->root);
	if (len >= (int)sizeof(g->root_path) ||
	    path_clean(g->root_path, clean, sizeof(clean)) < 0)
		return err_code(err, -ENAMETOOLONG, "--root");
	if (!strcmp(clean, "/"))
		return err_set(err, -EINVAL,
			       "Option --root argument should not be set to /");
	return 0;
}

int globals_apply(struct globals *g, struct call *call, struct err *err)
{
	const char *dest = g->log && g->log[0] ? g->log : NULL;
	int rc;

	rc = log_open(dest, (enum log_format)g->log_format, level(g, dest),
		      err);
	if (rc < 0)
		return rc;
	if (g->root) {
		rc = set_root(g, err);
		if (rc < 0)
			return rc;
		call->ctx.root = g->root_path;
	}
	call->ctx.manager = (enum hull_cgroup_manager)g->cgroup_manager;
	call->ctx.rootless = (enum hull_rootless)g->rootless;
#ifndef __SANITIZE_ADDRESS__ /* there everything is to be given back */
	call->ctx.exiting = true;
#endif
	if (g->systemd_cgroup)
		call->ctx.manager = HULL_SYSTEMD;
	call->isolation = (enum hull_isolation)g->isolation;
	return 0;
}
