/* SPDX-License-Identifier: Apache-2.0 */
#include "spec_test.h"

/* linux.resources and linux.seccomp, beyond what the engines write. */

#define RES(members) "\"linux\":{\"resources\":{" members "}}"

static const struct spec_resources *parse_resources(struct arena *arena)
{
	return &parse_good(
			arena,
			RES("\"devices\":[{\"allow\":true},{\"allow\":true,"
			    "\"type\":\"b\",\"major\":8,\"minor\":-1,"
			    "\"access\":\"mr\"},{\"allow\":false,\"type\":\"\","
			    "\"access\":\"\"}],"
			    "\"memory\":{\"limit\":-1,\"reservation\":1,"
			    "\"swap\":-1,\"checkBeforeUpdate\":true},"
			    "\"cpu\":{\"shares\":2,\"quota\":-1,\"burst\":0,"
			    "\"period\":3,\"cpus\":\"0-3,7\",\"mems\":\"0\","
			    "\"idle\":0},"
			    "\"blockIO\":{\"weight\":1000,\"weightDevice\":"
			    "[{\"major\":8,\"minor\":16,\"weight\":500},"
			    "{\"major\":8,\"minor\":0,\"weight\":0}],"
			    "\"throttleReadBpsDevice\":[{\"major\":1,\"minor\":2,"
			    "\"rate\":18446744073709551615}],"
			    "\"throttleWriteBpsDevice\":[],"
			    "\"throttleReadIOPSDevice\":[{\"major\":3,\"minor\":4,"
			    "\"rate\":0}],\"throttleWriteIOPSDevice\":"
			    "[{\"major\":5,\"minor\":6,\"rate\":7}]},"
			    "\"hugepageLimits\":[{\"pageSize\":\"2MB\","
			    "\"limit\":9223372036854772000},"
			    "{\"pageSize\":\"64KB\",\"limit\":0}],"
			    "\"pids\":{\"limit\":0},"
			    "\"rdma\":{\"mlx5_1\":{\"hcaHandles\":3,"
			    "\"hcaObjects\":10000},\"rxe3\":{\"hcaObjects\":0}},"
			    "\"unified\":{\"memory.high\":\"1\",\"io.max\":"
			    "\"8:0 rbps=1\\n8:1 rbps=2\","
			    "\"hugetlb.1GB.max\":\"\"}"))
			->linux_.resources;
}

static void test_resources(void **state)
{
	auto_arena struct arena arena = { 0 };
	const struct spec_resources *r = parse_resources(&arena);

	(void)state;
	assert_true(r->devices_set);
	assert_int_equal(r->devices[0].type, 'a');
	assert_true(r->devices[0].read && r->devices[0].write &&
		    r->devices[0].mknod);
	assert_int_equal(r->devices[1].type, 'b');
	assert_int_equal(r->devices[1].minor, -1);
	assert_true(r->devices[1].read && !r->devices[1].write &&
		    r->devices[1].mknod);
	assert_int_equal(r->devices[2].type, 'a');
	assert_true(r->devices[2].write);
	assert_true(r->memory.limit.set && r->memory.limit.v == -1);
	assert_true(r->memory.swap.set && r->memory.swap.v == -1);
	assert_true(r->memory.check_before_update);
	assert_true(r->cpu.quota.set && r->cpu.quota.v == -1);
	assert_true(r->cpu.burst.set && r->cpu.burst.v == 0);
	assert_true(r->cpu.idle.set && r->cpu.idle.v == 0);
	assert_string_equal(r->cpu.cpus, "0-3,7");
	assert_string_equal(r->cpu.mems, "0");
}

static void test_more_resources(void **state)
{
	auto_arena struct arena arena = { 0 };
	const struct spec_resources *r = parse_resources(&arena);

	(void)state;
	assert_int_equal(r->block_io.weight.v, 1000);
	assert_int_equal(r->block_io.weight_device_count, 2);
	assert_int_equal(r->block_io.weight_devices[0].weight, 500);
	assert_int_equal(r->block_io.weight_devices[1].weight, 0);
	assert_true(r->block_io.throttle[SPEC_THROTTLE_READ_BPS][0].rate ==
		    UINT64_MAX);
	assert_int_equal(r->block_io.throttle_count[SPEC_THROTTLE_WRITE_BPS],
			 0);
	assert_int_equal(r->block_io.throttle[SPEC_THROTTLE_READ_IOPS][0].minor,
			 4);
	assert_int_equal(r->block_io.throttle[SPEC_THROTTLE_WRITE_IOPS][0].rate,
			 7);
	assert_int_equal(r->hugepage_count, 2);
	assert_string_equal(r->hugepages[1].page_size, "64KB");
	assert_true(r->hugepages[0].limit_bytes == 9223372036854772000);
	assert_true(r->pids_limit.set && r->pids_limit.v == 0);
	assert_int_equal(r->rdma_count, 2);
	assert_string_equal(r->rdma[0].device, "mlx5_1");
	assert_true(r->rdma[0].handles_set && r->rdma[0].objects_set);
	assert_false(r->rdma[1].handles_set);
	assert_true(r->rdma[1].objects_set);
	assert_int_equal(r->unified_count, 3);
	assert_string_equal(r->unified[1].file, "io.max");
	assert_string_equal(r->unified[1].value, "8:0 rbps=1\n8:1 rbps=2");
}

