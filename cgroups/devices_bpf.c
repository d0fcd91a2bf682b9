/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdlib.h>

#include "cgroups/devices.h"
#include "spec/spec.h"

/*
 * Registers of the program:
 *   r1  struct bpf_cgroup_dev_ctx *
 *   r2  device type (BPF_DEVCG_DEV_*), low half of access_type
 *   r3  access (BPF_DEVCG_ACC_*) that no rule has allowed yet
 *   r4  major, r5 minor
 */

#define PROLOGUE_LEN 6
#define RULE_LEN_MAX 8
#define EPILOGUE_LEN 2
#define ACC_ALL (BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE)

static struct bpf_insn load_word(uint8_t dst, uint8_t src, int16_t off)
{
	return (struct bpf_insn){ .code = BPF_LDX | BPF_MEM | BPF_W,
				  .dst_reg = dst,
				  .src_reg = src,
				  .off = off };
}

static struct bpf_insn alu_imm(uint8_t op, uint8_t dst, int32_t imm)
{
	return (struct bpf_insn){ .code = (uint8_t)(BPF_ALU | op | BPF_K),
				  .dst_reg = dst,
				  .imm = imm };
}

static struct bpf_insn move_reg(uint8_t dst, uint8_t src)
{
	return (struct bpf_insn){ .code = BPF_ALU | BPF_MOV | BPF_X,
				  .dst_reg = dst,
				  .src_reg = src };
}

/* A 32-bit compare: majors and minors above INT32_MAX must not be widened. */
static struct bpf_insn jump(uint8_t op, uint8_t dst, uint32_t imm, int16_t off)
{
	return (struct bpf_insn){ .code = (uint8_t)(BPF_JMP32 | op | BPF_K),
				  .dst_reg = dst,
				  .off = off,
				  .imm = (int32_t)imm };
}

static struct bpf_insn leave(void)
{
	return (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };
}

static size_t prologue(struct bpf_insn *p)
{
	size_t n = 0;

	p[n++] = load_word(BPF_REG_2, BPF_REG_1, 0);
	p[n++] = move_reg(BPF_REG_3, BPF_REG_2);
	p[n++] = alu_imm(BPF_AND, BPF_REG_2, 0xffff);
	p[n++] = alu_imm(BPF_RSH, BPF_REG_3, 16);
	p[n++] = load_word(BPF_REG_4, BPF_REG_1, 4);
	p[n++] = load_word(BPF_REG_5, BPF_REG_1, 8);
	return n;
}

static uint32_t access_of(const struct spec_device_rule *r)
{
	return (r->read ? BPF_DEVCG_ACC_READ : 0u) |
	       (r->write ? BPF_DEVCG_ACC_WRITE : 0u) |
	       (r->mknod ? BPF_DEVCG_ACC_MKNOD : 0u);
}

/* Everything of a rule that sends the program on to the next rule jumps to its
 * end, which is only known when the rule is complete. */
static void fix_jumps(struct bpf_insn *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i].code == (BPF_JMP32 | BPF_JNE | BPF_K))
			p[i].off = (int16_t)(n - i - 1);
}

static size_t rule_code(struct bpf_insn *p, const struct spec_device_rule *r)
{
	uint32_t access = access_of(r);
	size_t n = 0;

	if (r->type != 'a')
		p[n++] = jump(BPF_JNE, BPF_REG_2,
			      r->type == 'b' ? BPF_DEVCG_DEV_BLOCK
					     : BPF_DEVCG_DEV_CHAR,
			      0);
	if (r->major >= 0)
		p[n++] = jump(BPF_JNE, BPF_REG_4, (uint32_t)r->major, 0);
	if (r->minor >= 0)
		p[n++] = jump(BPF_JNE, BPF_REG_5, (uint32_t)r->minor, 0);
	if (access != ACC_ALL && r->allow) {
		p[n++] = alu_imm(BPF_AND, BPF_REG_3,
				 (int32_t)(ACC_ALL & ~access));
		p[n++] = jump(BPF_JNE, BPF_REG_3, 0, 0);
	} else if (access != ACC_ALL) {
		/* denied if any of these bits is still asked for */
		p[n++] = move_reg(BPF_REG_0, BPF_REG_3);
		p[n++] = alu_imm(BPF_AND, BPF_REG_0, (int32_t)access);
		p[n++] = jump(BPF_JEQ, BPF_REG_0, 0, 2);
	}
	p[n++] = alu_imm(BPF_MOV, BPF_REG_0, r->allow);
	p[n++] = leave();
	fix_jumps(p, n);
	return n;
}

int cg_dev_program(const struct spec_device_rule *rules, size_t count,
		   struct bpf_insn **out, size_t *out_count)
{
	struct bpf_insn *p = calloc(
		PROLOGUE_LEN + count * RULE_LEN_MAX + EPILOGUE_LEN, sizeof(*p));
	size_t n;

	if (!p)
		return -ENOMEM;
	n = prologue(p);
	for (size_t i = 0; i < count; i++)
		n += rule_code(p + n, &rules[i]);
	p[n++] = alu_imm(BPF_MOV, BPF_REG_0, 0);
	p[n++] = leave();
	*out = p;
	*out_count = n;
	return 0;
}
