/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json/json.h"
#include "cmd/hull-agent/netval.h"

static const struct netval_at at = {
	.list = "network",
	.index = 2,
	.item = "routes",
	.item_index = 1,
};

static const struct json *parse(struct arena *arena, const char *value)
{
	const char *text = arena_printf(arena, "{\"k\":%s}", value);

	return json_parse(arena, text, strlen(text), NULL);
}

static void test_mac(void **state)
{
	static const struct {
		const char *json;
		int want;
	} cases[] = {
		{ "\"02:AB:cd:00:ff:10\"", 1 },
		{ "\"02:ab:cd:00:ff\"", -EINVAL },
		{ "\"02:ab:cd:00:ff:1g\"", -EINVAL },
		{ "\"02-ab-cd-00-ff-10\"", -EINVAL },
		{ "\"02:ab:cd:00:ff:10:\"", -EINVAL },
		{ "\"\"", -EINVAL },
		{ "7", -EINVAL },
	};
	static const uint8_t want[] = { 2, 0xab, 0xcd, 0, 0xff, 0x10 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_arena struct arena arena = { 0 };
		const struct json *v = parse(&arena, cases[i].json);
		struct err err = { 0 };
		uint8_t mac[6];

		assert_int_equal(netval_mac(v, "k", mac, &at, &err),
				 cases[i].want);
		if (cases[i].want == 1)
			assert_memory_equal(mac, want, sizeof(want));
		else
			assert_string_equal(err.field,
					    "network[2].routes[1].k");
		assert_int_equal(netval_mac(v, "other", mac, &at, &err), 0);
	}
}

static void test_subnet(void **state)
{
	static const struct {
		const char *json;
		int want;
		int family;
		uint32_t prefix;
	} cases[] = {
		{ "\"10.0.0.0/8\"", 1, AF_INET, 8 },
		{ "\"0.0.0.0/0\"", 1, AF_INET, 0 },
		{ "\"fd00::/64\"", 1, AF_INET6, 64 },
		{ "\"default\"", 0, 0, 0 },
		{ "\"10.0.0.0/33\"", -EINVAL, 0, 0 },
		{ "\"10.0.0.0\"", -EINVAL, 0, 0 },
		{ "\"10.0.0/8\"", -EINVAL, 0, 0 },
		{ "\"fd00::/129\"", -EINVAL, 0, 0 },
		{ "\"/8\"", -EINVAL, 0, 0 },
		{ "\"1.2.3.4/+8\"", -EINVAL, 0, 0 },
		{ "[]", -EINVAL, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_arena struct arena arena = { 0 };
		const struct json *v = parse(&arena, cases[i].json);
		struct netval_ip ip;
		uint32_t prefix;

		assert_int_equal(netval_subnet(v, "k", &ip, &prefix, &at, NULL),
				 cases[i].want);
		if (cases[i].want != 1)
			continue;
		assert_int_equal(ip.family, cases[i].family);
		assert_int_equal(prefix, cases[i].prefix);
	}
}

static void test_numbers(void **state)
{
	static const struct {
		const char *json;
		int want;
		uint32_t value;
	} cases[] = {
		{ "\"global\"", 1, 0 }, { "\"link\"", 1, 253 },
		{ "\"host\"", 1, 254 }, { "\"site\"", 1, 200 },
		{ "7", 1, 7 },          { "\"nowhere\"", -EINVAL, 0 },
		{ "256", -EINVAL, 0 },  { "-1", -EINVAL, 0 },
		{ "1.5", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_arena struct arena arena = { 0 };
		const struct json *v = parse(&arena, cases[i].json);
		uint32_t n = 99;

		assert_int_equal(netval_scope(v, "k", &n, &at, NULL),
				 cases[i].want);
		if (cases[i].want == 1)
			assert_int_equal(n, cases[i].value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mac),
		cmocka_unit_test(test_subnet),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
