/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "cmd/hull/cmd.h"
#include "cmd/hull/exec_cgroup.h"
#include "cmd/hull/file.h"

#define EXEC_FAILED 255

/*
 * @options: the texts and switches go straight there, lists by way of these
 * @text:    what stands in the file @process
 */
struct exec_args {
	struct hull_exec_options options;
	const char *process;
	char *text;
	struct opt_list env;
	struct opt_list caps;
	struct opt_list gids;
	struct opt_list cgroups;
};

#define AT(member) offsetof(struct exec_args, member)

/* clang-format off */
static const struct opt rows[] = {
	{ "process", 'p', OPT_TEXT, "FILE",
	  "take all of the process from FILE, a JSON object as config.json's "
	  "process", AT(process) },
	{ "cwd", 0, OPT_TEXT, "PATH", "working directory in the container",
	  AT(options.cwd) },
	{ "env", 'e', OPT_LIST, "NAME=VALUE",
	  "add a variable to the environment (repeatable)", AT(env) },
	{ "tty", 't', OPT_SWITCH, NULL, "give the process a terminal",
	  AT(options.tty) },
	{ "user", 'u', OPT_TEXT, "UID[:GID]", "user and group of the process",
	  AT(options.user) },
	{ "additional-gids", 'g', OPT_LIST, "GID",
	  "add a supplementary group (repeatable)", AT(gids) },
	{ "cap", 'c', OPT_LIST, "CAP", "add a capability (repeatable)",
	  AT(caps) },
	{ "no-new-privs", 0, OPT_SWITCH, NULL,
	  "execve(2) gives no privileges from then on",
	  AT(options.no_new_privs) },
	{ "process-label", 0, OPT_TEXT, "LABEL",
	  "SELinux label of the process", AT(options.process_label) },
	{ "apparmor", 0, OPT_TEXT, "PROFILE", "AppArmor profile of the process",
	  AT(options.apparmor) },
	{ "cgroup", 0, OPT_LIST, "[CONTROLLER:]PATH",
	  "run in an existing cgroup below the container's (repeatable with "
	  "controllers)", AT(cgroups) },
	{ "detach", 'd', OPT_SWITCH, NULL, "return once the process runs",
	  AT(options.detach) },
	{ "pid-file", 0, OPT_TEXT, "FILE", "write the pid of the process to FILE",
	  AT(options.pid_file) },
	{ "console-socket", 0, OPT_TEXT, "SOCKET",
	  "unix socket that receives the master side of the terminal",
	  AT(options.console_socket) },
	{ "pidfd-socket", 0, OPT_TEXT, "SOCKET",
	  "unix socket that receives a pidfd of the process",
	  AT(options.pidfd_socket) },
	{ "preserve-fds", 0, OPT_U32, "N",
	  "pass descriptors 3 to 2+N to the process as well",
	  AT(options.preserve_fds) },
	{ "ignore-paused", 0, OPT_SWITCH, NULL,
	  "allow it in a paused container: it runs when that is resumed",
	  AT(options.ignore_paused) },
};
/* clang-format on */

/* "ID CMD ARG...", or "ID -- CMD ARG..." */
static int set_command(const struct call *call, struct hull_exec_options *opt,
		       struct err *err)
{
	const char *const *args = call->args + 1;

	if (*args && !strcmp(*args, "--"))
		args++;
	if (!*args)
		return err_set(err, -EINVAL, "exec args cannot be empty");
	opt->args = args;
	return 0;
}

static int start(const struct call *call, const struct exec_args *args,
		 int *status, struct err *err)
{
	struct hull_exec_options opt = args->options;
	struct exec_cgroups cgroups = { 0 };
	auto_free char *process = args->text;
	int rc = 0;

	if (!process)
		rc = set_command(call, &opt, err);
	if (rc == 0)
		rc = exec_cgroups_parse(&args->cgroups, &cgroups, err);
	if (rc < 0)
		return rc;
	opt.process = process;
	opt.env = args->env.texts;
	opt.caps = args->caps.texts;
	opt.gids = args->gids.texts;
	opt.cgroups = cgroups.paths.texts;
	rc = hull_exec(&call->ctx, call->args[0], &opt, status, err);
	exec_cgroups_release(&cgroups);
	return rc;
}

static int run_exec(const struct call *call, const void *values,
		    struct err *err)
{
	int status = 0, rc;

	rc = start(call, values, &status, err);
	if (rc < 0)
		return err_wrap(err, "exec failed");
	return status;
}

/* "--process <(command)" is /dev/fd/N, which does not stay open. */
static int exec_early(void *values, struct err *err)
{
	struct exec_args *args = values;
	int rc;

	if (!args->process || !args->process[0])
		return 0;
	rc = file_read(args->process, false, &args->text,
		       &args->options.process_len, err);
	return rc < 0 ? err_wrap(err, "exec failed") : 0;
}

static unsigned int exec_preserved(const void *values)
{
	const struct exec_args *args = values;

	return args->options.preserve_fds;
}

const struct cmd cmd_exec = {
	.name = "exec",
	.args = "<container-id> <command> [argument...] | --process FILE "
		"<container-id>",
	.summary = "run one more process in a container",
	.about = "Exits with the status of the command, or 128+N when signal N "
		 "ended it; with 255\n"
		 "when the command could not be started. What no option sets "
		 "is as it is for the\n"
		 "container's own process.\n",
	.opts = { OPT_SET(rows), .ordered = true },
	.values_size = sizeof(struct exec_args),
	.min_args = 1,
	.max_args = SIZE_MAX,
	.preserved = exec_preserved,
	.early = exec_early,
	.fail_status = EXEC_FAILED,
	.run = run_exec,
};
