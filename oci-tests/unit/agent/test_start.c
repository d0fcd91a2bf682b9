/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json/json.h"
#include "cmd/hull-agent/agent.h"
#include "cmd/hull-agent/start.h"

static int parse(struct arena *arena, const char *text, struct start *out,
		 struct err *err)
{
	return start_parse(arena, text, strlen(text), out, err);
}

static void test_whole(void **state)
{
	static const char text[] =
		" {\"network\":[{}], \"id\":\"c1\", \"hostname\":\"h\", "
		"\"hostTimeNs\":1700000000000000001, "
		"\"newKeyring\":false, "
		"\"seccompFilter\": \"00000000000000207fff000000000006\", "
		"\"config\": {\"a\": [1, \"}\"] } }";
	const struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	auto_arena struct arena arena = { 0 };
	struct start s;

	(void)state;
	assert_int_equal(parse(&arena, text, &s, NULL), 0);
	/* config.json is kept byte for byte */
	assert_int_equal(s.config_len, strlen("{\"a\": [1, \"}\"] }"));
	assert_memory_equal(s.config, "{\"a\": [1, \"}\"] }", s.config_len);
	assert_string_equal(s.id, "c1");
	assert_string_equal(s.hostname, "h");
	assert_true(s.time_ns == 1700000000000000001);
	assert_int_equal(s.network->count, 1);
	assert_true(s.no_new_keyring);
	assert_int_equal(s.filter_len, 2);
	assert_memory_equal(s.filter, filter, sizeof(filter));
	assert_int_equal(parse(&arena, "{\"config\":{}}", &s, NULL), 0);
	assert_string_equal(s.id, AGENT_ID);
	assert_null(s.hostname);
	assert_null(s.network);
	assert_int_equal(s.time_ns, 0);
	assert_false(s.no_new_keyring);
	assert_int_equal(s.filter_len, 0);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text;
		const char *part;
	} cases[] = {
		{ "", "" },
		{ "[]", "config: " },
		{ "{\"config\":7}", "config: " },
		{ "{\"config\":{},\"network\":{}}", "network: " },
		{ "{\"config\":{},\"rlimits\":{}}", "rlimits: " },
		{ "{\"config\":{},\"id\":7}", "id: " },
		{ "{\"config\":{},\"hostname\":[]}", "hostname: " },
		{ "{\"config\":{},\"hostTimeNs\":\"1\"}", "hostTimeNs: " },
		{ "{\"config\":{},\"hostTimeNs\":1.5}", "hostTimeNs: " },
		{ "{\"config\":{},\"newKeyring\":1}", "newKeyring: " },
		{ "{\"config\":{},\"seccompFilter\":7}", "seccompFilter: " },
		{ "{\"config\":{},\"seccompFilter\":\"\"}", "seccompFilter: " },
		{ "{\"config\":{},\"seccompFilter\":\"000000000000002\"}",
		  "seccompFilter: " },
		{ "{\"config\":{},\"seccompFilter\":\"000000000000002g\"}",
		  "seccompFilter: " },
		{ "{\"config\":{}} x", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_arena struct arena arena = { 0 };
		struct err err = { 0 };
		struct start s;

		assert_int_equal(parse(&arena, cases[i].text, &s, &err),
				 -EINVAL);
		assert_ptr_equal(strstr(err.msg, cases[i].part), err.msg);
		assert_true(err.msg[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
