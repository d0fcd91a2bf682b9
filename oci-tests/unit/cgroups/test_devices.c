/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/bpf.h>

#include "cgroups/devices.h"
#include "oci-tests/unit/cgroups/fake.h"

#define R BPF_DEVCG_ACC_READ
#define W BPF_DEVCG_ACC_WRITE
#define M BPF_DEVCG_ACC_MKNOD

struct access {
	char type;
	uint32_t major, minor, access;
};

/* ---- an interpreter of the instructions that the generator uses */

static uint32_t ctx_word(const struct access *a, int16_t off)
{
	uint32_t type =
		a->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;

	switch (off) {
	case 0:
		return (a->access << 16) | type;
	case 4:
		return a->major;
	case 8:
		return a->minor;
	}
	fail_msg("load at %d", off);
	return 0;
}

static void alu(uint64_t *dst, uint8_t op, uint32_t value)
{
	switch (op) {
	case BPF_AND:
		*dst = (uint32_t)*dst & value;
		break;
	case BPF_RSH:
		*dst = (uint32_t)*dst >> value;
		break;
	case BPF_MOV:
		*dst = value;
		break;
	default:
		fail_msg("alu operation %x", op);
	}
}

static uint64_t run(const struct bpf_insn *p, size_t count,
		    const struct access *a)
{
	uint64_t r[11] = { 0 };

	for (size_t pc = 0; pc < count; pc++) {
		const struct bpf_insn *i = &p[pc];
		uint32_t value = BPF_SRC(i->code) == BPF_X
					 ? (uint32_t)r[i->src_reg]
					 : (uint32_t)i->imm;
		bool equal = (uint32_t)r[i->dst_reg] == value;

		switch (BPF_CLASS(i->code)) {
		case BPF_LDX:
			assert_int_equal(i->src_reg, BPF_REG_1);
			r[i->dst_reg] = ctx_word(a, i->off);
			break;
		case BPF_ALU:
			alu(&r[i->dst_reg], BPF_OP(i->code), value);
			break;
		case BPF_JMP32:
			if (equal == (BPF_OP(i->code) == BPF_JEQ))
				pc += (size_t)i->off;
			break;
		case BPF_JMP:
			if (BPF_OP(i->code) == BPF_EXIT)
				return r[0];
			assert_int_equal(BPF_OP(i->code), BPF_JA);
			pc += (size_t)i->off;
			break;
		default:
			fail_msg("instruction %x", i->code);
		}
	}
	fail_msg("the program ends without exit");
	return 0;
}

static bool verdict(const struct spec_device_rule *rules, size_t count,
		    const struct access *a)
{
	auto_free struct spec_device_rule *list = NULL;
	auto_free struct bpf_insn *insns = NULL;
	size_t n, len, bad;

	assert_int_equal(cg_dev_normalise(rules, count, &list, &n, &bad), 0);
	assert_int_equal(cg_dev_program(list, n, &insns, &len), 0);
	return run(insns, len, a);
}

/* ---- what the rules mean, said once more and simply */

