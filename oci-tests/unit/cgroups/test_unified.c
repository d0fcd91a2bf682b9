/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "base/arena.h"
#include "base/json/json.h"
#include "cgroups/devices.h"
#include "oci-tests/unit/cgroups/live.h"

/* A host with everything on cgroup2, for real: limits are written, and bite. */

#define NEED_UNIFIED()                                                   \
	do {                                                             \
		if (!live_can(CG_MODE_UNIFIED))                          \
			LIVE_SKIP("needs root and a pure cgroup2 host"); \
	} while (0)

static bool root_has(const char *name)
{
	char text[CG_CONTROLLERS_MAX];

	assert_int_equal(cg_controllers(text, sizeof(text)), 0);
	return cg_has_word(text, name);
}

#define NEED_CONTROLLER(name)                                \
	do {                                                 \
		NEED_UNIFIED();                              \
		if (!root_has(name))                         \
			LIVE_SKIP("no %s controller", name); \
	} while (0)

static int update(struct live *l, const struct spec_resources *res,
		  struct err *err)
{
	*err = (struct err){ 0 };
	return cg_apply(l->cg_fd, &l->place, res, true, err);
}

/* "MAJOR:MINOR" of a disk, for io.max. */
static bool find_disk(unsigned *major, unsigned *minor)
{
	static const char *const names[] = { "vda", "sda", "nvme0n1", "xvda" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[64];
		FILE *file;
		int n;

		snprintf(path, sizeof(path), "/sys/block/%s/dev", names[i]);
		file = fopen(path, "re");
		if (!file)
			continue;
		n = fscanf(file, "%u:%u", major, minor);
		fclose(file);
		if (n == 2)
			return true;
	}
	return false;
}

static void test_limits(void **state)
{
	static const struct spec_unified unified[] = {
		{ "memory.high", "50331648" },
		{ "memory.oom.group", "1" },
		{ "cgroup.max.depth", "7" },
	};
	const struct spec_resources res = {
		.memory = { .limit = SET_I64(64 << 20),
			    .reservation = SET_I64(32 << 20),
			    .swap = SET_I64(96 << 20) },
		.cpu = { .shares = SET_U64(512),
			 .quota = SET_I64(20000),
			 .period = SET_U64(50000),
			 .burst = SET_U64(10000),
			 .cpus = "0",
			 .mems = "0" },
		.pids_limit = SET_I64(9),
		.unified = unified,
		.unified_count = 3,
	};
	struct live *l = *state;

	NEED_CONTROLLER("cpuset");
	live_create(l, "limits", &res);
	assert_int_equal(l->place.v1_mask, 0);
	live_expect_u64(l->cg_fd, "memory.max", 64 << 20);
	live_expect_u64(l->cg_fd, "memory.low", 32 << 20);
	live_expect_u64(l->cg_fd, "memory.swap.max", 32 << 20);
	live_expect_u64(l->cg_fd, "memory.high", 48 << 20);
	live_expect_u64(l->cg_fd, "memory.oom.group", 1);
	live_expect_u64(l->cg_fd, "cgroup.max.depth", 7);
	live_expect_u64(l->cg_fd, "cpu.weight", 59);
	live_expect_text(l->cg_fd, "cpu.max", "20000 50000");
	live_expect_u64(l->cg_fd, "cpu.max.burst", 10000);
	live_expect_text(l->cg_fd, "cpuset.cpus", "0");
	live_expect_text(l->cg_fd, "cpuset.mems", "0");
	live_expect_u64(l->cg_fd, "pids.max", 9);
	assert_int_equal(cg_bpf_ours(l->cg_fd), 1);
}

