/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "cgroups/plan.h"
#include "cgroups/systemd.h"
#include "oci-tests/unit/cgroups/fake.h"
#include "spec/spec.h"

#define INFINITE "18446744073709551615"
#define I64(n)          \
	{               \
		true, n \
	}

/* All properties as one text: "NAME sig value value;" for each. */
static void props_text(const struct sd_props *props, char *out, size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	for (const struct sd_prop *p = props->first; p; p = p->next) {
		len += (size_t)snprintf(out + len, size - len, "%s %s", p->name,
					p->sig);
		for (size_t i = 0; i < p->count; i++)
			len += (size_t)snprintf(out + len, size - len, " %s",
						p->values[i]);
		len += (size_t)snprintf(out + len, size - len, ";");
		assert_true(len < size);
	}
}

static const struct spec_throttle throttles[] = { { 8, 0, 1048576 },
						  { 8, 16, 0 } };
static const struct spec_weight_device weights[] = { { 8, 0, 500 } };
static const struct spec_hugepage pages[] = { { "2MB", 4194304 } };
static const struct spec_unified ended[] = { { "cpu.weight", "42" },
					     { "cpu.idle", "0" } };
static const struct spec_unified unified[] = {
	{ "memory.high", "1G" },
	{ "memory.min", "4096" },
	{ "memory.oom.group", "1" },
	{ "memory.zswap.max", "max" },
	{ "cpu.max", "max 50000" },
	{ "io.latency", "8:0 target=10" },
	{ "cpuset.cpus", "0-3,9" },
	{ "memory.low", "gibberish" },
	{ "io.max", "8:0 rbps=1 wiops=max\n8:16 riops=2" },
};

/* clang-format off */
static const struct {
	const char *name;
	struct spec_resources res;
	const char *want;
} cases[] = {
	{ "nothing", { .devices_set = true }, "" },
	{ "memory",
	  { .memory = { .limit = I64(1000), .swap = I64(3000),
			.reservation = I64(500) } },
	  "MemorySwapMax t 2000;MemoryMax t 1000;MemoryLow t 500;" },
	{ "no limit", { .memory = { .limit = I64(-1) } },
	  "MemorySwapMax t " INFINITE ";MemoryMax t " INFINITE ";" },
	{ "cpu",
	  { .cpu = { .shares = I64(1024), .quota = I64(50000),
		     .period = I64(200000) } },
	  "CPUWeight t 100;CPUQuotaPeriodUSec t 200000;"
	  "CPUQuotaPerSecUSec t 250000;" },
	{ "rounded up to 10 ms", { .cpu = { .quota = I64(12345) } },
	  "CPUQuotaPerSecUSec t 130000;" },
	{ "a quota beyond 64 bits a second",
	  { .cpu = { .quota = I64(INT64_MAX / 1000), .period = I64(1) } }, "" },
	{ "no quota", { .cpu = { .quota = I64(-1) } },
	  "CPUQuotaPerSecUSec t " INFINITE ";" },
	{ "idle", { .cpu = { .idle = I64(1) } }, "CPUWeight t 0;" },
	{ "not idle", { .cpu = { .idle = I64(0) } },
	  "CPUWeight t " INFINITE ";" },
	{ "not idle, and a weight", /* the last one holds */
	  { .cpu = { .idle = I64(0), .shares = I64(1024) } },
	  "CPUWeight t " INFINITE ";CPUWeight t 100;" },
	{ "a weight, and not idle",
	  { .unified = ended, .unified_count = ARRAY_SIZE(ended) },
	  "CPUWeight t 42;" },
	{ "cpuset", { .cpu = { .cpus = "0,2-3,8", .mems = "0" } },
	  "AllowedCPUs ay 13 1;AllowedMemoryNodes ay 1;" },
	{ "pids", { .pids_limit = I64(7) }, "TasksMax t 7;" },
	{ "pids 0", { .pids_limit = I64(0) }, "TasksMax t 1;" },
	{ "pids -1", { .pids_limit = I64(-1) }, "TasksMax t " INFINITE ";" },
	{ "io",
	  { .block_io = { .weight = I64(10), .weight_devices = weights,
			  .weight_device_count = 1,
			  .throttle = { [SPEC_THROTTLE_READ_BPS] = throttles },
			  .throttle_count = { [SPEC_THROTTLE_READ_BPS] = 2 } } },
	  "IOWeight t 1;IODeviceWeight a(st) /dev/block/8:0 4950;"
	  "IOReadBandwidthMax a(st) /dev/block/8:0 1048576;"
	  "IOReadBandwidthMax a(st) /dev/block/8:16 " INFINITE ";" },
	{ "of no meaning to systemd",
	  { .hugepages = pages, .hugepage_count = 1 }, "" },
	{ "unified",
	  { .unified = unified, .unified_count = ARRAY_SIZE(unified) },
	  "MemoryHigh t 1073741824;MemoryMin t 4096;OOMPolicy s kill;"
	  "MemoryZSwapMax t " INFINITE ";CPUQuotaPeriodUSec t 50000;"
	  "CPUQuotaPerSecUSec t " INFINITE ";AllowedCPUs ay 15 2;"
	  "IOReadBandwidthMax a(st) /dev/block/8:0 1;"
	  "IOWriteIOPSMax a(st) /dev/block/8:0 " INFINITE ";"
	  "IOReadIOPSMax a(st) /dev/block/8:16 2;" },
};
/* clang-format on */

