/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "libcontainer/process/steps.h"
#include "oci-tests/fuzz/specdump.h"

/* exec --process: written for the agent of a guest it reads the same. */

#define CPUS 1024

static bool take(const char *text, size_t len, struct strbuf *out)
{
	unsigned long bits[CPUS / 8 / sizeof(unsigned long)];
	auto_arena struct arena arena = { 0 };
	const struct spec_process *p;
	struct err err = { 0 };

	p = spec_parse_process(&arena, text, len, NULL, &err);
	if (!p) {
		fuzz_error(&err);
		return false;
	}
	fuzz_check(!err.code);
	fuzz_check(p->args && p->arg_count && !p->args[p->arg_count]);
	fuzz_check(p->env && !p->env[p->env_count]);
	fuzz_check(p->cwd && p->cwd[0] == '/');
	for (size_t i = 0; i < p->rlimit_count; i++)
		fuzz_check(p->rlimits[i].soft <= p->rlimits[i].hard);
	if (p->cpu_affinity_initial)
		numlist_parse(p->cpu_affinity_initial, bits, CPUS);
	vm_process_json(p, out);
	fuzz_check(strbuf_ok(out));
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_strbuf struct strbuf one = STRBUF_INIT, two = STRBUF_INIT;

	if (!take((const char *)data, size, &one))
		return 0;
	fuzz_check(take(one.s, one.len, &two));
	fuzz_check(!strcmp(one.s, two.s));
	return 0;
}
