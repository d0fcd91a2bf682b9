/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull/completion.h"

#include "base/str.h"
#include "cmd/hull/cmd.h"
#include "cmd/hull/globals.h"

/*
 * $cmd is the command, "" in front of it; $operands counts what stands behind
 * it and is no option. _hull_value says what an option takes.
 */
static const char script[] =
	"_hull()\n"
	"{\n"
	"	local cur=${COMP_WORDS[COMP_CWORD]} cmd='' kind='' word\n"
	"	local -i i operands=0\n"
	"	local -a root=()\n"
	"\n"
	"	COMPREPLY=()\n"
	"	for ((i = 1; i < COMP_CWORD; i++)); do\n"
	"		word=${COMP_WORDS[i]}\n"
	"		if [[ $word == -* ]]; then\n"
	"			_hull_value \"$cmd\" \"$word\"\n"
	"			[[ $cmd$word == --root ]] &&\n"
	"				root=(--root \"${COMP_WORDS[i+1]}\")\n"
	"			[[ $kind ]] && ((++i))\n"
	"		elif [[ ! $cmd ]]; then\n"
	"			cmd=$word kind=''\n"
	"		else\n"
	"			kind=''\n"
	"			((++operands))\n"
	"		fi\n"
	"	done\n"
	"	# an option's value is due when the loop jumped over the cursor\n"
	"	((i > COMP_CWORD)) || kind=''\n"
	"	case $kind in\n"
	"	dir) mapfile -t COMPREPLY < <(compgen -d -- \"$cur\") ;;\n"
	"	file) mapfile -t COMPREPLY < <(compgen -f -- \"$cur\") ;;\n"
	"	text) ;;\n"
	"	'')\n"
	"		_hull_words \"$cmd\" \"$cur\" \"$operands\"\n"
	"		mapfile -t COMPREPLY < <(compgen -W \"$word\" -- \"$cur\")\n"
	"		;;\n"
	"	*) mapfile -t COMPREPLY < <(compgen -W \"$kind\" -- \"$cur\") ;;\n"
	"	esac\n"
	"}\n"
	"\n"
	"complete -o filenames -F _hull hull hull-vm\n";

static void add_value(struct strbuf *out, const char *cmd,
		      const struct opt *opt)
{
	enum takes takes = completion_takes(opt);

	if (takes == TAKES_NOTHING)
		return;
	strbuf_addf(out, "\t%s,--%s", cmd, opt->name);
	if (opt->alias)
		strbuf_addf(out, "|%s,-%c", cmd, opt->alias);
	strbuf_add(out, ") kind='");
	if (takes == TAKES_WORDS)
		completion_words(out, opt->value);
	else
		strbuf_add(out, takes == TAKES_DIR    ? "dir"
				: takes == TAKES_FILE ? "file"
						      : "text");
	strbuf_add(out, "' ;;\n");
}

static void add_flags(struct strbuf *out, const struct opt_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		strbuf_addf(out, "--%s ", set->rows[i].name);
	strbuf_add(out, "--help' ;;\n");
}

static void add_names(struct strbuf *out)
{
	for (const struct cmd *const *cmd = cmd_table; *cmd; cmd++)
		strbuf_addf(out, "%s%s", cmd == cmd_table ? "" : " ",
			    (*cmd)->name);
	strbuf_add(out, "' ;;\n");
}

static void add_word_cases(struct strbuf *out)
{
	const char *bar = "";

	strbuf_add(out, "\t,-*,*) word='");
	add_flags(out, &global_opts);
	strbuf_add(out, "\t,*|help,*,0) word='");
	add_names(out);
	strbuf_add(out, "\tcompletion,*,0) word='bash zsh fish' ;;\n");
	for (const struct cmd *const *cmd = cmd_table; *cmd; cmd++) {
		strbuf_addf(out, "\t%s,-*,%s) word='", (*cmd)->name,
			    (*cmd)->opts.ordered ? "0" : "*");
		add_flags(out, &(*cmd)->opts);
	}
	strbuf_add(out, "\t");
	for (const struct cmd *const *cmd = cmd_table; *cmd; cmd++) {
		if (!completion_wants_id(*cmd))
			continue;
		strbuf_addf(out, "%s%s,*,0", bar, (*cmd)->name);
		bar = "|";
	}
	strbuf_add(out,
		   ")\n"
		   "\t\tword=$(\"${COMP_WORDS[0]}\" \"${root[@]}\" list -q "
		   "2>/dev/null)\n"
		   "\t\t;;\n");
}

void completion_bash(struct strbuf *out)
{
	strbuf_add(out, "# bash completion, made by: hull completion bash\n"
			"\n"
			"# what option $2 of command $1 takes, in $kind\n"
			"_hull_value()\n{\n\tkind=''\n\tcase $1,$2 in\n");
	for (size_t i = 0; i < global_opts.count; i++)
		add_value(out, "", &global_opts.rows[i]);
	for (const struct cmd *const *cmd = cmd_table; *cmd; cmd++)
		for (size_t i = 0; i < (*cmd)->opts.count; i++)
			add_value(out, (*cmd)->name, &(*cmd)->opts.rows[i]);
	strbuf_add(out,
		   "\tesac\n}\n\n"
		   "# words for command $1, text $2, operand number $3, in "
		   "$word\n"
		   "_hull_words()\n{\n\tword=''\n\tcase $1,$2,$3 in\n");
	add_word_cases(out);
	strbuf_add(out, "\tesac\n}\n\n");
	strbuf_add(out, script);
}
