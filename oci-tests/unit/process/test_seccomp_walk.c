/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/process/squeeze.h"

static bool has_point(const struct seccomp_points *p, uint32_t nr)
{
	for (size_t i = 0; i < p->nr_count; i++) {
		if (p->nr[i] == nr)
			return true;
	}
	return false;
}

static void test_points(void **state)
{
	static const struct sock_filter f[] = {
		LD(ARCH),
		JUMP(JEQ, AUDIT_ARCH_X86_64, 1, 0),
		JUMP(JEQ, AUDIT_ARCH_I386, 5, 9),
		LD(NR),
		JUMP(JSET, SECCOMP_X32_BIT, 7, 0),
		JUMP(JGT, 7, 0, 6),
		JUMP(JGE, 100, 5, 0),
		JUMP(JEQ, 30, 3, 4),
		LD(NR),
		AND(~SECCOMP_X32_BIT),
		JUMP(JEQ, 0xffffffff, 0, 1),
		RET(ALLOW),
		RET(DENY),
	};
	static const uint32_t want[] = { 0,  7,   8,   30,        31,
					 99, 100, 101, 0xffffffff };
	struct seccomp_points p = { 0 };
	size_t i;

	(void)state;
	assert_int_equal(seccomp_points_add(&p, &CODE(f)), 0);
	seccomp_points_sort(&p);
	for (i = 1; i < p.nr_count; i++)
		assert_true(p.nr[i - 1] < p.nr[i]);
	assert_int_equal(p.nr[0], 0);
	for (i = 0; i < ARRAY_SIZE(want); i++) {
		if (want[i] == 99) {
			assert_false(has_point(&p, want[i]));
			continue;
		}
		assert_true(has_point(&p, want[i]));
		assert_true(has_point(&p, want[i] ^ SECCOMP_X32_BIT));
	}
	for (i = 0; i < 16; i++)
		assert_true(has_point(&p, (uint32_t)i << 28));
	assert_int_equal(p.arch_count, 2);
	assert_int_equal(p.archs[0], AUDIT_ARCH_X86_64);
	assert_int_equal(p.archs[1], AUDIT_ARCH_I386);
	assert_int_equal(seccomp_points_other(&p), 0);
	p.archs[0] = 1;
	p.archs[1] = 0;
	assert_int_equal(seccomp_points_other(&p), 2);
	seccomp_points_release(&p);
	assert_null(p.nr);
}

/* One instruction after the number was loaded, or before anything was. */
static void test_other_kinds(void **state)
{
	static const struct {
		struct sock_filter loaded, odd;
		int want;
	} cases[] = {
		{ LD(NR), JUMP(JEQ, 5, 0, 1), 0 },
		{ LD(NR), JUMP(JSET, 0xf0000000, 0, 1), 0 },
		{ LD(ARCH), JUMP(JEQ, 5, 0, 1), 0 },
		{ LD(ARG(0)), JUMP(JSET, 1, 0, 1), 0 },
		{ LD(ARG(5) + 4), AND(7), 0 },
		{ LD(NR), AND(~SECCOMP_X32_BIT), 0 },
		{ JA(0), RET(ALLOW), 0 },
		/* bits of numbers that are no ranges */
		{ LD(NR), JUMP(JSET, 1, 0, 1), -ENOTSUP },
		{ LD(NR), JUMP(JSET, 0x08000000, 0, 1), -ENOTSUP },
		{ LD(NR), AND(0xff), -ENOTSUP },
		{ LD(ARCH), AND(~SECCOMP_X32_BIT), -ENOTSUP },
		{ LD(ARCH), JUMP(JSET, 0x40000000, 0, 1), -ENOTSUP },
		{ LD(ARCH), JUMP(JGE, 5, 0, 1), -ENOTSUP },
		{ LD(ARCH), JUMP(JGT, 5, 0, 1), -ENOTSUP },
		/* nothing was loaded */
		{ JA(0), JUMP(JEQ, 0, 0, 1), -ENOTSUP },
		{ JA(0), AND(~SECCOMP_X32_BIT), -ENOTSUP },
		/* loads that the kernel does not know here */
		{ JA(0), LD(ARG(6)), -ENOTSUP },
		{ JA(0), LD(2), -ENOTSUP },
		{ JA(0), BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0), -ENOTSUP },
		{ JA(0), BPF_STMT(BPF_LD | BPF_IMM, 1), -ENOTSUP },
		{ JA(0), BPF_STMT(BPF_LD | BPF_MEM, 1), -ENOTSUP },
		{ JA(0), BPF_STMT(BPF_LDX | BPF_IMM, 1), -ENOTSUP },
		{ JA(0), BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), -ENOTSUP },
		/* the rest of the machine */
		{ LD(NR), BPF_STMT(BPF_ST, 0), -ENOTSUP },
		{ LD(NR), BPF_STMT(BPF_MISC | BPF_TAX, 0), -ENOTSUP },
		{ LD(NR), BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 1), -ENOTSUP },
		{ LD(NR), BPF_STMT(BPF_ALU | BPF_AND | BPF_X, 0), -ENOTSUP },
		{ LD(NR), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 1),
		  -ENOTSUP },
		{ LD(NR), BPF_STMT(BPF_RET | BPF_A, 0), -ENOTSUP },
		{ LD(NR), { .code = 0xffff }, -ENOTSUP },
		/* out of the program */
		{ LD(NR), JUMP(JEQ, 5, 0, 2), -ENOTSUP },
		{ LD(NR), JUMP(JEQ, 5, 2, 0), -ENOTSUP },
		{ LD(NR), JA(2), -ENOTSUP },
		{ LD(NR), JA(0xffffffff), -ENOTSUP },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct sock_filter f[] = { cases[i].loaded, cases[i].odd,
						 RET(ALLOW), RET(DENY) };
		struct seccomp_points p = { 0 };
		int ret = seccomp_points_add(&p, &CODE(f));

		if (ret != cases[i].want)
			print_message("case %zu\n", i);
		assert_int_equal(ret, cases[i].want);
		seccomp_points_release(&p);
	}
}

