/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "base/auto.h"
#include "base/io.h"
#include "oci-tests/unit/base/tmp.h"

static void on_alarm(int sig)
{
	(void)sig;
}

/* A writer in small pieces while a timer interrupts the reader. */
static void test_full_over_pipe(void **state)
{
	struct sigaction act = { .sa_handler = on_alarm }, old;
	struct itimerval on = { { 0, 1000 }, { 0, 1000 } }, off = { 0 };
	static char sent[200000], got[200000 + 1];
	int fds[2];
	pid_t pid;

	(void)state;
	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (char)(i * 7 + i / 256);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		close(fds[0]);
		for (size_t i = 0; i < sizeof(sent); i += 20000) {
			usleep(3000);
			if (io_write_full(fds[1], sent + i, 20000))
				_exit(1);
		}
		_exit(0);
	}
	close(fds[1]);
	assert_int_equal(sigaction(SIGALRM, &act, &old), 0);
	setitimer(ITIMER_REAL, &on, NULL);
	assert_int_equal(io_read_full(fds[0], got, 100), 100);
	assert_int_equal(io_read_full(fds[0], got + 100, sizeof(got) - 100),
			 sizeof(sent) - 100);
	setitimer(ITIMER_REAL, &off, NULL);
	sigaction(SIGALRM, &old, NULL);
	assert_memory_equal(sent, got, sizeof(sent));
	assert_int_equal(io_read_full(fds[0], got, 10), 0);
	close(fds[0]);
	assert_int_equal(tmp_wait(pid), 0);
}

static void test_full_errors(void **state)
{
	auto_fd int full = open("/dev/full", O_RDWR | O_CLOEXEC);
	char c;

	(void)state;
	assert_int_equal(io_read_full(-1, &c, 1), -EBADF);
	assert_int_equal(io_write_full(-1, "x", 1), -EBADF);
	assert_int_equal(io_write_full(-1, "", 0), 0);
	assert_int_equal(io_write_full(full, "x", 1), -ENOSPC);
}

static void test_read_text(void **state)
{
	const struct tmp *tmp = *state;
	char buf[16];
	static const struct {
		const char *text, *want;
		size_t size;
		int ret; /* when @want is NULL */
	} cases[] = {
		{ "max\n", "max", 16, 0 },
		{ "max", "max", 16, 0 },
		{ "", "", 16, 0 },
		{ "", "", 1, 0 },
		{ "\n", "", 16, 0 },
		{ "a\n\n", "a\n", 16, 0 },
		{ "a b\nc\n", "a b\nc", 16, 0 },
		{ "123456789012345", "123456789012345", 16, 0 },
		{ "1234567890123456", NULL, 16, -EFBIG },
		{ "123456789012345678", NULL, 16, -EFBIG },
		{ "x", NULL, 1, -EFBIG },
		{ "x", NULL, 0, -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ssize_t ret;

		tmp_file(tmp->fd, "f", cases[i].text);
		ret = io_read_text(tmp->fd, "f", buf, cases[i].size);
		if (!cases[i].want) {
			assert_int_equal(ret, cases[i].ret);
			continue;
		}
		assert_int_equal(ret, strlen(cases[i].want));
		assert_string_equal(buf, cases[i].want);
	}
	assert_int_equal(io_read_text(tmp->fd, "none", buf, 16), -ENOENT);
	assert_int_equal(io_read_text(tmp->fd, "../x", buf, 16), -EXDEV);
	assert_int_equal(io_read_text(tmp->fd, "/etc/passwd", buf, 16), -EXDEV);
	assert_int_equal(symlinkat("f", tmp->fd, "link"), 0);
	assert_int_equal(io_read_text(tmp->fd, "link", buf, 16), -ELOOP);
	assert_int_equal(io_read_text(tmp->fd, ".", buf, 16), -EISDIR);
}

/* The kernel's files with more than a page come in several reads. */
static void test_read_text_in_pieces(void **state)
{
	static char buf[1 << 20];
	auto_fd int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_free char *whole = NULL;
	auto_fd int fd = -1;
	size_t len;

	(void)state;
	fd = openat(proc, "kallsyms", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		skip();
	assert_int_equal(io_read_text(proc, "kallsyms", buf, 100), -EFBIG);
	assert_int_equal(io_read_text(proc, "kallsyms", buf, 65536), -EFBIG);
	assert_int_equal(io_load(fd, 1 << 30, &whole, &len), 0);
	assert_true(len > 65536);
	assert_int_equal(strlen(whole), len);
	assert_int_equal(whole[len - 1], '\n');
}

static void test_write_text(void **state)
{
	const struct tmp *tmp = *state;
	char buf[32];

	assert_int_equal(io_write_text(tmp->fd, "none", "x"), -ENOENT);
	assert_int_equal(faccessat(tmp->fd, "none", F_OK, 0), -1);
	tmp_file(tmp->fd, "f", "long old text");
	assert_int_equal(io_write_text(tmp->fd, "f", "new"), 0);
	/* nothing is truncated: it is a kernel file's interface */
	assert_int_equal(io_read_text(tmp->fd, "f", buf, sizeof(buf)), 13);
	assert_string_equal(buf, "newg old text");
	assert_int_equal(symlinkat("f", tmp->fd, "link"), 0);
	assert_int_equal(io_write_text(tmp->fd, "link", "x"), -ELOOP);
	assert_int_equal(io_write_text(tmp->fd, "../f", "x"), -EXDEV);
}

static void test_load(void **state)
{
	const struct tmp *tmp = *state;
	static const struct {
		const char *text;
		size_t max;
		int ret;
	} cases[] = {
		{ "", 0, 0 },
		{ "", 10, 0 },
		{ "x", 1, 0 },
		{ "12345", 5, 0 },
		{ "12345", SIZE_MAX, 0 },
		{ "x", 0, -EFBIG },
		{ "12345", 4, -EFBIG },
	};
	auto_fd int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char *data = NULL;
	size_t len = 77;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_fd int fd = -1;

		tmp_file(tmp->fd, "f", cases[i].text);
		fd = openat(tmp->fd, "f", O_RDONLY | O_CLOEXEC);
		assert_int_equal(io_load(fd, cases[i].max, &data, &len),
				 cases[i].ret);
		if (cases[i].ret)
			continue;
		assert_int_equal(len, strlen(cases[i].text));
		assert_string_equal(data, cases[i].text);
		free(data);
	}
	data = NULL;
	assert_int_equal(io_load(tmp->fd, 10, &data, &len), -EINVAL);
	assert_int_equal(io_load(null_fd, 10, &data, &len), -EINVAL);
	assert_int_equal(io_load(-1, 10, &data, &len), -EBADF);
	assert_null(data);
}

/* procfs says 0 bytes for every file. */
static void test_load_unknown_size(void **state)
{
	auto_fd int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	auto_fd int again = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	auto_free char *data = NULL;
	char *none = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(io_load(fd, 1 << 20, &data, &len), 0);
	assert_int_equal(strlen(data), len);
	assert_non_null(strstr(data, "\nPid:"));
	assert_int_equal(io_load(again, 100, &none, &len), -EFBIG);
	assert_null(none);
}

static int count_entries(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *dir = fdopendir(fd);
	int count = -2; /* "." and ".." */

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	return count;
}

static void test_replace(void **state)
{
	const struct tmp *tmp = *state;
	static const mode_t modes[] = { 0600, 0644, 0666, 0400, 0755 };
	mode_t old = umask(077);
	struct stat st;
	char buf[32];

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		assert_int_equal(io_replace(tmp->fd, "f", "text", 4, modes[i]),
				 0);
		assert_int_equal(fstatat(tmp->fd, "f", &st, 0), 0);
		assert_int_equal(st.st_mode, S_IFREG | modes[i]);
		assert_int_equal(io_read_text(tmp->fd, "f", buf, 32), 4);
	}
	umask(old);
	assert_int_equal(io_replace(tmp->fd, "f", "", 0, 0600), 0);
	assert_int_equal(io_read_text(tmp->fd, "f", buf, 32), 0);
	assert_int_equal(count_entries(tmp->fd), 1);
	/* a link is replaced, not followed */
	assert_int_equal(symlinkat("f", tmp->fd, "link"), 0);
	assert_int_equal(io_replace(tmp->fd, "link", "y", 1, 0600), 0);
	assert_int_equal(io_read_text(tmp->fd, "f", buf, 32), 0);
	assert_int_equal(io_read_text(tmp->fd, "link", buf, 32), 1);
}

