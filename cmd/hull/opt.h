/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CMD_HULL_OPT_H
#define HULL_CMD_HULL_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

/*
 * Options in the style of Go's flag package, because that is what the callers
 * of OCI runtimes write: "--name value", "--name=value" and the same with one
 * dash; "--name" and "--name=false" for switches. One table per command is the
 * source of parsing, of --help, of the shell completions and of the check of
 * the manual pages.
 */

/** enum opt_kind - what an option takes, and the type it is stored as. */
enum opt_kind {
	OPT_SWITCH, /* bool */
	OPT_TEXT,   /* const char *, borrowed from argv; the last one wins */
	OPT_LIST,   /* struct opt_list: repeatable */
	OPT_U32,    /* uint32_t */
	OPT_MS,     /* uint64_t, milliseconds; Go's duration text */
	OPT_WORD,   /* uint32_t, index of the word in @value */
};

/**
 * struct opt - one row of a table.
 * @name:  long name, without dashes
 * @alias: short name, or 0
 * @value: what help calls the value ("DIR", "FILE", "SOCKET": completions go
 *         by these), or for OPT_WORD the words: "table|json"
 * @help:  one line
 * @at:    offset of the variable in the command's struct
 */
struct opt {
	const char *name;
	char alias;
	enum opt_kind kind;
	const char *value;
	const char *help;
	size_t at;
};

/**
 * struct opt_set - the options of a command.
 * @ordered: the first operand ends the options, because what follows belongs
 *           to another program (exec, ps) or is a signal; else they may stand
 *           behind operands too
 */
struct opt_set {
	const struct opt *rows;
	size_t count;
	bool ordered;
};

#define OPT_SET(table) .rows = (table), .count = ARRAY_SIZE(table)

/** struct opt_list - texts, with a NULL behind the last; zeroed: empty. */
struct opt_list {
	const char **texts;
	size_t count;
};

int opt_list_add(struct opt_list *list, const char *text);
void opt_list_release(struct opt_list *list);

/**
 * opt_parse() - read options and operands.
 * @argv:     from behind the command's name, NULL-terminated
 * @values:   the command's struct, holding the defaults
 * @operands: receives what is no option; released by the caller
 *
 * "--" ends the options.
 *
 * Return: 0; 1 when help is asked for; -EINVAL with Go's texts ("flag provided
 * but not defined: -x", "flag needs an argument: -x"), -ENOMEM.
 */
int opt_parse(const struct opt_set *set, const char *const argv[], void *values,
	      struct opt_list *operands, struct err *err);

/** opt_release() - free the lists in a command's struct. */
void opt_release(const struct opt_set *set, void *values);

/**
 * opt_word() - word number @index of "a|b|c".
 * @len: receives its length
 *
 * Return: where it begins, or NULL behind the last one.
 */
const char *opt_word(const char *words, uint32_t index, size_t *len);

#endif
