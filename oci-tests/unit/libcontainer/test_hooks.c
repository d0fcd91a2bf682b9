/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/libcontainer/lab.h"

#include "base/log.h"
#include "libcontainer/hooks.h"

static const char *const no_env[] = { NULL };

/* One shell hook. */
struct shell {
	const char *args[4];
	struct spec_hook hook;
	struct spec spec;
};

static const struct spec *shell(struct shell *s, enum spec_hook_kind kind,
				const char *script, uint32_t timeout_s)
{
	*s = (struct shell){
		.args = { "sh", "-c", script, NULL },
		.hook = { .path = "/bin/sh",
			  .env = no_env,
			  .timeout_s = timeout_s },
	};
	s->hook.args = s->args;
	s->spec.hooks.list[kind] = &s->hook;
	s->spec.hooks.count[kind] = 1;
	return &s->spec;
}

static int run(const char *script, struct err *err)
{
	struct shell s;

	return hooks_run(shell(&s, SPEC_HOOK_PRESTART, script, 0),
			 SPEC_HOOK_PRESTART, "{\"id\":\"k1\"}", -1, NULL, err);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void test_good(void **state)
{
	struct spec none = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(
		hooks_run(&none, SPEC_HOOK_PRESTART, "", -1, NULL, &err), 0);
	assert_int_equal(run("exit 0", &err), 0);
	assert_int_equal(run("test \"$(cat)\" = '{\"id\":\"k1\"}'", &err), 0);
	assert_int_equal(err.code, 0);
}

static void test_failures(void **state)
{
	static const struct {
		const char *script, *message;
	} cases[] = {
		{ "exit 3", "exit status 3" },
		{ "echo why; echo more >&2; echo; exit 1",
		  "exit status 1, output: why\nmore" },
		{ "kill -9 $$", "killed by signal 9 (KILL)" },
		{ "kill -SYS $$",
		  "killed by signal 31 (SYS): bad system call" },
		{ "printf x; kill -TERM $$",
		  "killed by signal 15 (TERM), output: x" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = { 0 };
		char want[256];

		assert_true(run(cases[i].script, &err) < 0);
		snprintf(want, sizeof(want),
			 "error running prestart hook #0: '/bin/sh': %s",
			 cases[i].message);
		assert_string_equal(err.msg, want);
	}
}

static void test_no_program(void **state)
{
	static const char *const paths[] = { "/nonexistent/x", "/etc/passwd" };
	static const int codes[] = { -ENOENT, -EACCES };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct spec_hook hook = { .path = paths[i], .env = no_env };
		struct spec spec = { 0 };
		struct err err = { 0 };
		char want[128];

		spec.hooks.list[SPEC_HOOK_POSTSTART] = &hook;
		spec.hooks.count[SPEC_HOOK_POSTSTART] = 1;
		assert_int_equal(hooks_run(&spec, SPEC_HOOK_POSTSTART, "", -1,
					   NULL, &err),
				 codes[i]);
		snprintf(want, sizeof(want),
			 "error running poststart hook #0: '%s': %s", paths[i],
			 err_text(codes[i]));
		assert_string_equal(err.msg, want);
	}
}

static void test_timeout(void **state)
{
	struct shell s;
	struct err err = { 0 };
	int64_t begin = now_ms();

	(void)state;
	assert_int_equal(hooks_run(shell(&s, SPEC_HOOK_CREATE_RUNTIME,
					 "echo begun; exec sleep 30", 1),
				   SPEC_HOOK_CREATE_RUNTIME, "", -1, NULL,
				   &err),
			 -ETIMEDOUT);
	assert_in_range(now_ms() - begin, 900, 5000);
	assert_string_equal(err.msg, "error running createRuntime hook #0: "
				     "'/bin/sh': timed out after 1 s, output: "
				     "begun");
	/* one that writes for ever does not evade it */
	assert_int_equal(
		hooks_run(shell(&s, SPEC_HOOK_CREATE_RUNTIME, "exec yes", 1),
			  SPEC_HOOK_CREATE_RUNTIME, "", -1, NULL, &err),
		-ETIMEDOUT);
	assert_in_range(now_ms() - begin, 1900, 10000);
}

/* More than a pipe holds and more than is kept, both ways. */
static void test_big(void **state)
{
	const size_t size = 3 << 20;
	char *json = malloc(size + 1);
	struct err err = { 0 };
	struct shell s;

	(void)state;
	assert_non_null(json);
	memset(json, ' ', size);
	json[size] = '\0';
	assert_int_equal(hooks_run(shell(&s, SPEC_HOOK_PRESTART,
					 "test $(wc -c) = 3145728", 20),
				   SPEC_HOOK_PRESTART, json, -1, NULL, &err),
			 0);
	/* not read at all */
	assert_int_equal(hooks_run(shell(&s, SPEC_HOOK_PRESTART, "exit 0", 20),
				   SPEC_HOOK_PRESTART, json, -1, NULL, &err),
			 0);
	free(json);
	assert_int_equal(run("yes | head -c 5000000; exit 4", &err), -EIO);
	assert_non_null(strstr(err.msg, "exit status 4, output: ..."));
	assert_true(strlen(err.msg) > 1000);
	assert_int_equal(run("yes | head -c 5000000", &err), 0);
}

/* A daemon that keeps the output: nobody waits for it. */
static void test_background(void **state)
{
	struct err err = { 0 };
	int64_t begin = now_ms();

	(void)state;
	assert_int_equal(run("sleep 3 & echo started", &err), 0);
	assert_int_equal(run("sleep 3 & echo started; exit 2", &err), -EIO);
	assert_true(now_ms() - begin < 2500);
	assert_string_equal(err.msg,
			    "error running prestart hook #0: "
			    "'/bin/sh': exit status 2, output: started");
}

/* Exactly its environment; a shell adds PWD and the like, so no shell. */
static void test_env(void **state)
{
	static const char *const env[] = { "A=1", "B= x y ", "A=2", NULL };
	static const char *const inherit[] = { "I=7", NULL };
	const char *args[] = { "odd name", "-c",
			       "tr '\\0' '\\n' </proc/self/environ; echo $0; "
			       "exit 1",
			       NULL };
	const struct hooks_as as = { .env = inherit };
	struct spec_hook hook = { .path = "/bin/sh", .args = args };
	struct spec spec = { 0 };
	struct err err;

	(void)state;
	setenv("LEAK", "1", 1);
	spec.hooks.list[SPEC_HOOK_START_CONTAINER] = &hook;
	spec.hooks.count[SPEC_HOOK_START_CONTAINER] = 1;
	for (int i = 0; i < 4; i++) {
		static const char *const want[] = {
			"output: A=1\nB= x y \nA=2",
			"output: A=1\nB= x y \nA=2",
			"output: I=7",
			"exit status 1, output: odd",
		};

		err = (struct err){ 0 };
		hook.env_set = i < 2;
		hook.env = i < 2 ? env : no_env;
		hooks_run(&spec, SPEC_HOOK_START_CONTAINER, "", -1,
			  i % 2 || i == 2 ? &as : NULL, &err);
		if (i < 3)
			assert_non_null(strstr(err.msg, want[i]));
		assert_null(strstr(err.msg, "LEAK"));
	}
	unsetenv("LEAK");
}

static void test_descriptors(void **state)
{
	struct err err = { 0 };
	int pipe_fd[2], high;

	(void)state;
	assert_int_equal(pipe(pipe_fd), 0); /* not close-on-exec */
	high = fcntl(pipe_fd[0], F_DUPFD, 200);
	assert_true(high >= 200);
	/* "." and the descriptor of ls itself */
	assert_int_equal(run("test \"$(ls /proc/self/fd | tr '\\n' ' ')\" = "
			     "'0 1 2 3 '",
			     &err),
			 0);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	close(high);
}

/* Started with 0, 1 and 2 closed. */
static void test_closed_stdio(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		struct err err = { 0 };

		close(0);
		close(1);
		close(2);
		if (run("read x; echo \"$x\"; echo e >&2; exit 5", &err) !=
		    -EIO)
			_exit(1);
		_exit(!strstr(err.msg, "output: {\"id\":\"k1\"}\ne") ? 2 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_signals(void **state)
{
	struct sigaction ign = { .sa_handler = SIG_IGN }, old[4], now;
	const int sigs[] = { SIGCHLD, SIGPIPE, SIGTERM, SIGRTMIN };
	sigset_t all, mask, after;
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sigs); i++)
		sigaction(sigs[i], &ign, &old[i]);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &mask);
	assert_int_equal(run("grep -E '^Sig(Ign|Blk)' /proc/self/status | "
			     "grep -v '\t0000000000000000' && exit 1; exit 0",
			     &err),
			 0);
	assert_int_equal(run("exit 6", &err), -EIO);
	sigprocmask(SIG_SETMASK, &mask, &after);
	assert_true(sigismember(&after, SIGUSR1));
	sigaction(SIGCHLD, NULL, &now);
	assert_true(now.sa_handler == SIG_IGN);
	for (size_t i = 0; i < ARRAY_SIZE(sigs); i++)
		sigaction(sigs[i], &old[i], NULL);
}

