/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "base/json/json.h"
#include "oci-tests/fuzz/specdump.h"

/* config.json: what is taken is the same each time, and written by hull's own
 * writer too; what is refused says why. */

static void take(const char *text, size_t len, struct strbuf *out)
{
	const struct spec_warning *warnings = NULL;
	auto_arena struct arena arena = { 0 };
	struct err err = { 0 };
	const struct spec *spec;

	spec = spec_parse(&arena, text, len, &warnings, &err);
	if (spec) {
		fuzz_check(!err.code && !err.msg[0]);
		dump_spec(out, spec);
	} else {
		fuzz_error(&err);
		strbuf_addf(out, "%d %s %s\n", err.code, err.field, err.msg);
	}
	for (; warnings; warnings = warnings->next) {
		fuzz_check(warnings->text && warnings->text[0]);
		dump_str(out, warnings->field, warnings->text);
	}
	fuzz_check(strbuf_ok(out));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_strbuf struct strbuf one = STRBUF_INIT, two = STRBUF_INIT;
	auto_strbuf struct strbuf text = STRBUF_INIT, three = STRBUF_INIT;
	auto_arena struct arena arena = { 0 };
	const struct json *doc;
	struct json_gen gen;

	take((const char *)data, size, &one);
	take((const char *)data, size, &two);
	fuzz_check(!strcmp(one.s, two.s));
	doc = json_parse(&arena, (const char *)data, size, NULL);
	if (!doc)
		return 0;
	json_gen_init(&gen, &text, size & 1);
	json_gen_value(&gen, NULL, doc);
	fuzz_check(strbuf_ok(&text));
	take(text.s, text.len, &three);
	fuzz_check(!strcmp(one.s, three.s));
	return 0;
}
