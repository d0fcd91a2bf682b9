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
#include "cgroups/v1.h"
#include "oci-tests/unit/cgroups/live.h"

/* A hybrid host, for real: v1 controllers by libcgroup beside cgroup2. */

#define NEED_HYBRID()                                                     \
	do {                                                              \
		if (!live_can(CG_MODE_HYBRID))                            \
			LIVE_SKIP("needs root and a hybrid cgroup host"); \
	} while (0)

static bool has_v1(const char *name)
{
	auto_fd int fd = cg_v1_root_open(name);

	return fd >= 0;
}

static void test_no_limits(void **state)
{
	struct live *l = *state;
	static const struct spec_resources none;

	NEED_HYBRID();
	live_create(l, "none", &none);
	assert_int_equal(l->place.v1_mask, 0);
	assert_int_equal(cg_is_populated(l->cg_fd), 0);
	assert_int_equal(cg_bpf_ours(l->cg_fd), 1);
	l->child = live_run(l, live_sleep, NULL);
	assert_int_equal(cg_is_populated(l->cg_fd), 1);
}

static void test_limits(void **state)
{
	const struct spec_resources res = {
		.memory = { .limit = SET_I64(64 << 20),
			    .reservation = SET_I64(32 << 20) },
		.cpu = { .shares = SET_U64(512),
			 .quota = SET_I64(20000),
			 .period = SET_U64(50000),
			 .cpus = "0",
			 .mems = "0" },
		.pids_limit = SET_I64(9),
	};
	struct live *l = *state;

	NEED_HYBRID();
	if (!has_v1("memory") || !has_v1("cpu") || !has_v1("cpuset") ||
	    !has_v1("pids"))
		LIVE_SKIP("a v1 controller is not mounted");
	live_create(l, "limits", &res);
	assert_int_equal(l->place.v1_mask,
			 CG_V1_CPU | CG_V1_CPUSET | CG_V1_MEMORY | CG_V1_PIDS);
	for (enum cg_ctrl c = 0; c < CG_IO; c++) {
		auto_fd int fd = cg_v1_open(&l->place, c);

		assert_true(fd >= 0);
		switch (c) {
		case CG_CPU:
			live_expect_u64(fd, "cpu.shares", 512);
			live_expect_u64(fd, "cpu.cfs_quota_us", 20000);
			live_expect_u64(fd, "cpu.cfs_period_us", 50000);
			break;
		case CG_CPUSET:
			live_expect_text(fd, "cpuset.cpus", "0");
			live_expect_text(fd, "cpuset.mems", "0");
			break;
		case CG_MEMORY:
			live_expect_u64(fd, "memory.limit_in_bytes", 64 << 20);
			live_expect_u64(fd, "memory.soft_limit_in_bytes",
					32 << 20);
			break;
		default:
			live_expect_u64(fd, "pids.max", 9);
		}
	}
	l->child = live_run(l, live_sleep, NULL);
	for (enum cg_ctrl c = 0; c < CG_IO; c++) {
		auto_fd int fd = cg_v1_open(&l->place, c);

		assert_int_equal(cg_has_procs(fd), 1);
	}
}

/* A cpuset without limits of its own still takes processes: its ancestors and
 * it have got their parents' cpus and mems. */
static void test_cpuset_inherits(void **state)
{
	const struct spec_resources res = { .cpu = { .mems = "0" } };
	struct live *l = *state;
	auto_fd int fd = -1;
	char text[64];

	NEED_HYBRID();
	if (!has_v1("cpuset"))
		LIVE_SKIP("no v1 cpuset");
	live_create(l, "a/b/c", &res);
	fd = cg_v1_open(&l->place, CG_CPUSET);
	assert_true(io_read_text(fd, "cpuset.cpus", text, sizeof(text)) > 0);
	l->child = live_run(l, live_sleep, NULL);
	assert_int_equal(cg_has_procs(fd), 1);
}

