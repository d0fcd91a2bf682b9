/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/num.h"
#include "base/str.h"
#include "cgroups/systemd.h"
#include "spec/spec.h"

/*
 * Values are GVariant text, as far as properties of units need it: booleans,
 * numbers, strings and arrays of them, with an optional type in front
 * (https://docs.gtk.org/glib/gvariant-text-format.html).
 */

#define PREFIX "org.systemd.property."
#define ELEMENTS_MAX 256
#define SEC_USEC 1000000u

/* clang-format off */
static const struct type_word {
	const char *word;
	const char *sig;
} type_words[] = {
	{ "boolean", "b" }, { "byte", "y" }, { "int16", "n" },
	{ "uint16", "q" }, { "int32", "i" }, { "uint32", "u" },
	{ "int64", "x" }, { "uint64", "t" }, { "double", "d" },
	{ "string", "s" },
};

static const struct type_range {
	char type;
	int64_t min;
	uint64_t max;
} type_ranges[] = {
	{ 'y', 0, UINT8_MAX }, { 'n', INT16_MIN, INT16_MAX },
	{ 'q', 0, UINT16_MAX }, { 'i', INT32_MIN, INT32_MAX },
	{ 'u', 0, UINT32_MAX }, { 'x', INT64_MIN, INT64_MAX },
	{ 't', 0, UINT64_MAX },
};
/* clang-format on */

/**
 * struct parser - one value being read.
 * @sig: type of a value or of an array's elements; 0 while not known
 */
struct parser {
	const char *s;
	char type;
	bool array;
	struct arena *arena;
	const char *values[ELEMENTS_MAX];
	size_t count;
};

static void skip_blanks(struct parser *p)
{
	p->s += strspn(p->s, " \t\n");
}

/* "uint64 5", "@as []": a type in front. */
static bool read_type(struct parser *p)
{
	skip_blanks(p);
	if (*p->s == '@') {
		p->s++;
		p->array = *p->s == 'a';
		p->s += p->array;
		p->type = *p->s;
		if (!p->type || !strchr("bynqiuxtds", p->type))
			return false;
		p->s++;
		skip_blanks(p);
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(type_words); i++) {
		size_t len = strlen(type_words[i].word);

		if (strncmp(p->s, type_words[i].word, len) ||
		    !strchr(" \t\n", p->s[len]) || !p->s[len])
			continue;
		p->type = type_words[i].sig[0];
		p->s += len;
		skip_blanks(p);
		break;
	}
	return true;
}

static bool push(struct parser *p, char type, const char *text)
{
	/* a number without a type takes that of its array or its word */
	if (!p->type)
		p->type = type;
	if ((p->type == 's' || p->type == 'b') != (type == 's' || type == 'b'))
		return false;
	if ((type == 's' || type == 'b') && p->type != type)
		return false;
	if (!text || p->count == ELEMENTS_MAX)
		return false;
	p->values[p->count++] = text;
	return true;
}

static bool read_string(struct parser *p)
{
	auto_strbuf struct strbuf out = STRBUF_INIT;
	char quote = *p->s++;

	for (; *p->s && *p->s != quote; p->s++) {
		char c = *p->s;

		if (c == '\\') {
			c = *++p->s;
			if (!c)
				return false;
			if (!strchr("\\'\"nt", c))
				return false;
			c = (char)(c == 'n' ? '\n' : c == 't' ? '\t' : c);
		}
		strbuf_addn(&out, &c, 1);
	}
	if (*p->s != quote || !strbuf_ok(&out))
		return false;
	p->s++;
	return push(p, 's',
		    arena_strndup(p->arena, out.s ? out.s : "", out.len));
}

static bool in_range(char type, const char *text)
{
	uint64_t u = 0;
	int64_t i = 0;

	for (size_t k = 0; k < ARRAY_SIZE(type_ranges); k++) {
		if (type_ranges[k].type != type)
			continue;
		if (*text == '-')
			return !num_i64(text, &i) && i >= type_ranges[k].min;
		return !num_u64(text, &u) && u <= type_ranges[k].max;
	}
	return false;
}

