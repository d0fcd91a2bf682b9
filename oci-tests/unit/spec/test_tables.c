/* SPDX-License-Identifier: Apache-2.0 */
#include "spec_test.h"

#include "spec/fields.h"

/*
 * Every row of every table: a wrong value at its place must give a problem at
 * its path, a misspelt name a warning at its path. The document is built from
 * the tables alone, so that a new row is walked without a new test.
 */

struct place {
	const struct place *up;
	const struct spec_field *field;
	bool is_map; /* an object whose members are described by the table */
};

static size_t rows_walked;

static bool is_list(const struct spec_field *f)
{
	return f->kind == SPEC_OBJECTS || (f->kind == SPEC_CALL && f->table &&
					   strcmp(f->name, "seccomp") != 0);
}

/* {"linux":{"devices":[{ ... and the same as a path */
static void open_place(struct strbuf *text, struct strbuf *path,
		       const struct place *p)
{
	if (!p)
		return;
	open_place(text, path, p->up);
	strbuf_addf(text, "\"%s\":", p->field->name);
	strbuf_addf(path, "%s.", p->field->name);
	if (p->is_map) {
		strbuf_add(text, "{\"dev\":{");
		strbuf_add(path, "dev.");
	} else if (is_list(p->field)) {
		strbuf_add(text, "[{");
		path->s[--path->len] = '\0';
		strbuf_add(path, "[0].");
	} else {
		strbuf_add(text, "{");
	}
}

static void close_place(struct strbuf *text, const struct place *p)
{
	for (; p; p = p->up)
		strbuf_add(text, p->is_map           ? "}}"
				 : is_list(p->field) ? "}]"
						     : "}");
}

/* Parse a document with one member at a place; its warnings and problems. */
static void parse_member(const struct place *at, const char *name,
			 const char *value, struct strbuf *said)
{
	const struct spec_warning *warnings = NULL;
	auto_strbuf struct strbuf text = STRBUF_INIT;
	auto_strbuf struct strbuf path = STRBUF_INIT;
	auto_arena struct arena arena = { 0 };
	struct err err = { 0 };

	strbuf_add(&text, "{");
	open_place(&text, &path, at);
	strbuf_addf(&text, "\"%s\":%s", name, value);
	close_place(&text, at);
	strbuf_add(&text, "}");
	spec_parse(&arena, text.s, text.len, &warnings, &err);
	strbuf_addf(said, "\n%s", err.msg);
	for (; warnings; warnings = warnings->next)
		strbuf_addf(said, "\nwarning %s: %s", warnings->field,
			    warnings->text);
}

static void expect(const struct place *at, const char *name, const char *value,
		   const char *prefix)
{
	auto_strbuf struct strbuf said = STRBUF_INIT;
	auto_strbuf struct strbuf want = STRBUF_INIT;
	auto_strbuf struct strbuf text = STRBUF_INIT;

	parse_member(at, name, value, &said);
	strbuf_addf(&want, "\n%s", prefix);
	open_place(&text, &want, at);
	strbuf_addf(&want, "%s: ", name);
	if (!strstr(said.s, want.s))
		fail_msg("'%s' = %s: want '%s', got '%s'", name, value,
			 want.s + 1, said.s + 1);
}

/* Values that no property of the row's kind may have. */
static void check_row(const struct place *at, const struct spec_field *f)
{
	switch (f->kind) {
	case SPEC_IGNORE:
		return;
	case SPEC_REFUSE:
		expect(at, f->name, "true", "");
		expect(at, f->name, "12", "");
		expect(at, f->name, "\"x\"", "");
		expect(at, f->name, "[1]", "");
		return;
	case SPEC_BOOL:
		expect(at, f->name, "0", "");
		expect(at, f->name, "\"true\"", "");
		return;
	case SPEC_UINT:
	case SPEC_OPT_UINT:
		expect(at, f->name, "-1", "");
		expect(at, f->name, "18446744073709551616", "");
		__attribute__((fallthrough));
	case SPEC_INT:
	case SPEC_OPT_INT:
		expect(at, f->name, "1.0", "");
		expect(at, f->name, "1e3", "");
		expect(at, f->name, "\"1\"", "");
		expect(at, f->name, "true", "");
		expect(at, f->name, "-9223372036854775809", "");
		expect(at, f->name, "[]", "");
		return;
	default:
		expect(at, f->name, "7", "");
		expect(at, f->name, "true", "");
		return;
	}
}

