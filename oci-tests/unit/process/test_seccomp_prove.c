/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/process/squeeze.h"

#define ENOUGH 1000000

/* clang-format off */
static const struct sock_filter one[] = {
	X86_64_ONLY,
	JUMP(JGE, 300, 9, 0),
	JUMP(JEQ, 56, 2, 0),
	JUMP(JGE, 10, 5, 0),
	RET(DENY),
	LD(ARG(0)),
	AND(0x7e020000),
	JUMP(JEQ, 0, 1, 0),
	RET(DENY),
	RET(ALLOW),
	RET(SECCOMP_RET_ERRNO | 38), /* 13: never */
	RET(DENY),
};

/* The same with its parts in another order, and jumps that decide nothing. */
static const struct sock_filter two[] = {
	LD(ARCH),
	JUMP(JEQ, AUDIT_ARCH_X86_64, 0, 9),
	LD(NR),
	JUMP(JEQ, 56, 0, 8),
	JA(1),
	RET(KILL),
	LD(ARG(0)),
	JA(0),
	AND(0x7e020000),
	JUMP(JEQ, 0, 6, 5),
	RET(SECCOMP_RET_KILL_THREAD), /* 10: never */
	RET(KILL),
	JUMP(JGE, 12, 0, 1),
	JUMP(JGT, 299, 1, 2),
	JUMP(JGE, 10, 1, 0),
	RET(DENY),
	RET(ALLOW),
};

/* clang-format on */

static bool same(const struct sock_filter *f, long steps)
{
	const struct seccomp_code a = CODE(one), b = { f, ARRAY_SIZE(two) };

	return seccomp_same(&a, &b, steps);
}

static void test_same(void **state)
{
	(void)state;
	assert_true(seccomp_same(&CODE(one), &CODE(one), ENOUGH));
	assert_true(same(two, ENOUGH));
}

/* Whatever is changed a little is noticed, but where nobody comes. */
static void test_differences(void **state)
{
	static const struct {
		size_t at;
		struct sock_filter f;
		bool same;
	} cases[] = {
		{ 0, LD(NR), false },
		{ 1, JUMP(JEQ, AUDIT_ARCH_I386, 0, 9), false },
		{ 1, JUMP(JEQ, AUDIT_ARCH_X86_64, 0, 8), false },
		{ 2, LD(ARG(0)), false },
		{ 3, JUMP(JEQ, 57, 0, 8), false },
		{ 3, JUMP(JGE, 56, 0, 8), false },
		{ 4, JA(2), false }, /* into the middle */
		{ 5, RET(ALLOW), true },
		{ 6, LD(ARG(0) + 4), false },
		{ 6, LD(ARG(1)), false },
		{ 6, LD(NR), false },
		{ 7, AND(0xffffffff), false },
		{ 7, LD(ARG(0)), false },
		{ 8, AND(0x7e020001), false },
		{ 9, JUMP(JEQ, 1, 6, 5), false },
		{ 9, JUMP(JEQ, 0, 5, 6), false },
		{ 9, JUMP(JGE, 0, 6, 5), false },
		{ 9, JUMP(JEQ, 0, 6, 1), false },
		{ 9, JUMP(JEQ, 0, 5, 5), false },
		{ 10, RET(DENY), true },
		{ 11, RET(DENY), false },
		{ 12, JUMP(JGE, 300, 0, 1), true },
		{ 12, JUMP(JGE, 301, 0, 1), false },
		{ 12, JUMP(JGT, 11, 0, 1), true },
		{ 13, JUMP(JGT, 300, 1, 2), false },
		{ 13, JUMP(JGT, 298, 1, 2), false },
		{ 13, JUMP(JGE, 300, 1, 2), true },
		{ 14, JUMP(JGE, 9, 1, 0), false },
		{ 14, JUMP(JEQ, 10, 1, 0), false },
		{ 14, JUMP(JGE, 10, 0, 1), false },
		{ 15, RET(SECCOMP_RET_ERRNO | 2), false },
		{ 15, RET(SECCOMP_RET_TRACE | 1), false },
		{ 16, RET(SECCOMP_RET_LOG), false },
		/* no filter of this kind */
		{ 15, BPF_STMT(BPF_RET | BPF_A, 0), false },
		{ 16, LD(NR), false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sock_filter f[ARRAY_SIZE(two)];

		memcpy(f, two, sizeof(two));
		f[cases[i].at] = cases[i].f;
		if (same(f, ENOUGH) != cases[i].same)
			print_message("case %zu\n", i);
		assert_int_equal(same(f, ENOUGH), cases[i].same);
	}
}

/* One number among 2^32, on either side of each power of two. */
static void test_single_numbers(void **state)
{
	struct sock_filter plain[] = { X86_64_ONLY, JUMP(JEQ, 7, 0, 1),
				       RET(DENY), RET(ALLOW) };
	struct sock_filter other[] = { X86_64_ONLY, JUMP(JEQ, 7, 1, 0),
				       JUMP(JEQ, 0, 0, 1), RET(DENY),
				       RET(ALLOW) };

	(void)state;
	for (unsigned int bit = 0; bit < 32; bit++) {
		for (uint32_t off = 0; off < 3; off++) {
			uint32_t nr = (1u << bit) - 1 + off;

			other[5].k = nr;
			assert_int_equal(seccomp_same(&CODE(plain),
						      &CODE(other), ENOUGH),
					 nr == 7);
		}
	}
}

/* A fold of x32 that is one, and two that are none. */
static void test_x32(void **state)
{
	struct sock_filter plain[] = { X86_64_ONLY, JUMP(JEQ, 9, 1, 0),
				       JUMP(JEQ, 0x40000009, 0, 1), RET(DENY),
				       RET(ALLOW) };
	struct sock_filter fold[] = { X86_64_ONLY,
				      JUMP(JGE, 0x80000000, 3, 0),
				      AND(~SECCOMP_X32_BIT),
				      JUMP(JEQ, 9, 0, 1),
				      RET(DENY),
				      RET(ALLOW) };

	(void)state;
	assert_true(seccomp_same(&CODE(plain), &CODE(fold), ENOUGH));
	fold[4].jt = 2; /* numbers that are not looked at */
	assert_false(seccomp_same(&CODE(plain), &CODE(fold), ENOUGH));
	fold[4].jt = 3;
	fold[4].k = SECCOMP_X32_BIT;
	assert_false(seccomp_same(&CODE(plain), &CODE(fold), ENOUGH));
}

static void test_too_long(void **state)
{
	(void)state;
	assert_false(same(two, 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_differences),
		cmocka_unit_test(test_single_numbers),
		cmocka_unit_test(test_x32),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
