/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/libcontainer/lab.h"

#include "base/arena.h"
#include "base/path.h"
#include "libcontainer/vm.h"

/* An image. */
static char dir[] = "/tmp/hull-links.XXXXXX";

static const struct {
	const char *path, *to; /* NULL: a directory */
} image[] = {
	{ "run", NULL },
	{ "var", NULL },
	{ "data", NULL },
	{ "data/deep", NULL },
	{ "var/run", "../run" },
	{ "var/far", "/var/run/../data/./deep/" },
	{ "out", "../../../../tmp" },
	{ "lost", "/none/../not/there" },
	{ "loop", "loop" },
	{ "run/app", "/data" },
	{ "knl", "proc" },
	{ "odd", "/\xff" },
};

static void path_of(size_t i, char *out, size_t size)
{
	snprintf(out, size, "%s/%s", dir, image[i].path);
}

static int setup(void **state)
{
	char path[PATH_MAX];

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(image); i++) {
		path_of(i, path, sizeof(path));
		if (image[i].to ? symlink(image[i].to, path)
				: mkdir(path, 0755))
			return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	char path[PATH_MAX];

	(void)state;
	for (size_t i = ARRAY_SIZE(image); i-- > 0;) {
		path_of(i, path, sizeof(path));
		remove(path);
	}
	return rmdir(dir);
}

static const char *const none[] = { NULL };
static const char *const copyup[] = { "tmpcopyup", NULL };
static const char *const remount[] = { "remount", NULL };

static void check_places(void)
{
	static const struct spec_mount before[] = {
		{ .destination = "/run", .type = "tmpfs", .options = none },
		{ .destination = "/run", .type = "tmpfs", .options = copyup },
	};
	static const struct spec_mount again[] = {
		{ .destination = "/run", .options = remount },
	};
	static const struct {
		const char *path, *want;
		const struct spec_mount *before;
		int ret;
	} rows[] = {
		{ "/", "/", NULL, 0 },
		{ "run", "/run", NULL, 0 },
		{ "//data/./deep//x/", "/data/deep/x", NULL, 0 },
		{ "/data/../x", "/x", NULL, 0 },
		{ "/../..", "/", NULL, 0 },
		{ "/var/run", "/run", NULL, 1 },
		{ "/var/run/", "/run", NULL, 1 },
		{ "/var/run/x/y", "/run/x/y", NULL, 1 },
		{ "/var/far/../x", "/data/x", NULL, 1 },
		{ "/var/run/../..", "/", NULL, 1 },
		/* nothing leads out of it */
		{ "/out/x", "/tmp/x", NULL, 1 },
		{ "/lost/x", "/not/there/x", NULL, 1 },
		{ "/loop", NULL, NULL, -ELOOP },
		{ "/odd/x", NULL, NULL, -EILSEQ },
		{ "/var/run/app/x", "/data/x", NULL, 1 },
		/* the image's are not there any more below a mount */
		{ "/run/app/x", "/run/app/x", before, 0 },
		{ "/var/run/app/x", "/run/app/x", before, 1 },
		{ "/run/../var/run/app", "/run/app", before, 1 },
		/* but in a copy, and behind what is no mount */
		{ "/run/app/x", "/data/x", before + 1, 1 },
		{ "/run/app/x", "/data/x", again, 1 },
	};
	auto_fd int root_fd = open(dir, O_PATH | O_CLOEXEC);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char out[PATH_MAX] = "";
		int ret = vm_place(root_fd, rows[i].before, !!rows[i].before,
				   rows[i].path, out);

		if (ret != rows[i].ret)
			print_error("row %zu: %s\n", i, rows[i].path);
		assert_int_equal(ret, rows[i].ret);
		if (ret >= 0)
			assert_string_equal(out, rows[i].want);
	}
}

static void test_places(void **state)
{
	(void)state;
	check_places();
	path_force_fallback(true);
	check_places();
	path_force_fallback(false);
}

