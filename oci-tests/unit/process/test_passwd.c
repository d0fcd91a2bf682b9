/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/process/child.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "libcontainer/process/steps.h"

/* Each case runs chrooted into a root of its own: @make fills etc/. */
struct passwd_case {
	const char *text; /* of etc/passwd, or NULL for @make */
	void (*make)(void);
	uid_t uid;
	int want;
	const char *home;
	const char *root;
};

static void write_text(const char *name, const char *text, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	CHECK(fd >= 0 && write(fd, text, len) == (ssize_t)len);
	close(fd);
}

static void look_up(void *arg)
{
	const struct passwd_case *c = arg;
	struct rlimit memory = { 64 << 20, 64 << 20 };
	struct timespec begin, end;
	char home[4096] = "unset";
	int ret;

	CHECK(!chroot(c->root) && !chdir("/"));
	CHECK(!mkdir("etc", 0755));
	if (c->make)
		c->make();
	else if (c->text)
		write_text("etc/passwd", c->text, strlen(c->text));
#ifndef __SANITIZE_ADDRESS__
	CHECK(!setrlimit(RLIMIT_AS, &memory));
#endif
	(void)memory;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	ret = passwd_home(c->uid, home, sizeof(home));
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (ret != c->want || strcmp(home, c->home ? c->home : "unset")) {
		dprintf(2, "uid %u: %d, home '%s'\n", c->uid, ret, home);
		_exit(1);
	}
	CHECK(end.tv_sec - begin.tv_sec <= 1);
}

static void clean(const char *root)
{
	auto_free char *command = NULL;

	assert_true(asprintf(&command, "rm -rf %s/etc %s/dev %s/other", root,
			     root, root) > 0);
	assert_int_equal(system(command), 0);
}

static void run_cases(struct passwd_case *cases, size_t count, const char *root)
{
	if (geteuid() != 0 || !have_cap(CAP_SYS_CHROOT))
		SKIP("needs root for chroot(2)");
	for (size_t i = 0; i < count; i++) {
		cases[i].root = root;
		child_ok(look_up, &cases[i]);
		clean(root);
	}
}

#define PASSWD                                           \
	"root:x:0:0:root:/root:/bin/sh\n"                \
	"# a comment\n"                                  \
	"\n"                                             \
	"short:x:7\n"                                    \
	"1000:x:0:0:name is a number:/evil:/bin/sh\n"    \
	"user:x:1000:100:A User,,,:/home/user:/bin/sh\n" \
	"twice:x:1000:100::/second:\n"                   \
	"plus:x:+5:0::/plus:\n"                          \
	"zeros:x:006:0::/zeros:\n"                       \
	"blank:x: 8:0::/blank:\n"                        \
	"wrap:x:4294967297:0::/wrap:\n"                  \
	"none:x:9:0:::/bin/sh\n"                         \
	"noshell:x:10:0::/noshell\n"                     \
	"max:x:4294967294:0::/max:\n"                    \
	"last:x:11:0::/last:/bin/sh"

static void test_entries(void **state)
{
	struct passwd_case cases[] = {
		{ .text = PASSWD, .uid = 0, .home = "/root" },
		/* F05: by number, never by name */
		{ .text = PASSWD, .uid = 1000, .home = "/home/user" },
		{ .text = PASSWD, .uid = 1, .want = -ENOENT },
		{ .text = PASSWD, .uid = 5, .want = -ENOENT },
		{ .text = PASSWD, .uid = 6, .want = -ENOENT },
		{ .text = PASSWD, .uid = 7, .want = -ENOENT },
		{ .text = PASSWD, .uid = 8, .want = -ENOENT },
		{ .text = PASSWD, .uid = 9, .want = -ENOENT },
		{ .text = PASSWD, .uid = 10, .home = "/noshell" },
		{ .text = PASSWD, .uid = 4294967294, .home = "/max" },
		{ .text = PASSWD, .uid = 11, .home = "/last" },
		{ .text = "", .uid = 0, .want = -ENOENT },
		{ .text = "\n\n\n", .uid = 0, .want = -ENOENT },
		{ .text = NULL, .uid = 0, .want = -ENOENT },
	};

	run_cases(cases, ARRAY_SIZE(cases), *state);
}

/* ---- R02: files that are no files, or too much of one */
static void make_fifo(void)
{
	CHECK(!mkfifo("etc/passwd", 0644));
}

