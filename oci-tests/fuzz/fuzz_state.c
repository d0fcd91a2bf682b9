/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/arena.h"
#include "base/path.h"
#include "base/str.h"
#include "libcontainer/state.h"
#include "libcontainer/statefile.h"
#include "oci-tests/fuzz/parse.h"

/*
 * state.json. As it is: what is no sound file gives nothing away. With the sum
 * put right, as if hull had written it: what is taken can be signalled and
 * removed without harm, and written again it is the same. Then one byte of a
 * sound file changed: it is noticed.
 */

#define ID "c1"
#define TAIL ",\"sum\":\"%016" PRIx64 "\"}\n"

static uint64_t sum_of(const char *s, size_t len)
{
	uint64_t sum = 0xcbf29ce484222325u;

	for (size_t i = 0; i < len; i++)
		sum = (sum ^ (unsigned char)s[i]) * 0x100000001b3u;
	return sum;
}

static void check_sound(const struct ct_state *st)
{
	char clean[CG_PATH_MAX];
	const char *path = st->cgroup.path;

	fuzz_check(!strcmp(st->id, ID));
	fuzz_check(st->pid == 0 || (st->pid > 1 && st->start_time));
	fuzz_check(st->pid <= 1 << 22);
	fuzz_check(strnlen(path, CG_PATH_MAX) < CG_PATH_MAX);
	fuzz_check(st->cgroup.manager <= CG_MANAGER_SYSTEMD_USER);
	fuzz_check(st->cgroup.mode <= CG_MODE_NONE);
	if (st->cgroup.manager == CG_MANAGER_DISABLED) {
		fuzz_check(!path[0]);
	} else {
		fuzz_check(path[0] == '/' && path[1]);
		fuzz_check(!strstr(path, "/../") && !strstr(path, "//"));
		fuzz_check(!path_clean(path, clean, sizeof(clean)));
		fuzz_check(!strcmp(path, clean));
	}
	fuzz_check(!st->rdt.own || !strcmp(st->rdt.group, ID));
	fuzz_check(!strchr(st->rdt.group, '/') && strcmp(st->rdt.group, ".."));
	fuzz_check(strnlen(st->exit.vm_end, sizeof(st->exit.vm_end)) <
		   sizeof(st->exit.vm_end));
}

static bool decode(struct arena *arena, const char *text, size_t len,
		   struct ct_state *st)
{
	static const struct ct_state none;
	struct err err = { 0 };

	memset(st, 0, sizeof(*st));
	if (statefile_decode(arena, text, len, ID, st, &err) ==
	    STATEFILE_GOOD) {
		fuzz_check(!err.code);
		check_sound(st);
		return true;
	}
	fuzz_error(&err);
	fuzz_check(!memcmp(st, &none, sizeof(none)));
	return false;
}

static void again(struct arena *arena, const struct ct_state *st, size_t at)
{
	auto_strbuf struct strbuf one = STRBUF_INIT, two = STRBUF_INIT;
	struct ct_state back;

	statefile_encode(st, &one);
	fuzz_check(strbuf_ok(&one));
	fuzz_check(decode(arena, one.s, one.len, &back));
	statefile_encode(&back, &two);
	fuzz_check(!strcmp(one.s, two.s));
	one.s[at % one.len] ^= (char)(1 + at % 255);
	fuzz_check(!decode(arena, one.s, one.len, &back));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_strbuf struct strbuf text = STRBUF_INIT;
	auto_arena struct arena arena = { 0 };
	struct ct_state st;

	decode(&arena, (const char *)data, size, &st);
	if (!size)
		return 0;
	/* the input goes up to before its last brace */
	strbuf_addn(&text, data, size);
	strbuf_addf(&text, TAIL, sum_of((const char *)data, size));
	fuzz_check(strbuf_ok(&text));
	if (decode(&arena, text.s, text.len, &st))
		again(&arena, &st, size * 31 + data[size / 2]);
	return 0;
}
