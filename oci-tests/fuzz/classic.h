/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_TEST_FUZZ_CLASSIC_H
#define HULL_TEST_FUZZ_CLASSIC_H

/* Filters in classic BPF as seccomp(2) takes them. */

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "oci-tests/fuzz/parse.h"

/* Is it what the kernel's bpf_check_classic() and seccomp_check_filter() let
 * in, as far as libseccomp and hull write it? */
static inline bool classic_sound(const struct sock_filter *f, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t left = count - i - 1;

		switch (BPF_CLASS(f[i].code)) {
		case BPF_LD:
			if (f[i].code != (BPF_LD | BPF_W | BPF_ABS) ||
			    f[i].k % 4 || f[i].k >= sizeof(struct seccomp_data))
				return false;
			break;
		case BPF_ALU:
			if (f[i].code != (BPF_ALU | BPF_AND | BPF_K))
				return false;
			break;
		case BPF_JMP:
			if (BPF_OP(f[i].code) == BPF_JA
				    ? f[i].k >= left
				    : f[i].jt >= left || f[i].jf >= left)
				return false;
			break;
		case BPF_RET:
			break;
		default:
			return false;
		}
	}
	return count && BPF_CLASS(f[count - 1].code) == BPF_RET;
}

static inline bool classic_test(const struct sock_filter *f, uint32_t acc)
{
	switch (BPF_OP(f->code)) {
	case BPF_JEQ:
		return acc == f->k;
	case BPF_JGT:
		return acc > f->k;
	case BPF_JGE:
		return acc >= f->k;
	case BPF_JSET:
		return acc & f->k;
	}
	abort();
}

/* The answer of a sound filter. */
static inline uint32_t classic_run(const struct sock_filter *f, size_t count,
				   const struct seccomp_data *in)
{
	uint32_t acc = 0;

	for (size_t pc = 0; pc < count; pc++) {
		if (BPF_CLASS(f[pc].code) == BPF_RET)
			return f[pc].k;
		if (BPF_CLASS(f[pc].code) == BPF_LD)
			memcpy(&acc, (const char *)in + f[pc].k, sizeof(acc));
		else if (BPF_CLASS(f[pc].code) == BPF_ALU)
			acc &= f[pc].k;
		else if (BPF_OP(f[pc].code) == BPF_JA)
			pc += f[pc].k;
		else
			pc += classic_test(&f[pc], acc) ? f[pc].jt : f[pc].jf;
	}
	abort();
}

#endif
