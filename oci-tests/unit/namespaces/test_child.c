/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/process/child.h"

#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <time.h>

#include "base/proc.h"
#include "namespaces/ns.h"

static struct ns_plan plan_for(int create)
{
	struct ns_plan plan = { .create = create, .present = create };

	for (size_t i = 0; i < SPEC_NS_TYPES; i++)
		plan.join_fd[i] = -1;
	return plan;
}

static void names(void *arg)
{
	const struct spec spec = { .hostname = "inside",
				   .domainname = "unit.test" };
	struct ns_plan plan = plan_for(CLONE_NEWUTS);
	struct utsname name;
	struct err err = { 0 };

	(void)arg;
	CHECK(!unshare(CLONE_NEWUTS));
	CHECK_OK(ns_child_setup(&plan, &spec, -1, &err), &err);
	CHECK(!uname(&name) && !strcmp(name.nodename, "inside") &&
	      !strcmp(name.domainname, "unit.test"));
}

/* Never the host's own name. */
static void names_of_host(void *arg)
{
	struct spec spec = { .hostname = "evil" };
	struct ns_plan plan = plan_for(CLONE_NEWIPC);
	struct err err = { 0 };

	(void)arg;
	CHECK(!unshare(CLONE_NEWUTS)); /* in case it should */
	CHECK(ns_child_setup(&plan, &spec, -1, &err) == -EINVAL);
	CHECK(!strcmp(err.msg, "hostname: needs a namespace of type 'uts'"));
	spec = (struct spec){ .domainname = "evil" };
	CHECK(ns_child_setup(&plan, &spec, -1, &err) == -EINVAL);
	CHECK(!strcmp(err.field, "domainname"));
}

static void test_names(void **state)
{
	(void)state;
	NEED_ROOT();
	child_ok(names, NULL);
	child_ok(names_of_host, NULL);
}

static short lo_flags(void)
{
	struct ifreq req = { .ifr_name = "lo" };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	CHECK(!ioctl(fd, SIOCGIFFLAGS, &req));
	close(fd);
	return req.ifr_flags;
}

static void loopback(void *arg)
{
	const struct spec spec = { 0 };
	struct ns_plan plan = plan_for(CLONE_NEWNET);
	struct err err = { 0 };
	short before;

	(void)arg;
	CHECK(!unshare(CLONE_NEWNET));
	before = lo_flags();
	CHECK(before & IFF_LOOPBACK && !(before & IFF_UP));
	CHECK_OK(ns_child_setup(&plan, &spec, -1, &err), &err);
	CHECK(lo_flags() == (before | IFF_UP | IFF_RUNNING));
}

/* A joined one is somebody else's to configure. */
static void loopback_of_others(void *arg)
{
	const struct spec spec = { 0 };
	struct ns_plan plan = plan_for(0);
	struct err err = { 0 };

	(void)arg;
	CHECK(!unshare(CLONE_NEWNET));
	plan.present = CLONE_NEWNET;
	CHECK_OK(ns_child_setup(&plan, &spec, -1, &err), &err);
	CHECK(!(lo_flags() & IFF_UP));
}

static void test_loopback(void **state)
{
	(void)state;
	NEED_ROOT();
	child_ok(loopback, NULL);
	child_ok(loopback_of_others, NULL);
}

static void read_file(const char *name, char *text, size_t size)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, size - 1);

	CHECK(n >= 0);
	text[n] = '\0';
	close(fd);
}

static void own_cgroup(void *arg)
{
	const struct spec spec = { 0 };
	struct ns_plan plan = plan_for(0);
	char before[64], after[64];
	struct err err = { 0 };

	(void)arg;
	CHECK(readlink("/proc/self/ns/cgroup", before, sizeof(before)) > 0);
	plan.new_cgroup = true;
	CHECK_OK(ns_child_setup(&plan, &spec, -1, &err), &err);
	CHECK(readlink("/proc/self/ns/cgroup", after, sizeof(after)) > 0);
	CHECK(memcmp(before, after, 20));
}

static void test_cgroup(void **state)
{
	(void)state;
	NEED_ROOT();
	child_ok(own_cgroup, NULL);
}

/* ---- time: seen through the host's procfs, from a new pid namespace */
struct time_case {
	struct spec_linux linux_;
	uint64_t clone_flags;
	bool become_root; /* of the user namespace, as init does */
};

static int64_t now(clockid_t clock)
{
	struct timespec t;

	CHECK(!clock_gettime(clock, &t));
	return t.tv_sec;
}

