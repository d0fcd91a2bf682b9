/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/process/seccomp_squeeze.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

/* Tests of single bits and masks change at multiples of this, if at all. */
#define BLOCK 0x10000000u

/* What the accumulator may hold when an instruction is reached. */
enum {
	HOLDS_NOTHING = 1, /* zero, in fact; no compiler makes use of it */
	HOLDS_ARCH = 2,
	HOLDS_NR = 4, /* or that without the bit of x32 */
};

static bool known(const struct seccomp_code *code, size_t pc)
{
	const struct sock_filter *f = &code->f[pc];
	size_t left = code->count - pc - 1;

	switch (f->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		return left && f->k % 4 == 0 &&
		       f->k < sizeof(struct seccomp_data);
	case BPF_ALU | BPF_AND | BPF_K:
		return left;
	case BPF_RET | BPF_K:
		return true;
	case BPF_JMP | BPF_JA:
		return f->k < left;
	case BPF_JMP | BPF_JEQ | BPF_K:
	case BPF_JMP | BPF_JGT | BPF_K:
	case BPF_JMP | BPF_JGE | BPF_K:
	case BPF_JMP | BPF_JSET | BPF_K:
		return f->jt < left && f->jf < left;
	}
	return false;
}

static int add_nr(struct seccomp_points *points, uint32_t nr)
{
	if (points->nr_count + 2 > points->nr_size) {
		size_t size = points->nr_size ? points->nr_size * 2 : 1024;
		uint32_t *more = realloc(points->nr, size * sizeof(*more));

		if (!more)
			return -ENOMEM;
		points->nr = more;
		points->nr_size = size;
	}
	/* as the number is, and where the same is seen without x32's bit */
	points->nr[points->nr_count++] = nr;
	points->nr[points->nr_count++] = nr ^ SECCOMP_X32_BIT;
	return 0;
}

static int add_arch(struct seccomp_points *points, uint32_t arch)
{
	for (size_t i = 0; i < points->arch_count; i++) {
		if (points->archs[i] == arch)
			return 0;
	}
	if (points->arch_count == SECCOMP_POINT_ARCHS_MAX)
		return -ENOTSUP;
	points->archs[points->arch_count++] = arch;
	return 0;
}

/* A conditional jump: where may its outcome change? */
static int add_test(struct seccomp_points *points, const struct sock_filter *f,
		    unsigned int holds)
{
	unsigned int op = BPF_OP(f->code);
	int ret = 0;

	if (holds & HOLDS_NOTHING)
		return -ENOTSUP;
	if (holds & HOLDS_ARCH) {
		if (op != BPF_JEQ)
			return -ENOTSUP;
		ret = add_arch(points, f->k);
	}
	if (ret || !(holds & HOLDS_NR))
		return ret;
	if (op == BPF_JSET)
		return f->k % BLOCK ? -ENOTSUP : 0;
	ret = add_nr(points, f->k);
	return ret ? ret : add_nr(points, f->k + 1);
}

/*
 * One instruction: what it compares with, and what the ones after it find. All
 * jumps lead forward, so that one pass from the start sees every path.
 */
static int pass(struct seccomp_points *points, const struct seccomp_code *code,
		unsigned char *holds, size_t pc)
{
	const struct sock_filter *f = &code->f[pc];

	switch (BPF_CLASS(f->code)) {
	case BPF_LD:
		if (f->k == offsetof(struct seccomp_data, nr))
			holds[pc + 1] |= HOLDS_NR;
		else if (f->k == offsetof(struct seccomp_data, arch))
			holds[pc + 1] |= HOLDS_ARCH;
		return 0;
	case BPF_ALU:
		if (holds[pc] != HOLDS_NR || f->k != ~SECCOMP_X32_BIT)
			return -ENOTSUP;
		holds[pc + 1] |= HOLDS_NR;
		return 0;
	case BPF_JMP:
		if (BPF_OP(f->code) == BPF_JA) {
			holds[pc + 1 + f->k] |= holds[pc];
			return 0;
		}
		holds[pc + 1 + f->jt] |= holds[pc];
		holds[pc + 1 + f->jf] |= holds[pc];
		return add_test(points, f, holds[pc]);
	}
	return 0;
}

int seccomp_points_add(struct seccomp_points *points,
		       const struct seccomp_code *code)
{
	unsigned char holds[BPF_MAXINSNS] = { HOLDS_NOTHING };
	int ret = 0;

	if (!code->count || code->count > BPF_MAXINSNS)
		return -ENOTSUP;
	for (size_t pc = 0; pc < code->count; pc++) {
		if (!known(code, pc))
			return -ENOTSUP;
	}
	for (uint32_t nr = 0; !ret && nr < 16; nr++)
		ret = add_nr(points, nr * BLOCK);
	for (size_t pc = 0; !ret && pc < code->count; pc++) {
		if (holds[pc])
			ret = pass(points, code, holds, pc);
	}
	return ret;
}

static int by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void seccomp_points_sort(struct seccomp_points *points)
{
	size_t n = 0;

	if (!points->nr_count)
		return;
	qsort(points->nr, points->nr_count, sizeof(*points->nr), by_number);
	for (size_t i = 1; i < points->nr_count; i++) {
		if (points->nr[i] != points->nr[n])
			points->nr[++n] = points->nr[i];
	}
	points->nr_count = n + 1;
}

uint32_t seccomp_points_other(const struct seccomp_points *points)
{
	uint32_t other = 0;

	for (size_t i = 0; i < points->arch_count; i++) {
		if (points->archs[i] == other) {
			other++;
			i = (size_t)-1; /* look at all of them again */
		}
	}
	return other;
}

void seccomp_points_release(struct seccomp_points *points)
{
	free(points->nr);
	*points = (struct seccomp_points){ 0 };
}

static bool holds_true(const struct sock_filter *f, uint32_t acc)
{
	switch (BPF_OP(f->code)) {
	case BPF_JEQ:
		return acc == f->k;
	case BPF_JGT:
		return acc > f->k;
	case BPF_JGE:
		return acc >= f->k;
	default:
		return acc & f->k;
	}
}

size_t seccomp_walk(const struct seccomp_code *code, uint32_t arch, uint32_t nr,
		    long *steps)
{
	uint32_t acc = 0;

	for (size_t pc = 0;; pc++) {
		const struct sock_filter *f = &code->f[pc];

		if (--*steps < 0)
			return pc;
		switch (BPF_CLASS(f->code)) {
		case BPF_RET:
			return pc;
		case BPF_LD:
			if (f->k == offsetof(struct seccomp_data, nr))
				acc = nr;
			else if (f->k == offsetof(struct seccomp_data, arch))
				acc = arch;
			else
				return pc;
			break;
		case BPF_ALU:
			acc &= f->k;
			break;
		default:
			if (BPF_OP(f->code) == BPF_JA)
				pc += f->k;
			else
				pc += holds_true(f, acc) ? f->jt : f->jf;
		}
	}
}
