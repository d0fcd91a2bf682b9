/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull/completion.h"

#include <string.h>

#include "base/str.h"
#include "cmd/hull/cmd.h"
#include "cmd/hull/globals.h"

/* Text inside '...' of an _arguments or _describe specification. */
static void add_text(struct strbuf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			strbuf_add(out, "'\\''");
		else if (strchr("[]:\\", *text))
			strbuf_addf(out, "\\%c", *text);
		else
			strbuf_addn(out, text, 1);
	}
}

/* ":NAME:ACTION" */
static void add_action(struct strbuf *out, const struct opt *opt)
{
	switch (completion_takes(opt)) {
	case TAKES_NOTHING:
		return;
	case TAKES_DIR:
		strbuf_add(out, ":directory:_files -/");
		return;
	case TAKES_FILE:
		strbuf_add(out, ":file:_files");
		return;
	case TAKES_WORDS:
		strbuf_addf(out, ":%s:(", opt->name);
		completion_words(out, opt->value);
		strbuf_add(out, ")");
		return;
	case TAKES_TEXT:
		strbuf_add(out, ":");
		add_text(out, opt->value);
		strbuf_add(out, ": ");
	}
}

static void add_opt(struct strbuf *out, const struct opt *opt)
{
	const char *many = opt->kind == OPT_LIST ? "*" : "";

	strbuf_addf(out, " \\\n\t\t'%s--%s[", many, opt->name);
	add_text(out, opt->help);
	strbuf_add(out, "]");
	add_action(out, opt);
	strbuf_add(out, "'");
	if (!opt->alias)
		return;
	strbuf_addf(out, " \\\n\t\t'%s-%c[", many, opt->alias);
	add_text(out, opt->help);
	strbuf_add(out, "]");
	add_action(out, opt);
	strbuf_add(out, "'");
}

static void add_cmd(struct strbuf *out, const struct cmd *cmd)
{
	strbuf_addf(out, "\t%s)\n\t\t_arguments%s", cmd->name,
		    cmd->opts.ordered ? " -A '-*'" : "");
	for (size_t i = 0; i < cmd->opts.count; i++)
		add_opt(out, &cmd->opts.rows[i]);
	strbuf_add(out, " \\\n\t\t'--help[show help]'");
	if (completion_wants_id(cmd))
		strbuf_add(out, " \\\n\t\t'1:container:_hull_ids'");
	if (cmd == &cmd_exec)
		strbuf_add(out, " \\\n\t\t'*:::command: '");
	else if (cmd == &cmd_help)
		strbuf_add(out, " \\\n\t\t'1:command:_hull_commands'");
	else if (cmd == &cmd_completion)
		strbuf_add(out, " \\\n\t\t'1:shell:(bash zsh fish)'");
	strbuf_add(out, "\n\t\t;;\n");
}

void completion_zsh(struct strbuf *out)
{
	strbuf_add(out, "#compdef hull hull-vm\n"
			"# zsh completion, made by: hull completion zsh\n"
			"\n"
			"_hull_ids() {\n"
			"\tlocal -a ids=(${(f)\"$(_call_program ids hull "
			"${opt_root:+--root} $opt_root list -q 2>/dev/null)\"})"
			"\n"
			"\tcompadd -a ids\n"
			"}\n"
			"\n"
			"_hull_commands() {\n"
			"\tlocal -a commands=(");
	for (const struct cmd *const *cmd = cmd_table; *cmd; cmd++) {
		strbuf_addf(out, "\n\t\t'%s:", (*cmd)->name);
		add_text(out, (*cmd)->summary);
		strbuf_add(out, "'");
	}
	strbuf_add(out, "\n\t)\n"
			"\t_describe command commands\n"
			"}\n"
			"\n"
			"_hull() {\n"
			"\tlocal curcontext=$curcontext state line opt_root\n"
			"\ttypeset -A opt_args\n"
			"\n"
			"\t_arguments -C -A '-*'");
	for (size_t i = 0; i < global_opts.count; i++)
		add_opt(out, &global_opts.rows[i]);
	strbuf_add(out, " \\\n\t\t'--help[show help]' \\\n"
			"\t\t'1:command:_hull_commands' \\\n"
			"\t\t'*::argument:->argument' && return\n"
			"\topt_root=${opt_args[--root]}\n"
			"\tcase $line[1] in\n");
	for (const struct cmd *const *cmd = cmd_table; *cmd; cmd++)
		add_cmd(out, *cmd);
	strbuf_add(out, "\tesac\n"
			"}\n"
			"\n"
			"if [[ $funcstack[1] == _hull ]]; then\n"
			"\t_hull \"$@\"\n"
			"else\n"
			"\tcompdef _hull hull hull-vm\n"
			"fi\n");
}
