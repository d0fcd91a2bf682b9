/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/process/filter.h"

#include "base/str.h"

static void test_actions(void **state)
{
	static struct expect cases[] = {
		{ ALLOW_DEFAULT "\"syscalls\":[{\"names\":[\"getppid\"],"
				"\"action\":\"SCMP_ACT_ERRNO\"}]",
		  { { SYS_getppid, -EPERM }, { SYS_epoll_create, -EINVAL } } },
		{ ALLOW_DEFAULT "\"syscalls\":[{\"names\":[\"getppid\","
				"\"no_such_call\",\"getuid\"],"
				"\"action\":\"SCMP_ACT_ERRNO\","
				"\"errnoRet\":99}]",
		  { { SYS_getppid, -99 }, { SYS_getuid, -99 } } },
		/* errnoRet 0: the call is left out and succeeds */
		{ ALLOW_DEFAULT "\"syscalls\":[{\"names\":[\"getppid\"],"
				"\"action\":\"SCMP_ACT_ERRNO\","
				"\"errnoRet\":0}]",
		  { { SYS_getppid, 0 } } },
		{ "\"defaultAction\":\"SCMP_ACT_ERRNO\","
		  "\"defaultErrnoRet\":77,\"syscalls\":[" BASICS "]",
		  { { SYS_getppid, -77 }, { SYS_close, -77 } } },
		{ ERRNO_DEFAULT "\"syscalls\":[" BASICS "]",
		  { { SYS_getppid, -EPERM },
		    { NR_FUTURE, -ENOSYS },
		    { SYS_clone3 + 1, -ENOSYS },
		    { SYS_mount, -EPERM } } },
		/* nobody traces: the kernel answers ENOSYS itself */
		{ ALLOW_DEFAULT "\"syscalls\":[{\"names\":[\"getppid\"],"
				"\"action\":\"SCMP_ACT_TRACE\"}]",
		  { { SYS_getppid, -ENOSYS } } },
		{ ALLOW_DEFAULT "\"syscalls\":[{\"names\":[\"close\"],"
				"\"action\":\"SCMP_ACT_LOG\"}]",
		  { { SYS_close, 0 } } },
		/* same rule twice, and once more with a condition */
		{ ALLOW_DEFAULT
		  "\"syscalls\":[{\"names\":[\"getppid\",\"getppid\"],"
		  "\"action\":\"SCMP_ACT_ERRNO\"},{\"names\":[\"getppid\"],"
		  "\"action\":\"SCMP_ACT_ERRNO\"},{\"names\":[\"getppid\"],"
		  "\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":0,"
		  "\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]}]",
		  { { SYS_getppid, -EPERM } } },
		/* what the default does anyway is passed over */
		{ ERRNO_DEFAULT "\"syscalls\":[" BASICS
				",{\"names\":[\"getppid\"],"
				"\"action\":\"SCMP_ACT_ERRNO\"}]",
		  { { SYS_getppid, -EPERM } } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		child_ok(expect_calls, &cases[i]);
}

static void deadly(void *arg)
{
	struct seccomp_prog prog = { 0 };

	prepare_ok(arg, &prog);
	load_filter(&prog);
	syscall(SYS_getppid);
}

static void test_deadly_actions(void **state)
{
	static char profiles[][200] = {
		ALLOW_DEFAULT "\"syscalls\":[{\"names\":[\"getppid\"],"
			      "\"action\":\"SCMP_ACT_KILL\"}]",
		ALLOW_DEFAULT "\"syscalls\":[{\"names\":[\"getppid\"],"
			      "\"action\":\"SCMP_ACT_KILL_THREAD\"}]",
		ALLOW_DEFAULT "\"syscalls\":[{\"names\":[\"getppid\"],"
			      "\"action\":\"SCMP_ACT_KILL_PROCESS\"}]",
		ALLOW_DEFAULT "\"syscalls\":[{\"names\":[\"getppid\"],"
			      "\"action\":\"SCMP_ACT_TRAP\"}]",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(profiles); i++) {
		int status = run_child(deadly, profiles[i]);

		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGSYS);
	}
}

/* ---- conditions, on a call that ignores most of its arguments */
struct condition {
	const char *args;
	struct {
		unsigned long a, b;
		bool denied;
	} tries[4];
};

static void expect_condition(void *arg)
{
	const struct condition *c = arg;
	struct seccomp_prog prog = { 0 };
	auto_free char *members = NULL;

	CHECK(asprintf(&members,
		       ALLOW_DEFAULT "\"syscalls\":[{\"names\":[\"getppid\"],"
				     "\"action\":\"SCMP_ACT_ERRNO\","
				     "\"args\":[%s]}]",
		       c->args) > 0);
	prepare_ok(members, &prog);
	load_filter(&prog);
	for (size_t i = 0; i < ARRAY_SIZE(c->tries); i++) {
		long ret = syscall(SYS_getppid, c->tries[i].a, c->tries[i].b);

		if ((ret < 0) != c->tries[i].denied) {
			dprintf(2, "%s: try %zu gave %ld\n", c->args, i, ret);
			_exit(1);
		}
	}
}

#define ARG(index, op, value) \
	"{\"index\":" #index ",\"value\":" #value ",\"op\":\"SCMP_CMP_" op "\"}"

static void test_conditions(void **state)
{
	static struct condition cases[] = {
		{ ARG(0, "EQ", 5),
		  { { 5, 0, true }, { 6, 0, false }, { 4, 5, false } } },
		{ ARG(0, "NE", 5),
		  { { 5, 0, false },
		    { 6, 0, true },
		    { 0, 5, true },
		    { 5, 1, false } } },
		{ ARG(0, "LT", 5),
		  { { 4, 0, true },
		    { 5, 0, false },
		    { 6, 0, false },
		    { ~0UL, 0, false } } },
		{ ARG(0, "LE", 5),
		  { { 4, 0, true },
		    { 5, 0, true },
		    { 6, 0, false },
		    { 1UL << 32, 0, false } } },
		{ ARG(0, "GE", 5),
		  { { 4, 0, false },
		    { 5, 0, true },
		    { 1UL << 40, 0, true },
		    { 0, 9, false } } },
		{ ARG(1, "GT", 5),
		  { { 9, 5, false },
		    { 0, 6, true },
		    { 9, 0, false },
		    { 0, ~0UL, true } } },
		/* all 64 bits are looked at */
		{ ARG(0, "EQ", 4294967297),
		  { { 1, 0, false },
		    { 4294967297, 0, true },
		    { 4294967296, 0, false } } },
		{ "{\"index\":0,\"value\":240,\"valueTwo\":16,"
		  "\"op\":\"SCMP_CMP_MASKED_EQ\"}",
		  { { 16, 0, true },
		    { 31, 0, true },
		    { 48, 0, false },
		    { 0, 0, false } } },
		/* several arguments: all must match */
		{ ARG(0, "EQ", 5) "," ARG(1, "EQ", 6),
		  { { 5, 6, true }, { 5, 0, false }, { 0, 6, false } } },
		/* one argument twice: any of them is enough, as in runc */
		{ ARG(0, "EQ", 5) "," ARG(0, "EQ", 6),
		  { { 5, 0, true }, { 6, 0, true }, { 7, 0, false } } },
		{ ARG(0, "EQ", 5) "," ARG(1, "EQ", 8) "," ARG(0, "EQ", 6),
		  { { 5, 0, true },
		    { 6, 0, true },
		    { 7, 0, false },
		    { 7, 8, true } } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		child_ok(expect_condition, &cases[i]);
}

/* ---- when new numbers are not answered for the kernel */
static void test_no_enosys(void **state)
{
	static struct expect cases[] = {
		{ "\"defaultAction\":\"SCMP_ACT_ERRNO\","
		  "\"defaultErrnoRet\":38,\"syscalls\":[" BASICS "]",
		  { { NR_FUTURE, -ENOSYS }, { SYS_getppid, -ENOSYS } } },
		/* no rule at all: nothing tells how old the profile is */
		{ ALLOW_DEFAULT "\"syscalls\":[]",
		  { { NR_FUTURE, -ENOSYS }, { SYS_close, 0 } } },
	};
	struct seccomp_prog allow = { 0 }, log = { 0 }, deny = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		child_ok(expect_calls, &cases[i]);
	prepare_ok(ALLOW_DEFAULT "\"syscalls\":[{\"names\":[\"mount\"],"
				 "\"action\":\"SCMP_ACT_LOG\"}]",
		   &allow);
	prepare_ok("\"defaultAction\":\"SCMP_ACT_LOG\",\"syscalls\":[{"
		   "\"names\":[\"mount\"],\"action\":\"SCMP_ACT_ALLOW\"}]",
		   &log);
	prepare_ok("\"defaultAction\":\"SCMP_ACT_KILL\",\"syscalls\":[{"
		   "\"names\":[\"mount\"],\"action\":\"SCMP_ACT_ALLOW\"}]",
		   &deny);
	assert_int_equal(allow.count, log.count);
	assert_true(deny.count > log.count);
	seccomp_prog_release(&allow);
	seccomp_prog_release(&log);
	seccomp_prog_release(&deny);
}

static void test_flags(void **state)
{
	static const struct {
		const char *flags;
		unsigned int want;
	} cases[] = {
		{ "", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
		{ "\"flags\":[],", 0 },
		{ "\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"],",
		  SECCOMP_FILTER_FLAG_LOG },
		{ "\"flags\":[\"SECCOMP_FILTER_FLAG_TSYNC\"],", 0 },
		{ "\"flags\":[\"SECCOMP_FILTER_FLAG_SPEC_ALLOW\","
		  "\"SECCOMP_FILTER_FLAG_LOG\"],",
		  SECCOMP_FILTER_FLAG_SPEC_ALLOW | SECCOMP_FILTER_FLAG_LOG },
		{ "\"flags\":[\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"],",
		  0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct seccomp_prog prog = { 0 };
		auto_free char *text = NULL;
		struct expect e = { 0 };

		assert_true(asprintf(&text,
				     "%s" ALLOW_DEFAULT "\"syscalls\":[]",
				     cases[i].flags) > 0);
		prepare_ok(text, &prog);
		assert_int_equal(prog.flags, cases[i].want);
		seccomp_prog_release(&prog);
		e.profile = text;
		child_ok(expect_calls, &e); /* the kernel takes them */
	}
}

/* ---- what is refused, and where it says so */
static void test_refused(void **state)
{
	static const struct {
		const char *profile, *field;
		int want;
		int newer; /* of a libseccomp that knows more */
	} cases[] = {
		{ ALLOW_DEFAULT "\"architectures\":[\"SCMP_ARCH_X86_64\","
				"\"SCMP_ARCH_S390X\"],\"syscalls\":[]",
		  "linux.seccomp.architectures[1]", -EDOM },
		{ ALLOW_DEFAULT "\"architectures\":[\"SCMP_ARCH_M68K\"],"
				"\"syscalls\":[]",
		  "linux.seccomp.architectures[0]", -EINVAL, -EDOM },
		{ ALLOW_DEFAULT
		  "\"syscalls\":[{\"names\":[\"kill\"],\"action\":"
		  "\"SCMP_ACT_ERRNO\",\"args\":[" ARG(
			  0, "EQ",
			  5) "]},{"
			     "\"names\":[\"kill\"],\"action\":\"SCMP_ACT_KILL\","
			     "\"args\":[" ARG(0, "EQ", 5) "]}]",
		  "linux.seccomp.syscalls[1]", -EEXIST },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_arena struct arena arena = { 0 };
		struct seccomp_prog prog = { 0 };
		struct err err = { 0 };
		int ret = prepare(&arena, cases[i].profile, &prog, &err);

		if (ret != cases[i].newer || !ret)
			assert_int_equal(ret, cases[i].want);
		assert_string_equal(err.field, cases[i].field);
		assert_null(prog.map);
	}
}

/* 4096 instructions are all the kernel takes. */
static void test_too_large(void **state)
{
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf text = STRBUF_INIT;
	struct seccomp_prog prog = { 0 };
	struct err err = { 0 };

	(void)state;
	strbuf_add(&text, ALLOW_DEFAULT "\"syscalls\":[");
	for (int i = 0; i < 5000; i++)
		strbuf_addf(&text,
			    "%s{\"names\":[\"kill\"],\"action\":"
			    "\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":0,"
			    "\"value\":%d,\"op\":\"SCMP_CMP_EQ\"}]}",
			    i ? "," : "", i);
	strbuf_add(&text, "]");
	assert_int_equal(prepare(&arena, text.s, &prog, &err), -EFBIG);
	assert_string_equal(err.field, "linux.seccomp");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_actions),
		cmocka_unit_test(test_deadly_actions),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_no_enosys),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