static int update(struct live *l, const struct spec_resources *res,
		  struct err *err)
{
	*err = (struct err){ 0 };
	return cg_apply(l->cg_fd, &l->place, res, true, err);
}

static void test_memory_order(void **state)
{
	struct spec_resources res = {
		.memory = { .limit = SET_I64(64 << 20),
			    .swap = SET_I64(96 << 20) },
	};
	static const int64_t steps[][2] = {
		{ 128, 256 }, { 16, 32 }, { 32, 32 }, { 512, 1024 }, { 8, 9 },
	};
	struct live *l = *state;
	auto_fd int fd = -1;
	struct err err;

	NEED_HYBRID();
	if (!has_v1("memory"))
		LIVE_SKIP("no v1 memory");
	live_create(l, "order", &res);
	fd = cg_v1_open(&l->place, CG_MEMORY);
	if (faccessat(fd, "memory.memsw.limit_in_bytes", F_OK, 0) < 0)
		LIVE_SKIP("no swap accounting");
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		res.memory.limit.v = steps[i][0] << 20;
		res.memory.swap.v = steps[i][1] << 20;
		if (update(l, &res, &err) < 0)
			fail_msg("step %zu: %s", i, err.msg);
		live_expect_u64(fd, "memory.limit_in_bytes",
				(uint64_t)res.memory.limit.v);
		live_expect_u64(fd, "memory.memsw.limit_in_bytes",
				(uint64_t)res.memory.swap.v);
	}
	/* no limit on memory takes the one on swap away too */
	res.memory.limit.v = -1;
	res.memory.swap.v = 0;
	assert_int_equal(update(l, &res, &err), 0);
}

static void test_cpu_order(void **state)
{
	struct spec_resources res = {
		.cpu = { .quota = SET_I64(500000), .period = SET_U64(1000000) },
	};
	struct live *l = *state;
	auto_fd int fd = -1;
	struct err err;

	NEED_HYBRID();
	if (!has_v1("cpu"))
		LIVE_SKIP("no v1 cpu");
	live_create(l, "cpu", &res);
	fd = cg_v1_open(&l->place, CG_CPU);
	res.cpu.burst = (struct opt_u64){ true, 400000 };
	assert_int_equal(update(l, &res, &err), 0);
	res.cpu = (struct spec_cpu){ .quota = SET_I64(3000),
				     .period = SET_U64(10000),
				     .burst = SET_U64(1000) };
	if (update(l, &res, &err) < 0)
		fail_msg("%s", err.msg);
	live_expect_u64(fd, "cpu.cfs_quota_us", 3000);
	live_expect_u64(fd, "cpu.cfs_period_us", 10000);
	res.cpu = (struct spec_cpu){ .burst = SET_U64(900000),
				     .quota = SET_I64(900000),
				     .period = SET_U64(1000000) };
	if (update(l, &res, &err) < 0)
		fail_msg("%s", err.msg);
}

static void test_rollback(void **state)
{
	static const struct spec_throttle nowhere[] = { { 999, 999, 1000 } };
	const struct spec_resources first = {
		.memory = { .limit = SET_I64(64 << 20) },
		.cpu = { .shares = SET_U64(512), .cpus = "0" },
		.pids_limit = SET_I64(9),
		.block_io = { .throttle = { nowhere },
			      .throttle_count = { 0 } },
	};
	struct spec_resources second = {
		.memory = { .limit = SET_I64(32 << 20) },
		.cpu = { .shares = SET_U64(100) },
		.pids_limit = SET_I64(-1),
		.block_io = { .throttle = { nowhere },
			      .throttle_count = { 1 } },
	};
	struct live *l = *state;
	auto_fd int mem = -1, cpu = -1, pids = -1;
	struct err err;

	NEED_HYBRID();
	if (!has_v1("blkio") || !has_v1("memory"))
		LIVE_SKIP("a v1 controller is not mounted");
	live_create(l, "rollback", &first);
	mem = cg_v1_open(&l->place, CG_MEMORY);
	cpu = cg_v1_open(&l->place, CG_CPU);
	pids = cg_v1_open(&l->place, CG_PIDS);
	assert_int_equal(cg_place_add(&l->place, l->cg_fd, &second, &err), 0);
	assert_true(l->place.v1_mask & CG_V1_BLKIO);
	assert_int_equal(update(l, &second, &err), -ENODEV);
	assert_string_equal(err.field,
			    "linux.resources.blockIO.throttleReadBpsDevice[0]");
	live_expect_u64(mem, "memory.limit_in_bytes", 64 << 20);
	live_expect_u64(cpu, "cpu.shares", 512);
	live_expect_u64(pids, "pids.max", 9);
	second.block_io.throttle_count[0] = 0;
	assert_int_equal(update(l, &second, &err), 0);
	live_expect_u64(mem, "memory.limit_in_bytes", 32 << 20);
	live_expect_u64(cpu, "cpu.shares", 100);
	live_expect_u64(pids, "pids.max", UINT64_MAX);
}

