/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "cgroups/plan.h"
#include "oci-tests/unit/cgroups/fake.h"

#define ALL_V1                                                                \
	(CG_V1_CPU | CG_V1_CPUSET | CG_V1_MEMORY | CG_V1_PIDS | CG_V1_BLKIO | \
	 CG_V1_HUGETLB)

/* A plan as one text: "file=value;" for each write. */
static void plan_text(const struct spec_resources *res, uint32_t v1_mask,
		      char *out, size_t size)
{
	struct err err = { 0 };
	struct cg_plan plan;
	size_t len = 0;

	out[0] = '\0';
	cg_plan_init(&plan, -1);
	if (cg_plan_all(&plan, res, v1_mask, &err) < 0)
		len += (size_t)snprintf(out, size, "%s", err.msg);
	else
		for (const struct cg_write *w = plan.first; w; w = w->next)
			len += (size_t)snprintf(out + len, size - len, "%s=%s;",
						w->file, w->value);
	assert_true(len < size);
	cg_plan_release(&plan);
}

static const struct spec_throttle throttles[] = { { 8, 0, 1048576 },
						  { 8, 16, 0 } };
static const struct spec_throttle huge[] = { { 8, 0, UINT64_MAX } };
static const struct spec_weight_device weights[] = { { 8, 0, 500 },
						     { 8, 16, 0 } };
static const struct spec_hugepage pages[] = { { "2MB", 4194304 } };
static const struct spec_hugepage bad_pages[] = { { "../2MB", 1 } };
static const struct spec_rdma rdma[] = { { "mlx5_1", true, 3, true, 10000 },
					 { "mlx4_0", false, 0, true, 1 },
					 { "mlx4_1", false, 0, false, 0 } };
static const struct spec_unified unified[] = {
	{ "memory.high", "1048576" },
	{ "io.max", "8:0 rbps=1\n8:16 rbps=2\n" },
	{ "cpuset.cpus", "" },
};
static const struct spec_unified bad_unified[] = { { "a/b.c", "1" } };
static const struct spec_unified odd_unified[] = { { "memory", "1" } };

