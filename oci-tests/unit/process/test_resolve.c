/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/process/child.h"

#include <sys/stat.h>

#include "base/str.h"

/* root/ a/ with a script "tool", b/ with a text file "tool" and a directory
 * "dir", all below the test's directory, which is also the cwd. */
static int setup(void **state)
{
	static const char *const script = "#!/bin/sh\n";
	int dir_fd, fd;

	if (public_dir_setup(state))
		return -1;
	dir_fd = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(dir_fd, "a", 0755) || mkdirat(dir_fd, "b", 0755) ||
	    mkdirat(dir_fd, "b/dir", 0755))
		return -1;
	fd = openat(dir_fd, "a/tool", O_WRONLY | O_CREAT, 0755);
	if (write(fd, script, strlen(script)) < 0)
		return -1;
	close(fd);
	close(openat(dir_fd, "b/tool", O_WRONLY | O_CREAT, 0644));
	close(openat(dir_fd, "b/text", O_WRONLY | O_CREAT, 0644));
	close(openat(dir_fd, "a/secret", O_WRONLY | O_CREAT, 0700));
	close(dir_fd);
	return chdir(*state);
}

static int teardown(void **state)
{
	return chdir("/") || dir_teardown(state);
}

/* @path and texts: '@' stands for the test's directory. */
static void fill_in(const char *text, const char *dir, char *out, size_t size)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;

	for (; *text; text++) {
		if (*text == '@')
			strbuf_add(&b, dir);
		else
			strbuf_addn(&b, text, 1);
	}
	snprintf(out, size, "%s", b.s ? b.s : "");
}

static int resolve(const char *name, const char *env, const char *dir,
		   char **path, struct err *err)
{
	char name_text[PATH_MAX], env_text[PATH_MAX];
	const char *const args[] = { name_text, NULL };
	const char *const vars[] = { "PATH=/nowhere", env_text, NULL };
	const struct spec_process process = {
		.args = args,
		.arg_count = 1,
		.env = vars,
		.env_count = env ? 2 : 0,
	};

	fill_in(name, dir, name_text, sizeof(name_text));
	fill_in(env ? env : "", dir, env_text, sizeof(env_text));
	return process_resolve(&process, path, err);
}

static void test_found(void **state)
{
	static const struct {
		const char *name, *env, *path;
	} cases[] = {
		{ "@/a/tool", NULL, "@/a/tool" },
		{ "a/tool", NULL, "a/tool" },
		{ "./a/tool", NULL, "./a/tool" },
		{ "tool", "PATH=@/a", "@/a/tool" },
		{ "tool", "PATH=@/a/", "@/a/tool" },
		/* what cannot be executed is passed over */
		{ "tool", "PATH=/none:@/b:@/a", "@/a/tool" },
		{ "tool", "PATH=:@/a:", "@/a/tool" },
		{ "tool", "PATH=@/a:a", "@/a/tool" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *path = NULL;
		char want[PATH_MAX];
		struct err err = { 0 };

		assert_int_equal(resolve(cases[i].name, cases[i].env, *state,
					 &path, &err),
				 0);
		fill_in(cases[i].path, *state, want, sizeof(want));
		assert_string_equal(path, want);
	}
}

/* The texts that engines look for, letter by letter. */
static void test_not_found(void **state)
{
	static const struct {
		const char *name, *env, *text;
		int want;
	} cases[] = {
		{ "/nonexist", NULL,
		  "exec: \"/nonexist\": stat /nonexist: no such file or "
		  "directory",
		  -ENOENT },
		{ "@/b/text/x", NULL,
		  "exec: \"@/b/text/x\": stat @/b/text/x: not a directory",
		  -ENOTDIR },
		{ "nonexist", "PATH=@/a:@/b",
		  "exec: \"nonexist\": executable file not found in $PATH",
		  -ENOENT },
		{ "nonexist", "PATH=",
		  "exec: \"nonexist\": executable file not found in $PATH",
		  -ENOENT },
		{ "tool", NULL,
		  "exec: \"tool\": executable file not found in $PATH",
		  -ENOENT },
		{ "text", "PATH=@/b",
		  "exec: \"text\": executable file not found in $PATH",
		  -ENOENT },
		{ "dir", "PATH=@/b",
		  "exec: \"dir\": executable file not found in $PATH",
		  -ENOENT },
		{ "", "PATH=@/a",
		  "exec: \"\": executable file not found in $PATH", -ENOENT },
		{ "@/b/text", NULL, "exec: \"@/b/text\": permission denied",
		  -EACCES },
		{ "/etc/passwd", NULL,
		  "exec: \"/etc/passwd\": permission denied", -EACCES },
		{ "@/b/dir", NULL, "exec: \"@/b/dir\": is a directory",
		  -EISDIR },
		{ "/etc", NULL, "exec: \"/etc\": is a directory", -EISDIR },
		{ "/", NULL, "exec: \"/\": is a directory", -EISDIR },
		/* never from the working directory by way of PATH */
		{ "tool", "PATH=a",
		  "exec: \"tool\": cannot run executable found relative to "
		  "current directory",
		  -EACCES },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *path = NULL;
		char want[PATH_MAX];
		struct err err = { 0 };

		assert_int_equal(resolve(cases[i].name, cases[i].env, *state,
					 &path, &err),
				 cases[i].want);
		fill_in(cases[i].text, *state, want, sizeof(want));
		assert_string_equal(err.msg, want);
		assert_null(path);
	}
}

/* Judged by the effective user, not by who started hull. */
static void as_user(void *arg)
{
	struct err err = { 0 };
	char *path = NULL;

	CHECK(!setresuid(0, 1000, 0));
	CHECK(resolve("@/a/secret", NULL, arg, &path, &err) == -EACCES);
	CHECK(resolve("secret", "PATH=@/a", arg, &path, &err) == -ENOENT);
	CHECK(!resolve("@/a/tool", NULL, arg, &path, &err));
}

static void test_effective_user(void **state)
{
	NEED_ROOT();
	child_ok(as_user, *state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_not_found),
		cmocka_unit_test(test_effective_user),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