static void test_resources(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sd_props props;
		struct err err = { 0 };
		struct cg_plan plan;
		char text[2048];

		sd_props_init(&props);
		cg_plan_init(&plan, -1);
		assert_int_equal(cg_plan_all(&plan, &cases[i].res, 0, &err), 0);
		sd_props_plan(&props, &plan);
		assert_int_equal(sd_props_status(&props, &err), 0);
		props_text(&props, text, sizeof(text));
		if (strcmp(text, cases[i].want))
			fail_msg("%s: %s", cases[i].name, text);
		cg_plan_release(&plan);
		sd_props_release(&props);
	}
}

/* A quota without a period, while the cgroup has one. */
static void test_present_period(void **state)
{
	static const struct {
		const char *now, *want;
	} rows_now[] = {
		{ "50000 200000\n", "CPUQuotaPeriodUSec t 200000;"
				    "CPUQuotaPerSecUSec t 250000;" },
		{ "max 100000\n", "CPUQuotaPeriodUSec t 100000;"
				  "CPUQuotaPerSecUSec t 500000;" },
		{ "", "CPUQuotaPerSecUSec t 500000;" },
	};
	static const struct spec_unified given[] = { { "cpu.max", "50000" } };
	const struct spec_resources asked[] = {
		{ .cpu = { .quota = I64(50000) } },
		{ .unified = given, .unified_count = 1 },
	};
	struct fake *f = *state;

	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows_now); i++) {
		struct sd_props props;
		struct err err = { 0 };
		struct cg_plan plan;
		char text[256];

		fake_file(f, "cpu.max", rows_now[i / 2].now);
		sd_props_init(&props);
		cg_plan_init(&plan, f->fd);
		assert_int_equal(cg_plan_all(&plan, &asked[i % 2], 0, &err), 0);
		sd_props_plan(&props, &plan);
		props_text(&props, text, sizeof(text));
		assert_string_equal(text, rows_now[i / 2].want);
		cg_plan_release(&plan);
		sd_props_release(&props);
	}
}

static void test_base(void **state)
{
	const struct cg_place place = { .path = "/a.slice/x.scope" };
	struct sd_props props;
	char text[2048];

	(void)state;
	sd_props_init(&props);
	sd_props_base(&props, &place, "c1");
	props_text(&props, text, sizeof(text));
	assert_string_equal(text, "Description s hull container c1;"
				  "Slice s a.slice;Delegate b true;"
				  "CPUAccounting b true;"
				  "MemoryAccounting b true;"
				  "IOAccounting b true;TasksAccounting b true;"
				  "DefaultDependencies b false;"
				  "CollectMode s inactive-or-failed;");
	sd_props_release(&props);
}

