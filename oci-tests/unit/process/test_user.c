/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/process/child.h"

#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/stat.h>

#include "base/proc.h"
#include "libcontainer/process/steps.h"

static const gid_t three[] = { 70000, 5, 1000 };

/* The caller has groups that the workload must not have (C04). */
static void become_grouped(void)
{
	static const gid_t own[] = { 4242, 0, 10 };

	CHECK(!setgroups(ARRAY_SIZE(own), own));
}

static void apply(const struct spec_process *process, bool userns)
{
	struct process_ctx ctx = { .process = process, .userns = userns };
	struct err err = { 0 };

	ctx.proc_fd = proc_root_open();
	CHECK(ctx.proc_fd >= 0);
	CHECK_OK(process_apply(&ctx, &err), &err);
	close(ctx.proc_fd);
}

static void check_ids(const struct spec_user *user)
{
	uid_t r, e, s;
	gid_t groups[16];

	CHECK(!getresuid(&r, &e, &s));
	CHECK(r == user->uid && e == user->uid && s == user->uid);
	CHECK(!getresgid(&r, &e, &s));
	CHECK(r == user->gid && e == user->gid && s == user->gid);
	CHECK(getgroups(ARRAY_SIZE(groups), groups) == (int)user->group_count);
}

static void apply_user(void *arg)
{
	const struct spec_user *user = arg;
	struct spec_process process = { .user = *user };

	become_grouped();
	apply(&process, false);
	check_ids(user);
	if (user->group_count) {
		gid_t groups[3];

		/* sorted by the kernel */
		CHECK(getgroups(3, groups) == 3);
		CHECK(groups[0] == 5 && groups[1] == 1000 &&
		      groups[2] == 70000);
	}
	CHECK(umask(0) == (user->umask_set ? user->umask : 022));
}

static void test_ids(void **state)
{
	static struct spec_user users[] = {
		{ 0 },
		{ .uid = 1000, .gid = 1000 },
		{ .uid = 0, .gid = 5, .groups = three, .group_count = 3 },
		{ .uid = 1, .gid = 0, .groups = three, .group_count = 3 },
		{ .uid = 2147483647, .gid = 2147483647 },
		{ .uid = 2147483648, .gid = 2147483649 },
		{ .uid = 4294967294, .gid = 4294967294 },
		{ .uid = 65534, .gid = 65534, .umask_set = true, .umask = 077 },
		{ .umask_set = true },
	};

	(void)state;
	NEED_ROOT();
	for (size_t i = 0; i < ARRAY_SIZE(users); i++)
		child_ok(apply_user, &users[i]);
}

/* setresuid(-1) changes nothing and succeeds: the audit has to see it. */
static void minus_one(void *arg)
{
	struct spec_process process = { .user = { .uid = (uid_t)-1 } };
	struct process_ctx ctx = { .process = &process, .proc_fd = -1 };
	struct err err = { 0 };

	if (arg)
		process.user = (struct spec_user){ .gid = (gid_t)-1 };
	CHECK(process_apply(&ctx, &err) == -EPERM);
	CHECK(!strcmp(err.stage, "audit"));
	CHECK(strstr(err.msg, "not what the config says"));
}

static void test_minus_one(void **state)
{
	(void)state;
	NEED_ROOT();
	child_ok(minus_one, NULL);
	child_ok(minus_one, state);
}

/* ---- inside a user namespace whose setgroups says "deny" */
static void write_own(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);

	CHECK(fd >= 0);
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void enter_denying_userns(void)
{
	become_grouped();
	if (unshare(CLONE_NEWUSER))
		_exit(CHILD_SKIP);
	write_own("/proc/self/setgroups", "deny");
	write_own("/proc/self/uid_map", "0 0 1");
	write_own("/proc/self/gid_map", "0 0 1");
}

static void groups_denied(void *arg)
{
	struct spec_process process = { 0 };

	(void)arg;
	enter_denying_userns();
	apply(&process, true);
	CHECK(getgroups(0, NULL) == 3); /* they cannot be dropped */
}

static void groups_wanted_but_denied(void *arg)
{
	struct spec_process process = {
		.user = { .groups = three, .group_count = 3 },
	};
	struct process_ctx ctx = { .process = &process, .userns = true };
	struct err err = { 0 };

	(void)arg;
	enter_denying_userns();
	ctx.proc_fd = proc_root_open();
	CHECK(process_apply(&ctx, &err) < 0);
	CHECK(!strcmp(err.stage, "user"));
	CHECK(!strcmp(err.field, "process.user.additionalGids"));
}

static void unmapped_ids(void *arg)
{
	const bool by_uid = arg;
	struct spec_process process = {
		.user = { .uid = by_uid ? 1000 : 0, .gid = by_uid ? 0 : 1000 },
	};
	struct process_ctx ctx = { .process = &process, .userns = true };
	struct err err = { 0 };

	enter_denying_userns();
	CHECK(process_apply(&ctx, &err) == -EINVAL);
	CHECK(!strcmp(err.msg, by_uid ? "process.user.uid: cannot setuid to "
					"unmapped uid 1000 in user namespace"
				      : "process.user.gid: cannot setgid to "
					"unmapped gid 1000 in user namespace"));
}

static void test_user_namespace(void **state)
{
	(void)state;
	NEED_ROOT();
	child_ok(groups_denied, NULL);
	child_ok(groups_wanted_but_denied, NULL);
	child_ok(unmapped_ids, state);
	child_ok(unmapped_ids, NULL);
}

/* ---- owners of descriptors 0 to 2 */
static void stdio_owner(void *arg)
{
	struct spec_process process = { .user = { .uid = 1000 } };
	char path[PATH_MAX];
	struct stat st;
	int fds[2], fd;

	CHECK(!pipe(fds));
	snprintf(path, sizeof(path), "%s/log", (const char *)arg);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	CHECK(fd >= 0);
	CHECK(dup2(fds[1], 1) == 1); /* a pipe changes hands */
	close(fd);
	fd = open(path, O_RDONLY); /* somebody's file to read does not */
	CHECK(dup2(fd, 0) == 0);
	apply(&process, false);
	CHECK(!fstat(1, &st) && st.st_uid == 1000);
	CHECK(!fstat(0, &st) && st.st_uid == 0);
}

static void stdio_odd(void *arg)
{
	struct spec_process process = { .user = { .uid = 1000 } };
	char path[PATH_MAX];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/log", (const char *)arg);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	CHECK(dup2(fd, 1) == 1); /* nor does a log to write to */
	close(0);                /* closed is no error */
	CHECK(open("/dev/null", O_RDWR) == 0);
	apply(&process, false);
	CHECK(!fstat(1, &st) && st.st_uid == 0);
	CHECK(!fstat(0, &st) && st.st_uid == 0); /* the host's /dev/null */
}

static void test_stdio(void **state)
{
	NEED_ROOT();
	child_ok(stdio_owner, *state);
	child_ok(stdio_odd, *state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_minus_one),
		cmocka_unit_test(test_user_namespace),
		cmocka_unit_test_setup_teardown(test_stdio, dir_setup,
						dir_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
