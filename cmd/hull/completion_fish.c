/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull/completion.h"

#include <string.h>

#include "base/str.h"
#include "cmd/hull/cmd.h"
#include "cmd/hull/globals.h"

static void add_quoted(struct strbuf *out, const char *text)
{
	strbuf_add(out, "'");
	for (; *text; text++) {
		if (strchr("'\\", *text))
			strbuf_add(out, "\\");
		strbuf_addn(out, text, 1);
	}
	strbuf_add(out, "'");
}

/* @when: "__hull_in run", or the condition for no command yet */
static void add_opt(struct strbuf *out, const char *when, const char *cmd,
		    const struct opt *opt)
{
	strbuf_addf(out, "complete -c hull -n '%s%s' -l %s", when, cmd,
		    opt->name);
	if (opt->alias)
		strbuf_addf(out, " -s %c", opt->alias);
	switch (completion_takes(opt)) {
	case TAKES_NOTHING:
		break;
	case TAKES_TEXT:
		strbuf_add(out, " -x");
		break;
	case TAKES_FILE:
		strbuf_add(out, " -r -F");
		break;
	case TAKES_DIR:
		strbuf_add(out, " -x -a '(__fish_complete_directories)'");
		break;
	case TAKES_WORDS:
		strbuf_add(out, " -x -a '");
		completion_words(out, opt->value);
		strbuf_add(out, "'");
		break;
	}
	strbuf_add(out, " -d ");
	add_quoted(out, opt->help);
	strbuf_add(out, "\n");
}

static void add_cmd(struct strbuf *out, const struct cmd *cmd)
{
	strbuf_addf(out, "complete -c hull -n __fish_use_subcommand -a %s -d ",
		    cmd->name);
	add_quoted(out, cmd->summary);
	strbuf_add(out, "\n");
	for (size_t i = 0; i < cmd->opts.count; i++)
		add_opt(out, "__fish_seen_subcommand_from ", cmd->name,
			&cmd->opts.rows[i]);
	if (completion_wants_id(cmd))
		strbuf_addf(out,
			    "complete -c hull -n '__fish_seen_subcommand_from "
			    "%s' -a '(__hull_ids)'\n",
			    cmd->name);
}

void completion_fish(struct strbuf *out)
{
	strbuf_add(out, "# fish completion, made by: hull completion fish\n"
			"\n"
			"function __hull_ids\n"
			"\thull list -q 2>/dev/null\n"
			"end\n"
			"\n"
			"complete -c hull -f\n"
			"complete -c hull -s h -l help -d 'show help'\n");
	for (size_t i = 0; i < global_opts.count; i++)
		add_opt(out, "__fish_use_subcommand", "", &global_opts.rows[i]);
	for (const struct cmd *const *cmd = cmd_table; *cmd; cmd++)
		add_cmd(out, *cmd);
	strbuf_add(out, "complete -c hull -n '__fish_seen_subcommand_from "
			"completion' -a 'bash zsh fish'\n");
	strbuf_add(out, "complete -c hull -n '__fish_seen_subcommand_from "
			"help' -a '");
	for (const struct cmd *const *cmd = cmd_table; *cmd; cmd++)
		strbuf_addf(out, "%s%s", cmd == cmd_table ? "" : " ",
			    (*cmd)->name);
	strbuf_add(out, "'\n"
			"complete -c hull-vm -w hull\n");
}