/* clang-format off */
static const struct plan_case {
	const char *name;
	struct spec_resources res;
	const char *v2, *v1;
} cases[] = {
	{ "nothing", { .devices_set = true }, "", "" },
	{ "zero is unset",
	  { .memory = { .limit = SET_I64(0), .reservation = SET_I64(0),
			.swap = SET_I64(0) },
	    .cpu = { .shares = SET_U64(0), .quota = SET_I64(0),
		     .period = SET_U64(0), .cpus = "", .mems = "" },
	    .block_io = { .weight = SET_U64(0) } },
	  "", "" },
	{ "shares", { .cpu = { .shares = SET_U64(512) } },
	  "cpu.weight=59;", "cpu.shares=512;" },
	{ "all shares", { .cpu = { .shares = SET_U64(UINT64_MAX) } },
	  "cpu.weight=10000;", "cpu.shares=18446744073709551615;" },
	{ "quota", { .cpu = { .quota = SET_I64(50000) } },
	  "cpu.max=50000;", "cpu.cfs_quota_us=50000;" },
	{ "no quota", { .cpu = { .quota = SET_I64(-1) } },
	  "cpu.max=max;", "cpu.cfs_quota_us=-1;" },
	{ "period", { .cpu = { .period = SET_U64(20000) } },
	  "cpu.max=max 20000;", "cpu.cfs_period_us=20000;" },
	{ "quota and period",
	  { .cpu = { .quota = SET_I64(5000), .period = SET_U64(20000) } },
	  "cpu.max=5000 20000;",
	  "cpu.cfs_period_us=20000;cpu.cfs_quota_us=5000;" },
	{ "burst and idle",
	  { .cpu = { .quota = SET_I64(5000), .burst = SET_U64(0),
		     .idle = SET_I64(1) } },
	  "cpu.idle=1;cpu.max.burst=0;cpu.max=5000;",
	  "cpu.idle=1;cpu.cfs_burst_us=0;cpu.cfs_quota_us=5000;" },
	{ "cpuset", { .cpu = { .cpus = "0-1", .mems = "0" } },
	  "cpuset.cpus=0-1;cpuset.mems=0;", "cpuset.cpus=0-1;cpuset.mems=0;" },
	{ "memory", { .memory = { .limit = SET_I64(1000),
				  .reservation = SET_I64(500) } },
	  "memory.max=1000;memory.low=500;",
	  "memory.limit_in_bytes=1000;memory.soft_limit_in_bytes=500;" },
	{ "memory and swap", { .memory = { .limit = SET_I64(1000),
					   .swap = SET_I64(3000) } },
	  "memory.swap.max=2000;memory.max=1000;",
	  "memory.memsw.limit_in_bytes=3000;memory.limit_in_bytes=1000;" },
	{ "no swap", { .memory = { .limit = SET_I64(1000),
				   .swap = SET_I64(1000) } },
	  "memory.swap.max=0;memory.max=1000;",
	  "memory.memsw.limit_in_bytes=1000;memory.limit_in_bytes=1000;" },
	{ "unlimited", { .memory = { .limit = SET_I64(-1),
				     .reservation = SET_I64(-1) } },
	  "memory.swap.max=max;memory.max=max;memory.low=max;",
	  "memory.memsw.limit_in_bytes=-1;memory.limit_in_bytes=-1;"
	  "memory.soft_limit_in_bytes=-1;" },
	{ "swap alone", { .memory = { .swap = SET_I64(1000) } },
	  "linux.resources.memory.swap: unable to set swap limit without "
	  "memory limit",
	  "memory.memsw.limit_in_bytes=1000;" },
	{ "swap below limit", { .memory = { .limit = SET_I64(9),
					    .swap = SET_I64(8) } },
	  "linux.resources.memory.swap: memory+swap limit should be >= memory "
	  "limit",
	  "linux.resources.memory.swap: memory+swap limit should be >= memory "
	  "limit" },
	{ "negative limit", { .memory = { .limit = SET_I64(-2) } },
	  "linux.resources.memory.limit: a negative size other than -1 (no "
	  "limit)",
	  "linux.resources.memory.limit: a negative size other than -1 (no "
	  "limit)" },
	{ "pids", { .pids_limit = SET_I64(99) }, "pids.max=99;",
	  "pids.max=99;" },
	{ "no pids", { .pids_limit = SET_I64(0) }, "pids.max=1;",
	  "pids.max=1;" },
	{ "all pids", { .pids_limit = SET_I64(-1) }, "pids.max=max;",
	  "pids.max=max;" },
	{ "weight", { .block_io = { .weight = SET_U64(750),
				    .weight_devices = weights,
				    .weight_device_count = 2 } },
	  "io.bfq.weight=750;io.weight=7475;"
	  "io.bfq.weight=8:0 500;io.weight=8:0 4950;",
	  "blkio.weight=750;blkio.bfq.weight=750;"
	  "blkio.weight_device=8:0 500;blkio.bfq.weight_device=8:0 500;" },
	{ "throttle",
	  { .block_io = { .throttle = { throttles, throttles, throttles,
					throttles },
			  .throttle_count = { 2, 1, 1, 1 } } },
	  "io.max=8:0 rbps=1048576;io.max=8:16 rbps=max;"
	  "io.max=8:0 wbps=1048576;io.max=8:0 riops=1048576;"
	  "io.max=8:0 wiops=1048576;",
	  "blkio.throttle.read_bps_device=8:0 1048576;"
	  "blkio.throttle.read_bps_device=8:16 0;"
	  "blkio.throttle.write_bps_device=8:0 1048576;"
	  "blkio.throttle.read_iops_device=8:0 1048576;"
	  "blkio.throttle.write_iops_device=8:0 1048576;" },
	/* io.max takes what is too much for "max"; v1 has 32 bits for iops */
	{ "huge rates",
	  { .block_io = { .throttle = { huge, huge, huge, huge },
			  .throttle_count = { 1, 1, 1, 1 } } },
	  "io.max=8:0 rbps=18446744073709551615;"
	  "io.max=8:0 wbps=18446744073709551615;"
	  "io.max=8:0 riops=18446744073709551615;"
	  "io.max=8:0 wiops=18446744073709551615;",
	  "blkio.throttle.read_bps_device=8:0 18446744073709551615;"
	  "blkio.throttle.write_bps_device=8:0 18446744073709551615;"
	  "blkio.throttle.read_iops_device=8:0 4294967295;"
	  "blkio.throttle.write_iops_device=8:0 4294967295;" },
	{ "hugetlb", { .hugepages = pages, .hugepage_count = 1 },
	  "hugetlb.2MB.max=4194304;hugetlb.2MB.rsvd.max=4194304;",
	  "hugetlb.2MB.limit_in_bytes=4194304;"
	  "hugetlb.2MB.rsvd.limit_in_bytes=4194304;" },
	{ "bad page size", { .hugepages = bad_pages, .hugepage_count = 1 },
	  "linux.resources.hugepageLimits[0].pageSize: '../2MB' is not a page "
	  "size such as 2MB",
	  "linux.resources.hugepageLimits[0].pageSize: '../2MB' is not a page "
	  "size such as 2MB" },
	{ "rdma", { .rdma = rdma, .rdma_count = 3 },
	  "rdma.max=mlx5_1 hca_handle=3 hca_object=10000;"
	  "rdma.max=mlx4_0 hca_object=1;",
	  "rdma.max=mlx5_1 hca_handle=3 hca_object=10000;"
	  "rdma.max=mlx4_0 hca_object=1;" },
	{ "unified", { .unified = unified, .unified_count = 3,
		       .pids_limit = SET_I64(5) },
	  "pids.max=5;memory.high=1048576;io.max=8:0 rbps=1;"
	  "io.max=8:16 rbps=2;cpuset.cpus=\n;",
	  "pids.max=5;memory.high=1048576;io.max=8:0 rbps=1;"
	  "io.max=8:16 rbps=2;cpuset.cpus=\n;" },
	{ "unified path", { .unified = bad_unified, .unified_count = 1 },
	  "linux.resources.unified[\"a/b.c\"]: must be a file name (no "
	  "slashes)",
	  "linux.resources.unified[\"a/b.c\"]: must be a file name (no "
	  "slashes)" },
	{ "unified name", { .unified = odd_unified, .unified_count = 1 },
	  "linux.resources.unified[\"memory\"]: must be in the form "
	  "CONTROLLER.PARAMETER",
	  "linux.resources.unified[\"memory\"]: must be in the form "
	  "CONTROLLER.PARAMETER" },
};
/* clang-format on */

