/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/process/squeeze.h"

#include "base/str.h"
#include "libcontainer/process/seccomp_build.h"
#include "oci-tests/fuzz/classic.h"

/* What the filters answer is found by an interpreter of the tests' own, which
 * knows nothing of the points or the proof. */

#define NUMBERS 560  /* more than any architecture has */
#define ARGS_SOME 4  /* tries of arguments for each number */
#define ARGS_MANY 60 /* where arguments count */

static uint64_t random_bits(void)
{
	static uint64_t x = 88172645463325252;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

/* Half a word: something that the filter may know, or next to it. */
static uint32_t some_value(const struct seccomp_code *code)
{
	uint64_t r = random_bits();
	uint32_t k = code->f[(r >> 8) % code->count].k;

	switch (r & 7) {
	case 0:
	case 1:
	case 2:
		return 0;
	case 3:
		return 0xffffffff;
	case 4:
		return k - 1 + (uint32_t)(r >> 40) % 3;
	default:
		return k;
	}
}

static void some_args(const struct seccomp_code *code, struct seccomp_data *in)
{
	for (size_t i = 0; i < ARRAY_SIZE(in->args); i++)
		in->args[i] =
			(uint64_t)some_value(code) << 32 | some_value(code);
}

/* For the second half of a number's tries: values from about the place where
 * its arguments are looked at. */
static void near_args(const struct seccomp_code *code, size_t at,
		      struct seccomp_data *in)
{
	size_t left = code->count - at;
	const struct seccomp_code near = { code->f + at,
					   left < 16 ? left : 16 };

	some_args(&near, in);
}

static void same_answers(const struct seccomp_code *a,
			 const struct seccomp_code *b, uint32_t arch,
			 uint32_t nr)
{
	struct seccomp_data in = { .arch = arch, .nr = (int)nr };
	long steps = 1000000;
	size_t at = seccomp_walk(a, arch, nr, &steps);
	int tries = BPF_CLASS(a->f[at].code) == BPF_RET ? ARGS_SOME : ARGS_MANY;

	for (int i = 0; i < tries; i++) {
		uint32_t want = classic_run(a->f, a->count, &in);
		uint32_t got = classic_run(b->f, b->count, &in);

		if (got != want)
			print_message("%#x %#x: %#x, not %#x\n", arch, nr, got,
				      want);
		assert_int_equal(got, want);
		if (i % 2)
			some_args(a, &in);
		else
			near_args(a, at, &in);
	}
}

static void check_same(const struct seccomp_code *a,
		       const struct seccomp_code *b)
{
	static const uint32_t archs[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386,
					  AUDIT_ARCH_AARCH64, 0 };

	assert_true(classic_sound(b->f, b->count));
	for (size_t i = 0; i < ARRAY_SIZE(archs); i++) {
		for (uint32_t nr = 0; nr < NUMBERS; nr++) {
			same_answers(a, b, archs[i], nr);
			same_answers(a, b, archs[i], nr | SECCOMP_X32_BIT);
			same_answers(a, b, archs[i], nr | 0x80000000);
			same_answers(a, b, archs[i], ~nr);
		}
		for (size_t k = 0; k < a->count; k++) {
			same_answers(a, b, archs[i], a->f[k].k - 1);
			same_answers(a, b, archs[i], a->f[k].k);
			same_answers(a, b, archs[i], a->f[k].k + 1);
		}
	}
}

/* Return: the number of instructions; 0: it was left as it is. */
static size_t squeeze(const struct seccomp_code *code)
{
	struct sock_filter out[BPF_MAXINSNS];
	struct seccomp_code now = { out };

	now.count = seccomp_squeeze(code, out);
	assert_true(now.count < code->count);
	if (now.count)
		check_same(code, &now);
	return now.count;
}

static void test_engines_profiles(void **state)
{
	static const struct {
		const char *config;
		size_t most;
	} cases[] = {
		{ "oci-tests/data/docker-run.json", 240 },
		{ "oci-tests/data/podman-run.json", 240 },
		{ "oci-tests/data/cri-container.json", 240 },
		{ "oci-tests/data/cri-sandbox.json", 240 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_arena struct arena arena = { 0 };
		struct seccomp_prog prog = { 0 };
		const struct spec *spec;
		struct err err = { 0 };
		size_t count;

		spec = load_config(&arena, cases[i].config);
		CHECK_OK(seccomp_compile(&spec->linux_.seccomp, &prog, &err),
			 &err);
		count = squeeze(
			&(struct seccomp_code){ prog.insns, prog.count });
		print_message("%s: %u, %zu\n", cases[i].config, prog.count,
			      count);
		assert_true(count && count <= cases[i].most);
		seccomp_prog_release(&prog);
	}
}

#define ARCHS(list) "\"architectures\":[" list "],"
#define X86 "\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\""
#define RULE(names, act, args)                              \
	"{\"names\":[" names "],\"action\":\"SCMP_ACT_" act \
	"\",\"args\":[" args "]}"
#define COND(index, op, value) \
	"{\"index\":" #index ",\"value\":" #value ",\"op\":\"SCMP_CMP_" op "\"}"
#define SOME \
	"\"read\",\"write\",\"openat\",\"close\",\"mmap\",\"brk\",\"ioctl\""

static void test_profiles(void **state)
{
	static const char *const members[] = {
		/* one call */
		ALLOW_DEFAULT
		"\"syscalls\":[" RULE("\"mount\"", "ERRNO", "") "]",
		ERRNO_DEFAULT
		"\"syscalls\":[" RULE("\"read\"", "ALLOW", "") "]",
		/* each default, with and without architectures */
		"\"defaultAction\":\"SCMP_ACT_KILL_PROCESS\"," ARCHS(
			X86) "\"syscalls\":[" RULE(SOME, "ALLOW", "") "]",
		"\"defaultAction\":\"SCMP_ACT_KILL\",\"syscalls\":[" RULE(
			SOME, "LOG", "") "]",
		"\"defaultAction\":\"SCMP_ACT_TRAP\"," ARCHS(
			X86 ",\"SCMP_ARCH_X32\"") "\"syscalls\":[" RULE(SOME,
									"ALLOW",
									"") "]",
		"\"defaultAction\":\"SCMP_ACT_TRACE\",\"syscalls\":[" RULE(
			SOME, "ALLOW", "") "]",
		"\"defaultAction\":\"SCMP_ACT_LOG\"," ARCHS(
			"\"SCMP_ARCH_X32\"") "\"syscalls\":[" RULE(SOME, "KILL",
								   "") "]",
		"\"defaultAction\":\"SCMP_ACT_NOTIFY\",\"listenerPath\":\"/l\",\"syscalls\":[" RULE(
			SOME, "ALLOW", "") "]",
		"\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,"
		"\"syscalls\":[" RULE(SOME, "ALLOW", "") "]",
		ALLOW_DEFAULT "\"syscalls\":[]",
		/* arguments */
		"\"listenerPath\":\"/l\"," ERRNO_DEFAULT
			ARCHS(X86) "\"syscalls\":[" RULE("\"personality\"", "ALLOW", COND(0, "EQ", 8)) "," RULE(
				"\"personality\"", "ALLOW",
				COND(0, "EQ",
				     4294967295)) "," RULE("\"clone\",\"ioctl\"",
							   "ALLOW",
							   COND(0, "GT", 77) "," COND(
								   1, "LE",
								   4294967297)) "," RULE("\"socket\"",
											 "KILL",
											 COND(0, "NE", 40) "," COND(
												 5,
												 "LT",
												 9)) "," RULE(SOME
													      ",\"futex\"",
													      "NOTIFY",
													      "") "]",
		ALLOW_DEFAULT
			ARCHS(X86 ",\"SCMP_ARCH_X32\"") "\"syscalls\":[" RULE(
				"\"unshare\",\"clone\",\"setns\"", "ERRNO",
				"{\"index\":0,\"value\":2114060288,"
				"\"valueTwo\":268435456,"
				"\"op\":\"SCMP_CMP_MASKED_EQ\"}") "]",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		struct seccomp_prog prog = { 0 };
		size_t count;

		prepare_ok(members[i], &prog);
		count = squeeze(
			&(struct seccomp_code){ prog.insns, prog.count });
		if (count)
			print_message("%zu: %u, %zu\n", i, prog.count, count);
		seccomp_prog_release(&prog);
	}
}

/* ---- by hand */
static void test_left_alone(void **state)
{
	static const struct sock_filter small[] = { RET(ALLOW) };
	static const struct sock_filter tight[] = { X86_64_ONLY,
						    JUMP(JEQ, 5, 0, 1),
						    RET(ALLOW), RET(DENY) };
	/* what the kernel takes, and nobody here understands */
	static const struct sock_filter wild[] = {
		X86_64_ONLY,
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 1),
		JUMP(JEQ, 5, 0, 1),
		JA(0),
		JA(0),
		JA(0),
		RET(ALLOW),
	};
	struct sock_filter out[BPF_MAXINSNS];

	(void)state;
	assert_int_equal(seccomp_squeeze(&CODE(small), out), 0);
	assert_int_equal(seccomp_squeeze(&CODE(tight), out), 0);
	assert_int_equal(seccomp_squeeze(&CODE(wild), out), 0);
}

/* But for that one instruction it would have become smaller. */
static void test_what_is_understood(void **state)
{
	static const struct sock_filter f[] = {
		X86_64_ONLY,
		AND(~SECCOMP_X32_BIT),
		JUMP(JEQ, 5, 0, 1),
		JA(0),
		JA(0),
		JA(0),
		RET(ALLOW),
	};

	(void)state;
	assert_true(squeeze(&CODE(f)) > 0);
}

/* The answer depends on the architecture alone, or on nothing. */
static void test_no_numbers(void **state)
{
	static const struct sock_filter f[] = {
		LD(ARCH),  JUMP(JEQ, AUDIT_ARCH_I386, 3, 0),
		LD(NR),    JUMP(JGT, 100, 0, 0),
		RET(DENY), RET(ALLOW),
	};

	(void)state;
	assert_int_equal(squeeze(&CODE(f)), 4);
}

struct program {
	struct sock_filter f[BPF_MAXINSNS];
	size_t count;
};

static void put(struct program *p, struct sock_filter f)
{
	assert_true(p->count < BPF_MAXINSNS);
	p->f[p->count++] = f;
}

static void start_x86_64(struct program *p)
{
	static const struct sock_filter f[] = { X86_64_ONLY };

	for (size_t i = 0; i < ARRAY_SIZE(f); i++)
		put(p, f[i]);
}

/* Each of 600 numbers after the other; jumps of more than 255 instructions, and
 * more than 255 answers between. */
static void test_far(void **state)
{
	auto_free struct program *p = calloc(1, sizeof(*p));
	struct seccomp_code code;

	(void)state;
	assert_non_null(p);
	start_x86_64(p);
	for (uint32_t nr = 0; nr < 600; nr++) {
		put(p, (struct sock_filter)JUMP(JEQ, nr, 0, 2));
		put(p, (struct sock_filter)JA(0));
		put(p, (struct sock_filter)RET(DENY + nr % 97));
	}
	put(p, (struct sock_filter)RET(ALLOW));
	code = (struct seccomp_code){ p->f, p->count };
	assert_true(squeeze(&code) > 600);
}

/* Arguments that take more than 255 instructions, reached from many numbers,
 * and shared by two of them. */
static void test_far_arguments(void **state)
{
	auto_free struct program *p = calloc(1, sizeof(*p));
	struct seccomp_code code;
	size_t count;

	(void)state;
	assert_non_null(p);
	start_x86_64(p);
	for (uint32_t nr = 0; nr < 40; nr += 3) {
		put(p, (struct sock_filter)JUMP(JEQ, nr, 1, 0));
		put(p, (struct sock_filter)JA(62));
		put(p, (struct sock_filter)LD(ARG(nr / 7)));
		for (uint32_t k = 0; k < 58; k += 2) {
			put(p, (struct sock_filter)JUMP(
				       JEQ, k + (nr % 2 ? 1000 : nr), 0, 1));
			put(p, (struct sock_filter)RET(DENY + k % 5));
		}
		put(p, (struct sock_filter)LD(ARG(nr / 7) + 4));
		put(p, (struct sock_filter)JUMP(JEQ, 0, 0, 0));
		put(p, (struct sock_filter)RET(KILL));
	}
	put(p, (struct sock_filter)RET(ALLOW));
	code = (struct seccomp_code){ p->f, p->count };
	count = squeeze(&code);
	print_message("%zu, %zu\n", code.count, count);
	assert_true(count > 255);
}

/* Random decisions about numbers and arguments, with both kinds of ranges. */
static void random_program(struct program *p)
{
	size_t blocks = 1 + random_bits() % 60;

	p->count = 0;
	start_x86_64(p);
	for (size_t i = 0; i < blocks; i++) {
		uint64_t r = random_bits();
		uint32_t nr = (uint32_t)(r >> 8) % 80;

		if (r & 0x10000000)
			nr |= SECCOMP_X32_BIT;
		if (r & 0x20000000)
			nr -= 40;
		if (r & 1)
			put(p, (struct sock_filter)JUMP(JEQ, nr, 0, 4));
		else if (r & 2)
			put(p, (struct sock_filter)JUMP(JGT, nr, 4, 0));
		else if (r & 4)
			put(p, (struct sock_filter)JUMP(JGE, nr, 4, 0));
		else
			put(p,
			    (struct sock_filter)JUMP(JSET, 0x40000000, 4, 0));
		put(p, r & 24 ? (struct sock_filter)JA(2)
			      : (struct sock_filter)LD(ARG(r >> 60 & 3)));
		put(p, (struct sock_filter)JUMP(JGE, r >> 50 & 3, 0, 1));
		put(p, (struct sock_filter)RET(DENY + (r >> 40 & 1)));
		put(p, r & 96 ? (struct sock_filter)LD(NR)
			      : (struct sock_filter)RET(ALLOW));
		put(p, (struct sock_filter)LD(NR));
	}
	put(p, (struct sock_filter)RET(KILL));
}

static void test_random(void **state)
{
	auto_free struct program *p = calloc(1, sizeof(*p));
	struct seccomp_code code;
	size_t smaller = 0;

	(void)state;
	assert_non_null(p);
	for (int i = 0; i < 40; i++) {
		random_program(p);
		code = (struct seccomp_code){ p->f, p->count };
		smaller += squeeze(&code) > 0;
	}
	assert_true(smaller > 10);
}

/* 4096 instructions in which each number is compared with all: it ends. */
static void test_no_end_of_it(void **state)
{
	auto_free struct program *p = calloc(1, sizeof(*p));
	struct sock_filter out[BPF_MAXINSNS];
	struct seccomp_code code;

	(void)state;
	assert_non_null(p);
	start_x86_64(p);
	while (p->count < BPF_MAXINSNS - 1)
		put(p, (struct sock_filter)JUMP(JEQ, (uint32_t)p->count * 1000,
						0, 0));
	put(p, (struct sock_filter)RET(ALLOW));
	code = (struct seccomp_code){ p->f, p->count };
	assert_int_equal(seccomp_squeeze(&code, out), 0);
}

/* ---- and in use */
static void answers(void *arg)
{
	load_filter(arg);
	CHECK(call(SYS_getppid) > 0);
	CHECK(call(SYS_bpf) == -EPERM);
	CHECK(syscall(SYS_personality, 0xffffffffL) >= 0);
	CHECK(call(NR_FUTURE) == -ENOSYS);
	CHECK(call(X32(SYS_bpf)) == -EPERM);
	CHECK(call(X32(NR_FUTURE)) == -ENOSYS);
}

static void test_prepared(void **state)
{
	auto_arena struct arena arena = { 0 };
	const struct spec_seccomp *profile;
	struct seccomp_prog plain = { 0 }, kept = { 0 }, again = { 0 };
	struct err err = { 0 };
	auto_fd int fd = -1;

	fd = open(*state, O_PATH | O_DIRECTORY | O_CLOEXEC);
	profile = &load_config(&arena, "oci-tests/data/docker-run.json")
			   ->linux_.seccomp;
	assert_int_equal(seccomp_prepare(-1, profile, &plain, &err), 0);
	assert_int_equal(seccomp_prepare(fd, profile, &kept, &err), 0);
	assert_int_equal(seccomp_prepare(fd, profile, &again, &err), 0);
	assert_true(kept.count < plain.count / 4);
	assert_int_equal(kept.flags, plain.flags);
	assert_int_equal(kept.map_len, kept.count * sizeof(struct sock_filter));
	assert_int_equal(again.count, kept.count);
	assert_memory_equal(again.insns, kept.insns, kept.map_len);
	child_ok(answers, &kept);
	seccomp_prog_release(&plain);
	seccomp_prog_release(&kept);
	seccomp_prog_release(&again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engines_profiles),
		cmocka_unit_test(test_profiles),
		cmocka_unit_test(test_left_alone),
		cmocka_unit_test(test_what_is_understood),
		cmocka_unit_test(test_no_numbers),
		cmocka_unit_test(test_far),
		cmocka_unit_test(test_far_arguments),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_no_end_of_it),
		cmocka_unit_test_setup_teardown(test_prepared, dir_setup,
						dir_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
