/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/libcontainer/lab.h"

#include <string.h>
#include <sys/resource.h>

#include "base/arena.h"
#include "base/str.h"
#include "libcontainer/vm.h"

static const char *const texts[] = {
	"{\"args\":[\"a\",\"b \\\"c\\\\\\u00e9\"],\"cwd\":\"/\"}",
	"{\"terminal\":true,\"consoleSize\":{\"height\":1,\"width\":65535},"
	"\"user\":{\"uid\":4294967294,\"gid\":1,\"umask\":18,"
	"\"additionalGids\":[5,6]},\"args\":[\"a\"],"
	"\"env\":[\"A=\",\"B=x=y\"],\"cwd\":\"/x\","
	"\"capabilities\":{\"bounding\":[\"CAP_CHOWN\",\"CAP_SYSLOG\"],"
	"\"effective\":[\"CAP_CHOWN\"],\"inheritable\":[\"CAP_KILL\"],"
	"\"permitted\":[\"CAP_CHOWN\"],\"ambient\":[\"CAP_BPF\"]},"
	"\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":1,"
	"\"hard\":18446744073709551615}],"
	"\"noNewPrivileges\":true,\"apparmorProfile\":\"p\","
	"\"selinuxLabel\":\"l\",\"oomScoreAdj\":-1000,"
	"\"scheduler\":{\"policy\":\"SCHED_FIFO\",\"nice\":0,"
	"\"priority\":7,\"flags\":[\"SCHED_FLAG_RESET_ON_FORK\"]},"
	"\"ioPriority\":{\"class\":\"IOPRIO_CLASS_IDLE\",\"priority\":0},"
	"\"execCPUAffinity\":{\"initial\":\"0\",\"final\":\"0-3,7\"}}",
	"{\"args\":[\"a\"],\"cwd\":\"/\",\"scheduler\":{\"policy\":"
	"\"SCHED_DEADLINE\",\"runtime\":1024,\"deadline\":18446744073709551,"
	"\"period\":18446744073709551}}",
};

static void render(const char *text, struct strbuf *out)
{
	auto_arena struct arena arena = { 0 };
	const struct spec_process *p;
	struct err err = { 0 };

	p = spec_parse_process(&arena, text, strlen(text), NULL, &err);
	if (!p)
		print_error("%s: %s\n", text, err.msg);
	assert_non_null(p);
	vm_process_json(p, out);
	assert_true(strbuf_ok(out));
}

/* Written, read and written again it is the same; and nothing was lost. */
static void test_round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		auto_strbuf struct strbuf one = STRBUF_INIT, two = STRBUF_INIT;

		render(texts[i], &one);
		render(one.s, &two);
		assert_string_equal(one.s, two.s);
	}
}

static void test_nothing_is_lost(void **state)
{
	static const char *const parts[] = {
		"\"terminal\":true",
		"\"height\":1,\"width\":65535",
		"\"uid\":4294967294,\"gid\":1,\"umask\":18",
		"\"additionalGids\":[5,6]",
		"\"env\":[\"A=\",\"B=x=y\"]",
		"\"bounding\":[\"CAP_CHOWN\",\"CAP_SYSLOG\"]",
		"\"inheritable\":[\"CAP_KILL\"]",
		"\"ambient\":[\"CAP_BPF\"]",
		"\"type\":\"RLIMIT_NOFILE\",\"soft\":1,"
		"\"hard\":18446744073709551615",
		"\"noNewPrivileges\":true",
		"\"apparmorProfile\":\"p\"",
		"\"selinuxLabel\":\"l\"",
		"\"oomScoreAdj\":-1000",
		"\"policy\":\"SCHED_FIFO\"",
		"\"flags\":[\"SCHED_FLAG_RESET_ON_FORK\"]",
		"\"class\":\"IOPRIO_CLASS_IDLE\"",
		"\"initial\":\"0\",\"final\":\"0-3,7\"",
	};
	auto_strbuf struct strbuf out = STRBUF_INIT;

	(void)state;
	render(texts[1], &out);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (!strstr(out.s, parts[i]))
			print_error("no %s in %s\n", parts[i], out.s);
		assert_non_null(strstr(out.s, parts[i]));
	}
}

static void test_inherited_limits(void **state)
{
	const struct spec_rlimit own = { RLIMIT_CORE, "RLIMIT_CORE", 1, 2 };
	struct spec_process p = { .rlimits = &own, .rlimit_count = 1 };
	auto_arena struct arena arena = { 0 };
	size_t cores = 0, files = 0;

	(void)state;
	assert_int_equal(vm_inherit_limits(&arena, &p, NULL), 0);
	assert_int_equal(p.rlimit_count, RLIM_NLIMITS);
	for (size_t i = 0; i < p.rlimit_count; i++) {
		const struct spec_rlimit *l = &p.rlimits[i];

		assert_true(l->soft <= l->hard);
		if (l->resource == RLIMIT_CORE) {
			assert_int_equal(l->hard, 2);
			cores++;
		} else if (l->resource == RLIMIT_NOFILE) {
			/* what no kernel takes would fail the process */
			assert_true(l->hard && l->hard <= 1048576);
			files++;
		}
	}
	assert_int_equal(cores, 1);
	assert_int_equal(files, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_inherited_limits),
		cmocka_unit_test(test_nothing_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
