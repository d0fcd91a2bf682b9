/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>

#include "base/json/json.h"
#include "cgroups/stats.h"
#include "oci-tests/unit/cgroups/fake.h"

/* The whole object, byte for byte: member names and what is left out when it
 * is 0 are runc's (types/events.go). */

static void expect_stats(const struct cg_place *place, const char *want)
{
	auto_strbuf struct strbuf out = STRBUF_INIT;
	auto_fd int fd = cg_open(place);
	struct json_gen gen;

	assert_true(fd >= 0);
	json_gen_init(&gen, &out, false);
	json_gen_object(&gen, NULL);
	assert_int_equal(cg_stats(fd, place, &gen, NULL), 0);
	json_gen_end_object(&gen);
	assert_true(strbuf_ok(&out));
	assert_string_equal(out.s, want);
}

#define NO_CPUSET                                                            \
	"\"cpuset\":{\"cpu_exclusive\":0,\"mem_hardwall\":0,"                \
	"\"mem_exclusive\":0,\"memory_migrate\":0,\"memory_spread_page\":0," \
	"\"memory_spread_slab\":0,\"memory_pressure\":0,"                    \
	"\"sched_load_balance\":0,\"sched_relax_domain_level\":0},"

static void test_empty(void **state)
{
	struct fake *f = *state;
	struct cg_place place = fake_place(CG_MODE_UNIFIED, "/c");

	fake_file(f, "c/cgroup.procs", "1\n2\n");
	expect_stats(&place,
		     "{\"cpu\":{\"usage\":{\"kernel\":0,\"user\":0}}," NO_CPUSET
		     "\"memory\":{},\"pids\":{\"current\":2},\"hugetlb\":{},"
		     "\"blkio\":{}}");
}