/* update may need hierarchies that create did not. */
static void test_add(void **state)
{
	static const struct spec_resources none;
	const struct spec_resources res = { .pids_limit = SET_I64(5) };
	struct live *l = *state;
	auto_fd int fd = -1;
	struct err err;

	NEED_HYBRID();
	if (!has_v1("pids"))
		LIVE_SKIP("no v1 pids");
	live_create(l, "add", &none);
	l->child = live_run(l, live_sleep, NULL);
	assert_int_equal(update(l, &res, &err), -ENOTSUP);
	assert_int_equal(cg_place_add(&l->place, l->cg_fd, &res, &err), 0);
	assert_int_equal(l->place.v1_mask, CG_V1_PIDS);
	fd = cg_v1_open(&l->place, CG_PIDS);
	assert_int_equal(cg_has_procs(fd), 1);
	assert_int_equal(update(l, &res, &err), 0);
	live_expect_u64(fd, "pids.max", 5);
}

static void test_pids(void **state)
{
	const struct spec_resources res = { .pids_limit = SET_I64(5) };
	struct live *l = *state;
	struct err err = { 0 };
	auto_free pid_t *pids = NULL;
	size_t count;
	int status;

	NEED_HYBRID();
	if (!has_v1("pids"))
		LIVE_SKIP("no v1 pids");
	live_create(l, "pids", &res);
	status = live_status(live_run(l, live_forks, NULL));
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 4);
	assert_int_equal(cg_procs(l->cg_fd, &pids, &count, &err), 0);
	assert_int_equal(count, 4);
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

	NEED_HYBRID();
	if (!has_v1("memory"))
		LIVE_SKIP("no v1 memory");
	live_create(l, "oom", &res);
	watch = cg_oom_watch(l->cg_fd, &l->place, &err);
	if (watch < 0)
		fail_msg("%s", err.msg);
	cg_record(l->cg_fd, &l->place, &rec);
	assert_true(rec.oom_known);
	assert_int_equal(rec.oom_kills, 0);
	pfd = (struct pollfd){ .fd = watch, .events = POLLIN | POLLPRI };
	assert_int_equal(poll(&pfd, 1, 0), 0);
	status = live_status(live_run(l, live_hog, NULL));
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_int_equal(poll(&pfd, 1, 5000), 1);
	cg_record(l->cg_fd, &l->place, &rec);
	assert_int_equal(rec.oom_kills, 1);
	assert_true(rec.peak_known && rec.memory_peak_bytes > 1 << 20);
	assert_true(rec.cpu_known && rec.cpu_usec > 0);
}

static void test_no_memory_watch(void **state)
{
	static const struct spec_resources none;
	struct live *l = *state;
	struct cg_record rec;
	struct err err = { 0 };

	NEED_HYBRID();
	if (!has_v1("memory"))
		LIVE_SKIP("no v1 memory");
	live_create(l, "nowatch", &none);
	assert_int_equal(cg_oom_watch(l->cg_fd, &l->place, &err), -ENOTSUP);
	cg_record(l->cg_fd, &l->place, &rec);
	assert_false(rec.oom_known || rec.peak_known);
	assert_true(rec.cpu_known);
}