static void test_cwd(void **state)
{
	const struct lab *lab = *state;
	int fd = open(lab->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct err err = { 0 };
	struct shell s;

	hooks_run(shell(&s, SPEC_HOOK_PRESTART, "/bin/pwd; exit 1", 0),
		  SPEC_HOOK_PRESTART, "", fd, NULL, &err);
	assert_non_null(strstr(err.msg, lab->root));
	close(fd);
}

/* In order; the first failure ends it, but not for poststop. */
static void test_order(void **state)
{
	static const char *const scripts[] = { "echo 1 >>log", "exit 1",
					       "echo 3 >>log" };
	const struct lab *lab = *state;
	int fd = open(lab->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct spec_hook hooks[3];
	const char *args[3][4];
	struct spec spec = { 0 };
	struct err err = { 0 };
	auto_free char *text = NULL;
	char path[PATH_MAX];
	size_t len;

	for (int i = 0; i < 3; i++) {
		args[i][0] = "sh";
		args[i][1] = "-c";
		args[i][2] = scripts[i];
		args[i][3] = NULL;
		hooks[i] = (struct spec_hook){ .path = "/bin/sh",
					       .args = args[i],
					       .env = no_env };
	}
	for (int kind = 0; kind < SPEC_HOOK_KINDS; kind++) {
		spec.hooks.list[kind] = hooks;
		spec.hooks.count[kind] = 3;
	}
	assert_int_equal(hooks_run(&spec, SPEC_HOOK_CREATE_CONTAINER, "", fd,
				   NULL, &err),
			 -EIO);
	assert_string_equal(err.msg, "error running createContainer hook #1: "
				     "'/bin/sh': exit status 1");
	text = lab_read(lab, ".", "log", &len);
	assert_string_equal(text, "1\n");
	free(text);
	snprintf(path, sizeof(path), "%s/warnings", lab->root);
	assert_int_equal(log_open(path, LOG_FORMAT_TEXT, LOG_LEVEL_WARN, NULL),
			 0);
	assert_int_equal(
		hooks_run(&spec, SPEC_HOOK_POSTSTOP, "", fd, NULL, &err), 0);
	text = lab_read(lab, ".", "log", &len);
	assert_string_equal(text, "1\n1\n3\n");
	free(text);
	text = lab_read(lab, ".", "warnings", &len);
	assert_non_null(strstr(text, "error running poststop hook #1: "));
	assert_int_equal(unlinkat(fd, "", 0), -1);
	unlink(path);
	snprintf(path, sizeof(path), "%s/log", lab->root);
	unlink(path);
	close(fd);
	close(log_fd());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_good),         LAB_TEST(test_failures),
		LAB_TEST(test_no_program),   LAB_TEST(test_timeout),
		LAB_TEST(test_big),          LAB_TEST(test_background),
		LAB_TEST(test_env),          LAB_TEST(test_descriptors),
		LAB_TEST(test_closed_stdio), LAB_TEST(test_signals),
		LAB_TEST(test_cwd),          LAB_TEST(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