static const struct spec_device_rule defaults[] = {
	{ true, 'c', -1, -1, false, false, true },
	{ true, 'b', -1, -1, false, false, true },
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

/* The first two are one rule in the code. */
#define DEFAULT_COUNT (ARRAY_SIZE(defaults) - 1)

static void apply_rule(const struct spec_device_rule *r, const struct access *a,
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
		apply_rule(&rules[i], a, &allowed);
	for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
		apply_rule(&defaults[i], a, &allowed);
	return (a->access & ~allowed) == 0;
}

/* ---- tests */

#define DENY_ALL                                     \
	{                                            \
		false, 'a', -1, -1, true, true, true \
	}
#define ALLOW_ALL                                   \
	{                                           \
		true, 'a', -1, -1, true, true, true \
	}

static const struct spec_device_rule deny_all[] = { DENY_ALL };
static const struct spec_device_rule allow_all[] = { ALLOW_ALL };
static const struct spec_device_rule only_allow[] = {
	{ true, 'c', 10, 229, true, true, false },
};
static const struct spec_device_rule hole[] = {
	ALLOW_ALL,
	{ false, 'b', 8, -1, true, true, true },
	{ true, 'b', 8, 16, true, false, false },
};
static const struct spec_device_rule split[] = {
	{ true, 'b', 7, 0, true, false, false },
	{ true, 'b', 7, 0, false, true, false },
};
static const struct spec_device_rule reset[] = {
	{ true, 'b', 7, 0, true, true, true },
	DENY_ALL,
};
static const struct spec_device_rule huge[] = {
	{ true, 'c', UINT32_MAX, 4000000000, true, true, true },
};

/* clang-format off */
static const struct {
	const struct spec_device_rule *rules;
	size_t count;
	struct access access;
	bool want;
} cases[] = {
	/* C03: no list, an empty list, a list of allows only: deny */
	{ NULL, 0, { 'b', 8, 0, R }, false },
	{ NULL, 0, { 'b', 8, 0, M }, true },
	{ NULL, 0, { 'c', 1, 3, R | W }, true },
	{ deny_all, 1, { 'c', 1, 3, R | W | M }, true },
	{ deny_all, 1, { 'c', 1, 1, R }, false },
	{ deny_all, 1, { 'b', 1, 3, R }, false },
	{ deny_all, 1, { 'c', 136, 7, R | W }, true },
	{ deny_all, 1, { 'c', 5, 1, R }, false },
	{ deny_all, 1, { 'c', 5, 2, R | W }, true },
	{ deny_all, 1, { 'c', 10, 200, R | W }, true },
	{ only_allow, 1, { 'c', 10, 229, R | W }, true },
	{ only_allow, 1, { 'c', 10, 228, R }, false },
	{ only_allow, 1, { 'b', 8, 0, R }, false },
	{ allow_all, 1, { 'b', 8, 0, R | W | M }, true },
	{ allow_all, 1, { 'c', 1, 1, R | W }, true },
	{ hole, 3, { 'b', 8, 0, R }, false },
	{ hole, 3, { 'b', 8, 16, R }, true },
	{ hole, 3, { 'b', 8, 16, R | W }, false },
	{ hole, 3, { 'b', 9, 0, R | W }, true },
	{ split, 2, { 'b', 7, 0, R | W }, true },
	{ split, 2, { 'b', 7, 0, R }, true },
	{ split, 2, { 'b', 7, 1, R }, false },
	{ reset, 2, { 'b', 7, 0, R }, false },
	{ huge, 1, { 'c', UINT32_MAX, 4000000000, R }, true },
	{ huge, 1, { 'c', UINT32_MAX - 1, 4000000000, R }, false },
	{ NULL, 0, { 'b', 8, 0, 0 }, true },
};
/* clang-format on */

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool got = verdict(cases[i].rules, cases[i].count,
				   &cases[i].access);

		if (got != cases[i].want)
			fail_msg("case %zu: %d", i, got);
		assert_int_equal(
			model(cases[i].rules, cases[i].count, &cases[i].access),
			cases[i].want);
	}
}

static int64_t any_of(const int64_t *list, size_t count)
{
	return list[(size_t)rand() % count];
}

static const int64_t numbers[] = { -1, -1, 1, 3, 5, 136 };
static const int64_t types[] = { 'a', 'b', 'c' };

#define RANDOM_MAX 8

/* Over few numbers, so that rules overlap. */
static size_t random_rules(struct spec_device_rule *rules)
{
	size_t count = (size_t)rand() % RANDOM_MAX;

	for (size_t i = 0; i < count; i++) {
		bool all = rand() % 4 == 0;

		rules[i] = (struct spec_device_rule){
			.allow = rand() % 2,
			.type = (char)any_of(types, 3),
			.major = any_of(numbers, 6),
			.minor = any_of(numbers, 6),
			.read = all || rand() % 2,
			.write = all || rand() % 2,
			.mknod = all || rand() % 2,
		};
	}
	return count;
}

