/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull/help.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "cmd/hull/cmd.h"
#include "cmd/hull/globals.h"
#include "cmd/hull/print.h"

static const char about_hull[] =
	"A container is made from a bundle: a directory with a root filesystem "
	"and a\n"
	"config.json that says what to run in it. The id names the container "
	"from then on.\n"
	"\n"
	"   hull spec            write a config.json to start from\n"
	"   hull run <id>        create the container, start it, wait for it, "
	"delete it\n";

static const struct opt help_row = {
	.name = "help",
	.alias = 'h',
	.kind = OPT_SWITCH,
	.help = "show help",
};

/* "-b, --bundle DIR" */
static int flag_text(const struct opt *opt, char *buf, size_t size)
{
	char alias[5] = "";

	if (opt->alias)
		snprintf(alias, sizeof(alias), "-%c, ", opt->alias);
	return snprintf(buf, size, "%s--%s%s%s", alias, opt->name,
			opt->value ? " " : "", opt->value ? opt->value : "");
}

static int widest(const struct opt_set *set)
{
	char buf[128];
	int width = flag_text(&help_row, buf, sizeof(buf));

	for (size_t i = 0; i < set->count; i++) {
		int len = flag_text(&set->rows[i], buf, sizeof(buf));

		if (len > width)
			width = len;
	}
	return width;
}

static void add_options(struct strbuf *out, const char *title,
			const struct opt_set *set)
{
	int width = widest(set);
	char buf[128];

	strbuf_addf(out, "\n%s:\n", title);
	for (size_t i = 0; i <= set->count; i++) {
		const struct opt *opt =
			i < set->count ? &set->rows[i] : &help_row;

		flag_text(opt, buf, sizeof(buf));
		strbuf_addf(out, "   %-*s   %s\n", width, buf, opt->help);
	}
}

static void add_usage(struct strbuf *out, const char *program,
		      const struct cmd *cmd)
{
	if (!cmd)
		strbuf_addf(out,
			    "%s [global options] command [options] "
			    "[arguments...]",
			    program);
	else
		strbuf_addf(out, "%s %s%s%s%s", program, cmd->name,
			    cmd->opts.count ? " [options]" : "",
			    cmd->args[0] ? " " : "", cmd->args);
}

static void add_commands(struct strbuf *out)
{
	strbuf_add(out, "\nCOMMANDS:\n");
	for (const struct cmd *const *cmd = cmd_table; *cmd; cmd++)
		strbuf_addf(out, "   %-12s%s\n", (*cmd)->name, (*cmd)->summary);
}

int help_print(const char *program, const struct cmd *cmd, struct err *err)
{
	auto_strbuf struct strbuf out = STRBUF_INIT;

	strbuf_addf(&out, "NAME:\n   %s%s%s - %s\n\nUSAGE:\n   ", program,
		    cmd ? " " : "", cmd ? cmd->name : "",
		    cmd ? cmd->summary : "Open Container Initiative runtime");
	add_usage(&out, program, cmd);
	strbuf_add(&out, "\n");
	if (!cmd) {
		strbuf_addf(&out, "\n%s", about_hull);
		add_commands(&out);
		add_options(&out, "GLOBAL OPTIONS", &global_opts);
	} else {
		if (cmd->about)
			strbuf_addf(&out, "\n%s", cmd->about);
		add_options(&out, "OPTIONS", &cmd->opts);
	}
	return print_out(&out, err);
}

void help_usage(const char *program, const struct cmd *cmd)
{
	auto_strbuf struct strbuf out = STRBUF_INIT;

	add_usage(&out, program, cmd);
	if (strbuf_ok(&out))
		fprintf(stderr, "usage: %s\n", out.s);
}

static int run_help(const struct call *call, const void *values,
		    struct err *err)
{
	const struct cmd *cmd = NULL;
	int rc;

	(void)values;
	if (call->arg_count) {
		cmd = cmd_find(call->args[0]);
		if (!cmd) {
			cmd_unknown(call->args[0], err);
			return -EINVAL;
		}
	}
	rc = help_print(call->program, cmd, err);
	return rc < 0 ? rc : 0;
}

const struct cmd cmd_help = {
	.name = "help",
	.args = "[command]",
	.summary = "show help for hull or for one of its commands",
	.max_args = 1,
	.fail_status = EXIT_UNKNOWN_COMMAND,
	.run = run_help,
};