/* clang-format off */
static const struct {
	const char *name, *value, *want; /* NULL: refused */
} annotations[] = {
	{ "SendSIGHUP", "true", "SendSIGHUP b true;" },
	{ "SendSIGHUP", " false ", "SendSIGHUP b false;" },
	{ "KillSignal", "15", "KillSignal i 15;" },
	{ "KillSignal", "-1", "KillSignal i -1;" },
	{ "TasksMax", "uint64 5", "TasksMax t 5;" },
	{ "TasksMax", "uint64 " INFINITE, "TasksMax t " INFINITE ";" },
	{ "Foo", "@t 5", "Foo t 5;" },
	{ "Foo", "byte 255", "Foo y 255;" },
	{ "Foo", "int16 -5", "Foo n -5;" },
	{ "Foo", "1.5", "Foo d 1.5;" },
	{ "Foo", "double 2", "Foo d 2;" },
	{ "CollectMode", "'inactive'", "CollectMode s inactive;" },
	{ "CollectMode", "\"a'b\"", "CollectMode s a'b;" },
	{ "CollectMode", "'a\\'b\\\\'", "CollectMode s a'b\\;" },
	{ "After", "['a.service', 'b.service']",
	  "After as a.service b.service;" },
	{ "After", "@as []", "After as;" },
	{ "Foo", "[1, 2]", "Foo ai 1 2;" },
	{ "Foo", "@at [1, 2]", "Foo at 1 2;" },
	{ "Foo", "[uint64 1]", NULL },
	{ "TimeoutStopSec", "5", "TimeoutStopUSec t 5000000;" },
	{ "TimeoutStopSec", "uint64 5", "TimeoutStopUSec t 5000000;" },
	{ "TimeoutStopSec", "0.5", "TimeoutStopUSec t 500000;" },
	{ "TimeoutStopUSec", "uint64 5", "TimeoutStopUSec t 5;" },
	/* refused */
	{ "TimeoutStopSec", "'5'", NULL },
	{ "TimeoutStopSec", "-5", NULL },
	{ "TimeoutStopSec", "true", NULL },
	{ "Foo", "", NULL },
	{ "Foo", "word", NULL },
	{ "Foo", "'open", NULL },
	{ "Foo", "'a' 'b'", NULL },
	{ "Foo", "[]", NULL },
	{ "Foo", "[1, 'a']", NULL },
	{ "Foo", "['a' 'b']", NULL },
	{ "Foo", "['a'", NULL },
	{ "Foo", "@as 'a'", NULL },
	{ "Foo", "@(ss) ('a', 'b')", NULL },
	{ "Foo", "byte 256", NULL },
	{ "Foo", "uint32 -1", NULL },
	{ "Foo", "99999999999", NULL },
	{ "Foo", "'\\q'", NULL },
	{ "Fo", "true", NULL },
	{ "Foo Bar", "true", NULL },
	{ "Foo1", "true", NULL },
	{ "", "true", NULL },
};
/* clang-format on */

static void test_annotations(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(annotations); i++) {
		char key[128], text[2048];
		const struct spec_pair pairs[] = {
			{ "org.example", "x" },
			{ key, annotations[i].value },
		};
		const struct spec spec = { .annotations = pairs,
					   .annotation_count = 2 };
		struct sd_props props;
		struct err err = { 0 };
		int rc;

		snprintf(key, sizeof(key), "org.systemd.property.%s",
			 annotations[i].name);
		sd_props_init(&props);
		rc = sd_props_annotations(&props, &spec, &err);
		if (rc != (annotations[i].want ? 0 : -EINVAL))
			fail_msg("case %zu: %d '%s'", i, rc, err.msg);
		if (rc)
			assert_non_null(strstr(err.field, key));
		props_text(&props, text, sizeof(text));
		if (!rc && strcmp(text, annotations[i].want))
			fail_msg("case %zu: '%s'", i, text);
		sd_props_release(&props);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resources),
		cmocka_unit_test_setup_teardown(test_present_period, fake_setup,
						fake_teardown),
		cmocka_unit_test(test_base),
		cmocka_unit_test(test_annotations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