static bool read_word(struct parser *p)
{
	size_t len = strcspn(p->s, " \t\n,]");
	const char *text = arena_strndup(p->arena, p->s, len);
	char *end = NULL;

	if (!text || !len)
		return false;
	p->s += len;
	if (!strcmp(text, "true") || !strcmp(text, "false"))
		return push(p, 'b', text);
	if (!p->type)
		p->type = strpbrk(text, ".eE") ? 'd' : 'i';
	if (p->type != 'd')
		return in_range(p->type, text) && push(p, 'i', text);
	(void)strtod(text, &end);
	return *end == '\0' &&
	       (isdigit((unsigned char)*text) || strchr("+-.", *text)) &&
	       push(p, 'd', text);
}

static bool read_basic(struct parser *p)
{
	skip_blanks(p);
	if (*p->s == '\'' || *p->s == '"')
		return read_string(p);
	return read_word(p);
}

static bool read_array(struct parser *p)
{
	p->array = true;
	p->s++;
	skip_blanks(p);
	while (*p->s != ']') {
		if (!read_basic(p))
			return false;
		skip_blanks(p);
		if (*p->s == ',')
			p->s++;
		else if (*p->s != ']')
			return false;
		skip_blanks(p);
	}
	p->s++;
	return p->type != 0;
}

static bool read_value(struct parser *p)
{
	bool want_array;

	if (!read_type(p))
		return false;
	want_array = p->array;
	if (*p->s == '[' ? !read_array(p) : want_array || !read_basic(p))
		return false;
	skip_blanks(p);
	return !*p->s;
}

/* "FooSec" in seconds is "FooUSec" on the bus. */
static bool add_seconds(struct sd_props *props, const char *name,
			const struct parser *p)
{
	const char *text = p->values[0];
	char *end = NULL;
	double sec;

	if (p->array || strchr("sb", p->type))
		return false;
	sec = strtod(text, &end);
	if (*end || sec < 0 || sec * SEC_USEC >= 1.8e19)
		return false;
	name = arena_printf(&props->arena, "%.*sUSec", (int)strlen(name) - 3,
			    name);
	sd_props_add(props, 0, name ? name : "", "t", "%" PRIu64,
		     (uint64_t)(sec * SEC_USEC));
	return true;
}

static bool is_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

	return len >= 3 && !name[len];
}

static int add_one(struct sd_props *props, const struct spec_pair *pair,
		   struct err *err)
{
	const char *name = pair->key + strlen(PREFIX);
	struct parser p = { .s = pair->value, .arena = &props->arena };
	char field[256], sig[3] = "";

	snprintf(field, sizeof(field), "annotations[\"%s\"]", pair->key);
	if (!is_name(name))
		return err_at(err, -EINVAL, field,
			      "'%s' is no name of a property of systemd", name);
	if (!read_value(&p))
		return err_at(err, -EINVAL, field,
			      "'%s' is no value in GVariant's text format that "
			      "a property can have",
			      pair->value);
	if (str_ends(name, "Sec") && !str_ends(name, "USec")) {
		if (!add_seconds(props, name, &p))
			return err_at(err, -EINVAL, field,
				      "'%s' is no number of seconds",
				      pair->value);
		return 0;
	}
	snprintf(sig, sizeof(sig), "%s%c", p.array ? "a" : "", p.type);
	sd_props_list(props, 0, name, sig, p.values, p.count);
	return 0;
}

int sd_props_annotations(struct sd_props *props, const struct spec *spec,
			 struct err *err)
{
	for (size_t i = 0; i < spec->annotation_count; i++) {
		const struct spec_pair *pair = &spec->annotations[i];
		int rc = 0;

		if (str_starts(pair->key, PREFIX))
			rc = add_one(props, pair, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}