static void expect(const struct plan_case *c, uint32_t mask, const char *want)
{
	char got[2048];

	plan_text(&c->res, mask, got, sizeof(got));
	if (strcmp(got, want))
		fail_msg("%s: '%s' instead of '%s'", c->name, got, want);
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		expect(&cases[i], 0, cases[i].v2);
		expect(&cases[i], ALL_V1, cases[i].v1);
	}
}

/* Every row is complete, and every bit belongs to one row. */
static void test_rows(void **state)
{
	uint32_t bits = 0;

	(void)state;
	for (int i = 0; i < CG_CTRLS; i++) {
		const struct cg_ctrl_row *row = &cg_ctrl_rows[i];

		assert_non_null(row->name);
		assert_non_null(row->wanted);
		assert_non_null(row->plan_v2);
		assert_true(!row->v1_name == !row->v1_bit);
		assert_true(!row->plan_v1 == !row->v1_bit);
		assert_false(bits & row->v1_bit);
		bits |= row->v1_bit;
		assert_int_equal(cg_ctrl_find(row->name, strlen(row->name)), i);
		if (row->v1_name)
			assert_int_equal(cg_ctrl_find(row->v1_name,
						      strlen(row->v1_name)),
					 i);
	}
	assert_int_equal(bits, ALL_V1);
	assert_int_equal(cg_ctrl_find("cp", 2), -ENOENT);
	assert_int_equal(cg_ctrl_find("cpusets", 7), -ENOENT);
}

/* A controller is wanted exactly when its plan has a write (errors aside). */
static void test_wanted_matches_plan(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct spec_resources *res = &cases[i].res;

		for (int k = 0; k < CG_CTRLS; k++) {
			const struct cg_ctrl_row *row = &cg_ctrl_rows[k];
			struct err err = { 0 };
			struct cg_plan plan;

			cg_plan_init(&plan, -1);
			if (row->plan_v2(&plan, res, &err) < 0 || plan.first)
				assert_non_null(row->wanted(res));
			else
				assert_null(row->wanted(res));
			cg_plan_release(&plan);
		}
	}
}

static void test_check_before_update(void **state)
{
	struct spec_resources res = {
		.memory = { .limit = SET_I64(1000), .swap = SET_I64(3000) },
	};
	struct err err = { 0 };

	(void)state;
	assert_int_equal(cg_memory_check(&res, 5000, &err), 0);
	res.memory.check_before_update = true;
	assert_int_equal(cg_memory_check(&res, 999, &err), 0);
	assert_int_equal(cg_memory_check(&res, 1000, &err), -EBUSY);
	assert_string_equal(err.msg, "linux.resources.memory.limit: rejecting "
				     "memory limit 1000 <= usage 1000");
	assert_int_equal(cg_memory_check(&res, 3000, &err), -EBUSY);
	assert_non_null(strstr(err.msg, "rejecting memory+swap limit 3000"));
	res.memory.limit.v = -1;
	res.memory.swap.v = -1;
	assert_int_equal(cg_memory_check(&res, 3000, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_wanted_matches_plan),
		cmocka_unit_test(test_check_before_update),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
