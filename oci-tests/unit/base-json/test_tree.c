/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/json/json.h"

#include <fcntl.h>

static const struct json *parse(struct arena *arena, const char *text)
{
	struct err err = { 0 };
	const struct json *v = json_parse(arena, text, strlen(text), &err);

	if (!v)
		fail_msg("%s", err.msg);
	assert_int_equal(err.code, 0);
	return v;
}

static void test_types(void **state)
{
	auto_arena struct arena arena = { 0 };
	const struct json *root, *v;

	(void)state;
	root = parse(&arena,
		     "{\"a\":null,\"b\":true,\"c\":false,\n"
		     "\"d\":18446744073709551615,\"e\":-1.50e+2,\n"
		     "\"f\":\"x\\ny\",\"g\":[1,[]],\"h\":{},\"\":\"\"}");
	assert_int_equal(root->type, JSON_OBJECT);
	assert_int_equal(root->count, 9);
	assert_null(root->key);
	v = root->child;
	assert_int_equal(v->type, JSON_NULL);
	assert_string_equal(v->key, "a");
	assert_null(v->text);
	v = v->next;
	assert_int_equal(v->type, JSON_BOOL);
	assert_true(v->boolean);
	v = v->next;
	assert_false(v->boolean);
	v = v->next;
	assert_int_equal(v->type, JSON_NUMBER);
	assert_string_equal(v->text, "18446744073709551615");
	v = v->next;
	assert_string_equal(v->text, "-1.50e+2");
	v = v->next;
	assert_int_equal(v->type, JSON_STRING);
	assert_string_equal(v->text, "x\ny");
	v = v->next;
	assert_int_equal(v->type, JSON_ARRAY);
	assert_int_equal(v->count, 2);
	assert_int_equal(v->child->next->count, 0);
	assert_null(v->child->key);
	v = v->next;
	assert_int_equal(v->count, 0);
	v = v->next;
	assert_string_equal(v->key, "");
	assert_string_equal(v->text, "");
	assert_null(v->next);
}

static void test_lines(void **state)
{
	auto_arena struct arena arena = { 0 };
	const struct json *root;

	(void)state;
	root = parse(&arena, "\n{\n \"a\"\n:\n1 ,\"b\" : [\n\n2\n]\n}\n");
	assert_int_equal(root->line, 2);
	assert_int_equal(json_get(root, "a")->line, 5);
	assert_int_equal(json_get(root, "b")->line, 5);
	assert_int_equal(json_get(root, "b")->child->line, 7);
}

static void test_root_scalars(void **state)
{
	static const char *const docs[] = { "1",         " 12",    "-0.5 ",
					    "\"s\"",     " null ", "true",
					    "\n false ", "[]",     "{}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(docs); i++) {
		auto_arena struct arena arena = { 0 };
		const struct json *v = parse(&arena, docs[i]);
		const char *from = docs[i] + strspn(docs[i], " \n");

		assert_int_equal(v->begin, from - docs[i]);
		assert_int_equal(v->end - v->begin, strcspn(from, " \n"));
	}
}

static bool same(const struct json *a, const struct json *b)
{
	const struct json *x, *y;

	if (a->type != b->type || a->count != b->count ||
	    a->boolean != b->boolean)
		return false;
	if (a->text && strcmp(a->text, b->text) != 0)
		return false;
	for (x = a->child, y = b->child; x && y; x = x->next, y = y->next) {
		if (x->key && strcmp(x->key, y->key) != 0)
			return false;
		if (!same(x, y))
			return false;
	}
	return !x && !y;
}

/* Each value's bytes alone must give the same value again. */
static void check_slices(const char *text, const struct json *v)
{
	auto_arena struct arena arena = { 0 };
	const struct json *again;

	again = json_parse(&arena, text + v->begin, v->end - v->begin, NULL);
	assert_non_null(again);
	assert_true(same(v, again));
	assert_int_equal(again->begin, 0);
	assert_int_equal(again->end, v->end - v->begin);
	for (const struct json *c = v->child; c; c = c->next) {
		assert_true(c->begin > v->begin && c->end < v->end);
		if (c->next)
			assert_true(c->end < c->next->begin);
		check_slices(text, c);
	}
}

static void test_slices(void **state)
{
	static const char *const docs[] = {
		"{\"a\":{\"b\":[1,{\"c\":\"d\"}]},\"e\":[]}",
		(" { \"a\" : [ -1.5e3 , \"x, y: [\\\"]\" ,\t{ } ]\r\n, "
		 "\"b,:\\u00e9\\n\" :null }\n"),
		"[[[]],[{}],\"\\\\\",0,true,\"\",{\"\":\"\"}]",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(docs); i++) {
		auto_arena struct arena arena = { 0 };

		check_slices(docs[i], parse(&arena, docs[i]));
	}
}

