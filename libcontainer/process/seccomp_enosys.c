/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/process/seccomp_build.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdbool.h>

#include "base/auto.h"

/*
 * A C library tries a new system call and falls back on ENOSYS; EPERM, the
 * usual default of profiles, it takes for an answer. So numbers that did not
 * exist yet when the profile was written get ENOSYS, as in runc: those above
 * the highest number the profile knows anything about.
 */

#define X32_BIT 0x40000000u
#define RET_ENOSYS (SECCOMP_RET_ERRNO | (ENOSYS & SECCOMP_RET_DATA))

#define BLOCK_MAX 8 /* instructions for one AUDIT_ARCH_* */

static struct sock_filter insn(unsigned int code, uint32_t k, unsigned int jt,
			       unsigned int jf)
{
	return (struct sock_filter){
		.code = (uint16_t)code,
		.jt = (uint8_t)jt,
		.jf = (uint8_t)jf,
		.k = k,
	};
}

static struct sock_filter load(uint32_t offset)
{
	return insn(BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

static struct sock_filter jump_if(unsigned int op, uint32_t k, unsigned int jt,
				  unsigned int jf)
{
	return insn(BPF_JMP | op | BPF_K, k, jt, jf);
}

/* "Let the filter decide": the distance is filled in when it is known. */
static struct sock_filter jump_filter(void)
{
	return insn(BPF_JMP | BPF_JA, 0, 0, 0);
}

/* The rest of a block, when one range of numbers is all there is. */
static size_t one_range(uint32_t last, struct sock_filter *out)
{
	out[0] = jump_if(BPF_JGT, last, 0, 1);
	out[1] = insn(BPF_RET | BPF_K, RET_ENOSYS, 0, 0);
	out[2] = jump_filter();
	return 3;
}

/*
 * On x86-64 bit 30 of the number tells x32 calls. A half without a last one is
 * left to the filter.
 */
static size_t x86_ranges(uint32_t last64, uint32_t last32,
			 struct sock_filter *out)
{
	if (!last64 || !last32) {
		out[0] = jump_if(BPF_JSET, X32_BIT, last64 ? 2 : 0,
				 last64 ? 0 : 2);
		return 1 + one_range(last64 ? last64 : last32, out + 1);
	}
	out[0] = jump_if(BPF_JSET, X32_BIT, 1, 0);
	out[1] = jump_if(BPF_JGT, last64, 1, 2);
	return 2 + one_range(last32, out + 2);
}

/* One AUDIT_ARCH_*; both halves of x86-64 are handled at the first of them. */
static size_t block(const struct seccomp_arch *archs, size_t count, size_t at,
		    struct sock_filter *out)
{
	const struct seccomp_arch *arch = &archs[at];
	uint32_t last64 = 0, last32 = 0;
	bool is_x86 = arch->audit == AUDIT_ARCH_X86_64;
	size_t n = 2;

	for (size_t i = 0; i < count; i++) {
		if (archs[i].audit != arch->audit)
			continue;
		if (i < at)
			return 0;
		if (archs[i].last & X32_BIT)
			last32 = archs[i].last;
		else if (archs[i].last) /* 0: says nothing of either half */
			last64 = archs[i].last;
	}
	if (!last64 && !last32)
		return 0;
	if (is_x86)
		n += x86_ranges(last64, last32, out + n);
	else
		n += one_range(arch->last, out + n);
	out[0] = jump_if(BPF_JEQ, arch->audit, 0, (unsigned int)n - 1);
	out[1] = load(offsetof(struct seccomp_data, nr));
	return n;
}

size_t seccomp_enosys(const struct seccomp_arch *archs, size_t count,
		      struct sock_filter *out, size_t size)
{
	size_t n = 1;

	for (size_t i = 0; i < count && n + BLOCK_MAX <= size; i++)
		n += block(archs, count, i, out + n);
	if (n == 1)
		return 0;
	out[0] = load(offsetof(struct seccomp_data, arch));
	for (size_t i = 0; i < n; i++) {
		if (out[i].code == (BPF_JMP | BPF_JA))
			out[i].k = (uint32_t)(n - i - 1);
	}
	return n;
}