static void check_range(const struct place *at, const struct spec_field *f)
{
	char text[32];

	if (f->kind != SPEC_UINT && f->kind != SPEC_INT &&
	    f->kind != SPEC_OPT_INT && f->kind != SPEC_OPT_UINT)
		return;
	if (f->max && f->max < INT64_MAX) {
		snprintf(text, sizeof(text), "%llu",
			 (unsigned long long)f->max + 1);
		expect(at, f->name, text, "");
	}
	if (f->min && f->min > INT64_MIN &&
	    !(f->min == 1 && (f->flags & SPEC_ZERO_UNSET))) {
		snprintf(text, sizeof(text), "%lld", (long long)f->min - 1);
		expect(at, f->name, text, "");
	}
}

static void check_misspelt(const struct place *at, const struct spec_table *t,
			   const struct spec_field *f)
{
	char name[64];

	snprintf(name, sizeof(name), "%sx", f->name);
	if (t->closed)
		expect(at, name, "1", "");
	else if (strlen(f->name) >= 3)
		expect(at, name, "1", "warning ");
}

static void walk(const struct place *at, const struct spec_table *t)
{
	assert_true(t->count > 0 && t->count <= SPEC_FIELDS_MAX);
	for (size_t i = 0; i < t->count; i++) {
		const struct spec_field *f = &t->fields[i];
		const struct place here = {
			.up = at,
			.field = f,
			.is_map = !strcmp(f->name, "rdma"),
		};

		rows_walked++;
		assert_non_null(f->name);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(f->name, t->fields[j].name);
		check_row(at, f);
		check_range(at, f);
		check_misspelt(at, t, f);
		if (f->flags & SPEC_REQUIRED)
			expect(at, f->name, "null", "");
		if (f->kind == SPEC_REFUSE)
			assert_non_null(f->text);
		if (f->table)
			walk(&here, f->table);
	}
}

static void test_every_row(void **state)
{
	(void)state;
	walk(NULL, &spec_table_root);
	assert_true(rows_walked > 150);
}

/* The specification's own list of properties: nothing was forgotten. */
static void find_names(const struct json *schema, const struct spec_table *t,
		       const char *where)
{
	const struct json *properties = json_get(schema, "properties");

	if (!properties)
		return;
	for (const struct json *p = properties->child; p; p = p->next) {
		const struct spec_field *f = NULL;

		for (size_t i = 0; i < t->count; i++)
			if (!strcmp(t->fields[i].name, p->key))
				f = &t->fields[i];
		if (!f)
			fail_msg("no row for %s.%s", where, p->key);
		if (f->table && json_get(p, "properties"))
			find_names(p, f->table, p->key);
	}
}

static void test_schema_has_a_row_for_all(void **state)
{
	static const struct {
		const char *file;
		const char *member; /* NULL: the document itself */
		const struct spec_table *table;
	} schemas[] = {
		{ "config-schema.json", NULL, &spec_table_root },
		{ "config-linux.json", "linux", &spec_table_linux },
	};
	const char *dir = schema_dir();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(schemas); i++) {
		auto_arena struct arena arena = { 0 };
		auto_free char *text = NULL;
		const struct json *schema;
		char path[4096];
		size_t len;

		snprintf(path, sizeof(path), "%s/%s", dir, schemas[i].file);
		read_file(path, &text, &len);
		schema = json_parse(&arena, text, len, NULL);
		if (schemas[i].member)
			schema = json_get(schema, schemas[i].member);
		assert_non_null(schema);
		find_names(schema, schemas[i].table, schemas[i].file);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row),
		cmocka_unit_test(test_schema_has_a_row_for_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
