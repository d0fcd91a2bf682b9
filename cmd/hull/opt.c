/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull/opt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/num.h"

/* One argument taken apart: "--name=value". */
struct flag {
	const char *name;
	size_t name_len;
	const char *value; /* NULL: none in this argument */
};

int opt_list_add(struct opt_list *list, const char *text)
{
	const char **texts;

	texts = realloc(list->texts, (list->count + 2) * sizeof(*texts));
	if (!texts)
		return -ENOMEM;
	texts[list->count++] = text;
	texts[list->count] = NULL;
	list->texts = texts;
	return 0;
}

void opt_list_release(struct opt_list *list)
{
	free(list->texts);
	*list = (struct opt_list){ 0 };
}

const char *opt_word(const char *words, uint32_t index, size_t *len)
{
	while (index--) {
		words = strchr(words, '|');
		if (!words)
			return NULL;
		words++;
	}
	*len = strcspn(words, "|");
	return words;
}

static int set_word(const char *words, const char *text, uint32_t *out)
{
	const char *word;
	size_t len = 0;

	for (uint32_t i = 0; (word = opt_word(words, i, &len)); i++) {
		if (strlen(text) == len && !memcmp(word, text, len)) {
			*out = i;
			return 0;
		}
	}
	return -EINVAL;
}

/* The texts that Go's strconv.ParseBool knows. */
static int set_switch(const char *text, bool *out)
{
	static const char *const yes[] = {
		"1", "t", "T", "true", "TRUE", "True"
	};
	static const char *const no[] = { "0",     "f",     "F",
					  "false", "FALSE", "False" };

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (!strcmp(text, yes[i]) || !strcmp(text, no[i])) {
			*out = !strcmp(text, yes[i]);
			return 0;
		}
	}
	return -EINVAL;
}

static int set_value(const struct opt *opt, const char *text, void *values)
{
	void *at = (char *)values + opt->at;

	switch (opt->kind) {
	case OPT_SWITCH:
		return set_switch(text, at);
	case OPT_TEXT:
		*(const char **)at = text;
		return 0;
	case OPT_LIST:
		return opt_list_add(at, text);
	case OPT_U32:
		return num_u32(text, at);
	case OPT_MS:
		return num_duration_ms(text, at);
	case OPT_WORD:
		return set_word(opt->value, text, at);
	}
	return -EINVAL;
}

static const struct opt *find(const struct opt_set *set, const struct flag *f)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct opt *opt = &set->rows[i];

		if (strlen(opt->name) == f->name_len &&
		    !memcmp(opt->name, f->name, f->name_len))
			return opt;
		if (f->name_len == 1 && opt->alias == f->name[0])
			return opt;
	}
	return NULL;
}

static int split(const char *arg, struct flag *f, struct err *err)
{
	const char *name = arg + (arg[1] == '-' ? 2 : 1);

	f->name = name;
	f->name_len = strcspn(name, "=");
	f->value = name[f->name_len] ? name + f->name_len + 1 : NULL;
	if (f->name_len == 0 || name[0] == '-')
		return err_set(err, -EINVAL, "bad flag syntax: %s", arg);
	return 0;
}

static bool asks_help(const struct flag *f)
{
	return (f->name_len == 1 && f->name[0] == 'h') ||
	       (f->name_len == 4 && !memcmp(f->name, "help", 4));
}

static int refuse_value(const struct opt *opt, const char *text, int rc,
			struct err *err)
{
	if (rc == -ENOMEM)
		return err_code(err, rc, "flag -%s", opt->name);
	return err_set(err, -EINVAL,
		       "invalid value \"%s\" for flag -%s: must be %s", text,
		       opt->name,
		       opt->kind == OPT_SWITCH ? "true or false"
		       : opt->kind == OPT_U32  ? "a whole number"
		       : opt->kind == OPT_MS   ? "a duration such as 5s"
					       : opt->value);
}

/*
 * One flag. @next is the argument behind it, or NULL.
 *
 * Return: arguments used up (1 or 2), 0 when help is asked for, or -EINVAL.
 */
static int take_flag(const struct opt_set *set, const char *arg,
		     const char *next, void *values, struct err *err)
{
	const struct opt *opt;
	struct flag f;
	int used = 1, rc;

	rc = split(arg, &f, err);
	if (rc < 0)
		return rc;
	opt = find(set, &f);
	if (!opt && asks_help(&f))
		return 0;
	if (!opt)
		return err_set(err, -EINVAL,
			       "flag provided but not defined: -%.*s",
			       (int)f.name_len, f.name);
	if (!f.value && opt->kind == OPT_SWITCH) {
		f.value = "true";
	} else if (!f.value) {
		if (!next)
			return err_set(err, -EINVAL,
				       "flag needs an argument: -%.*s",
				       (int)f.name_len, f.name);
		f.value = next;
		used = 2;
	}
	rc = set_value(opt, f.value, values);
	if (rc < 0)
		return refuse_value(opt, f.value, rc, err);
	return used;
}

int opt_parse(const struct opt_set *set, const char *const argv[], void *values,
	      struct opt_list *operands, struct err *err)
{
	bool flags = true;

	while (*argv) {
		const char *arg = *argv;
		int used = 1;

		if (flags && !strcmp(arg, "--")) {
			flags = false;
		} else if (flags && arg[0] == '-' && arg[1]) {
			used = take_flag(set, arg, argv[1], values, err);
			if (used <= 0)
				return used ? used : 1;
		} else {
			if (opt_list_add(operands, arg) < 0)
				return err_code(err, -ENOMEM, "arguments");
			if (set->ordered)
				flags = false;
		}
		argv += used;
	}
	return 0;
}

void opt_release(const struct opt_set *set, void *values)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->rows[i].kind == OPT_LIST)
			opt_list_release(
				(struct opt_list *)(void *)((char *)values +
							    set->rows[i].at));
}
