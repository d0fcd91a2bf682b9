/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/process/seccomp_squeeze.h"

#include <errno.h>

#include "base/sabotage.h"

/*
 * A proof, not a sample: the points of both filters together are the first
 * numbers of intervals in which neither changes its mind, so one number stands
 * for each. What looks at arguments must be the same, instruction for
 * instruction, but for jumps that decide nothing.
 */

struct pair {
	uint16_t one, two;
};

struct proof {
	const struct seccomp_code *one, *two;
	long steps;
	/* [instruction of one]: that of two it was last compared with, plus 1
	 */
	uint16_t met[BPF_MAXINSNS];
	struct pair stack[BPF_MAXINSNS];
	size_t depth;
};

static size_t skip_jumps(const struct seccomp_code *code, size_t pc)
{
	while (code->f[pc].code == (BPF_JMP | BPF_JA))
		pc += 1 + code->f[pc].k;
	return pc;
}

/* To be compared, unless it was; false: too much at a time. */
static bool push(struct proof *p, size_t one, size_t two)
{
	one = skip_jumps(p->one, one);
	two = skip_jumps(p->two, two);
	if (p->met[one] == two + 1)
		return true;
	if (p->depth == BPF_MAXINSNS)
		return false;
	p->met[one] = (uint16_t)(two + 1);
	p->stack[p->depth++] = (struct pair){
		.one = (uint16_t)one,
		.two = (uint16_t)two,
	};
	return true;
}

/* Both go on from here in the same way, whatever the accumulator has. */
static bool same_rest(struct proof *p, size_t one, size_t two)
{
	p->depth = 0;
	if (!push(p, one, two))
		return false;
	while (p->depth) {
		struct pair at = p->stack[--p->depth];
		const struct sock_filter *a = &p->one->f[at.one];
		const struct sock_filter *b = &p->two->f[at.two];
		bool room;

		if (--p->steps < 0 || a->code != b->code || a->k != b->k)
			return false;
		one = at.one + 1u;
		two = at.two + 1u;
		if (BPF_CLASS(a->code) == BPF_RET)
			continue;
		if (BPF_CLASS(a->code) == BPF_JMP)
			room = push(p, one + a->jt, two + b->jt) &&
			       push(p, one + a->jf, two + b->jf);
		else
			room = push(p, one, two);
		if (!room)
			return false;
	}
	return true;
}

static bool same_arch(struct proof *p, const struct seccomp_points *points,
		      uint32_t arch)
{
	for (size_t i = 0; i < points->nr_count; i++) {
		uint32_t nr = points->nr[i];
		size_t one = seccomp_walk(p->one, arch, nr, &p->steps);
		size_t two = seccomp_walk(p->two, arch, nr, &p->steps);

		if (p->steps < 0 || !same_rest(p, one, two))
			return false;
	}
	return true;
}

static bool same(struct proof *p)
{
	struct seccomp_points points = { 0 };
	bool ok;

	ok = !seccomp_points_add(&points, p->one) &&
	     !seccomp_points_add(&points, p->two);
	seccomp_points_sort(&points);
	for (size_t i = 0; ok && i < points.arch_count; i++)
		ok = same_arch(p, &points, points.archs[i]);
	ok = ok && same_arch(p, &points, seccomp_points_other(&points));
	seccomp_points_release(&points);
	return ok;
}

bool seccomp_same(const struct seccomp_code *one,
		  const struct seccomp_code *two, long steps)
{
	struct proof p = { .one = one, .two = two, .steps = steps };

	return same(&p) || SABOTAGED("seccomp_squeeze_proof");
}