static void test_too_long(void **state)
{
	auto_fd int root_fd = open(dir, O_PATH | O_CLOEXEC);
	char path[PATH_MAX + 8], out[PATH_MAX];

	(void)state;
	memset(path, '/', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(vm_place(root_fd, NULL, 0, path, out), -ENAMETOOLONG);
	memset(path + 1, 'a', sizeof(path) - 2);
	memcpy(path, "/out/", 5);
	assert_int_equal(vm_place(root_fd, NULL, 0, path, out), -ENAMETOOLONG);
}

#define FS(type_, dest_) \
	"{\"destination\": \"" dest_ "\", \"type\": \"" type_ "\"}"
#define BIND(dest_)                                                     \
	"{ \"type\": \"bind\", \"source\": \"/var/run\", \"options\": " \
	"[\"rbind\"], \"destination\": \"" dest_ "\" }"
#define CONFIG(cwd_, mounts_)                                            \
	"{\"ociVersion\": \"1.3.0\", \"root\": {\"path\": \"r\"}, "      \
	"\"process\": {\"args\": [\"a\"], \"cwd\": \"" cwd_ "\", "       \
	"\"user\": {\"uid\": 7, \"gid\": 7}}, \"mounts\": [" mounts_ "]" \
	", \"linux\": {\"namespaces\": [{\"type\": \"pid\"}, "           \
	"{\"type\": \"network\"}, {\"type\": \"mount\"}, "               \
	"{\"type\": \"ipc\"}, {\"type\": \"uts\"}]}}"

static void resolve(struct vm *vm, struct arena *arena, const char *text)
{
	struct err err = { 0 };
	const struct spec *spec =
		spec_parse(arena, text, strlen(text), NULL, &err);

	assert_non_null(spec);
	vm_init(vm, spec);
	assert_int_equal(vm_resolve(vm, arena, dir, &err), 0);
}

static void check_config(const struct vm *vm, const char *text,
			 const char *want)
{
	auto_strbuf struct strbuf out = STRBUF_INIT;

	assert_int_equal(vm_add_config(vm, text, strlen(text), &out), 0);
	assert_string_equal(out.s, want);
}

/* Both sides are told the same, and both see what lies in what. */
static void test_both_sides(void **state)
{
	static const char text[] = CONFIG(
		"/var/run/x", FS("tmpfs", "/run") ", " BIND("/var/run/app"));
	static const char back[] =
		CONFIG("/w", FS("tmpfs", "/var/run") "," BIND("/run/app"));
	auto_arena struct arena arena = { 0 };
	struct vm vm;

	(void)state;
	resolve(&vm, &arena, text);
	assert_string_equal(vm.full->mounts[0].destination, "/run");
	assert_string_equal(vm.full->mounts[1].destination, "/run/app");
	assert_int_equal(vm_view(&vm, &arena, NULL), 0);
	assert_int_equal(vm.left[0], ROOTFS_BOTH);
	assert_string_equal(vm.host.mounts[1].destination, "/run/app");
	assert_null(vm.host.process.cwd); /* that is in the tmpfs, too */
	check_config(&vm, text,
		     CONFIG("/var/run/x",
			    FS("tmpfs", "/run") ", " BIND("/run/app")));
	resolve(&vm, &arena, back);
	assert_int_equal(vm_view(&vm, &arena, NULL), 0);
	assert_int_equal(vm.left[0], ROOTFS_BOTH);
	assert_string_equal(vm.host.process.cwd, "/w");
	check_config(&vm, back,
		     CONFIG("/w", FS("tmpfs", "/run") "," BIND("/run/app")));
}

static void test_nothing_to_do(void **state)
{
	static const char text[] =
		CONFIG("/w", FS("proc", "/knl") "," BIND("/data/../x") "," BIND(
				     "/loop") "," BIND("/odd"));
	auto_arena struct arena arena = { 0 };
	struct err err = { 0 };
	struct vm vm;

	(void)state;
	resolve(&vm, &arena, text);
	assert_false(vm.links);
	assert_null(vm.cwd);
	/* a procfs is for a directory, not for where a link leads */
	assert_string_equal(vm.full->mounts[0].destination, "/knl");
	check_config(&vm, text, text);
	assert_int_equal(vm_resolve(&vm, &arena, "/nonexistent", &err),
			 -ENOENT);
	assert_string_equal(err.field, "root.path");
}

static void test_refused(void **state)
{
	auto_arena struct arena arena = { 0 };
	struct err err = { 0 };
	struct vm vm;

	(void)state;
	resolve(&vm, &arena,
		CONFIG("/w", FS("proc", "/proc") "," BIND("/knl/uptime")));
	assert_int_equal(vm_check(vm.full, &err), -ENOTSUP);
	assert_non_null(strstr(err.msg, "'/proc/uptime' lies in '/proc'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_both_sides),
		cmocka_unit_test(test_nothing_to_do),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
