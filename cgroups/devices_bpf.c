/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "cgroups/devices.h"
#include "spec/spec.h"

/*
 * Registers of the program:
 *   r1  struct bpf_cgroup_dev_ctx *
 *   r2  type, then major of the access
 *   r3  access (BPF_DEVCG_ACC_*) that no rule has allowed yet
 *   r4  minor
 *
 * Rules of one type, and among them rules of one major, form a block that is
 * skipped as a whole. A register is loaded anew wherever the verifier would
 * otherwise carry on what a comparison taught it: then it follows each way out
 * of a rule separately, and a thousand rules take more than its million steps.
 */

#define RULE_LEN_MAX 11
#define FRAME_LEN 6 /* prologue and the two ways out */
#define ACC_ALL (BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE)
#define OFF_TYPE 0 /* of struct bpf_cgroup_dev_ctx */
#define OFF_MAJOR 4
#define OFF_MINOR 8

/* Jumps to the ways out, patched at the end: no program gets so long. */
#define TO_ALLOW INT16_MAX
#define TO_DENY (INT16_MAX - 1)

/**
 * struct prog - the program so far.
 * @minor_loaded: r4 holds the minor and nothing is known about it
 */
struct prog {
	struct bpf_insn *insns;
	size_t len;
	bool minor_loaded;
};

static void emit(struct prog *p, struct bpf_insn insn)
{
	p->insns[p->len++] = insn;
}

static void load_word(struct prog *p, uint8_t dst, int16_t off)
{
	emit(p, (struct bpf_insn){ .code = BPF_LDX | BPF_MEM | BPF_W,
				   .dst_reg = dst,
				   .src_reg = BPF_REG_1,
				   .off = off });
}

static void alu_imm(struct prog *p, uint8_t op, uint8_t dst, uint32_t imm)
{
	emit(p, (struct bpf_insn){ .code = (uint8_t)(BPF_ALU | op | BPF_K),
				   .dst_reg = dst,
				   .imm = (int32_t)imm });
}

static void move_reg(struct prog *p, uint8_t dst, uint8_t src)
{
	emit(p, (struct bpf_insn){ .code = BPF_ALU | BPF_MOV | BPF_X,
				   .dst_reg = dst,
				   .src_reg = src });
}

/* A 32-bit compare: majors and minors above INT32_MAX must not be widened. */
static size_t jump(struct prog *p, uint8_t op, uint8_t dst, uint32_t imm,
		   int off)
{
	emit(p, (struct bpf_insn){ .code = (uint8_t)(BPF_JMP32 | op | BPF_K),
				   .dst_reg = dst,
				   .off = (int16_t)off,
				   .imm = (int32_t)imm });
	return p->len - 1;
}

static void leave(struct prog *p, uint32_t verdict)
{
	alu_imm(p, BPF_MOV, BPF_REG_0, verdict);
	emit(p, (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT });
}

/* Let a jump lead to here. */
static void land(struct prog *p, size_t jump_at)
{
	p->insns[jump_at].off = (int16_t)(p->len - jump_at - 1);
}

static uint32_t access_of(const struct spec_device_rule *r)
{
	return (r->read ? BPF_DEVCG_ACC_READ : 0u) |
	       (r->write ? BPF_DEVCG_ACC_WRITE : 0u) |
	       (r->mknod ? BPF_DEVCG_ACC_MKNOD : 0u);
}

static void load_minor(struct prog *p)
{
	if (!p->minor_loaded)
		load_word(p, BPF_REG_4, OFF_MINOR);
	p->minor_loaded = true;
}

/* All access: the rule has the last word on this device. */
static void rule_full(struct prog *p, const struct spec_device_rule *r)
{
	int to = r->allow ? TO_ALLOW : TO_DENY;

	if (r->minor >= 0) {
		load_minor(p);
		jump(p, BPF_JEQ, BPF_REG_4, (uint32_t)r->minor, to);
	} else {
		emit(p, (struct bpf_insn){ .code = BPF_JMP | BPF_JA,
					   .off = (int16_t)to });
	}
}