/* What cannot be reached is not asked about numbers. */
static void test_dead_code(void **state)
{
	static const struct sock_filter f[] = { LD(NR), JA(1),
						JUMP(JSET, 1, 0, 0),
						RET(ALLOW) };
	struct seccomp_points p = { 0 };

	(void)state;
	assert_int_equal(seccomp_points_add(&p, &CODE(f)), 0);
	assert_int_equal(p.arch_count, 0);
	seccomp_points_release(&p);
}

static void test_sizes(void **state)
{
	static struct sock_filter f[BPF_MAXINSNS + 1];
	struct seccomp_code code = { f, 0 };
	struct seccomp_points p = { 0 };

	(void)state;
	for (size_t i = 0; i <= BPF_MAXINSNS; i++)
		f[i] = (struct sock_filter)RET(ALLOW);
	assert_int_equal(seccomp_points_add(&p, &code), -ENOTSUP);
	code.count = BPF_MAXINSNS + 1;
	assert_int_equal(seccomp_points_add(&p, &code), -ENOTSUP);
	code.count = BPF_MAXINSNS;
	assert_int_equal(seccomp_points_add(&p, &code), 0);
	/* without an end */
	f[1] = (struct sock_filter)LD(NR);
	code.count = 2;
	assert_int_equal(seccomp_points_add(&p, &code), -ENOTSUP);
	/* more architectures than there are */
	f[0] = (struct sock_filter)LD(ARCH);
	for (unsigned int i = 1; i <= SECCOMP_POINT_ARCHS_MAX + 1; i++)
		f[i] = (struct sock_filter)JUMP(JEQ, i, 0, 0);
	code.count = SECCOMP_POINT_ARCHS_MAX + 3;
	assert_int_equal(seccomp_points_add(&p, &code), -ENOTSUP);
	seccomp_points_release(&p);
}

static void test_walk(void **state)
{
	static const struct sock_filter f[] = {
		LD(ARCH),
		JUMP(JEQ, AUDIT_ARCH_X86_64, 0, 8),
		LD(NR),
		JUMP(JSET, SECCOMP_X32_BIT, 0, 1),
		AND(~SECCOMP_X32_BIT),
		JUMP(JGT, 20, 4, 0),
		JUMP(JGE, 20, 4, 0),
		JUMP(JEQ, 10, 0, 1),
		JA(3),
		RET(1),
		RET(2), /* 10 */
		RET(3),
		LD(ARG(1)),
		RET(4),
	};
	static const struct {
		uint32_t arch, nr;
		size_t want;
	} cases[] = {
		{ AUDIT_ARCH_I386, 10, 10 },
		{ AUDIT_ARCH_X86_64, 9, 9 },
		{ AUDIT_ARCH_X86_64, 10, 12 },
		{ AUDIT_ARCH_X86_64, 20, 11 },
		{ AUDIT_ARCH_X86_64, 21, 10 },
		{ AUDIT_ARCH_X86_64, 0xffffffff, 10 },
		{ AUDIT_ARCH_X86_64, SECCOMP_X32_BIT | 9, 9 },
		{ AUDIT_ARCH_X86_64, SECCOMP_X32_BIT | 10, 12 },
		{ AUDIT_ARCH_X86_64, SECCOMP_X32_BIT | 21, 10 },
	};
	long steps = 1000;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(seccomp_walk(&CODE(f), cases[i].arch,
					      cases[i].nr, &steps),
				 cases[i].want);
	assert_true(steps > 900 && steps < 1000);
	steps = 2;
	seccomp_walk(&CODE(f), AUDIT_ARCH_X86_64, 9, &steps);
	assert_true(steps < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_points),
		cmocka_unit_test(test_other_kinds),
		cmocka_unit_test(test_dead_code),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
