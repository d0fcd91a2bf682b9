/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroups/plan.h"
#include "cgroups/systemd.h"
#include "oci-tests/fuzz/specdump.h"

/* update -r: new limits, and the writes and properties that they become. */

#define V1_ALL                                                                \
	(CG_V1_CPU | CG_V1_CPUSET | CG_V1_MEMORY | CG_V1_PIDS | CG_V1_BLKIO | \
	 CG_V1_HUGETLB)

static void plan(const struct spec_resources *res, uint32_t v1_mask)
{
	struct sd_props props;
	struct cg_plan writes;
	struct err err = { 0 };

	cg_plan_init(&writes, -1);
	sd_props_init(&props);
	if (cg_plan_all(&writes, res, v1_mask, &err) < 0)
		fuzz_error(&err);
	for (const struct cg_write *w = writes.first; w; w = w->next) {
		fuzz_check(w->file[0] && !strchr(w->file, '/'));
		fuzz_check(w->value && w->field && w->ctrl <= CG_CTRLS);
	}
	sd_props_plan(&props, &writes);
	fuzz_check(!sd_props_status(&props, NULL));
	for (const struct sd_prop *p = props.first; p; p = p->next) {
		fuzz_check(p->name[0] && p->sig[0]);
		for (size_t i = 0; i < p->count; i++)
			fuzz_check(p->values[i]);
	}
	sd_props_release(&props);
	cg_plan_release(&writes);
}

static const struct spec_resources *take(struct arena *arena, const char *text,
					 size_t len, struct strbuf *out)
{
	const struct spec_resources *res;
	struct err err = { 0 };

	res = spec_parse_resources(arena, text, len, NULL, &err);
	if (!res) {
		fuzz_error(&err);
		fuzz_check(!strncmp(err.field, "resources", 9) ||
			   !err.field[0]);
		return NULL;
	}
	dump_resources(out, res);
	return res;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_strbuf struct strbuf one = STRBUF_INIT, two = STRBUF_INIT;
	auto_arena struct arena arena = { 0 };
	const struct spec_resources *res;

	res = take(&arena, (const char *)data, size, &one);
	if (!res)
		return 0;
	plan(res, 0);
	plan(res, V1_ALL);
	fuzz_check(take(&arena, (const char *)data, size, &two));
	fuzz_check(!strcmp(one.s, two.s));
	return 0;
}