static void test_cpu_steps(void **state)
{
	static const struct spec_resources none;
	struct spec_resources res = { .cpu.quota = SET_I64(50000) };
	struct live *l = *state;
	struct err err;

	NEED_CONTROLLER("cpu");
	live_create(l, "steps", &none);
	assert_int_equal(update(l, &res, &err), 0);
	live_expect_text(l->cg_fd, "cpu.max", "50000 100000");
	res.cpu = (struct spec_cpu){ .period = SET_U64(200000) };
	assert_int_equal(update(l, &res, &err), 0);
	live_expect_text(l->cg_fd, "cpu.max", "50000 200000");
	/* a burst above the old quota, which the new one allows */
	res.cpu = (struct spec_cpu){ .burst = SET_U64(150000),
				     .quota = SET_I64(160000) };
	if (update(l, &res, &err) < 0)
		fail_msg("%s", err.msg);
	live_expect_u64(l->cg_fd, "cpu.max.burst", 150000);
	/* and back: a quota below the old burst */
	res.cpu = (struct spec_cpu){ .burst = SET_U64(1000),
				     .quota = SET_I64(2000),
				     .period = SET_U64(10000) };
	if (update(l, &res, &err) < 0)
		fail_msg("%s", err.msg);
	live_expect_text(l->cg_fd, "cpu.max", "2000 10000");
	res.cpu =
		(struct spec_cpu){ .quota = SET_I64(-1), .burst = SET_U64(0) };
	assert_int_equal(update(l, &res, &err), 0);
	live_expect_text(l->cg_fd, "cpu.max", "max 10000");
	res.cpu = (struct spec_cpu){ .idle = SET_I64(1) };
	assert_int_equal(update(l, &res, &err), 0);
	live_expect_u64(l->cg_fd, "cpu.idle", 1);
	res.cpu = (struct spec_cpu){ .idle = SET_I64(0),
				     .shares = SET_U64(1024) };
	assert_int_equal(update(l, &res, &err), 0);
	live_expect_u64(l->cg_fd, "cpu.weight", 100);
}

static void test_rollback(void **state)
{
	const struct spec_resources first = {
		.memory = { .limit = SET_I64(64 << 20) },
		.cpu = { .shares = SET_U64(512), .quota = SET_I64(20000) },
		.pids_limit = SET_I64(9),
	};
	static const struct spec_unified bad[] = { { "memory.high", "x" } };
	static const struct spec_unified none[] = { { "memory.no", "1" } };
	static const struct spec_unified who[] = { { "nobody.max", "1" } };
	struct spec_resources second = {
		.memory = { .limit = SET_I64(32 << 20),
			    .swap = SET_I64(32 << 20) },
		.cpu = { .shares = SET_U64(100), .period = SET_U64(10000) },
		.pids_limit = SET_I64(-1),
		.unified = bad,
		.unified_count = 1,
	};
	struct live *l = *state;
	struct err err;

	NEED_CONTROLLER("memory");
	live_create(l, "rollback", &first);
	assert_int_equal(update(l, &second, &err), -EINVAL);
	assert_string_equal(err.msg,
			    "linux.resources.unified[\"memory.high\"]: cannot "
			    "write 'x' to 'memory.high': invalid argument");
	second.unified = none;
	assert_int_equal(update(l, &second, &err), -ENOENT);
	second.unified = who;
	assert_int_equal(update(l, &second, &err), -ENOTSUP);
	assert_string_equal(err.msg,
			    "linux.resources.unified[\"nobody.max\"]: "
			    "controller 'nobody' not available in cgroup '/'");
	live_expect_u64(l->cg_fd, "memory.max", 64 << 20);
	live_expect_u64(l->cg_fd, "memory.swap.max", UINT64_MAX);
	live_expect_u64(l->cg_fd, "cpu.weight", 59);
	live_expect_text(l->cg_fd, "cpu.max", "20000 100000");
	live_expect_u64(l->cg_fd, "pids.max", 9);
	second.unified_count = 0;
	assert_int_equal(update(l, &second, &err), 0);
	live_expect_u64(l->cg_fd, "memory.swap.max", 0);
	live_expect_text(l->cg_fd, "cpu.max", "20000 10000");
}