static void in_time(const struct time_case *c, int proc_fd, int64_t mono,
		    int64_t boot)
{
	struct spec spec = { .linux_ = c->linux_ };
	struct ns_plan plan = plan_for((int)c->clone_flags);
	struct err err = { 0 };
	char text[256], want[256];
	int64_t diff;

	plan.new_time = true;
	if (c->become_root)
		CHECK(!setresgid(0, 0, 0) && !setresuid(0, 0, 0));
	CHECK_OK(ns_child_setup(&plan, &spec, proc_fd, &err), &err);
	if (c->become_root)
		CHECK(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
	diff = now(CLOCK_MONOTONIC) - mono - c->linux_.monotonic.secs;
	CHECK(diff >= 0 && diff <= 5);
	diff = now(CLOCK_BOOTTIME) - boot - c->linux_.boottime.secs;
	CHECK(diff >= 0 && diff <= 5);
	if (c->become_root) /* the file is the host root's */
		return;
	CHECK(fchdir(proc_fd) == 0);
	read_file("self/timens_offsets", text, sizeof(text));
	snprintf(want, sizeof(want), "%-10s %10lld %9u\n%-10s %10lld %9u\n",
		 "monotonic", (long long)c->linux_.monotonic.secs,
		 c->linux_.monotonic.nanosecs, "boottime",
		 (long long)c->linux_.boottime.secs,
		 c->linux_.boottime.nanosecs);
	if (strcmp(text, want)) {
		dprintf(2, "have:\n%swant:\n%s", text, want);
		_exit(1);
	}
}

static void run_time(void *arg)
{
	const struct time_case *c = arg;
	struct clone_args args = { .flags = c->clone_flags,
				   .exit_signal = SIGCHLD };
	int64_t mono = now(CLOCK_MONOTONIC), boot = now(CLOCK_BOOTTIME);
	const struct spec_id_map map = { 0, 100000, 65536 };
	const struct spec_linux maps = {
		.uid_maps = &map,
		.uid_map_count = 1,
		.gid_maps = &map,
		.gid_map_count = 1,
	};
	int proc_fd = proc_root_open(), fds[2], status;
	struct err err = { 0 };
	char ch;
	pid_t pid;

	CHECK(proc_fd >= 0 && !pipe(fds));
	pid = sys_clone3(&args, sizeof(args));
	CHECK(pid >= 0);
	if (!pid) {
		close(fds[1]);
		CHECK(read(fds[0], &ch, 1) == 0);
		in_time(c, proc_fd, mono, boot);
		_exit(0);
	}
	if (c->clone_flags & CLONE_NEWUSER)
		CHECK_OK(ns_write_maps(proc_fd, pid, &maps, &err), &err);
	close(fds[1]);
	CHECK(waitpid(pid, &status, 0) == pid && !status);
}

static void test_time(void **state)
{
	static struct time_case cases[] = {
		{ .linux_ = { .monotonic = { true, 172800, 5 },
			      .boottime = { true, 604800, 999999999 } } },
		{ .linux_ = { .monotonic = { true, 172800, 5 },
			      .boottime = { true, 604800, 0 } },
		  .clone_flags = CLONE_NEWPID | CLONE_NEWNS },
		{ .linux_ = { .boottime = { true, 77, 0 } } },
		{ .linux_ = { .monotonic = { false } } },
		{ .linux_ = { .boottime = { true, 77, 0 } },
		  .clone_flags = CLONE_NEWUSER | CLONE_NEWPID,
		  .become_root = true },
	};

	(void)state;
	NEED_ROOT();
	if (!have_cap(CAP_SYS_TIME))
		SKIP("needs CAP_SYS_TIME");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		child_ok(run_time, &cases[i]);
}

static void bad_offset(void *arg)
{
	struct spec spec = { .linux_ = { .boottime = { true, INT64_MIN, 0 } } };
	struct ns_plan plan = plan_for(0);
	int proc_fd = proc_root_open();
	struct err err = { 0 };

	(void)arg;
	plan.new_time = true;
	CHECK(ns_child_setup(&plan, &spec, proc_fd, &err) < 0);
	CHECK(!strcmp(err.field, "linux.timeOffsets"));
}

static void test_bad_offset(void **state)
{
	(void)state;
	NEED_ROOT();
	child_ok(bad_offset, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_loopback),
		cmocka_unit_test(test_cgroup),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_bad_offset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
