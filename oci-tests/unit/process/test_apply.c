/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/process/child.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/proc.h"

static int apply(const struct spec_process *process, struct err *err)
{
	struct process_ctx ctx = { .process = process };
	int ret;

	ctx.proc_fd = proc_root_open();
	ret = process_apply(&ctx, err);
	close(ctx.proc_fd);
	return ret;
}

/* The process object that `hull spec` writes. */
static void apply_default(void *arg)
{
	char cwd[PATH_MAX];
	struct rlimit limit;
	struct err err = { 0 };

	CHECK_OK(apply(arg, &err), &err);
	CHECK(own_hex("CapEff") == 0x20000420);
	CHECK(own_hex("CapPrm") == 0x20000420);
	CHECK(own_hex("CapBnd") == 0x20000420);
	CHECK(own_hex("CapInh") == 0 && own_hex("CapAmb") == 0);
	CHECK(own_hex("NoNewPrivs") == 1);
	CHECK(getcwd(cwd, sizeof(cwd)) && !strcmp(cwd, "/"));
	CHECK(!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur == 1024 &&
	      limit.rlim_max == 1024);
}

static void test_default_spec(void **state)
{
	auto_arena struct arena arena = { 0 };
	auto_free char *text = NULL;
	const struct spec *spec;
	struct err err = { 0 };

	(void)state;
	NEED_ROOT();
	assert_int_equal(spec_template(false, 0, 0, &text), 0);
	spec = spec_parse(&arena, text, strlen(text), NULL, &err);
	assert_non_null(spec);
	/* the type has no const member that the children would change */
	child_ok(apply_default, (void *)(uintptr_t)&spec->process);
}

/* Nothing asked for but the user that it is: nothing changes. */
static void apply_nothing(void *arg)
{
	struct spec_process process = { 0 };
	uint64_t bounding = own_hex("CapBnd"), effective = own_hex("CapEff");
	struct err err = { 0 };

	(void)arg;
	CHECK_OK(apply(&process, &err), &err);
	CHECK(own_hex("CapBnd") == bounding);
	CHECK(own_hex("CapEff") == effective);
	CHECK(own_hex("NoNewPrivs") == 0);
}

static void test_nothing(void **state)
{
	(void)state;
	NEED_ROOT();
	child_ok(apply_nothing, NULL);
}

/* ---- cwd */
static void cwd_missing(void *arg)
{
	struct spec_process process = { .cwd = "/no/such/dir" };
	struct err err = { 0 };

	(void)arg;
	CHECK(apply(&process, &err) == -ENOENT);
	CHECK(!strcmp(err.stage, "cwd"));
	CHECK(!strcmp(err.msg,
		      "chdir to cwd (\"/no/such/dir\") set in "
		      "config.json failed: no such file or directory"));
	process.cwd = "/etc/passwd";
	CHECK(apply(&process, &err) == -ENOTDIR);
}

/* Root is refused, as with root_squash; the user is not. */
static void cwd_for_user_only(void *arg)
{
	struct spec_process process = {
		.user = { .uid = 1000, .gid = 1000 },
		.caps = { .set = true },
		.cwd = arg,
	};
	char cwd[PATH_MAX];
	struct err err = { 0 };

	/* without CAP_DAC_OVERRIDE root is as good as anybody */
	CHECK(!sys_capset(~(1ULL << CAP_DAC_OVERRIDE) &
				  ~(1ULL << CAP_DAC_READ_SEARCH) &
				  own_hex("CapEff"),
			  own_hex("CapPrm"), 0));
	CHECK(chdir(arg) < 0 && errno == EACCES);
	CHECK_OK(apply(&process, &err), &err);
	CHECK(getcwd(cwd, sizeof(cwd)) && !strcmp(cwd, arg));
}

static void cwd_for_nobody(void *arg)
{
	struct spec_process process = {
		.user = { .uid = 1001, .gid = 1001 },
		.caps = { .set = true },
		.cwd = arg,
	};
	struct err err = { 0 };

	CHECK(!sys_capset(~(1ULL << CAP_DAC_OVERRIDE) &
				  ~(1ULL << CAP_DAC_READ_SEARCH) &
				  own_hex("CapEff"),
			  own_hex("CapPrm"), 0));
	CHECK(apply(&process, &err) == -EACCES);
	CHECK(!strcmp(err.stage, "cwd"));
	CHECK(strstr(err.msg, "permission denied"));
}

/* As root first: a directory that the user could not enter is fine. */
static void cwd_for_root_only(void *arg)
{
	struct spec_process process = {
		.user = { .uid = 1001, .gid = 1001 },
		.caps = { .set = true },
		.cwd = arg,
	};
	char cwd[PATH_MAX];
	struct err err = { 0 };

	CHECK_OK(apply(&process, &err), &err);
	CHECK(getcwd(cwd, sizeof(cwd)) && !strcmp(cwd, arg));
}