static void test_io(void **state)
{
	struct spec_throttle throttle = { .rate = 1 << 20 };
	struct spec_throttle nowhere = { 999, 999, 1 };
	struct spec_resources res = {
		.block_io = { .weight = SET_U64(750),
			      .throttle = { &throttle, NULL, &throttle },
			      .throttle_count = { 1, 0, 1 } },
	};
	struct live *l = *state;
	struct err err;
	char text[256], want[128];

	NEED_CONTROLLER("io");
	if (!find_disk(&throttle.major, &throttle.minor))
		LIVE_SKIP("no disk");
	live_create(l, "io", &res);
	snprintf(want, sizeof(want),
		 "%u:%u rbps=1048576 wbps=max riops=1048576 wiops=max",
		 throttle.major, throttle.minor);
	live_expect_text(l->cg_fd, "io.max", want);
	assert_true(
		io_read_text(l->cg_fd, "io.weight", text, sizeof(text)) > 0 ||
		io_read_text(l->cg_fd, "io.bfq.weight", text, sizeof(text)) >
			0);
	assert_non_null(strstr(text, "7")); /* 7475, or BFQ's 750 */
	/* the device's line comes back whole */
	throttle.rate = 5;
	res.block_io.throttle[SPEC_THROTTLE_WRITE_IOPS] = &nowhere;
	res.block_io.throttle_count[SPEC_THROTTLE_WRITE_IOPS] = 1;
	assert_int_equal(update(l, &res, &err), -ENODEV);
	assert_string_equal(
		err.field,
		"linux.resources.blockIO.throttleWriteIOPSDevice[0]");
	live_expect_text(l->cg_fd, "io.max", want);
	/* 0 takes a limit away */
	throttle.rate = 0;
	res.block_io.throttle_count[SPEC_THROTTLE_WRITE_IOPS] = 0;
	assert_int_equal(update(l, &res, &err), 0);
	live_expect_text(l->cg_fd, "io.max", "");
}

/* Read 2 MiB past the cache; how long does it take? */
static int read_disk(void *arg)
{
	static char buf[1 << 20] __attribute__((aligned(4096)));
	int fd = open(arg, O_RDONLY | O_DIRECT | O_CLOEXEC);
	int64_t begin = cg_now_ms();

	for (int i = 0; i < 2; i++)
		if (fd < 0 || pread(fd, buf, sizeof(buf), i << 20) < 0)
			return 255;
	return (int)((cg_now_ms() - begin) / 10 > 250
			     ? 250
			     : (cg_now_ms() - begin) / 10);
}

static void test_io_bites(void **state)
{
	struct spec_throttle throttle = { .rate = 1 << 20 };
	const struct spec_device_rule rules[] = {
		{ true, 'b', -1, -1, true, true, true },
	};
	struct spec_resources res = {
		.block_io = { .throttle = { &throttle },
			      .throttle_count = { 1 } },
		.devices_set = true,
		.devices = rules,
		.device_count = 1,
	};
	struct live *l = *state;
	char path[] = "/dev/vda";
	int status;

	NEED_CONTROLLER("io");
	if (!find_disk(&throttle.major, &throttle.minor) ||
	    access(path, R_OK) < 0)
		LIVE_SKIP("no /dev/vda");
	live_create(l, "iobites", &res);
	status = live_status(live_run(l, read_disk, path));
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 255);
	/* 2 MiB at 1 MiB/s */
	assert_true(WEXITSTATUS(status) >= 50);
}

static int burn(void *arg)
{
	int64_t end = cg_now_ms() + 2000;
	volatile unsigned x = 0;

	(void)arg;
	while (cg_now_ms() < end)
		x++;
	return 0;
}

static void test_cpu_bites(void **state)
{
	const struct spec_resources res = {
		.cpu = { .quota = SET_I64(10000), .period = SET_U64(100000) },
	};
	struct live *l = *state;
	struct cg_record rec;

	NEED_CONTROLLER("cpu");
	live_create(l, "burn", &res);
	assert_int_equal(live_status(live_run(l, burn, NULL)), 0);
	cg_record(l->cg_fd, &l->place, &rec);
	assert_true(rec.cpu_known);
	/* a tenth of two seconds */
	assert_in_range(rec.cpu_usec, 50000, 600000);
}

