/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "base/str.h"
#include "libcontainer/process/seccomp_build.h"
#include "oci-tests/fuzz/classic.h"
#include "spec/spec.h"

/* linux.seccomp, whose text the input is: what compiles is a filter that the
 * kernel loads, and compiles to the same again. */

#define DOC                                                    \
	"{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"}," \
	"\"linux\":{\"namespaces\":[{\"type\":\"mount\"}],"    \
	"\"seccomp\":%.*s}}"
#define MOST_CALLS 500

static bool compile(const struct spec_seccomp *profile,
		    struct seccomp_prog *prog)
{
	struct err err = { 0 };
	int ret = seccomp_compile(profile, prog, &err);

	fuzz_check(ret <= 0 && ret == err.code);
	if (ret)
		fuzz_error(&err);
	return !ret;
}

/* The default or one of the rules, whatever is called. */
static bool is_answer(uint32_t ret)
{
	switch (ret & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_KILL_PROCESS:
	case SECCOMP_RET_KILL_THREAD:
	case SECCOMP_RET_TRAP:
	case SECCOMP_RET_ERRNO:
	case SECCOMP_RET_TRACE:
	case SECCOMP_RET_LOG:
	case SECCOMP_RET_ALLOW:
	case SECCOMP_RET_USER_NOTIF:
		return true;
	}
	return false;
}

static void check_program(const struct seccomp_prog *prog)
{
	const struct sock_filter *f = prog->insns;

	fuzz_check(prog->count && prog->count <= BPF_MAXINSNS);
	fuzz_check(prog->map_len == prog->count * sizeof(*f));
	fuzz_check(classic_sound(f, prog->count));
	for (int nr = -2; nr < MOST_CALLS; nr++) {
		struct seccomp_data in = { .nr = nr, .arch = 0xc000003e };

		in.args[0] = (uint64_t)nr;
		fuzz_check(is_answer(classic_run(f, prog->count, &in)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seccomp_prog one = { 0 }, two = { 0 };
	auto_strbuf struct strbuf doc = STRBUF_INIT;
	auto_arena struct arena arena = { 0 };
	const struct spec *spec;
	struct err err = { 0 };

	strbuf_addf(&doc, DOC, (int)size, (const char *)data);
	fuzz_check(strbuf_ok(&doc));
	spec = spec_parse(&arena, doc.s, doc.len, NULL, &err);
	if (!spec) {
		fuzz_error(&err);
		return 0;
	}
	if (!spec->linux_.seccomp.set || !compile(&spec->linux_.seccomp, &one))
		return 0;
	check_program(&one);
	fuzz_check(compile(&spec->linux_.seccomp, &two));
	fuzz_check(one.count == two.count && one.flags == two.flags);
	fuzz_check(!memcmp(one.insns, two.insns, one.map_len));
	seccomp_prog_release(&one);
	seccomp_prog_release(&two);
	return 0;
}