static void test_cwd(void **state)
{
	char dir[PATH_MAX];

	NEED_ROOT();
	snprintf(dir, sizeof(dir), "%s/cwd", (char *)*state);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(chown(dir, 1000, 1000), 0);
	child_ok(cwd_missing, NULL);
	child_ok(cwd_for_user_only, dir);
	child_ok(cwd_for_nobody, dir);
	child_ok(cwd_for_root_only, dir);
}

/* Too deep for getcwd(2) to tell where it is. */
static int open_deep(const char *top)
{
	char name[201];
	int fd = open(top, O_PATH | O_DIRECTORY);

	memset(name, 'd', 200);
	name[200] = '\0';
	for (int i = 0; i < PATH_MAX / 200 + 2; i++) {
		int up = fd;

		CHECK(!mkdirat(up, name, 0755));
		fd = openat(up, name, O_PATH | O_DIRECTORY);
		CHECK(fd >= 0);
		close(up);
	}
	return fd;
}

/* CVE-2024-21626: a directory outside, reached by a descriptor. */
static void cwd_outside(void *arg)
{
	struct spec_process process = { 0 };
	char cwd[64], inside[PATH_MAX];
	struct err err = { 0 };
	int proc_fd, host_fd, deep_fd = open_deep(arg);

	host_fd = open("/usr", O_PATH | O_DIRECTORY);
	proc_fd = open("/proc", O_PATH | O_DIRECTORY);
	CHECK(host_fd >= 0 && proc_fd >= 0);
	CHECK(!unshare(CLONE_NEWNS));
	CHECK(!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	CHECK(!mount(arg, arg, NULL, MS_BIND, NULL));
	snprintf(inside, sizeof(inside), "%s/proc", (const char *)arg);
	CHECK(!mkdir(inside, 0755));
	CHECK(!mount("/proc", inside, NULL, MS_BIND, NULL));
	CHECK(!chdir(arg));
	CHECK(!syscall(SYS_pivot_root, ".", "."));
	CHECK(!umount2(".", MNT_DETACH) && !chdir("/"));
	snprintf(cwd, sizeof(cwd), "/proc/self/fd/%d", host_fd);
	process.cwd = cwd;
	CHECK(apply(&process, &err) == -EXDEV);
	CHECK(!strcmp(err.stage, "cwd"));
	CHECK(strstr(err.msg, "possible container breakout detected"));
	snprintf(cwd, sizeof(cwd), "/proc/self/fd/%d", deep_fd);
	CHECK(apply(&process, &err) < 0);
	CHECK(strstr(err.msg, "cannot tell the working directory"));
	CHECK(!umount2("/proc", MNT_DETACH));
}

static void test_cwd_outside(void **state)
{
	char command[PATH_MAX];

	NEED_ROOT();
	child_ok(cwd_outside, *state);
	/* nftw(3) does not go that deep */
	snprintf(command, sizeof(command), "rm -rf '%s'/ddd*", (char *)*state);
	assert_int_equal(system(command), 0);
}

/* Each failing step says its name. */
static void failing_steps(void *arg)
{
	static const struct spec_rlimit limit = { .resource = 99,
						  .type = "RLIMIT_ODD" };
	static const struct spec_personality odd = { .set = true, .domain = 8 };
	struct spec_process process = {
		.io_priority = { .set = true, .class = 7 },
	};
	struct process_ctx ctx = { .process = &process,
				   .personality = &odd,
				   .proc_fd = -1 };
	struct err err = { 0 };

	(void)arg;
	CHECK(process_apply(&ctx, &err) < 0);
	CHECK(!strcmp(err.stage, "io priority"));
	process.io_priority.set = false;
	process.rlimits = &limit;
	process.rlimit_count = 1;
	CHECK(process_apply(&ctx, &err) < 0);
	CHECK(!strcmp(err.stage, "rlimits"));
	CHECK(!strcmp(err.msg,
		      "error setting rlimit RLIMIT_ODD: invalid argument"));
	process.rlimit_count = 0;
	process.scheduler.set = true;
	process.scheduler.policy = 77;
	CHECK(process_apply(&ctx, &err) < 0);
	CHECK(!strcmp(err.stage, "scheduler"));
	CHECK(!strcmp(err.field, "process.scheduler"));
	process.scheduler.set = false;
	process.apparmor_profile = "nothing-of-that-name";
	CHECK(process_apply(&ctx, &err) < 0);
	CHECK(!strcmp(err.stage, "label"));
}

static void test_stage_names(void **state)
{
	(void)state;
	child_ok(failing_steps, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default_spec),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test_setup_teardown(test_cwd, public_dir_setup,
						dir_teardown),
		cmocka_unit_test_setup_teardown(test_cwd_outside, dir_setup,
						dir_teardown),
		cmocka_unit_test(test_stage_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
