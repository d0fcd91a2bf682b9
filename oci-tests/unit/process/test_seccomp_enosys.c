/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/process/filter.h"

#include <linux/audit.h>

#include "libcontainer/process/seccomp_build.h"

/* ---- architectures: C10 */
static void other_abis_denied(void *arg)
{
	struct seccomp_prog prog = { 0 };

	(void)arg;
	prepare_ok(ERRNO_DEFAULT "\"architectures\":[\"SCMP_ARCH_X86_64\","
				 "\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\"],"
				 "\"syscalls\":[" BASICS "]",
		   &prog);
	load_filter(&prog);
	CHECK(call(SYS_getppid) == -EPERM);
	CHECK(call(NR_FUTURE) == -ENOSYS);
	CHECK(call(X32(SYS_getppid)) == -EPERM);
	CHECK(call(X32(NR_FUTURE)) == -ENOSYS);
	/* x32 has numbers of its own: sigaltstack is 525 there, the highest */
	CHECK(call(X32(SYS_clone3 + 1)) == -EPERM);
	CHECK(call(X32(526)) == -ENOSYS);
	CHECK(call(X32(0x3fffffff)) == -ENOSYS);
	CHECK(call_i386(64) == -EPERM); /* getppid */
	CHECK(call_i386(20) > 0);       /* getpid */
	CHECK(call_i386(NR_FUTURE) == -ENOSYS);
}

static void test_other_abis(void **state)
{
	(void)state;
	if (!have_i386())
		SKIP("this kernel runs no i386 programs");
	child_ok(other_abis_denied, NULL);
}

static void x32_of_native_filter(void *arg)
{
	struct seccomp_prog prog = { 0 };

	prepare_ok("\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":["
		   "\"SCMP_ARCH_X86_64\"],\"syscalls\":[{\"names\":["
		   "\"getppid\"],\"action\":\"SCMP_ACT_ERRNO\"}]",
		   &prog);
	load_filter(&prog);
	if (arg)
		call_i386(64);
	else
		call(X32(SYS_getppid));
}

/* Not named in the profile: killed, whatever the default would be. */
static void test_abis_not_in_profile(void **state)
{
	int status;

	(void)state;
	status = run_child(x32_of_native_filter, NULL);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	if (!have_i386())
		return;
	status = run_child(x32_of_native_filter, &status);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

static void test_native_always(void **state)
{
	static struct expect e = {
		ERRNO_DEFAULT "\"architectures\":[\"SCMP_ARCH_X86\"],"
			      "\"syscalls\":[" BASICS "]",
		{ { SYS_getppid, -EPERM }, { NR_FUTURE, -ENOSYS } },
	};

	(void)state;
	child_ok(expect_calls, &e);
}

/* A half of x86-64 that no name of the profile exists in takes nothing from the
 * other one. */
static void test_half_without_names(void **state)
{
	static const struct seccomp_arch archs[] = {
		{ .audit = AUDIT_ARCH_X86_64, .last = 435 },
		{ .audit = AUDIT_ARCH_X86_64, .last = 0 },
	};
	struct sock_filter one[SECCOMP_ENOSYS_MAX], two[SECCOMP_ENOSYS_MAX];
	size_t n = seccomp_enosys(archs, 1, one, SECCOMP_ENOSYS_MAX);

	(void)state;
	assert_true(n > 0);
	assert_int_equal(seccomp_enosys(archs, 2, two, SECCOMP_ENOSYS_MAX), n);
	assert_memory_equal(one, two, n * sizeof(*one));
}

/* ---- real profiles */
static void try_profile(void *arg)
{
	load_filter(arg);
	CHECK(call(SYS_getppid) > 0);
	CHECK(call(SYS_bpf) == -EPERM);
	CHECK(call(SYS_init_module) == -EPERM);
	CHECK(call(SYS_kexec_load) == -EPERM);
	CHECK(syscall(SYS_personality, 0xffffffffL) >= 0);
	CHECK(syscall(SYS_personality, 0x40000L) < 0 &&
	      (errno == EPERM || errno == ENOSYS));
	CHECK(call(NR_FUTURE) == -ENOSYS);
	CHECK(call(X32(SYS_bpf)) == -EPERM);
	CHECK(call(X32(0x3ffffff)) == -ENOSYS);
	CHECK(call_i386(357) == -EPERM); /* bpf */
	CHECK(call_i386(64) > 0);        /* getppid */
	CHECK(call_i386(NR_FUTURE) == -ENOSYS);
}

static void test_engines_profiles(void **state)
{
	static const char *const configs[] = {
		"oci-tests/data/docker-run.json",
		"oci-tests/data/podman-run.json",
	};

	(void)state;
	if (!have_i386())
		SKIP("this kernel runs no i386 programs");
	for (size_t i = 0; i < ARRAY_SIZE(configs); i++) {
		auto_arena struct arena arena = { 0 };
		struct seccomp_prog prog = { 0 };
		const struct spec *spec;
		struct err err = { 0 };

		spec = load_config(&arena, configs[i]);
		assert_int_equal(
			seccomp_prepare(-1, &spec->linux_.seccomp, &prog, &err),
			0);
		child_ok(try_profile, &prog);
		seccomp_prog_release(&prog);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_other_abis),
		cmocka_unit_test(test_abis_not_in_profile),
		cmocka_unit_test(test_native_always),
		cmocka_unit_test(test_half_without_names),
		cmocka_unit_test(test_engines_profiles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
