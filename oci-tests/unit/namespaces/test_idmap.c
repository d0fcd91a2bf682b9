/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/process/child.h"

#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/proc.h"
#include "namespaces/ns.h"

#define LINES_MAX 340

static void test_host_id(void **state)
{
	static const struct spec_id_map maps[] = {
		{ 0, 100000, 1000 },
		{ 1000, 1000, 1 },
		{ 1001, 101001, 64535 },
		{ 4294967290u, 5, 5 },
	};
	static const struct {
		uint32_t id;
		int64_t want;
	} cases[] = {
		{ 0, 100000 },      { 999, 100999 },    { 1000, 1000 },
		{ 1001, 101001 },   { 65535, 165535 },  { 65536, -1 },
		{ 4294967290u, 5 }, { 4294967294u, 9 }, { 4294967295u, -1 },
	};
	static const struct spec_id_map high = { 0, 4294967290u, 5 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(
			ns_host_id(maps, ARRAY_SIZE(maps), cases[i].id),
			cases[i].want);
	assert_int_equal(ns_host_id(NULL, 0, 77), 77);
	assert_int_equal(ns_host_id(NULL, 0, 4294967294u), 4294967294);
	assert_int_equal(ns_host_id(&high, 1, 4), 4294967294);
	assert_int_equal(ns_host_id(&high, 1, 5), -1);
}

/* A child in a new user namespace that waits to be mapped. */
static pid_t waiting_child(void)
{
	int fds[2];
	char c;
	pid_t pid;

	CHECK(!pipe2(fds, O_CLOEXEC));
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		c = unshare(CLONE_NEWUSER) ? 'n' : 'y';
		if (write(fds[1], &c, 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	CHECK(read(fds[0], &c, 1) == 1 && c == 'y');
	close(fds[0]);
	close(fds[1]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Three numbers a line, as the kernel shows them with its own blanks. */
static void expect_map(int proc_fd, pid_t pid, const char *file,
		       const struct spec_id_map *maps, size_t count)
{
	static char text[65536];
	char path[64], *rest = text;

	snprintf(path, sizeof(path), "%d/%s", pid, file);
	assert_true(io_read_text(proc_fd, path, text, sizeof(text)) > 0);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(strtoul(rest, &rest, 10),
				 maps[i].container_id);
		assert_int_equal(strtoul(rest, &rest, 10), maps[i].host_id);
		assert_int_equal(strtoul(rest, &rest, 10), maps[i].size);
	}
	assert_string_equal(rest, "");
}

static void test_340_lines(void **state)
{
	struct spec_id_map uids[LINES_MAX + 1], gids[LINES_MAX];
	struct spec_linux linux_ = {
		.uid_maps = uids,
		.uid_map_count = LINES_MAX,
		.gid_maps = gids,
		.gid_map_count = LINES_MAX,
	};
	auto_fd int proc_fd = proc_root_open();
	struct err err = { 0 };
	pid_t pid;

	(void)state;
	NEED_ROOT();
	/* the text has to fit in a page as well; in order, as the kernel shows
	 * more than five of them */
	for (uint32_t i = 0; i <= LINES_MAX; i++) {
		uids[i] = (struct spec_id_map){ 2 * i, 1000 + 3 * i, 2 };
		if (i < LINES_MAX)
			gids[i] = (struct spec_id_map){ i, 5000 - i, 1 };
	}
	pid = waiting_child();
	assert_int_equal(ns_write_maps(proc_fd, pid, &linux_, &err), 0);
	expect_map(proc_fd, pid, "uid_map", uids, LINES_MAX);
	expect_map(proc_fd, pid, "gid_map", gids, LINES_MAX);
	end(pid);
	pid = waiting_child();
	linux_.uid_map_count = LINES_MAX + 1;
	assert_int_equal(ns_write_maps(proc_fd, pid, &linux_, &err), -EINVAL);
	assert_string_equal(err.field, "linux.uidMappings");
	for (uint32_t i = 0; i < LINES_MAX; i++)
		uids[i].host_id += 3000000000u;
	linux_.uid_map_count = LINES_MAX;
	assert_int_equal(ns_write_maps(proc_fd, pid, &linux_, &err), -E2BIG);
	assert_string_equal(err.field, "linux.uidMappings");
	end(pid);
}

static void setgroups_of(int proc_fd, pid_t pid, char *text, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "%d/setgroups", pid);
	CHECK(io_read_text(proc_fd, path, text, size) > 0);
}

/* C06: an ordinary user may map himself, once groups cannot be dropped. */
static void map_as_user(void *arg)
{
	const struct spec_id_map uid = { 0, 1000, 1 }, gid = { 0, 100, 1 };
	const struct spec_linux linux_ = {
		.uid_maps = &uid,
		.uid_map_count = 1,
		.gid_maps = &gid,
		.gid_map_count = 1,
	};
	int proc_fd = proc_root_open();
	struct err err = { 0 };
	char text[16];
	pid_t pid;

	(void)arg;
	CHECK(!setresgid(100, 100, 100) && !setresuid(1000, 1000, 1000));
	CHECK(!prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
	pid = waiting_child();
	CHECK_OK(ns_write_maps(proc_fd, pid, &linux_, &err), &err);
	setgroups_of(proc_fd, pid, text, sizeof(text));
	CHECK(!strcmp(text, "deny"));
	end(pid);
}

static void test_setgroups(void **state)
{
	const struct spec_id_map map = { 0, 1000, 1 };
	const struct spec_linux linux_ = {
		.uid_maps = &map,
		.uid_map_count = 1,
		.gid_maps = &map,
		.gid_map_count = 1,
	};
	auto_fd int proc_fd = proc_root_open();
	struct err err = { 0 };
	char text[16];
	pid_t pid;

	(void)state;
	NEED_ROOT();
	child_ok(map_as_user, NULL);
	pid = waiting_child();
	assert_int_equal(ns_write_maps(proc_fd, pid, &linux_, &err), 0);
	setgroups_of(proc_fd, pid, text, sizeof(text));
	assert_string_equal(text, "allow"); /* root's containers keep it */
	end(pid);
}

/* ---- user namespaces without anybody inside */
static void test_userns_fd(void **state)
{
	static const struct spec_id_map uids[] = { { 0, 100000, 65536 } };
	static const struct spec_id_map gids[] = { { 0, 200000, 10 },
						   { 10, 300000, 5 } };
	auto_fd int proc_fd = proc_root_open();
	struct err err = { 0 };
	struct stat own, other;
	uid_t owner = 1;
	int fd;

	(void)state;
	NEED_ROOT();
	fd = ns_userns_fd(proc_fd, uids, 1, gids, 2, &err);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(ioctl(fd, 0xb703), CLONE_NEWUSER); /* NS_GET_NSTYPE */
	assert_int_equal(ioctl(fd, 0xb704, &owner), 0); /* NS_GET_OWNER_UID */
	assert_int_equal(owner, 0);
	assert_int_equal(stat("/proc/self/ns/user", &own), 0);
	assert_int_equal(fstat(fd, &other), 0);
	assert_int_not_equal(own.st_ino, other.st_ino);
	/* nobody is left behind */
	assert_int_equal(waitpid(-1, NULL, __WALL | WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	close(fd);
}

/* The namespace has the maps that were asked for: look from inside. */
static void inside(void *arg)
{
	static const struct spec_id_map uids[] = { { 5, 100000, 7 } };
	int proc_fd = proc_root_open();
	struct err err = { 0 };
	int fd = ns_userns_fd(proc_fd, uids, 1, uids, 1, &err);
	unsigned int a, b, c;
	FILE *f;

	(void)arg;
	CHECK(fd >= 0 && !setns(fd, CLONE_NEWUSER));
	f = fopen("/proc/self/uid_map", "re");
	CHECK(f && fscanf(f, "%u %u %u", &a, &b, &c) == 3);
	/* the second column is as the reader's namespace has it */
	CHECK(a == 5 && c == 7);
	CHECK(!setresuid(5, 5, 5));
	(void)b;
}

static void test_userns_maps(void **state)
{
	(void)state;
	NEED_ROOT();
	child_ok(inside, NULL);
}

static void test_userns_refused(void **state)
{
	static const struct spec_id_map twice[] = { { 0, 1, 10 },
						    { 5, 100, 10 } };
	auto_fd int proc_fd = proc_root_open();
	struct err err = { 0 };
	int before = dup(0), after;

	(void)state;
	NEED_ROOT();
	close(before);
	assert_int_equal(ns_userns_fd(proc_fd, twice, 2, twice, 2, &err),
			 -EINVAL);
	assert_string_equal(err.field, "uidMappings");
	assert_int_equal(waitpid(-1, NULL, __WALL | WNOHANG), -1);
	after = dup(0);
	close(after);
	assert_int_equal(before, after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_host_id),
		cmocka_unit_test(test_340_lines),
		cmocka_unit_test(test_setgroups),
		cmocka_unit_test(test_userns_fd),
		cmocka_unit_test(test_userns_maps),
		cmocka_unit_test(test_userns_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
