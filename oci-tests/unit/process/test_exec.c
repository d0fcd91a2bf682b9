/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/process/filter.h"

#include <sys/stat.h>

#include "base/proc.h"

/* A profile that allows nothing but the program itself. */
#define ONLY_CAT                                                          \
	"\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":77,"    \
	"\"syscalls\":[{\"names\":[\"execve\",\"brk\",\"arch_prctl\","    \
	"\"mmap\",\"mprotect\",\"munmap\",\"openat\",\"read\",\"write\"," \
	"\"close\",\"fstat\",\"newfstatat\",\"pread64\",\"exit_group\","  \
	"\"set_tid_address\",\"set_robust_list\",\"rseq\",\"prlimit64\"," \
	"\"getrandom\",\"fadvise64\",\"access\"],"                        \
	"\"action\":\"SCMP_ACT_ALLOW\"}]"

struct run {
	struct seccomp_prog prog;
	const char *file;
	bool no_new_privs;
	const char *want; /* text of the error, when it must not start */
	uid_t uid;
};

static void apply_and_exec(void *arg)
{
	const struct run *run = arg;
	const char *const args[] = { "cat", "/proc/self/status", NULL };
	char *const env[] = { NULL };
	const struct spec_process process = {
		.args = args,
		.no_new_privs = run->no_new_privs,
		.caps = { .set = true },
		.user = { .uid = run->uid },
	};
	struct process_ctx ctx = {
		.process = &process,
		.filter = run->prog.count ? &run->prog : NULL,
	};
	struct err err = { 0 };

	ctx.proc_fd = proc_root_open();
	CHECK_OK(process_apply(&ctx, &err), &err);
	process_exec(&ctx, run->file, env, &err);
	if (run->want && !strcmp(err.msg, run->want))
		return;
	dprintf(1, "%s: %s\n", err.stage, err.msg);
}

/* C09: a profile without a single call that hull needs for its own steps. */
static void test_small_profile(void **state)
{
	struct run run = { .file = "/bin/cat", .uid = 1000 };
	char out[8192], value[64];

	(void)state;
	NEED_ROOT();
	prepare_ok(ONLY_CAT, &run.prog);
	for (int i = 0; i < 2; i++) {
		run.no_new_privs = i;
		child_output(apply_and_exec, &run, out, sizeof(out));
		status_field(out, "Seccomp", value, sizeof(value));
		assert_string_equal(value, "2");
		status_field(out, "CapPrm", value, sizeof(value));
		assert_string_equal(value, "0000000000000000");
	}
	seccomp_prog_release(&run.prog);
}

/* The text must come out although nothing may be called any more. */
static void test_denied_execve(void **state)
{
	struct run run = {
		.file = "/bin/cat",
		.want = "exec /bin/cat: operation not permitted",
	};

	(void)state;
	NEED_ROOT();
	prepare_ok(
		"\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{"
		"\"names\":[\"exit_group\",\"write\",\"sigaltstack\"],\"action\":"
		"\"SCMP_ACT_ALLOW\"}]",
		&run.prog);
	for (int i = 0; i < 2; i++) {
		run.no_new_privs = i;
		child_ok(apply_and_exec, &run);
	}
	seccomp_prog_release(&run.prog);
}

static void make_file(const char *dir, const char *name, const char *text,
		      char *path)
{
	int fd;

	snprintf(path, PATH_MAX, "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void test_failing_execve(void **state)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
		{ "\x7f"
		  "ELF is not enough",
		  "exec format error" },
		{ "", "exec format error" },
		{ "#!/no/such/interpreter\n", "no such file or directory" },
	};

	NEED_ROOT();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char path[PATH_MAX], want[PATH_MAX + 100], name[8];
		struct run run = { .file = path, .want = want };

		snprintf(name, sizeof(name), "f%zu", i);
		make_file(*state, name, cases[i].text, path);
		snprintf(want, sizeof(want), "exec %s: %s", path,
			 cases[i].reason);
		child_ok(apply_and_exec, &run);
	}
}

/* Neither way to load a filter is open: say what is missing. */
static void no_right_to_filter(void *arg)
{
	const char *const args[] = { "cat", NULL };
	const struct spec_process process = { .args = args };
	struct process_ctx ctx = { .process = &process, .filter = arg };
	char *const env[] = { NULL };
	struct err err = { 0 };

	CHECK(!setresuid(1000, 1000, 1000));
	CHECK(process_exec(&ctx, "/bin/cat", env, &err) == -EACCES);
	CHECK(!strcmp(err.stage, "seccomp"));
	CHECK(strstr(err.msg, "process.noNewPrivileges or CAP_SYS_ADMIN"));
}

static void test_no_right_to_filter(void **state)
{
	struct seccomp_prog prog = { 0 };

	(void)state;
	NEED_ROOT();
	prepare_ok(ONLY_CAT, &prog);
	child_ok(no_right_to_filter, &prog);
	seccomp_prog_release(&prog);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small_profile),
		cmocka_unit_test(test_denied_execve),
		cmocka_unit_test_setup_teardown(test_failing_execve, dir_setup,
						dir_teardown),
		cmocka_unit_test(test_no_right_to_filter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