static void test_slices_of_engine_config(void **state)
{
	auto_arena struct arena arena = { 0 };
	auto_free char *text = NULL;
	const struct json *root, *seccomp;
	auto_fd int fd = -1;
	size_t len;

	(void)state;
	fd = open("oci-tests/data/docker-run.json", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(io_load(fd, 1 << 20, &text, &len), 0);
	root = json_parse(&arena, text, len, NULL);
	assert_non_null(root);
	check_slices(text, root);
	seccomp = json_get(json_get(root, "linux"), "seccomp");
	assert_int_equal(text[seccomp->begin], '{');
	assert_int_equal(text[seccomp->end - 1], '}');
	assert_memory_equal(text + seccomp->begin - 2, ": ", 2);
}

static const struct {
	const char *text;
	const char *msg; /* NULL: whatever it is */
} bad_documents[] = {
	{ "", "invalid JSON at line 1, column 1: premature EOF" },
	{ "{", "invalid JSON at line 1, column 2: premature EOF" },
	{ "{\"a\":1}\n x",
	  "invalid JSON at line 2, column 2: trailing garbage" },
	{ "{\"a\": 01}", "invalid JSON at line 1, column 8: after key "
			 "and value, inside map, I expect ',' or '}'" },
	{ "{\n  \"a\": tru\n}",
	  "invalid JSON at line 2, column 11: invalid string in json "
	  "text" },
	{ "{\"a\":1,}", "invalid JSON at line 1, column 8: invalid "
			"object key (must be a string)" },
	{ "[1 /* x */]", "invalid JSON at line 1, column 4: probable "
			 "comment found in input text, comments are "
			 "not enabled" },
	{ "{\"a\":1,\n\"b\":{\"c\":0},\n \"a\":  2}",
	  "invalid JSON at line 3, column 8: \"a\" is given twice" },
	{ "[\"a\\u0000b\"]", "invalid JSON at line 1, column 2: a "
			     "string must not contain \\u0000" },
	{ "{\"a\\u0000b\":1}",
	  "invalid JSON at line 1, column 2: a string must not "
	  "contain \\u0000" },
	{ "[\"a\nb\"]", "invalid JSON at line 1, column 4: invalid "
			"character inside string" },
	{ "[\"\x80\"]", NULL },         /* lone continuation */
	{ "[\"\xc0\x80\"]", NULL },     /* overlong */
	{ "[\"\xe0\x80\x80\"]", NULL }, /* overlong */
	{ "[\"\xf0\x80\x80\x80\"]", NULL },
	{ "[\"\xed\xa0\x80\"]", NULL },     /* surrogate */
	{ "[\"\xf4\x90\x80\x80\"]", NULL }, /* beyond U+10FFFF */
	{ "[\"\xe2\x82\"]", NULL },         /* cut off */
	{ "{\"\xc1\xbf\":1}", NULL },
	{ "\xef\xbb\xbf{}", NULL }, /* byte order mark */
	{ "[1,]", NULL },
	{ "[1.]", NULL },
	{ "[.5]", NULL },
	{ "[+1]", NULL },
	{ "[-]", NULL },
	{ "[1e]", NULL },
	{ "[0x10]", NULL },
	{ "[NaN]", NULL },
	{ "['a']", NULL },
	{ "[\"\\x\"]", NULL },
	{ "[\"\\u12g4\"]", NULL },
	{ "{a:1}", NULL },
	{ "{1:1}", NULL },
	{ "{]", NULL },
	{ "[}", NULL },
	{ "1 2", NULL },
	{ "-", NULL },
};

static void test_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_documents); i++) {
		auto_arena struct arena arena = { 0 };
		struct err err = { 0 };

		assert_null(json_parse(&arena, bad_documents[i].text,
				       strlen(bad_documents[i].text), &err));
		assert_int_equal(err.code, -EINVAL);
		assert_null(strchr(err.msg, '\n'));
		assert_memory_equal(err.msg, "invalid JSON at line ", 21);
		if (bad_documents[i].msg)
			assert_string_equal(err.msg, bad_documents[i].msg);
		/* and no error object is fine, too */
		assert_null(json_parse(&arena, bad_documents[i].text,
				       strlen(bad_documents[i].text), NULL));
	}
}

static void test_raw_nul_is_refused(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} cases[] = {
		{ "[\"a\0b\"]", 7 }, { "[1,\0 2]", 7 }, { "{}\0", 3 },
		{ "\0", 1 },         { "1\0", 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_arena struct arena arena = { 0 };

		assert_null(
			json_parse(&arena, cases[i].text, cases[i].len, NULL));
	}
}

static void test_utf8_is_kept(void **state)
{
	auto_arena struct arena arena = { 0 };
	const struct json *v;

	(void)state;
	v = parse(&arena, "[\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xb3\xef\xbf\xbf"
			  "\xf4\x8f\xbf\xbf\",\"\\u00e9\\ud83d\\udc33\"]");
	assert_string_equal(v->child->text, "\xc3\xa9\xe2\x82\xac"
					    "\xf0\x9f\x90\xb3\xef\xbf\xbf"
					    "\xf4\x8f\xbf\xbf");
	assert_string_equal(v->child->next->text, "\xc3\xa9\xf0\x9f\x90\xb3");
}

