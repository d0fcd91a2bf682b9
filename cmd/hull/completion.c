/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull/completion.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "cmd/hull/cmd.h"
#include "cmd/hull/globals.h"
#include "cmd/hull/print.h"

enum takes completion_takes(const struct opt *opt)
{
	if (opt->kind == OPT_SWITCH)
		return TAKES_NOTHING;
	if (strchr(opt->value, '|'))
		return TAKES_WORDS;
	if (!strcmp(opt->value, "DIR"))
		return TAKES_DIR;
	if (!strcmp(opt->value, "FILE") || !strcmp(opt->value, "SOCKET") ||
	    !strcmp(opt->value, "DEST"))
		return TAKES_FILE;
	return TAKES_TEXT;
}

void completion_words(struct strbuf *out, const char *words)
{
	const char *word;
	size_t len = 0;

	for (uint32_t i = 0; (word = opt_word(words, i, &len)); i++)
		strbuf_addf(out, "%s%.*s", i ? " " : "", (int)len, word);
}

bool completion_wants_id(const struct cmd *cmd)
{
	return str_starts(cmd->args, "<container-id>");
}

static void add_item(struct strbuf *out, const struct opt *opt)
{
	strbuf_add(out, ".It ");
	if (opt->alias)
		strbuf_addf(out, "Fl %c , ", opt->alias);
	strbuf_addf(out, "Fl -%s", opt->name);
	if (opt->value)
		strbuf_add(out, " Ar ");
	for (const char *s = opt->value; s && *s; s++)
		strbuf_addf(out, "%c", tolower((unsigned char)*s));
	strbuf_add(out, "\n");
}

void completion_mdoc(struct strbuf *out)
{
	for (size_t i = 0; i < global_opts.count; i++) {
		strbuf_add(out, "hull.1\t");
		add_item(out, &global_opts.rows[i]);
	}
	for (const struct cmd *const *cmd = cmd_table; *cmd; cmd++) {
		strbuf_addf(out, "hull-%s.1\n", (*cmd)->name);
		for (size_t i = 0; i < (*cmd)->opts.count; i++) {
			strbuf_addf(out, "hull-%s.1\t", (*cmd)->name);
			add_item(out, &(*cmd)->opts.rows[i]);
		}
	}
}

static const struct {
	const char *name;
	void (*make)(struct strbuf *out);
} makers[] = {
	{ "bash", completion_bash },
	{ "zsh", completion_zsh },
	{ "fish", completion_fish },
	{ "mdoc", completion_mdoc }, /* no shell: for the check of the pages */
};

static int run_completion(const struct call *call, const void *values,
			  struct err *err)
{
	auto_strbuf struct strbuf out = STRBUF_INIT;

	(void)values;
	for (size_t i = 0; i < ARRAY_SIZE(makers); i++) {
		if (strcmp(makers[i].name, call->args[0]))
			continue;
		makers[i].make(&out);
		return print_out(&out, err);
	}
	return err_set(err, -EINVAL,
		       "no completion for '%s': the shells are bash, zsh, fish",
		       call->args[0]);
}

const struct cmd cmd_completion = {
	.name = "completion",
	.args = "bash|zsh|fish",
	.summary = "print a completion script for a shell",
	.about = "For bash: eval \"$(hull completion bash)\"\n",
	.min_args = 1,
	.max_args = 1,
	.run = run_completion,
};
