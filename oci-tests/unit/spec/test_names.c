/* SPDX-License-Identifier: Apache-2.0 */
#include "spec_test.h"

#include <linux/capability.h>
#include <sys/resource.h>

#include "spec/names.h"

static const struct {
	const struct spec_names *set;
	size_t count;
} sets[] = {
	{ &spec_set_namespaces, SPEC_NS_TYPES },
	{ &spec_set_actions, 9 },
	{ &spec_set_operators, 7 },
	{ &spec_set_archs, 23 },
	{ &spec_set_scmp_flags, 4 },
	{ &spec_set_rlimits, RLIM_NLIMITS },
	{ &spec_set_propagations, 8 },
	{ &spec_set_policies, 6 },
	{ &spec_set_sched_flags, 7 },
	{ &spec_set_io_classes, 3 },
	{ &spec_set_mempolicy_modes, 7 },
	{ &spec_set_mempolicy_flags, 3 },
	{ &spec_set_personalities, 2 },
	{ &spec_set_device_types, 4 },
	{ &spec_set_rule_types, 4 },
};

static void test_every_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		const struct spec_names *set = sets[i].set;
		size_t n = 0;
		int value;

		for (; set->names[n]; n++) {
			assert_int_equal(
				spec_name_value(set, set->names[n], &value), 0);
			assert_int_equal(value,
					 set->values ? set->values[n] : (int)n);
		}
		assert_int_equal(n, sets[i].count);
		assert_int_equal(spec_name_value(set, "nothing", &value),
				 -EINVAL);
	}
}

static void test_hook_names(void **state)
{
	(void)state;
	for (int i = 0; i < SPEC_HOOK_KINDS; i++)
		assert_non_null(spec_hook_names[i]);
	assert_null(spec_hook_names[SPEC_HOOK_KINDS]);
	assert_string_equal(spec_hook_names[SPEC_HOOK_POSTSTOP], "poststop");
	assert_string_equal(spec_hook_names[SPEC_HOOK_CREATE_RUNTIME],
			    "createRuntime");
	assert_string_equal(spec_ns_names[SPEC_NS_NETWORK], "network");
	assert_null(spec_ns_names[SPEC_NS_TYPES]);
}

static void test_capabilities(void **state)
{
	char lower[64];

	(void)state;
	for (unsigned int cap = 0; cap <= CAP_LAST_CAP; cap++) {
		const char *name = spec_cap_name(cap);

		assert_non_null(name);
		assert_memory_equal(name, "CAP_", 4);
		assert_int_equal(spec_cap_number(name), cap);
		assert_int_equal(spec_cap_number(name + 4), cap);
		snprintf(lower, sizeof(lower), "%s", name);
		for (char *c = lower; *c; c++)
			*c = (char)(*c | (*c >= 'A' && *c <= 'Z' ? 0x20 : 0));
		assert_int_equal(spec_cap_number(lower), cap);
	}
	assert_null(spec_cap_name(CAP_LAST_CAP + 1));
	assert_null(spec_cap_name(~0U));
	assert_int_equal(spec_cap_number("CAP_SYS_ADMIN"), CAP_SYS_ADMIN);
	assert_int_equal(spec_cap_number("CAP_"), -EINVAL);
	assert_int_equal(spec_cap_number(""), -EINVAL);
	assert_int_equal(spec_cap_number("ALL"), -EINVAL);
}

static void test_rlimits(void **state)
{
	unsigned int seen = 0;

	(void)state;
	for (size_t i = 0; spec_set_rlimits.names[i]; i++)
		seen |= 1U << spec_rlimit_number(spec_set_rlimits.names[i]);
	assert_int_equal(seen, (1U << RLIM_NLIMITS) - 1);
	assert_int_equal(spec_rlimit_number("RLIMIT_NOFILE"), RLIMIT_NOFILE);
	assert_int_equal(spec_rlimit_number("NOFILE"), -EINVAL);
	assert_int_equal(spec_rlimit_number("rlimit_nofile"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_name),
		cmocka_unit_test(test_hook_names),
		cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_rlimits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
