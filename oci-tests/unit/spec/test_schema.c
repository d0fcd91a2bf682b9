/* SPDX-License-Identifier: Apache-2.0 */
#include "spec_test.h"

/*
 * The examples of the runtime specification's schema tests; they are not part
 * of this project, see schema_dir().
 */

static const struct {
	const char *file;
	const char *msg; /* the whole answer; NULL: taken */
} cases[] = {
	{ "good/minimal.json", NULL },
	{ "good/minimal-for-start.json", NULL },
	{ "good/linux-rdma.json", NULL },
	{ "good/freebsd-minimal.json", NULL },
	{ "good/zos-minimal.json", NULL },
	/* good, but hull cannot do it yet or on no Linux at all */
	{ "good/linux-netdevice.json",
	  "linux.netDevices: cannot be set without a network namespace in "
	  "linux.namespaces" },
	{ "good/freebsd-example.json",
	  "hostname: cannot be set without a uts namespace in "
	  "linux.namespaces" },
	{ "good/spec-example.json",
	  "ociVersion: expected a version 1.x.y of the runtime "
	  "specification, got \"0.5.0-dev\"\n"
	  "linux.resources.network.classID: cgroup v2 has no such control\n"
	  "linux.resources.network.priorities: cgroup v2 has no such control\n"
	  "linux.resources.memory.swappiness: cgroup v2 has no such control\n"
	  "linux.resources.cpu.realtimeRuntime: cgroup v2 has no such "
	  "control\n"
	  "linux.resources.cpu.realtimePeriod: cgroup v2 has no such control\n"
	  "linux.resources.blockIO.leafWeight: cgroup v2 has no such control\n"
	  "linux.resources.blockIO.weightDevice[0].leafWeight: cgroup v2 has "
	  "no such control" },
	{ "bad/linux-hugepage.json",
	  "linux.resources.hugepageLimits[0].pageSize: expected a page size "
	  "such as \"2MB\" or \"1GB\", got \"64kB\"" },
	{ "bad/linux-netdevice.json",
	  "linux.netDevices.eth0.name: expected a string, got 23\n"
	  "linux.netDevices: cannot be set without a network namespace in "
	  "linux.namespaces" },
	{ "bad/linux-rdma.json",
	  "linux.resources.rdma.mlx5_1.hcaHandles: expected a whole number "
	  "(0 to 4294967295), got \"not a uint32\"" },
	{ "bad/invalid-json.json",
	  "invalid JSON at line 1, column 2: invalid object key (must be a "
	  "string)" },
};

static void test_examples(void **state)
{
	const char *dir = schema_dir();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_arena struct arena arena = { 0 };
		auto_free char *text = NULL;
		struct err err = { 0 };
		char path[4096];
		size_t len;

		snprintf(path, sizeof(path), "%s/test/config/%s", dir,
			 cases[i].file);
		read_file(path, &text, &len);
		if (spec_parse(&arena, text, len, NULL, &err)) {
			if (cases[i].msg)
				fail_msg("taken: %s", cases[i].file);
			continue;
		}
		if (!cases[i].msg)
			fail_msg("%s: %s", cases[i].file, err.msg);
		assert_string_equal(err.msg, cases[i].msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