static int cpu_count(void *arg)
{
	cpu_set_t set;

	(void)arg;
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 255;
	return CPU_COUNT(&set) == 1 && CPU_ISSET(0, &set) ? 0 : 1;
}

static void test_cpuset_bites(void **state)
{
	const struct spec_resources res = { .cpu.cpus = "0" };
	struct live *l = *state;

	NEED_CONTROLLER("cpuset");
	live_create(l, "cpuset", &res);
	assert_int_equal(live_status(live_run(l, cpu_count, NULL)), 0);
}

static void test_pids_bites(void **state)
{
	const struct spec_resources res = { .pids_limit = SET_I64(5) };
	struct live *l = *state;
	struct err err = { 0 };
	int status;

	NEED_CONTROLLER("pids");
	live_create(l, "pids", &res);
	status = live_status(live_run(l, live_forks, NULL));
	assert_int_equal(WEXITSTATUS(status), 4);
	assert_int_equal(cg_signal(l->cg_fd, SIGTERM, &err), 0);
	assert_int_equal(cg_event_wait(l->cg_fd, "populated", 0, 5000), 0);
}

static void test_oom(void **state)
{
	const struct spec_resources res = {
		.memory = { .limit = SET_I64(16 << 20),
			    .swap = SET_I64(16 << 20) },
	};
	struct live *l = *state;
	auto_fd int watch = -1;
	struct cg_record rec;
	struct err err = { 0 };
	struct pollfd pfd;
	int status;

	NEED_CONTROLLER("memory");
	live_create(l, "oom", &res);
	watch = cg_oom_watch(l->cg_fd, &l->place, &err);
	assert_true(watch >= 0);
	status = live_status(live_run(l, live_hog, NULL));
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	pfd = (struct pollfd){ .fd = watch, .events = POLLIN | POLLPRI };
	assert_int_equal(poll(&pfd, 1, 5000), 1);
	cg_record(l->cg_fd, &l->place, &rec);
	assert_true(rec.oom_known && rec.oom_kills == 1);
	assert_true(rec.peak_known && rec.memory_peak_bytes > 1 << 20);
}

static void test_hugetlb(void **state)
{
	static const struct spec_hugepage pages[] = { { "2MB", 4 << 20 } };
	static const struct spec_hugepage odd[] = { { "3MB", 4 << 20 } };
	struct spec_resources res = { .hugepages = pages, .hugepage_count = 1 };
	struct live *l = *state;
	struct err err;

	NEED_CONTROLLER("hugetlb");
	live_create(l, "huge", &res);
	live_expect_u64(l->cg_fd, "hugetlb.2MB.max", 4 << 20);
	live_expect_u64(l->cg_fd, "hugetlb.2MB.rsvd.max", 4 << 20);
	res.hugepages = odd;
	assert_int_equal(update(l, &res, &err), -ENOENT);
	assert_string_equal(err.field,
			    "linux.resources.hugepageLimits[0].pageSize");
}

static void test_stats(void **state)
{
	const struct spec_resources res = {
		.memory = { .limit = SET_I64(16 << 20) },
		.pids_limit = SET_I64(5),
	};
	struct live *l = *state;
	auto_strbuf struct strbuf out = STRBUF_INIT;
	struct arena arena = { 0 };
	struct json_gen gen;
	const struct json *doc;
	struct err err = { 0 };
	uint64_t v;

	NEED_CONTROLLER("memory");
	live_create(l, "stats", &res);
	l->child = live_run(l, live_sleep, NULL);
	json_gen_init(&gen, &out, false);
	json_gen_object(&gen, NULL);
	assert_int_equal(cg_stats(l->cg_fd, &l->place, &gen, &err), 0);
	json_gen_end_object(&gen);
	doc = json_parse(&arena, out.s, out.len, &err);
	if (!doc)
		fail_msg("%s: %s", err.msg, out.s);
	print_message("%s\n", out.s);
	assert_int_equal(
		json_u64(json_get(json_get(doc, "pids"), "current"), &v), 0);
	assert_int_equal(v, 1);
	assert_non_null(
		json_get(json_get(json_get(doc, "memory"), "raw"), "anon"));
	arena_release(&arena);
}