static void rule_partial(struct prog *p, const struct spec_device_rule *r)
{
	uint32_t access = access_of(r);
	size_t skip = 0;

	if (r->minor >= 0) {
		load_minor(p);
		skip = jump(p, BPF_JNE, BPF_REG_4, (uint32_t)r->minor, 0);
		p->minor_loaded = false; /* the verifier knows it from here */
	}
	if (r->allow) {
		alu_imm(p, BPF_AND, BPF_REG_3, ACC_ALL & ~access);
		jump(p, BPF_JEQ, BPF_REG_3, 0, TO_ALLOW);
	} else {
		/* denied if any of these bits is still asked for */
		move_reg(p, BPF_REG_0, BPF_REG_3);
		alu_imm(p, BPF_AND, BPF_REG_0, access);
		jump(p, BPF_JNE, BPF_REG_0, 0, TO_DENY);
	}
	if (r->minor >= 0)
		land(p, skip);
}

/* Rules of one type and one major. */
static void major_block(struct prog *p, const struct spec_device_rule *rules,
			size_t count)
{
	bool any = rules[0].major < 0;
	size_t skip = 0;

	if (!any) {
		load_word(p, BPF_REG_2, OFF_MAJOR);
		skip = jump(p, BPF_JNE, BPF_REG_2, (uint32_t)rules[0].major, 0);
	}
	p->minor_loaded = false;
	for (size_t i = 0; i < count; i++) {
		if (access_of(&rules[i]) == ACC_ALL)
			rule_full(p, &rules[i]);
		else
			rule_partial(p, &rules[i]);
	}
	if (!any)
		land(p, skip);
}

/* Rules of one type. */
static void type_block(struct prog *p, const struct spec_device_rule *rules,
		       size_t count)
{
	char type = rules[0].type;
	size_t skip = 0;

	if (type != 'a') {
		load_word(p, BPF_REG_2, OFF_TYPE);
		alu_imm(p, BPF_AND, BPF_REG_2, 0xffff);
		skip = jump(p, BPF_JNE, BPF_REG_2,
			    type == 'b' ? BPF_DEVCG_DEV_BLOCK
					: BPF_DEVCG_DEV_CHAR,
			    0);
	}
	for (size_t i = 0, n; i < count; i += n) {
		for (n = 1; i + n < count; n++)
			if (rules[i + n].major != rules[i].major)
				break;
		major_block(p, rules + i, n);
	}
	if (type != 'a')
		land(p, skip);
}

/* Let all jumps to a way out lead to here. Return: how many there are. */
static size_t land_all(struct prog *p, size_t end, int to)
{
	size_t count = 0;

	for (size_t i = 0; i < end; i++) {
		if (p->insns[i].off != to)
			continue;
		p->insns[i].off = (int16_t)(p->len - i - 1);
		count++;
	}
	return count;
}

/* The two ways out, and the jumps to them; no code that nothing leads to,
 * which the verifier refuses. What no rule speaks of ends as @allow_rest. */
static void finish(struct prog *p, bool allow_rest)
{
	size_t end = p->len;

	land_all(p, end, allow_rest ? TO_ALLOW : TO_DENY);
	leave(p, allow_rest);
	if (land_all(p, end, allow_rest ? TO_DENY : TO_ALLOW))
		leave(p, !allow_rest);
}

static bool is_allow_all(const struct spec_device_rule *r)
{
	return r->allow && r->type == 'a' && r->major < 0 && r->minor < 0 &&
	       access_of(r) == ACC_ALL;
}

int cg_dev_program(const struct spec_device_rule *rules, size_t count,
		   struct bpf_insn **out, size_t *out_count)
{
	bool allow_rest = count && is_allow_all(&rules[count - 1]);
	struct prog p = { 0 };

	count -= allow_rest;
	p.insns = calloc(FRAME_LEN + count * RULE_LEN_MAX, sizeof(*p.insns));
	if (!p.insns)
		return -ENOMEM;
	load_word(&p, BPF_REG_3, OFF_TYPE);
	alu_imm(&p, BPF_RSH, BPF_REG_3, 16);
	for (size_t i = 0, n; i < count; i += n) {
		for (n = 1; i + n < count; n++)
			if (rules[i + n].type != rules[i].type)
				break;
		type_block(&p, rules + i, n);
	}
	finish(&p, allow_rest);
	*out = p.insns;
	*out_count = p.len;
	return 0;
}