static const struct json *member(const struct json *obj, const char *a,
				 const char *b)
{
	const struct json *v = json_get(json_get(obj, a), b);

	if (!v)
		fail_msg("no %s.%s", a, b);
	return v;
}

static void test_stats(void **state)
{
	const struct spec_resources res = {
		.memory = { .limit = SET_I64(16 << 20) },
		.cpu = { .quota = SET_I64(20000), .cpus = "0" },
		.pids_limit = SET_I64(5),
	};
	struct live *l = *state;
	auto_strbuf struct strbuf out = STRBUF_INIT;
	struct arena arena = { 0 };
	struct json_gen gen;
	const struct json *doc;
	struct err err = { 0 };
	uint64_t v;

	NEED_HYBRID();
	live_create(l, "stats", &res);
	l->child = live_run(l, live_sleep, NULL);
	json_gen_init(&gen, &out, false);
	json_gen_object(&gen, NULL);
	assert_int_equal(cg_stats(l->cg_fd, &l->place, &gen, &err), 0);
	json_gen_end_object(&gen);
	doc = json_parse(&arena, out.s, out.len, &err);
	if (!doc)
		fail_msg("%s: %s", err.msg, out.s);
	assert_int_equal(json_u64(member(doc, "pids", "current"), &v), 0);
	assert_int_equal(v, 1);
	assert_int_equal(json_u64(member(doc, "pids", "limit"), &v), 0);
	assert_int_equal(v, 5);
	assert_int_equal(
		json_u64(json_get(member(doc, "memory", "usage"), "limit"), &v),
		0);
	assert_int_equal(v, 16 << 20);
	assert_non_null(json_get(member(doc, "memory", "raw"), "rss"));
	assert_int_equal(member(doc, "cpuset", "cpus")->count, 1);
	assert_non_null(json_get(member(doc, "cpu", "usage"), "kernel"));
	assert_non_null(json_get(doc, "hugetlb"));
	assert_non_null(json_get(doc, "blkio"));
	arena_release(&arena);
}

static void test_freeze_kill(void **state)
{
	static const struct spec_resources none;
	struct live *l = *state;
	struct err err = { 0 };

	NEED_HYBRID();
	live_create(l, "freeze", &none);
	l->child = live_run(l, live_sleep, NULL);
	assert_int_equal(cg_is_frozen(l->cg_fd), 0);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(cg_freeze(l->cg_fd, true, &err), 0);
		assert_int_equal(cg_is_frozen(l->cg_fd), 1);
		assert_int_equal(cg_freeze(l->cg_fd, false, &err), 0);
	}
	assert_int_equal(cg_freeze(l->cg_fd, true, &err), 0);
	assert_int_equal(cg_create(&l->place, &err), -EBUSY);
	/* a paused container can be killed */
	assert_int_equal(cg_kill(l->cg_fd, &err), 0);
	assert_int_equal(cg_event_wait(l->cg_fd, "populated", 0, 5000), 0);
	assert_true(WIFSIGNALED(live_status(l->child)));
	l->child = -1;
	/* empty and frozen: still not for another container */
	assert_int_equal(cg_create(&l->place, &err), -EBUSY);
	assert_non_null(strstr(err.msg, "unexpectedly frozen"));
}

