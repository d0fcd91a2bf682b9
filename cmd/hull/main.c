/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/num.h"
#include "base/sabotage.h"
#include "cmd/hull/cmd.h"
#include "cmd/hull/globals.h"
#include "cmd/hull/help.h"

/*
 * hull's exit status: 0, or what the container's process left; else 1, but 255
 * from exec, so that a failure of hull's is not taken for one of the command,
 * and 3 for a command that does not exist.
 */
static int fail(const struct call *call, const struct cmd *cmd, struct err *err,
		int rc)
{
	if (!err->msg[0])
		err_code(err, rc, "hull");
	log_error(err);
	if (call->misused)
		help_usage(call->program, cmd);
	return cmd && cmd->fail_status ? cmd->fail_status : EXIT_FAILURE;
}

static int check_count(const struct call *call, const struct cmd *cmd,
		       struct err *err)
{
	size_t bound = cmd->min_args;
	const char *kind;

	if (call->arg_count >= cmd->min_args &&
	    call->arg_count <= cmd->max_args)
		return 0;
	if (cmd->min_args == cmd->max_args) {
		kind = "exactly";
	} else if (call->arg_count < cmd->min_args) {
		kind = "a minimum of";
	} else {
		kind = "a maximum of";
		bound = cmd->max_args;
	}
	return err_set(err, -EINVAL, "\"%s\" requires %s %zu argument(s)",
		       cmd->name, kind, bound);
}

/* Sockets of systemd's that came along, as sd_listen_fds(3) counts them. */
static unsigned int listen_fds(void)
{
	const char *pid_text = getenv("LISTEN_PID");
	const char *count_text = getenv("LISTEN_FDS");
	uint32_t pid, count;

	if (!pid_text || !count_text || num_u32(pid_text, &pid) < 0 ||
	    num_u32(count_text, &count) < 0 || pid != (uint32_t)getpid())
		return 0;
	return count;
}

/* Written once, by cmd/hull/entry.c before libc starts: what it saw need not be
 * looked at again. */
bool program_is_readonly __attribute__((visibility("hidden")));

/*
 * Before hull enters a container: from a file that the container cannot
 * reach, and without descriptors that somebody left open. Nothing of hull's
 * own is open yet, not even the log.
 */
static int shed(const struct cmd *cmd, char *const argv[], void *values,
		struct err *err)
{
	unsigned int first = STDERR_FILENO + 1;
	int rc;

	rc = program_is_readonly ? 0 : hull_protect(argv, err);
	if (rc == 0 && cmd->early)
		rc = cmd->early(values, err);
	if (rc < 0)
		return rc;
	if (__builtin_add_overflow(first, listen_fds(), &first) ||
	    __builtin_add_overflow(first, cmd->preserved(values), &first))
		return 0; /* all that can be open are to stay */
	rc = hull_close_fds(first);
	return rc < 0 ? err_code(err, rc, "cannot close descriptors") : 0;
}

static int run_parsed(struct call *call, const struct cmd *cmd,
		      struct globals *g, char *const argv[], void *values,
		      struct err *err)
{
	int rc, log_rc;

	rc = check_count(call, cmd, err);
	if (rc < 0)
		call->misused = true;
	if (rc == 0 && cmd->preserved)
		rc = shed(cmd, argv, values, err);
	log_rc = globals_apply(g, call, rc < 0 ? NULL : err);
	if (rc < 0 || log_rc < 0)
		return rc < 0 ? rc : log_rc;
	return cmd->run(call, values, err);
}

/*
 * @argv:   as given to main()
 * @behind: what stands behind the command's name
 *
 * Return: exit status, or -errno.
 */
static int run_command(struct call *call, const struct cmd *cmd,
		       struct globals *g, char *const argv[],
		       const char *const behind[], struct err *err)
{
	size_t size = cmd->values_size ? cmd->values_size : 1;
	auto_free void *values = calloc(1, size);
	struct opt_list operands = { 0 };
	int rc;

	if (!values)
		return err_code(err, -ENOMEM, "options");
	if (cmd->defaults)
		memcpy(values, cmd->defaults, cmd->values_size);
	rc = opt_parse(&cmd->opts, behind, values, &operands, err);
	call->args = operands.texts;
	call->arg_count = operands.count;
	if (rc < 0) {
		call->misused = true;
		globals_apply(g, call, NULL);
	} else if (rc > 0) {
		rc = help_print(call->program, cmd, err);
	} else {
		rc = run_parsed(call, cmd, g, argv, values, err);
	}
	opt_release(&cmd->opts, values);
	opt_list_release(&operands);
	return rc;
}

/* Without a command hull says what it can do, as --help does. */
static int run_bare(const struct call *call, const struct globals *g,
		    struct err *err)
{
	if (g->version)
		return version_print(call->program, err);
	return help_print(call->program, NULL, err);
}

static int run(char *const argv[], struct globals *g, struct opt_list *operands)
{
	const char *slash = argv[0] ? strrchr(argv[0], '/') : NULL;
	struct call call = { .program = slash ? slash + 1 : argv[0] };
	const struct cmd *cmd = NULL;
	struct err err = { 0 };
	int rc;

	if (!call.program || !call.program[0])
		call.program = "hull";
	rc = opt_parse(&global_opts,
		       (const char *const *)(argv[0] ? argv + 1 : argv), g,
		       operands, &err);
	if (rc > 0 || (rc == 0 && (g->version || !operands->count))) {
		rc = run_bare(&call, g, &err);
		return rc < 0 ? fail(&call, NULL, &err, rc) : rc;
	}
	if (rc < 0)
		return fail(&call, NULL, &err, rc);
	cmd = cmd_find(operands->texts[0]);
	if (!cmd) {
		globals_apply(g, &call, NULL);
		rc = cmd_unknown(operands->texts[0], &err);
		return fail(&call, &cmd_help, &err, rc);
	}
	rc = run_command(&call, cmd, g, argv, operands->texts + 1, &err);
	return rc < 0 ? fail(&call, cmd, &err, rc) : rc;
}

int main(int argc, char *argv[])
{
	struct opt_list operands = { 0 };
	struct globals globals;
	int status;

	(void)argc;
	if (fd_stdio_guard() < 0)
		return EXIT_FAILURE;
	/* what the environment and the arguments say is trusted throughout */
	if ((getuid() != geteuid() || getgid() != getegid()) &&
	    !SABOTAGED("main_setuid")) {
		fprintf(stderr, "hull: must not be set-user-ID\n");
		return EXIT_FAILURE;
	}
	globals_init(&globals);
	status = run(argv, &globals, &operands);
	opt_release(&global_opts, &globals);
	opt_list_release(&operands);
	return status;
}