/* contracts.md, rule 7, and what says as much as nothing */
static void test_unset_resources(void **state)
{
	auto_arena struct arena arena = { 0 };
	const struct spec_resources *r;

	(void)state;
	r = &parse_good(&arena,
			RES("\"devices\":[],\"memory\":{\"limit\":0,"
			    "\"reservation\":0,\"swap\":0,\"kernel\":-1,"
			    "\"kernelTCP\":0,\"swappiness\":null,"
			    "\"disableOOMKiller\":false,"
			    "\"useHierarchy\":true},"
			    "\"cpu\":{\"shares\":0,\"quota\":0,\"period\":0,"
			    "\"realtimeRuntime\":0,\"realtimePeriod\":0,"
			    "\"cpus\":\"\",\"mems\":\"\",\"burst\":null},"
			    "\"blockIO\":{\"weight\":0,\"leafWeight\":0,"
			    "\"weightDevice\":[]},"
			    "\"network\":{\"classID\":0,\"priorities\":[]},"
			    "\"pids\":{},\"hugepageLimits\":[],\"rdma\":{},"
			    "\"unified\":{}"))
		     ->linux_.resources;
	assert_true(r->devices_set);
	assert_int_equal(r->device_count, 0);
	assert_false(r->memory.limit.set || r->memory.reservation.set ||
		     r->memory.swap.set);
	assert_false(r->cpu.shares.set || r->cpu.quota.set ||
		     r->cpu.period.set || r->cpu.burst.set || r->cpu.idle.set);
	assert_null(r->cpu.cpus);
	assert_null(r->cpu.mems);
	assert_false(r->block_io.weight.set);
	assert_false(r->pids_limit.set);
}

static void test_seccomp(void **state)
{
	auto_arena struct arena arena = { 0 };
	const struct spec_seccomp *s;

	(void)state;
	s = &parse_good(
		     &arena,
		     "\"linux\":{\"seccomp\": {\"defaultAction\":"
		     "\"SCMP_ACT_TRACE\",\"defaultErrnoRet\":0,\"flags\":"
		     "[\"SECCOMP_FILTER_FLAG_LOG\",\"SECCOMP_FILTER_FLAG_WAIT_"
		     "KILLABLE_RECV\"],\"listenerPath\":\"\",\"syscalls\":"
		     "[{\"names\":[\"a\"],\"action\":\"SCMP_ACT_KILL_THREAD\","
		     "\"args\":[{\"index\":5,\"value\":18446744073709551615,"
		     "\"valueTwo\":1,\"op\":\"SCMP_CMP_GT\"}]}]} }")
		     ->linux_.seccomp;
	assert_int_equal(s->default_action, SPEC_ACT_TRACE);
	assert_true(s->default_errno_set);
	assert_int_equal(s->default_errno, 0);
	assert_true(s->flags_set);
	assert_true(s->flag_log && s->flag_wait_killable);
	assert_false(s->flag_tsync || s->flag_spec_allow);
	assert_int_equal(s->rules[0].action, SPEC_ACT_KILL);
	assert_int_equal(s->rules[0].args[0].index, 5);
	assert_true(s->rules[0].args[0].value == UINT64_MAX);
	assert_int_equal(s->rules[0].args[0].value_two, 1);
	assert_int_equal(s->rules[0].args[0].op, SPEC_SCMP_GT);
	assert_memory_equal(s->raw, "{\"defaultAction\":", 17);
	assert_memory_equal(s->raw + s->raw_len - 4, "]}]}", 4);
	assert_int_equal(strlen(s->raw), s->raw_len);
}

static void test_rdt(void **state)
{
	auto_arena struct arena arena = { 0 };
	const struct spec_rdt *r;

	(void)state;
	r = &parse_good(&arena, "\"linux\":{\"intelRdt\":{\"closID\":\"gold\","
				"\"schemata\":[\"L3:0=f\",\"L2:0=3\"],"
				"\"l3CacheSchema\":\"L3:0=7f\","
				"\"memBwSchema\":\"MB:0=20\","
				"\"enableMonitoring\":true}}")
		     ->linux_.rdt;
	assert_true(r->set && r->monitoring);
	assert_string_equal(r->clos_id, "gold");
	assert_string_equal(r->l3_schema, "L3:0=7f");
	assert_string_equal(r->mb_schema, "MB:0=20");
	assert_int_equal(r->schemata_count, 2);
	assert_string_equal(r->schemata[1], "L2:0=3");
	assert_null(r->schemata[2]);
	/* an empty object asks for a class of the container's name */
	r = &parse_good(&arena, "\"linux\":{\"intelRdt\":{}}")->linux_.rdt;
	assert_true(r->set && !r->clos_id && !r->schemata[0]);
	r = &parse_good(&arena, "\"linux\":{\"intelRdt\":null}")->linux_.rdt;
	assert_false(r->set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resources),
		cmocka_unit_test(test_more_resources),
		cmocka_unit_test(test_unset_resources),
		cmocka_unit_test(test_seccomp),
		cmocka_unit_test(test_rdt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
