/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/libcontainer/lab.h"

#include "libcontainer/vm.h"

/* This process's root serves as the container's: bin/ with "tool", which can be
 * executed, "text", which cannot, and "lost", a link to nowhere. */
static char dir[] = "/tmp/hull-program.XXXXXX";

static void put(const char *name, mode_t mode)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, mode));
}

static int setup(void **state)
{
	char path[PATH_MAX];

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	put("tool", 0755);
	put("text", 0644);
	snprintf(path, sizeof(path), "%s/lost", dir);
	return symlink("/nowhere", path);
}

static int teardown(void **state)
{
	static const char *const names[] = { "tool", "text", "lost" };
	char path[PATH_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

/* '@' at the beginning stands for the directory. */
static const char *fill_in(const char *text, char *out, size_t size)
{
	snprintf(out, size, "%s%s", *text == '@' ? dir : "",
		 *text == '@' ? text + 1 : text);
	return out;
}

static int find(const char *name, const char *search, const char *guests)
{
	char name_text[PATH_MAX], search_text[PATH_MAX], env[PATH_MAX + 8];
	char mount_text[PATH_MAX];
	const char *const args[] = {
		fill_in(name, name_text, sizeof(name_text)), NULL
	};
	const char *const vars[] = { "PATH=/wrong", env, NULL };
	const char *const none[] = { NULL };
	const struct spec_mount mounts[] = {
		{ .destination =
			  fill_in(guests, mount_text, sizeof(mount_text)),
		  .type = "tmpfs",
		  .source = "tmpfs",
		  .options = none },
	};
	const struct spec spec = {
		.process = { .args = args,
			     .arg_count = 1,
			     .env = vars,
			     .env_count = 2 },
		.mounts = mounts,
		.mount_count = 1,
	};
	struct err err = { 0 };
	struct vm vm;
	int ret;

	snprintf(env, sizeof(env), "PATH=%s",
		 fill_in(search, search_text, sizeof(search_text)));
	vm_init(&vm, &spec);
	ret = vm_find_program(&vm, &err);
	assert_int_equal(err.code, ret);
	assert_int_equal(!ret, !err.msg[0]);
	return ret;
}

static void test_all(void **state)
{
	static const struct {
		const char *name, *search, *guests;
		int want;
	} cases[] = {
		{ "@/tool", "", "/guests", 0 },
		{ "tool", "@", "/guests", 0 },
		/* nobody can find these */
		{ "@/none", "", "/guests", -ENOENT },
		{ "@/no/such/thing", "", "/guests", -ENOENT },
		{ "@/tool/x", "", "/guests", -ENOTDIR },
		{ "@/text", "", "/guests", -EACCES },
		{ "@", "", "/guests", -EISDIR },
		{ "none", "@", "/guests", -ENOENT },
		{ "text", "@", "/guests", -ENOENT },
		{ "none", "", "/guests", -ENOENT },
		/* the guest may: in a file system of its own, */
		{ "@/none", "", "@", 0 },
		{ "@/text", "", "@", 0 },
		{ "none", "@", "/tmp", 0 },
		/* by a link, or from the process's directory */
		{ "@/lost", "", "/guests", 0 },
		{ "lost", "@", "/guests", 0 },
		{ "@/lost/none", "", "/guests", 0 },
		{ "./none", "", "/guests", 0 },
		{ "none", "@:", "/guests", 0 },
		{ "none", "bin", "/guests", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int ret = find(cases[i].name, cases[i].search, cases[i].guests);
		char cwd[PATH_MAX];

		if (ret != cases[i].want)
			print_error("case %zu\n", i);
		assert_int_equal(ret, cases[i].want);
		assert_string_equal(getcwd(cwd, sizeof(cwd)), "/");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
