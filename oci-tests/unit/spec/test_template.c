/* SPDX-License-Identifier: Apache-2.0 */
#include "spec_test.h"

static const struct spec *template(struct arena *arena, bool rootless)
{
	const struct spec_warning *warnings = NULL;
	auto_free char *text = NULL;
	struct err err = { 0 };
	const struct spec *spec;

	assert_int_equal(spec_template(rootless, 1000, 1001, &text), 0);
	assert_int_equal(text[strlen(text) - 1], '\n');
	spec = spec_parse(arena, text, strlen(text), &warnings, &err);
	if (!spec)
		fail_msg("%s", err.msg);
	assert_null(warnings);
	return spec;
}

/* All that `runc spec` gives is there; paths may be more. */
static void has_paths(const char *const *got, const char *const *want)
{
	for (; *want; want++) {
		size_t i = 0;

		while (got[i] && strcmp(got[i], *want) != 0)
			i++;
		if (!got[i])
			fail_msg("'%s' is missing", *want);
	}
}

static void same_mounts(const struct spec *a, const struct spec *b)
{
	assert_int_equal(a->mount_count, b->mount_count);
	for (size_t i = 0; i < a->mount_count; i++) {
		const struct spec_mount *x = &a->mounts[i];
		const struct spec_mount *y = &b->mounts[i];

		assert_string_equal(x->destination, y->destination);
		assert_string_equal(x->type, y->type);
		assert_string_equal(x->source, y->source);
		assert_int_equal(x->option_count, y->option_count);
		for (size_t n = 0; n < x->option_count; n++)
			assert_string_equal(x->options[n], y->options[n]);
	}
}

static void compare(const struct spec *got, const struct spec *runc)
{
	assert_string_equal(got->oci_version, "1.3.0");
	assert_string_equal(got->hostname, "hull");
	assert_string_equal(got->root_path, runc->root_path);
	assert_true(got->root_readonly);
	assert_true(got->process.terminal);
	assert_true(got->process.no_new_privs);
	assert_string_equal(got->process.args[0], "sh");
	assert_int_equal(got->process.arg_count, 1);
	assert_string_equal(got->process.env[0], runc->process.env[0]);
	assert_string_equal(got->process.env[1], runc->process.env[1]);
	assert_int_equal(got->process.env_count, 2);
	assert_string_equal(got->process.cwd, "/");
	assert_true(got->process.caps.bounding == runc->process.caps.bounding);
	assert_true(got->process.caps.effective ==
		    runc->process.caps.effective);
	assert_true(got->process.caps.permitted ==
		    runc->process.caps.permitted);
	assert_int_equal(got->process.rlimit_count, 1);
	assert_int_equal(got->process.rlimits[0].resource,
			 runc->process.rlimits[0].resource);
	assert_int_equal(got->process.rlimits[0].soft, 1024);
	same_mounts(got, runc);
	has_paths(got->linux_.masked_paths, runc->linux_.masked_paths);
	has_paths(got->linux_.readonly_paths, runc->linux_.readonly_paths);
	assert_int_equal(got->linux_.namespace_count,
			 runc->linux_.namespace_count + 1);
	for (size_t i = 0; i < runc->linux_.namespace_count; i++)
		assert_non_null(
			spec_namespace(got, runc->linux_.namespaces[i].type));
	assert_non_null(spec_namespace(got, SPEC_NS_CGROUP));
}

static void test_root(void **state)
{
	auto_arena struct arena arena = { 0 };
	const struct spec *spec = template(&arena, false), *runc;
	auto_free char *text = NULL;
	size_t len;

	(void)state;
	read_file("oci-tests/data/runc-spec.json", &text, &len);
	runc = spec_parse(&arena, text, len, NULL, NULL);
	compare(spec, runc);
	assert_true(spec->linux_.resources.devices_set);
	assert_int_equal(spec->linux_.resources.device_count, 1);
	assert_false(spec->linux_.resources.devices[0].allow);
	assert_int_equal(spec->linux_.uid_map_count, 0);
}

static void test_rootless(void **state)
{
	auto_arena struct arena arena = { 0 };
	const struct spec *spec = template(&arena, true), *runc;
	auto_free char *text = NULL;
	size_t len;

	(void)state;
	read_file("oci-tests/data/runc-spec-rootless.json", &text, &len);
	runc = spec_parse(&arena, text, len, NULL, NULL);
	compare(spec, runc);
	assert_null(spec_namespace(spec, SPEC_NS_NETWORK));
	assert_false(spec->linux_.resources.devices_set);
	assert_int_equal(spec->linux_.uid_maps[0].host_id, 1000);
	assert_int_equal(spec->linux_.gid_maps[0].host_id, 1001);
	assert_int_equal(spec->linux_.uid_maps[0].container_id, 0);
	assert_int_equal(spec->linux_.uid_maps[0].size, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_root),
		cmocka_unit_test(test_rootless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