static void test_freeze_kill(void **state)
{
	static const struct spec_resources none;
	struct live *l = *state;
	struct err err = { 0 };

	NEED_UNIFIED();
	live_create(l, "freeze", &none);
	l->child = live_run(l, live_sleep, NULL);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(cg_freeze(l->cg_fd, true, &err), 0);
		assert_int_equal(cg_is_frozen(l->cg_fd), 1);
		assert_int_equal(cg_freeze(l->cg_fd, false, &err), 0);
		assert_int_equal(cg_is_frozen(l->cg_fd), 0);
	}
	assert_int_equal(cg_freeze(l->cg_fd, true, &err), 0);
	assert_int_equal(cg_create(&l->place, &err), -EBUSY);
	assert_int_equal(cg_kill(l->cg_fd, &err), 0);
	assert_int_equal(cg_event_wait(l->cg_fd, "populated", 0, 5000), 0);
	assert_true(WIFSIGNALED(live_status(l->child)));
	l->child = -1;
	assert_int_equal(cg_create(&l->place, &err), -EBUSY);
	assert_non_null(strstr(err.msg, "unexpectedly frozen"));
}

/* A parent with processes of its own can have no controllers for children:
 * without limits that does not matter, with one it is said. */
static void test_busy_parent(void **state)
{
	static const struct spec_resources none;
	const struct spec_resources memory = {
		.memory = { .limit = SET_I64(16 << 20) },
	};
	const struct spec_resources pids = { .pids_limit = SET_I64(5) };
	struct live *l = *state;
	struct cg_place inner;
	struct err err = { 0 };
	char text[64];
	int fd;

	NEED_CONTROLLER("memory");
	live_create(l, "busy", &none);
	l->child = live_run(l, live_sleep, NULL);
	inner = l->place;
	strcat(inner.path, "/inner");
	fd = cg_create(&inner, &err);
	if (fd < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(cg_apply(fd, &inner, &none, false, &err), 0);
	assert_int_equal(cg_apply(fd, &inner, &memory, false, &err), -EBUSY);
	assert_non_null(strstr(err.msg, "linux.resources.memory.limit: cannot "
					"enable controller 'memory' below "
					"cgroup '/hull-test-"));
	assert_non_null(strstr(err.msg, "it has processes of its own"));
	/* a threaded controller would be had, at the price of a threaded
	 * parent: left to who owns it */
	live_expect_text(l->cg_fd, "cgroup.subtree_control", "");
	assert_true(io_read_text(fd, "cgroup.type", text, sizeof(text)) > 0);
	assert_string_equal(text, "domain");
	(void)pids;
	close(fd);
	assert_int_equal(cg_destroy(&inner, &err), 0);
}

/* Below a threaded cgroup a container is threaded too, as with runc. */
static void test_threaded_parent(void **state)
{
	static const struct spec_resources none;
	const struct spec_resources memory = {
		.memory = { .limit = SET_I64(16 << 20) },
	};
	const struct spec_resources pids = { .pids_limit = SET_I64(5) };
	struct live *l = *state;
	struct cg_place inner;
	struct err err = { 0 };
	pid_t pid;
	int fd;

	NEED_CONTROLLER("pids");
	live_create(l, "threaded", &none);
	l->child = live_run(l, live_sleep, NULL);
	assert_int_equal(
		io_write_text(l->cg_fd, "cgroup.subtree_control", "+pids"), 0);
	inner = l->place;
	strcat(inner.path, "/inner");
	fd = cg_create(&inner, &err);
	if (fd < 0)
		fail_msg("%s", err.msg);
	live_expect_text(fd, "cgroup.type", "threaded");
	assert_int_equal(cg_apply(fd, &inner, &pids, false, &err), 0);
	live_expect_u64(fd, "pids.max", 5);
	assert_true(cg_apply(fd, &inner, &memory, false, &err) < 0);
	print_message("%s\n", err.msg);
	pid = fork();
	if (!pid)
		_exit(live_sleep(NULL));
	assert_int_equal(cg_attach(fd, &inner, pid, true, NULL, &err), 0);
	close(fd);
	assert_int_equal(cg_destroy(&inner, &err), 0);
	assert_true(WIFSIGNALED(live_status(pid)));
}

static void make_nest(int top_fd, int depth)
{
	int fd = dup(top_fd);

	for (int i = 0; i < depth; i++) {
		int next;

		assert_true(!mkdirat(fd, "n", 0755));
		next = openat(fd, "n", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = next;
		assert_true(fd >= 0);
	}
	close(fd);
}

static void test_destroy_nest(void **state)
{
	static const struct spec_resources none;
	struct live *l = *state;
	struct err err = { 0 };
	char sub[512] = "n";
	auto_free pid_t *pids = NULL;
	size_t count;

	NEED_UNIFIED();
	live_create(l, "nest", &none);
	make_nest(l->cg_fd, 100);
	for (int i = 0; i < 50; i++)
		strcat(sub, "/n");
	l->child = live_run(l, live_sleep, NULL);
	assert_int_equal(
		cg_attach(l->cg_fd, &l->place, l->child, true, sub, &err), 0);
	assert_int_equal(cg_procs(l->cg_fd, &pids, &count, &err), 0);
	assert_int_equal(count, 1);
	assert_int_equal(pids[0], l->child);
	assert_int_equal(cg_destroy(&l->place, &err), 0);
	assert_int_equal(cg_open(&l->place), -ENOENT);
	assert_true(WIFSIGNALED(live_status(l->child)));
	l->child = -1;
}

static int try_devices(void *arg)
{
	if (live_open_device(arg, 'c', 1, 3, O_RDWR))
		return 1;
	if (live_open_device(arg, 'c', 1, 11, O_RDONLY) != -EPERM)
		return 2;
	if (live_open_device(arg, 'b', 8, 0, O_RDONLY) != -EPERM)
		return 3;
	return 0;
}

static int try_kmsg(void *arg)
{
	return -live_open_device(arg, 'c', 1, 11, O_RDONLY);
}

static void test_devices(void **state)
{
	static const struct spec_device_rule kmsg[] = {
		{ true, 'c', 1, 11, true, false, false },
	};
	static const struct spec_resources none;
	struct spec_resources res = { .devices_set = true,
				      .devices = kmsg,
				      .device_count = 1 };
	char dir[PATH_MAX] = "/run/hull-cgroups.XXXXXX";
	struct live *l = *state;
	struct err err;

	NEED_UNIFIED();
	assert_non_null(mkdtemp(dir));
	if (live_open_device(dir, 'c', 1, 3, O_RDWR)) {
		rmdir(dir);
		strcpy(dir, "/dev/hull-cgroups.XXXXXX");
		assert_non_null(mkdtemp(dir));
	}
	live_create(l, "devices", &none);
	assert_int_equal(live_status(live_run(l, try_devices, dir)), 0);
	assert_int_equal(update(l, &res, &err), 0);
	assert_int_equal(cg_bpf_ours(l->cg_fd), 1);
	assert_int_equal(live_status(live_run(l, try_kmsg, dir)), 0);
	res.device_count = 0;
	assert_int_equal(update(l, &res, &err), 0);
	assert_int_equal(live_status(live_run(l, try_devices, dir)), 0);
	rmdir(dir);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, live_setup, live_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_limits),       TEST(test_cpu_steps),
		TEST(test_rollback),     TEST(test_io),
		TEST(test_io_bites),     TEST(test_cpu_bites),
		TEST(test_cpuset_bites), TEST(test_pids_bites),
		TEST(test_oom),          TEST(test_hugetlb),
		TEST(test_stats),        TEST(test_freeze_kill),
		TEST(test_busy_parent),  TEST(test_threaded_parent),
		TEST(test_destroy_nest), TEST(test_devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