static void make_dir(void)
{
	CHECK(!mkdir("etc/passwd", 0755));
}

static void make_zero_link(void)
{
	CHECK(!mkdir("dev", 0755));
	CHECK(!mknod("dev/zero", S_IFCHR | 0666, 1 << 8 | 5) || errno == EPERM);
	CHECK(!symlink("/dev/zero", "etc/passwd"));
	if (access("dev/zero", F_OK))
		_exit(CHILD_SKIP);
}

static void make_loop(void)
{
	CHECK(!symlink("passwd", "etc/passwd"));
}

static void make_sparse(void)
{
	int fd = open("etc/passwd", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	CHECK(fd >= 0 && !ftruncate(fd, 10LL << 30));
	close(fd);
}

/* Just allowed in size, and nothing but NUL bytes without a line end. */
static void make_one_line(void)
{
	int fd = open("etc/passwd", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	CHECK(fd >= 0 && !ftruncate(fd, 10 << 20));
	close(fd);
}

static void make_long_then_good(void)
{
	static char text[3 * 4096 + 64];
	size_t len = 0;

	/* a line of two windows that ends with what looks like an entry */
	memset(text, 'x', 2 * 4096);
	len = 2 * 4096;
	len += (size_t)sprintf(text + len, ":x:7:0::/evil:\n");
	len += (size_t)sprintf(text + len, "u:x:7:0::/good:\n");
	write_text("etc/passwd", text, len);
}

/* Lines at the very limit: 4095 bytes count, 4096 do not. */
static void make_border(void)
{
	static char text[3 * 4096];
	size_t len = 0;

	for (int extra = 1; extra >= 0; extra--) {
		size_t tail = (size_t)sprintf(text + len, "u:x:7:0:") + 8;
		size_t fill = 4095 + (size_t)extra - tail;

		len += tail - 8;
		memset(text + len, 'g', fill);
		len += fill;
		len += (size_t)sprintf(text + len,
				       extra ? ":/bad:/x\n" : ":/fit:/x\n");
	}
	write_text("etc/passwd", text, len);
}

static void make_link_inside(void)
{
	CHECK(!mkdir("other", 0755));
	write_text("other/file", "u:x:7:0::/linked:\n", 18);
	CHECK(!symlink("/../../other/file", "etc/passwd"));
}

static void make_unreadable(void)
{
	write_text("etc/passwd", PASSWD, strlen(PASSWD));
	CHECK(!chmod("etc/passwd", 0));
	CHECK(!setresuid(1000, 1000, 1000));
}

static void test_hostile_files(void **state)
{
	struct passwd_case cases[] = {
		{ .make = make_fifo, .want = -EINVAL },
		{ .make = make_dir, .want = -EINVAL },
		{ .make = make_zero_link, .want = -EINVAL },
		{ .make = make_loop, .want = -ELOOP },
		{ .make = make_sparse, .want = -EFBIG },
		{ .make = make_one_line, .want = -ENOENT },
		{ .make = make_long_then_good, .uid = 7, .home = "/good" },
		{ .make = make_border, .uid = 7, .home = "/fit" },
		{ .make = make_link_inside, .uid = 7, .home = "/linked" },
		{ .make = make_unreadable, .want = -EACCES },
	};

	assert_int_equal(chmod(*state, 0755), 0);
	run_cases(cases, ARRAY_SIZE(cases), *state);
}

/* A home longer than the caller's buffer is not cut. */
static void long_home(void *arg)
{
	char small[8] = "unset";

	CHECK(!chroot(arg) && !chdir("/") && !mkdir("etc", 0755));
	write_text("etc/passwd", "u:x:7:0::/longhome:\n", 20);
	CHECK(passwd_home(7, small, sizeof(small)) == -ENAMETOOLONG);
	CHECK(!strcmp(small, "unset"));
}

static void test_long_home(void **state)
{
	if (geteuid() != 0 || !have_cap(CAP_SYS_CHROOT))
		SKIP("needs root for chroot(2)");
	child_ok(long_home, *state);
}

int main(void)
{
#define DIR_TEST(f) cmocka_unit_test_setup_teardown(f, dir_setup, dir_teardown)
	const struct CMUnitTest tests[] = {
		DIR_TEST(test_entries),
		DIR_TEST(test_hostile_files),
		DIR_TEST(test_long_home),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
