/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/auto.h"
#include "cgroups/undo.h"

static void test_table(void **state)
{
	static const struct {
		const char *file, *value, *old, *want;
	} cases[] = {
		{ "memory.max", "1", "max\n", "max" },
		{ "cpu.max", "1 2", "max 100000\n", "max 100000" },
		{ "cpuset.cpus", "0", "\n", "\n" },
		{ "cpuset.cpus", "0", "", "\n" },
		{ "cpuset.cpus", "0", "0-1,3\n", "0-1,3" },
		{ "io.max", "8:0 rbps=1",
		  "8:16 rbps=7 wbps=max riops=max wiops=max\n"
		  "8:0 rbps=5 wbps=max riops=max wiops=max\n",
		  "8:0 rbps=5 wbps=max riops=max wiops=max" },
		{ "io.max", "8:0 rbps=1", "8:01 rbps=5\n",
		  "8:0 rbps=max wbps=max riops=max wiops=max" },
		{ "io.max", "8:0 rbps=1", "",
		  "8:0 rbps=max wbps=max riops=max wiops=max" },
		{ "io.weight", "200", "default 100\n8:0 300\n", "default 100" },
		{ "io.weight", "8:0 200", "default 100\n8:0 300\n", "8:0 300" },
		{ "io.weight", "8:16 200", "default 100\n8:0 300\n",
		  "8:16 default" },
		{ "io.bfq.weight", "200", "100\n", "100" },
		{ "rdma.max", "mlx hca_handle=1", "",
		  "mlx hca_handle=max hca_object=max" },
		{ "blkio.throttle.read_bps_device", "8:0 9", "8:0 5\n",
		  "8:0 5" },
		{ "blkio.throttle.write_iops_device", "8:0 9", "", "8:0 0" },
		{ "some.file", "x", "a\nb\n", NULL },
	};
	char out[256], tiny[4];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool ok = cg_undo_text(cases[i].file, cases[i].value,
				       cases[i].old, out, sizeof(out));

		assert_int_equal(ok, cases[i].want != NULL);
		if (ok)
			assert_string_equal(out, cases[i].want);
	}
	assert_false(
		cg_undo_text("memory.max", "1", "1234\n", tiny, sizeof(tiny)));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_table) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