static void fill_v2(const struct fake *f)
{
	static const char psi[] =
		"some avg10=1.50 avg60=0.25 avg300=0.00 total=123\n"
		"full avg10=0.00 avg60=0.00 avg300=0.00 total=45\n";
	static const struct {
		const char *file, *text;
	} files[] = {
		{ "c/cpu.stat", "usage_usec 30\nuser_usec 20\nsystem_usec 10\n"
				"nr_periods 5\nnr_throttled 2\n"
				"throttled_usec 7\n" },
		{ "c/cpu.pressure", psi },
		{ "c/memory.stat", "anon 4096\nfile 8192\nkernel 1\n" },
		{ "c/memory.current", "12288\n" },
		{ "c/memory.max", "65536\n" },
		{ "c/memory.peak", "20480\n" },
		{ "c/memory.swap.current", "100\n" },
		{ "c/memory.swap.max", "max\n" },
		{ "c/pids.current", "3\n" },
		{ "c/pids.max", "max\n" },
		{ "c/hugetlb.2MB.current", "1\n" },
		{ "c/hugetlb.2MB.rsvd.current", "2097152\n" },
		{ "c/hugetlb.2MB.events", "max 4\n" },
		{ "c/io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 "
			       "dios=6\n"
			       "0:0\n"
			       "254:16 rbytes=10 wbytes=0 rios=1 wios=0\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		fake_file(f, files[i].file, files[i].text);
}

static void test_v2(void **state)
{
	struct fake *f = *state;
	struct cg_place place = fake_place(CG_MODE_UNIFIED, "/c");

	fill_v2(f);
	expect_stats(
		&place,
		"{\"cpu\":{\"usage\":{\"total\":30000,\"kernel\":10000,"
		"\"user\":20000},\"throttling\":{\"periods\":5,"
		"\"throttledPeriods\":2,\"throttledTime\":7000},"
		"\"psi\":{\"some\":{\"avg10\":1.5,\"avg60\":0.25,\"avg300\":0,"
		"\"total\":123},\"full\":{\"avg10\":0,\"avg60\":0,"
		"\"avg300\":0,\"total\":45}}}," NO_CPUSET
		"\"memory\":{\"cache\":8192,\"usage\":{\"limit\":65536,"
		"\"usage\":12288,\"max\":20480,\"failcnt\":0},"
		"\"swap\":{\"limit\":18446744073709551615,\"usage\":12388,"
		"\"failcnt\":0},\"raw\":{\"anon\":4096,\"file\":8192,"
		"\"kernel\":1}},"
		"\"pids\":{\"current\":3},"
		"\"hugetlb\":{\"2MB\":{\"usage\":2097152,\"failcnt\":4}},"
		"\"blkio\":{\"ioServiceBytesRecursive\":["
		"{\"major\":8,\"op\":\"Read\",\"value\":1},"
		"{\"major\":8,\"op\":\"Write\",\"value\":2},"
		"{\"major\":254,\"minor\":16,\"op\":\"Read\",\"value\":10},"
		"{\"major\":254,\"minor\":16,\"op\":\"Write\"}],"
		"\"ioServicedRecursive\":["
		"{\"major\":8,\"op\":\"Read\",\"value\":3},"
		"{\"major\":8,\"op\":\"Write\",\"value\":4},"
		"{\"major\":254,\"minor\":16,\"op\":\"Read\",\"value\":1},"
		"{\"major\":254,\"minor\":16,\"op\":\"Write\"}]}}");
}

static void test_hybrid(void **state)
{
	static const struct {
		const char *file, *text;
	} files[] = {
		{ "unified/c/cgroup.procs", "9\n" },
		{ "unified/c/cpu.stat", "usage_usec 30\nuser_usec 20\n"
					"system_usec 10\n" },
		{ "cpu/c/cpu.stat", "nr_periods 1\nnr_throttled 1\n"
				    "throttled_time 77\n" },
		{ "cpu/c/cpuacct.usage_percpu", "11 19 \n" },
		{ "cpuset/c/cpuset.cpus", "0-1,3\n" },
		{ "cpuset/c/cpuset.mems", "0\n" },
		{ "cpuset/c/cpuset.sched_load_balance", "1\n" },
		{ "cpuset/c/cpuset.sched_relax_domain_level", "-1\n" },
		{ "memory/c/memory.stat", "cache 8192\nrss 4096\n" },
		{ "memory/c/memory.usage_in_bytes", "12288\n" },
		{ "memory/c/memory.limit_in_bytes", "65536\n" },
		{ "memory/c/memory.max_usage_in_bytes", "20480\n" },
		{ "memory/c/memory.failcnt", "6\n" },
		{ "pids/c/pids.current", "1\n" },
		{ "pids/c/pids.max", "8\n" },
		{ "blkio/c/blkio.bfq.io_service_bytes_recursive", "Total 0\n" },
		{ "blkio/c/blkio.throttle.io_service_bytes_recursive",
		  "8:0 Read 123\n8:0 Total 123\nTotal 123\n" },
		{ "blkio/c/blkio.time_recursive", "8:16 55\n" },
	};
	struct fake *f = *state;
	struct cg_place place = fake_place(CG_MODE_HYBRID, "/c");

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		fake_file(f, files[i].file, files[i].text);
	place.v1_mask = CG_V1_CPU | CG_V1_CPUSET | CG_V1_MEMORY | CG_V1_PIDS |
			CG_V1_BLKIO;
	expect_stats(
		&place,
		"{\"cpu\":{\"usage\":{\"total\":30000,\"percpu\":[11,19],"
		"\"kernel\":10000,\"user\":20000},\"throttling\":{"
		"\"periods\":1,\"throttledPeriods\":1,\"throttledTime\":77}},"
		"\"cpuset\":{\"cpus\":[0,1,3],\"cpu_exclusive\":0,\"mems\":[0],"
		"\"mem_hardwall\":0,\"mem_exclusive\":0,\"memory_migrate\":0,"
		"\"memory_spread_page\":0,\"memory_spread_slab\":0,"
		"\"memory_pressure\":0,\"sched_load_balance\":1,"
		"\"sched_relax_domain_level\":-1},"
		"\"memory\":{\"cache\":8192,\"usage\":{\"limit\":65536,"
		"\"usage\":12288,\"max\":20480,\"failcnt\":6},"
		"\"raw\":{\"cache\":8192,\"rss\":4096}},"
		"\"pids\":{\"current\":1,\"limit\":8},\"hugetlb\":{},"
		"\"blkio\":{\"ioServiceBytesRecursive\":["
		"{\"major\":8,\"op\":\"Read\",\"value\":123},"
		"{\"major\":8,\"op\":\"Total\",\"value\":123}],"
		"\"ioTimeRecursive\":["
		"{\"major\":8,\"minor\":16,\"value\":55}]}}");
}

static void test_record(void **state)
{
	struct fake *f = *state;
	struct cg_place place = fake_place(CG_MODE_UNIFIED, "/c");
	struct cg_record rec;
	auto_fd int fd = -1;

	fake_dir(f, "c");
	fd = cg_open(&place);
	cg_record(fd, &place, &rec);
	assert_false(rec.oom_known || rec.peak_known || rec.cpu_known);
	fake_file(f, "c/memory.events", "low 0\noom 1\noom_kill 3\n");
	fake_file(f, "c/memory.peak", "77\n");
	fake_file(f, "c/cpu.stat", "usage_usec 5\n");
	cg_record(fd, &place, &rec);
	assert_true(rec.oom_known && rec.peak_known && rec.cpu_known);
	assert_int_equal(rec.oom_kills, 3);
	assert_int_equal(rec.memory_peak_bytes, 77);
	assert_int_equal(rec.cpu_usec, 5);
}

static void test_watch(void **state)
{
	struct fake *f = *state;
	struct cg_place place = fake_place(CG_MODE_UNIFIED, "/c");
	auto_fd int fd = -1, watch = -1;
	struct err err = { 0 };
	struct pollfd pfd;

	fake_dir(f, "c");
	fd = cg_open(&place);
	assert_int_equal(cg_oom_watch(fd, &place, &err), -ENOTSUP);
	fake_file(f, "c/memory.events", "oom_kill 0\n");
	watch = cg_oom_watch(fd, &place, &err);
	assert_true(watch >= 0);
	pfd = (struct pollfd){ .fd = watch, .events = POLLIN };
	assert_int_equal(poll(&pfd, 1, 0), 0);
	assert_int_equal(io_write_text(fd, "memory.events", "oom_kill 1\n"), 0);
	assert_int_equal(poll(&pfd, 1, 1000), 1);
}

#define TEST(name, setup) \
	cmocka_unit_test_setup_teardown(name, setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_empty, fake_setup),
		TEST(test_v2, fake_setup),
		TEST(test_hybrid, fake_setup_hybrid),
		TEST(test_record, fake_setup),
		TEST(test_watch, fake_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
