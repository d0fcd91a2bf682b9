/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/bpf.h>

#include "cgroups/devices.h"
#include "oci-tests/fuzz/parse.h"
#include "spec/spec.h"

/*
 * Device rules from the input, compiled, and the program run on accesses from
 * it: the answers are those of the rules read in order, the last one wins for
 * each kind of access, with the list of runc's behind.
 */

#define MOST_RULES 40
#define MOST_ASKED 16
#define R BPF_DEVCG_ACC_READ
#define W BPF_DEVCG_ACC_WRITE
#define M BPF_DEVCG_ACC_MKNOD

struct access {
	char type;
	uint32_t major, minor, bits;
};

static const struct spec_device_rule defaults[] = {
	{ true, 'a', -1, -1, false, false, true },
	{ true, 'c', 1, 3, true, true, true },
	{ true, 'c', 1, 5, true, true, true },
	{ true, 'c', 1, 7, true, true, true },
	{ true, 'c', 1, 8, true, true, true },
	{ true, 'c', 1, 9, true, true, true },
	{ true, 'c', 5, 0, true, true, true },
	{ true, 'c', 5, 2, true, true, true },
	{ true, 'c', 10, 200, true, true, true },
	{ true, 'c', 136, -1, true, true, true },
};

/* Numbers that meet each other and the defaults. */
static int64_t number(struct tape *t)
{
	uint8_t how = tape_u8(t);

	if (how < 64)
		return -1;
	return how < 240 ? how % 12 : tape_u32(t);
}

static struct spec_device_rule rule(struct tape *t)
{
	static const char types[] = "aabc";
	uint8_t how = tape_u8(t);

	return (struct spec_device_rule){
		.allow = how & 1,
		.read = how & 2,
		.write = how & 4,
		.mknod = how & 8,
		.type = types[how >> 4 & 3],
		.major = number(t),
		.minor = number(t),
	};
}

static void apply(const struct spec_device_rule *r, const struct access *a,
		  uint32_t *allowed)
{
	uint32_t bits =
		(r->read ? R : 0u) | (r->write ? W : 0u) | (r->mknod ? M : 0u);

	if ((r->type != 'a' && r->type != a->type) ||
	    (r->major >= 0 && r->major != a->major) ||
	    (r->minor >= 0 && r->minor != a->minor))
		return;
	*allowed = r->allow ? *allowed | bits : *allowed & ~bits;
}

static bool model(const struct spec_device_rule *rules, size_t count,
		  const struct access *a)
{
	uint32_t allowed = 0;

	for (size_t i = 0; i < count; i++)
		apply(&rules[i], a, &allowed);
	for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
		apply(&defaults[i], a, &allowed);
	return !(a->bits & ~allowed);
}

static uint32_t load(const struct access *a, int16_t off)
{
	uint32_t type =
		a->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;

	fuzz_check(off == 0 || off == 4 || off == 8);
	if (off)
		return off == 4 ? a->major : a->minor;
	return a->bits << 16 | type;
}

static void alu(uint64_t *dst, uint8_t op, uint32_t value)
{
	fuzz_check(op == BPF_AND || op == BPF_RSH || op == BPF_MOV);
	if (op == BPF_AND)
		*dst = (uint32_t)*dst & value;
	else
		*dst = op == BPF_MOV ? value : (uint32_t)*dst >> value;
}

/* Forward jumps only, as the verifier wants it: this ends. */
static bool run(const struct bpf_insn *p, size_t count, const struct access *a)
{
	uint64_t r[11] = { 0 };

	for (size_t pc = 0; pc < count; pc++) {
		const struct bpf_insn *i = &p[pc];
		uint32_t value = BPF_SRC(i->code) == BPF_X
					 ? (uint32_t)r[i->src_reg]
					 : (uint32_t)i->imm;
		bool equal = (uint32_t)r[i->dst_reg] == value;

		if (BPF_CLASS(i->code) == BPF_LDX) {
			fuzz_check(i->src_reg == BPF_REG_1);
			r[i->dst_reg] = load(a, i->off);
		} else if (BPF_CLASS(i->code) == BPF_ALU) {
			alu(&r[i->dst_reg], BPF_OP(i->code), value);
		} else if (i->code == (BPF_JMP | BPF_EXIT)) {
			return r[0];
		} else {
			fuzz_check(i->off >= 0);
			fuzz_check(BPF_CLASS(i->code) == BPF_JMP32 ||
				   i->code == (BPF_JMP | BPF_JA));
			if (BPF_CLASS(i->code) == BPF_JMP ||
			    equal == (BPF_OP(i->code) == BPF_JEQ))
				pc += (size_t)i->off;
		}
	}
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spec_device_rule rules[MOST_RULES];
	auto_free struct spec_device_rule *list = NULL;
	auto_free struct bpf_insn *insns = NULL;
	struct tape t = { data, size };
	size_t count = tape_u8(&t) % MOST_RULES, n, len, bad;
	int ret;

	for (size_t i = 0; i < count; i++)
		rules[i] = rule(&t);
	ret = cg_dev_normalise(rules, count, &list, &n, &bad);
	fuzz_check(!ret && n <= count + ARRAY_SIZE(defaults));
	fuzz_check(!cg_dev_program(list, n, &insns, &len));
	for (int i = 0; i < MOST_ASKED; i++) {
		uint8_t how = tape_u8(&t);
		struct access a = {
			.type = how & 8 ? 'b' : 'c',
			.bits = how % 7 + 1,
			.major = (uint32_t)number(&t),
			.minor = (uint32_t)number(&t),
		};

		fuzz_check(run(insns, len, &a) == model(rules, count, &a));
	}
	return 0;
}