/* What a workload with a writable cgroup can leave behind. */
static void make_nest(int top_fd, int depth)
{
	int fd = dup(top_fd);

	for (int i = 0; i < depth; i++) {
		int next;

		assert_true(!mkdirat(fd, "n", 0755));
		assert_true(!mkdirat(fd, "m", 0755));
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

	NEED_HYBRID();
	live_create(l, "nest", &none);
	make_nest(l->cg_fd, 200);
	for (int i = 0; i < 99; i++)
		strcat(sub, "/n");
	l->child = live_run(l, live_sleep, NULL);
	assert_int_equal(
		cg_attach(l->cg_fd, &l->place, l->child, true, sub, &err), 0);
	assert_int_equal(cg_destroy(&l->place, &err), 0);
	assert_int_equal(cg_open(&l->place), -ENOENT);
	assert_true(WIFSIGNALED(live_status(l->child)));
	l->child = -1;
}

static int try_devices(void *arg)
{
	const char *dir = arg;

	if (live_open_device(dir, 'c', 1, 3, O_RDWR))
		return 1;
	if (live_open_device(dir, 'c', 1, 5, O_RDONLY))
		return 2;
	if (live_open_device(dir, 'c', 1, 11, O_RDONLY) != -EPERM) /* kmsg */
		return 3;
	if (live_open_device(dir, 'b', 8, 0, O_RDONLY) != -EPERM)
		return 4;
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
	struct spec_resources res = { .devices_set = true };
	struct live *l = *state;
	char dir[PATH_MAX] = "/dev/shm/hull-cgroups.XXXXXX";
	struct err err;

	NEED_HYBRID();
	if (!mkdtemp(dir))
		LIVE_SKIP("no place for device nodes");
	if (live_open_device(dir, 'c', 1, 3, O_RDWR)) {
		rmdir(dir);
		LIVE_SKIP("cannot open devices in %s", dir);
	}
	live_create(l, "devices", &none);
	assert_int_equal(live_status(live_run(l, try_devices, dir)), 0);
	/* an update without a list leaves the rules alone */
	assert_int_equal(update(l, &none, &err), 0);
	assert_int_equal(cg_bpf_ours(l->cg_fd), 1);
	assert_int_equal(live_status(live_run(l, try_devices, dir)), 0);
	/* with one it replaces them */
	res.devices = kmsg;
	res.device_count = 1;
	for (int i = 0; i < 5; i++)
		assert_int_equal(update(l, &res, &err), 0);
	assert_int_equal(cg_bpf_ours(l->cg_fd), 1);
	assert_int_equal(live_status(live_run(l, try_kmsg, dir)), 0);
	res.device_count = 0;
	assert_int_equal(update(l, &res, &err), 0);
	assert_int_equal(cg_bpf_ours(l->cg_fd), 1);
	assert_int_equal(live_status(live_run(l, try_devices, dir)), 0);
	rmdir(dir);
}

static bool root_passes_on(const char *name)
{
	auto_fd int fd = cg_root_open(CG_MODE_HYBRID);
	char text[256];

	assert_true(io_read_text(fd, "cgroup.subtree_control", text,
				 sizeof(text)) >= 0);
	return cg_has_word(text, name);
}

/* The one controller that cgroup2 has on such a host: enabled when a limit
 * asks for it, and only then. */
static void test_hugetlb_v2(void **state)
{
	static const struct spec_hugepage pages[] = { { "2MB", 4 << 20 } };
	const struct spec_resources res = { .hugepages = pages,
					    .hugepage_count = 1 };
	struct live *l = *state;
	char text[256];
	bool before;

	NEED_HYBRID();
	assert_int_equal(cg_controllers(text, sizeof(text)), 0);
	if (!cg_has_word(text, "hugetlb"))
		LIVE_SKIP("no hugetlb in cgroup2");
	before = root_passes_on("hugetlb");
	live_create(l, "huge", &res);
	assert_int_equal(l->place.v1_mask, 0);
	live_expect_u64(l->cg_fd, "hugetlb.2MB.max", 4 << 20);
	live_expect_u64(l->cg_fd, "hugetlb.2MB.rsvd.max", 4 << 20);
	if (!before) {
		struct cg_place top = l->place;
		auto_fd int root = cg_root_open(CG_MODE_HYBRID);

		assert_int_equal(cg_destroy(&l->place, NULL), 0);
		*strrchr(top.path, '/') = '\0';
		assert_int_equal(cg_destroy(&top, NULL), 0);
		assert_int_equal(io_write_text(root, "cgroup.subtree_control",
					       "-hugetlb"),
				 0);
	}
}

/* A cgroup in use in a v1 hierarchy alone is in use. */
static void test_twin_in_use(void **state)
{
	const struct spec_resources res = { .pids_limit = SET_I64(5) };
	struct live *l = *state;
	struct err err = { 0 };
	struct cg_place v2;

	NEED_HYBRID();
	if (!has_v1("pids"))
		LIVE_SKIP("no v1 pids");
	live_create(l, "twin", &res);
	l->child = fork();
	if (!l->child)
		_exit(live_sleep(NULL));
	assert_int_equal(
		cg_attach(l->cg_fd, &l->place, l->child, false, NULL, &err), 0);
	assert_int_equal(cg_create(&l->place, &err), -EBUSY);
	assert_non_null(strstr(err.msg, "container's cgroup is not empty"));
	v2 = l->place;
	live_reap(l);
	assert_int_equal(cg_destroy(&v2, &err), 0);
}

/* exec --cgroup memory:sub */
static void test_join_named(void **state)
{
	const struct spec_resources res = { .pids_limit = SET_I64(5) };
	struct live *l = *state;
	auto_fd int twin = -1, sub = -1;
	struct err err = { 0 };

	NEED_HYBRID();
	if (!has_v1("pids"))
		LIVE_SKIP("no v1 pids");
	live_create(l, "named", &res);
	twin = cg_v1_open(&l->place, CG_PIDS);
	assert_int_equal(mkdirat(twin, "sub", 0755), 0);
	sub = openat(twin, "sub", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	l->child = fork();
	if (!l->child)
		_exit(live_sleep(NULL));
	assert_int_equal(cg_attach(l->cg_fd, &l->place, l->child, true,
				   "pids:/sub", &err),
			 0);
	assert_int_equal(cg_has_procs(sub), 1);
	assert_int_equal(cg_is_populated(l->cg_fd), 0);
	assert_int_equal(
		cg_attach(l->cg_fd, &l->place, l->child, true, "pids:..", &err),
		-EINVAL);
	assert_int_equal(cg_attach(l->cg_fd, &l->place, l->child, true,
				   "cpu:/sub", &err),
			 -ENOTSUP);
	live_reap(l);
	/* what the workload made below a twin goes with it */
	assert_int_equal(cg_destroy(&l->place, &err), 0);
	assert_int_equal(cg_v1_open(&l->place, CG_PIDS), -ENOENT);
}

static void test_nothing_left(void **state)
{
	static const char *const names[] = { "unified", "cpu",  "cpuset",
					     "memory",  "pids", "blkio" };
	char name[64];

	(void)state;
	NEED_HYBRID();
	snprintf(name, sizeof(name), "hull-test-%d", (int)getpid());
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		auto_fd int fd = i ? cg_v1_root_open(names[i])
				   : cg_root_open(CG_MODE_HYBRID);

		if (fd < 0)
			continue;
		/* v1 parents stay, as parents do: ours are removed here */
		(void)unlinkat(fd, "a/b", AT_REMOVEDIR);
		(void)unlinkat(fd, name, AT_REMOVEDIR);
		if (!faccessat(fd, name, F_OK, 0))
			assert_int_equal(cg_rmdir_tree(fd, name, 1000), 0);
	}
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, live_setup, live_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_no_limits),
		TEST(test_limits),
		TEST(test_cpuset_inherits),
		TEST(test_memory_order),
		TEST(test_cpu_order),
		TEST(test_rollback),
		TEST(test_add),
		TEST(test_pids),
		TEST(test_oom),
		TEST(test_no_memory_watch),
		TEST(test_stats),
		TEST(test_freeze_kill),
		TEST(test_destroy_nest),
		TEST(test_devices),
		TEST(test_hugetlb_v2),
		TEST(test_twin_in_use),
		TEST(test_join_named),
		cmocka_unit_test(test_nothing_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