static void test_duplicates_in_a_large_object(void **state)
{
	auto_strbuf struct strbuf text = STRBUF_INIT;
	auto_arena struct arena arena = { 0 };
	struct err err = { 0 };
	const size_t count = 50000;

	(void)state;
	strbuf_add(&text, "{");
	for (size_t i = 0; i < count; i++)
		strbuf_addf(&text, "\"k%zu\":%zu,\n", i, i);
	strbuf_add(&text, "\"last\":0}");
	assert_int_equal(parse(&arena, text.s)->count, count + 1);
	memcpy(text.s + text.len - 9, "\"k77\":9}", 9);
	assert_null(json_parse(&arena, text.s, strlen(text.s), &err));
	assert_string_equal(err.msg, "invalid JSON at line 50001, column 7: "
				     "\"k77\" is given twice");
}

static char *nested(size_t depth, const char *open, const char *shut)
{
	struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < depth; i++)
		strbuf_add(&text, open);
	for (size_t i = 0; i < depth; i++)
		strbuf_add(&text, shut);
	assert_true(strbuf_ok(&text));
	return text.s;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void test_depth(void **state)
{
	auto_arena struct arena arena = { 0 };
	auto_free char *good = nested(JSON_DEPTH_MAX, "[", "]");
	auto_free char *bad = nested(JSON_DEPTH_MAX + 1, "[", "]");
	auto_free char *deep = nested(100000, "[", "]");
	auto_free char *maps = nested(100000, "{\"a\":", "}");
	struct err err = { 0 };
	double before;

	(void)state;
	assert_non_null(json_parse(&arena, good, strlen(good), NULL));
	assert_null(json_parse(&arena, bad, strlen(bad), &err));
	assert_string_equal(err.msg, "invalid JSON at line 1, column 65: "
				     "nested more than 64 levels deep");
	before = seconds();
	assert_null(json_parse(&arena, deep, strlen(deep), &err));
	assert_null(json_parse(&arena, maps, strlen(maps), &err));
	assert_true(seconds() - before < 0.1);
}

/* The worst cases for yajl's buffers: see slab.c. */
static void test_long_strings(void **state)
{
	static const char *const units[] = { "\\u0041", "\\n", "x", "\\\\" };
	const size_t count = 200000;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		auto_strbuf struct strbuf text = STRBUF_INIT;
		auto_arena struct arena arena = { 0 };
		const struct json *v;

		strbuf_add(&text, "[\"");
		for (size_t n = 0; n < count; n++)
			strbuf_add(&text, units[i]);
		/* cut off: the whole rest goes to the lexer's buffer */
		assert_null(json_parse(&arena, text.s, text.len, NULL));
		strbuf_add(&text, "\"");
		assert_null(json_parse(&arena, text.s, text.len, NULL));
		/* both buffers in use */
		for (size_t n = 0; n < count; n++)
			strbuf_add(&text, n ? "1" : ",");
		assert_null(json_parse(&arena, text.s, text.len, NULL));
		strbuf_add(&text, "]");
		v = parse(&arena, text.s);
		assert_int_equal(strlen(v->child->text), count);
		assert_int_equal(strlen(v->child->next->text), count - 1);
	}
}

static void test_many_sizes_of_strings(void **state)
{
	(void)state;
	for (size_t len = 0; len < 9000; len += 97) {
		auto_strbuf struct strbuf text = STRBUF_INIT;
		auto_arena struct arena arena = { 0 };

		strbuf_add(&text, "{\"k\\t\":\"");
		for (size_t n = 0; n < len; n++)
			strbuf_add(&text, "\\t");
		assert_null(json_parse(&arena, text.s, text.len, NULL));
		strbuf_add(&text, "\"}");
		assert_int_equal(strlen(parse(&arena, text.s)->child->text),
				 len);
	}
}

static void test_failure_leaves_err_alone_on_success(void **state)
{
	auto_arena struct arena arena = { 0 };
	struct err err = { .code = 7, .msg = "kept" };

	(void)state;
	assert_non_null(json_parse(&arena, "[]", 2, &err));
	assert_int_equal(err.code, 7);
	assert_string_equal(err.msg, "kept");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_root_scalars),
		cmocka_unit_test(test_slices),
		cmocka_unit_test(test_slices_of_engine_config),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_raw_nul_is_refused),
		cmocka_unit_test(test_utf8_is_kept),
		cmocka_unit_test(test_duplicates_in_a_large_object),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_long_strings),
		cmocka_unit_test(test_many_sizes_of_strings),
		cmocka_unit_test(test_failure_leaves_err_alone_on_success),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
