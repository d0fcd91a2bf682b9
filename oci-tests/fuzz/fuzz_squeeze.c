/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/audit.h>

#include "libcontainer/process/seccomp_squeeze.h"
#include "oci-tests/fuzz/classic.h"

/* A filter as the input has it: what is made of it answers everything alike, as
 * does whatever else is said to. */

#define MOST 512
#define MOST_ASKED 64
#define STEPS 200000

static const uint32_t values[] = {
	AUDIT_ARCH_X86_64, AUDIT_ARCH_I386,  AUDIT_ARCH_AARCH64, 0,
	SECCOMP_X32_BIT,   ~SECCOMP_X32_BIT, 0x80000000,         0xffffffff,
};

static const uint32_t results[] = { SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | 1,
				    SECCOMP_RET_KILL_PROCESS,
				    SECCOMP_RET_ERRNO };

/* A byte for most values, so that inputs stay short. */
static uint32_t value(struct tape *t)
{
	uint8_t how = tape_u8(t);

	if (how < 128)
		return how;
	if (how < 192)
		return (how & 63) | SECCOMP_X32_BIT;
	if (how < 240)
		return values[how % ARRAY_SIZE(values)];
	return tape_u32(t);
}

static struct sock_filter insn(struct tape *t)
{
	static const uint16_t ops[] = { BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JSET };
	uint8_t how = tape_u8(t);
	struct sock_filter f = { 0 };

	switch (how % 8) {
	case 0:
		f.code = BPF_LD | BPF_W | BPF_ABS;
		f.k = tape_u8(t) % 8 * 4;
		break;
	case 1:
		f.code = BPF_RET | BPF_K;
		f.k = results[(how >> 3) % ARRAY_SIZE(results)];
		break;
	case 2:
		f.code = BPF_ALU | BPF_AND | BPF_K;
		f.k = value(t);
		break;
	case 3:
		f.code = BPF_JMP | BPF_JA;
		f.k = how >> 3;
		break;
	default:
		f.code = BPF_JMP | BPF_K | ops[how % ARRAY_SIZE(ops)];
		f.jt = (how >> 3) % 3;
		f.jf = tape_u8(t) % 16;
		f.k = value(t);
	}
	return f;
}

static size_t take(struct tape *t, struct sock_filter *f)
{
	size_t count = 0;

	f[count++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						  tape_u8(t) % 2 * 4);
	while (t->left && count < MOST - 1)
		f[count++] = insn(t);
	f[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
						  SECCOMP_RET_ALLOW);
	return count;
}

/* Something that the filter may know, or next to it; @seed goes on. */
static uint32_t ask(const struct seccomp_code *code, uint32_t *seed)
{
	uint32_t r = *seed = *seed * 1664525 + 1013904223;

	r >>= 8;
	return code->f[r % code->count].k + (r >> 10) % 3 - 1 +
	       (r & 0x800000 ? SECCOMP_X32_BIT : 0);
}

static void check_same(const struct seccomp_code *a,
		       const struct seccomp_code *b)
{
	uint32_t seed = (uint32_t)a->count;

	for (int i = 0; i < MOST_ASKED; i++) {
		struct seccomp_data in = {
			.nr = (int)ask(a, &seed),
			.arch = i % 4 ? values[i % 3] : ask(a, &seed),
		};

		for (size_t k = 0; k < ARRAY_SIZE(in.args); k++)
			in.args[k] = (uint64_t)(i % 2 ? ask(a, &seed) : 0)
					     << 32 |
				     ask(a, &seed);
		fuzz_check(classic_run(a->f, a->count, &in) ==
			   classic_run(b->f, b->count, &in));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sock_filter f[MOST], out[BPF_MAXINSNS];
	struct tape t = { data, size };
	struct seccomp_code code = { f }, now = { out };
	uint16_t at = tape_u16(&t);
	bool sound;

	code.count = take(&t, f);
	sound = classic_sound(f, code.count);
	now.count = seccomp_squeeze(&code, out);
	fuzz_check(now.count < code.count);
	if (now.count) {
		fuzz_check(sound && classic_sound(out, now.count));
		check_same(&code, &now);
	}
	/* and one instruction changed */
	memcpy(out, f, code.count * sizeof(*f));
	now.count = code.count;
	out[at % now.count].k ^= 1u << at % 32;
	out[at % now.count].jf ^= (uint8_t)(at >> 15);
	if (seccomp_same(&code, &now, STEPS)) {
		fuzz_check(sound && classic_sound(out, now.count));
		check_same(&code, &now);
	}
	return 0;
}