/* Thousands of small lists. */
static void test_random(void **state)
{
	(void)state;
	srand(1);
	for (int round = 0; round < 3000; round++) {
		struct spec_device_rule rules[RANDOM_MAX];
		size_t count = random_rules(rules);

		for (int k = 0; k < 30; k++) {
			struct access a = {
				.type = (char)any_of(types + 1, 2),
				.major = (uint32_t)any_of(numbers + 2, 4),
				.minor = (uint32_t)any_of(numbers + 2, 4),
				.access = 1u + (uint32_t)rand() % 7,
			};

			assert_int_equal(verdict(rules, count, &a),
					 model(rules, count, &a));
		}
	}
}

static void test_normalise(void **state)
{
	static const struct spec_device_rule bad[][1] = {
		{ { true, 'x', 1, 1, true, true, true } },
		{ { true, 'c', -2, 1, true, true, true } },
		{ { true, 'c', 1, (int64_t)UINT32_MAX + 1, true, true, true } },
	};
	auto_free struct spec_device_rule *list = NULL;
	size_t n, index;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(cg_dev_normalise(bad[i], 1, &list, &n, &index),
				 -EINVAL);
	assert_null(list);
	assert_int_equal(cg_dev_normalise(deny_all, CG_DEV_RULES_MAX + 1, &list,
					  &n, &index),
			 -E2BIG);
	/* what engines send says nothing more than the defaults */
	assert_int_equal(cg_dev_normalise(deny_all, 1, &list, &n, &index), 0);
	assert_int_equal(n, DEFAULT_COUNT);
	free(list);
	assert_int_equal(cg_dev_normalise(hole, 3, &list, &n, &index), 0);
	assert_int_equal(n, DEFAULT_COUNT + 3);
	free(list);
	/* everything before "deny all" is forgotten */
	assert_int_equal(cg_dev_normalise(reset, 2, &list, &n, &index), 0);
	assert_int_equal(n, DEFAULT_COUNT);
}

/* The kernel takes the program of these rules. */
static void verify_rules(const struct spec_device_rule *rules, size_t count)
{
	auto_free struct spec_device_rule *list = NULL;
	auto_free struct bpf_insn *insns = NULL;
	size_t n, len, bad;
	int fd;

	assert_int_equal(cg_dev_normalise(rules, count, &list, &n, &bad), 0);
	assert_int_equal(cg_dev_program(list, n, &insns, &len), 0);
	fd = cg_bpf_load(insns, len);
	if (fd == -EPERM) {
		print_message("skipped: bpf(2) is not permitted here\n");
		skip();
	}
	if (fd < 0)
		fail_msg("bpf: %s", err_text(fd));
	close(fd);
}

/* The kernel's verifier takes the largest programs that can come about: @same
 * devices of one major, or all different. */
static void verify(bool same, bool partial)
{
	auto_free struct spec_device_rule *rules =
		calloc(CG_DEV_RULES_MAX, sizeof(*rules));

	assert_non_null(rules);
	for (size_t i = 0; i < CG_DEV_RULES_MAX; i++)
		rules[i] = (struct spec_device_rule){
			.allow = same || i % 3 != 0,
			.type = same || i % 2 ? 'b' : 'c',
			.major = same ? 7 : (int64_t)i,
			.minor = (int64_t)i,
			.read = partial ? i % 2 : true,
			.write = partial ? i % 4 == 0 : true,
			.mknod = true,
		};
	verify_rules(rules, CG_DEV_RULES_MAX);
}

static void test_verifier(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		verify(i & 1, i & 2);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		verify_rules(cases[i].rules, cases[i].count);
	srand(1);
	for (int round = 0; round < 1000; round++) {
		struct spec_device_rule rules[RANDOM_MAX];

		verify_rules(rules, random_rules(rules));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_normalise),
		cmocka_unit_test(test_verifier),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