static void test_replace_failures(void **state)
{
	const struct tmp *tmp = *state;
	struct rlimit none = { 0, 0 };
	char temp[64], long_name[NAME_MAX + 1];
	struct stat st;
	pid_t pid;

	memset(long_name, 'n', NAME_MAX);
	long_name[NAME_MAX] = '\0';
	assert_int_equal(mkdirat(tmp->fd, "dir", 0755), 0);
	assert_int_equal(io_replace(tmp->fd, "dir", "x", 1, 0644), -EISDIR);
	assert_int_equal(fstatat(tmp->fd, "dir", &st, 0), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(io_replace(tmp->fd, "a/b", "x", 1, 0644), -EINVAL);
	assert_int_equal(io_replace(tmp->fd, "", "x", 1, 0644), -EINVAL);
	assert_int_equal(io_replace(tmp->fd, long_name, "x", 1, 0644),
			 -ENAMETOOLONG);
	assert_int_equal(io_replace(-1, "f", "x", 1, 0644), -EBADF);
	pid = fork();
	if (!pid) { /* a full disk: nothing may be left */
		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &none);
		_exit(io_replace(tmp->fd, "f", "x", 1, 0644) != -EFBIG);
	}
	assert_int_equal(tmp_wait(pid), 0);
	assert_int_equal(count_entries(tmp->fd), 1);
	/* what a killed writer of the same pid left is no obstacle */
	snprintf(temp, sizeof(temp), ".f.%d.0", (int)getpid());
	tmp_file(tmp->fd, temp, "stale");
	assert_int_equal(io_replace(tmp->fd, "f", "x", 1, 0644), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full_over_pipe),
		cmocka_unit_test(test_full_errors),
		cmocka_unit_test_setup_teardown(test_read_text, tmp_setup,
						tmp_teardown),
		cmocka_unit_test(test_read_text_in_pieces),
		cmocka_unit_test_setup_teardown(test_write_text, tmp_setup,
						tmp_teardown),
		cmocka_unit_test_setup_teardown(test_load, tmp_setup,
						tmp_teardown),
		cmocka_unit_test(test_load_unknown_size),
		cmocka_unit_test_setup_teardown(test_replace, tmp_setup,
						tmp_teardown),
		cmocka_unit_test_setup_teardown(test_replace_failures,
						tmp_setup, tmp_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
