/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_OCI_TESTS_UNIT_PROCESS_CHILD_H
#define HULL_OCI_TESTS_UNIT_PROCESS_CHILD_H

/* Tests that change the process they run in do so in a child. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/sys.h"
#include "libcontainer/process/process.h"
#include "spec/spec.h"

#define CHILD_SKIP 77

/* In a child: tell where it went wrong, and end. */
#define CHECK(cond)                                                        \
	do {                                                               \
		if (!(cond)) {                                             \
			dprintf(2, "%s:%d: %s (%s)\n", __FILE__, __LINE__, \
				#cond, strerror(errno));                   \
			_exit(1);                                          \
		}                                                          \
	} while (0)

/* CHECK() for calls that fill in an error. */
#define CHECK_OK(ret, err)                                                   \
	do {                                                                 \
		int ret_ = (ret);                                            \
		if (ret_) {                                                  \
			dprintf(2, "%s:%d: %d %s: %s\n", __FILE__, __LINE__, \
				ret_, (err)->stage, (err)->msg);             \
			_exit(1);                                            \
		}                                                            \
	} while (0)

#define SKIP(...)                           \
	do {                                \
		print_message(__VA_ARGS__); \
		print_message("\n");        \
		skip();                     \
	} while (0)

/* cmocka turns crashes into failed tests; in a child that would run the rest
 * of them there. */
static inline void child_signals(void)
{
	static const int caught[] = { SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGSYS };

	for (size_t i = 0; i < ARRAY_SIZE(caught); i++)
		signal(caught[i], SIG_DFL);
}

/* @fn ends by returning, or by _exit(2). Return: wait status. */
static inline int run_child(void (*fn)(void *arg), void *arg)
{
	int status = -1;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		child_signals();
		fn(arg);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static inline void child_ok(void (*fn)(void *arg), void *arg)
{
	int status = run_child(fn, arg);

	if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_SKIP)
		SKIP("the child says that this cannot be tried here");
	assert_int_equal(status, 0);
}

/* What @fn leaves on its stdout. */
static inline void child_output(void (*fn)(void *arg), void *arg, char *out,
				size_t size)
{
	int fds[2], status = -1;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		child_signals();
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		fn(arg);
		_exit(0);
	}
	close(fds[1]);
	while (len < size - 1 && (n = read(fds[0], out + len, size - 1 - len)))
		len += n > 0 ? (size_t)n : 0;
	out[len] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* A line of a status file: text behind "KEY:" and blanks. */
static inline const char *status_field(const char *text, const char *key,
				       char *out, size_t size)
{
	char want[32];
	const char *at;

	snprintf(want, sizeof(want), "\n%s:", key);
	at = strncmp(text, want + 1, strlen(want) - 1) ? strstr(text, want)
						       : text - 1;
	out[0] = '\0';
	if (!at)
		return out;
	at += strlen(want);
	at += strspn(at, " \t");
	snprintf(out, size, "%.*s", (int)strcspn(at, "\n"), at);
	return out;
}

static inline void own_status(char *text, size_t size)
{
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, size - 1);

	CHECK(n > 0);
	text[n] = '\0';
	close(fd);
}

/* What this process says of itself; for children. */
static inline uint64_t own_hex(const char *key)
{
	char text[8192], value[64];

	own_status(text, sizeof(text));
	return strtoull(status_field(text, key, value, sizeof(value)), NULL,
			16);
}

static inline bool have_cap(int cap)
{
	uint64_t effective = 0, permitted, inheritable;

	sys_capget(&effective, &permitted, &inheritable);
	return effective & (1ULL << cap);
}

#define NEED_ROOT()                                                     \
	do {                                                            \
		if (geteuid() != 0 || !have_cap(CAP_SETUID) ||          \
		    !have_cap(CAP_SETPCAP) || !have_cap(CAP_SYS_ADMIN)) \
			SKIP("needs root and its capabilities");        \
	} while (0)

/*
 * A spec from the text of some members of `process` and `linux`, each with a
 * comma at its end ("\"noNewPrivileges\":true,").
 */
static inline const struct spec *
doc_parse(struct arena *arena, const char *process, const char *linux_)
{
	struct err err = { 0 };
	const struct spec *spec;
	char *text = NULL;

	CHECK(asprintf(&text,
		       "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},"
		       "\"process\":{%s\"args\":[\"/bin/true\"],\"user\":{"
		       "\"uid\":0,\"gid\":0},\"cwd\":\"/\"},"
		       "\"linux\":{%s\"maskedPaths\":[]}}",
		       process, linux_) > 0);
	spec = spec_parse(arena, text, strlen(text), NULL, &err);
	CHECK_OK(spec ? 0 : err.code, &err);
	free(text);
	return spec;
}

/* ---- a directory that goes with the test */
static inline int dir_setup_in(const char *base, void **state)
{
	char *path = NULL;

	if (asprintf(&path, "%s/hull-process.XXXXXX", base) < 0 ||
	    !mkdtemp(path))
		return -1;
	*state = path;
	return 0;
}

static inline int dir_setup(void **state)
{
	const char *base = getenv("TMPDIR");

	return dir_setup_in(base && *base ? base : "/tmp", state);
}

/* One that other users can reach, which $TMPDIR need not be. */
static inline int public_dir_setup(void **state)
{
	return dir_setup_in("/tmp", state) || chmod(*state, 0755);
}

static inline int dir_remove(const char *path, const struct stat *st, int type,
			     struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int dir_teardown(void **state)
{
	int ret = nftw(*state, dir_remove, 16, FTW_DEPTH | FTW_PHYS);

	free(*state);
	return ret;
}

#endif
