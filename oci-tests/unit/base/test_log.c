/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <regex.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "oci-tests/unit/base/tmp.h"

static const struct err one = {
	.code = -ENOENT,
	.stage = "mount",
	.field = "mounts[2]",
	.msg = "mounts[2]: cannot open '/x\"\xff\t': no such file or directory",
};

/* The sink is the process's: each case is a child with stderr in a file. */
struct run {
	const char *dest;
	enum log_format format;
	enum log_level level;
	const struct err *err; /* NULL: log one line of each level instead */
	char err_text[4096];   /* what came on stderr */
	char log_text[4096];   /* what is in the file "log" */
};

static void slurp(int dir_fd, const char *name, char *buf, size_t size)
{
	auto_fd int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, size - 1);

	assert_true(n >= 0);
	buf[n] = '\0';
}

static int run_child(const struct tmp *tmp, const struct run *run)
{
	char dest[PATH_MAX + 16];
	struct err err = { 0 };
	int fd = openat(tmp->fd, "stderr", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (dup2(fd, STDERR_FILENO) < 0 || close(fd) || fchdir(tmp->fd))
		return 1;
	if (run->dest)
		snprintf(dest, sizeof(dest), "%s", run->dest);
	if (log_open(run->dest ? dest : NULL, run->format, run->level, &err))
		return 2;
	if (log_level_get() != run->level ||
	    log_is_file() != (run->dest != NULL) ||
	    (log_fd() >= 3) != (run->dest != NULL))
		return 3;
	if (run->dest && !(fcntl(log_fd(), F_GETFD) & FD_CLOEXEC))
		return 4;
	errno = ERANGE;
	if (run->err) {
		log_error(run->err);
	} else {
		log_warn("w%d", 1);
		log_info("i%d", 2);
		log_debug("d%d", 3);
	}
	return errno == ERANGE ? 0 : 5;
}

static void do_run(const struct tmp *tmp, struct run *run)
{
	pid_t pid = fork();

	if (!pid)
		_exit(run_child(tmp, run));
	assert_int_equal(tmp_wait(pid), 0);
	slurp(tmp->fd, "stderr", run->err_text, sizeof(run->err_text));
	slurp(tmp->fd, "log", run->log_text, sizeof(run->log_text));
}

static void assert_matches(const char *text, const char *pattern)
{
	regex_t re;
	int ret;

	assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	ret = regexec(&re, text, 0, NULL, 0);
	regfree(&re);
	if (ret)
		assert_string_equal(text, pattern); /* shows both */
}

#define STDERR_LINE                                   \
	"hull: mounts[2]: cannot open '/x\"\xff\t': " \
	"no such file or directory\n"

static void test_stderr(void **state)
{
	struct run run = { .level = LOG_LEVEL_WARN, .err = &one };

	do_run(*state, &run);
	assert_string_equal(run.err_text, STDERR_LINE);
	assert_string_equal(run.log_text, "");
}

static void test_json_file(void **state)
{
	static const char *const dests[] = { "log", "file:log" };

	for (size_t i = 0; i < ARRAY_SIZE(dests); i++) {
		const struct tmp *tmp = *state;
		struct run run = { .dest = dests[i],
				   .format = LOG_FORMAT_JSON,
				   .err = &one };

		do_run(tmp, &run);
		assert_matches(
			run.log_text,
			"^\\{\"level\":\"error\",\"msg\":\"mounts\\[2\\]: "
			"cannot open '/x\\\\\"\xef\xbf\xbd\\\\t': no such file "
			"or directory\",\"time\":\"20[0-9]{2}-[01][0-9]-[0-3]"
			"[0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\\.[0-9]{9}Z\","
			"\"stage\":\"mount\",\"field\":\"mounts\\[2\\]\","
			"\"errno\":\"ENOENT\"\\}\n$");
		assert_string_equal(run.err_text, STDERR_LINE);
		assert_int_equal(unlinkat(tmp->fd, "log", 0), 0);
	}
}

static void test_text_file(void **state)
{
	struct run run = { .dest = "log", .err = &one };

	do_run(*state, &run);
	assert_matches(run.log_text,
		       "^time=\"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:"
		       "[0-9]{2}Z\" level=error msg=\"mounts\\[2\\]: cannot "
		       "open '/x\\\\\"\xef\xbf\xbd\\\\t': no such file or "
		       "directory\" stage=\"mount\" field=\"mounts\\[2\\]\" "
		       "errno=ENOENT\n$");
	assert_string_equal(run.err_text, STDERR_LINE);
}

static void test_several_problems(void **state)
{
	struct err many = { 0 };
	struct run run = { .dest = "log",
			   .format = LOG_FORMAT_JSON,
			   .err = &many };

	err_add(&many, -EINVAL, "a", "one");
	err_add(&many, -EINVAL, "b", "two");
	err_add(&many, -EINVAL, "c", "three");
	do_run(*state, &run);
	assert_string_equal(run.err_text,
			    "hull: a: one\nhull: b: two\nhull: c: three\n");
	assert_matches(run.log_text, "\"msg\":\"a: one; b: two; c: three\"");
	assert_ptr_equal(strchr(run.log_text, '\n'),
			 run.log_text + strlen(run.log_text) - 1);
}

/* Nothing known but the code: still a message and valid JSON. */
static void test_bare_error(void **state)
{
	static const struct err bare = { .code = -EACCES };
	struct run run = { .dest = "log",
			   .format = LOG_FORMAT_JSON,
			   .err = &bare };

	do_run(*state, &run);
	assert_string_equal(run.err_text, "hull: permission denied\n");
	assert_matches(run.log_text, "^\\{\"level\":\"error\",\"msg\":"
				     "\"permission denied\",\"time\":\"[^\"]+"
				     "\",\"errno\":\"EACCES\"\\}\n$");
}

static void test_appends(void **state)
{
	const struct tmp *tmp = *state;
	struct run run = { .dest = "log",
			   .format = LOG_FORMAT_JSON,
			   .err = &one };
	struct stat st;

	tmp_file(tmp->fd, "log", "before\n");
	do_run(tmp, &run);
	do_run(tmp, &run);
	assert_matches(run.log_text, "^before\n\\{.*\\}\n\\{.*\\}\n$");
	assert_int_equal(unlinkat(tmp->fd, "log", 0), 0);
	do_run(tmp, &run);
	assert_int_equal(fstatat(tmp->fd, "log", &st, 0), 0);
	assert_int_equal(st.st_mode & ~022u, S_IFREG | 0644);
}

static void test_levels(void **state)
{
	static const struct {
		enum log_level level;
		const char *want;
	} cases[] = {
		{ LOG_LEVEL_ERROR, "" },
		{ LOG_LEVEL_WARN, "hull: warning: w1\n" },
		{ LOG_LEVEL_INFO, "hull: warning: w1\nhull: info: i2\n" },
		{ LOG_LEVEL_DEBUG, "hull: warning: w1\nhull: info: i2\n"
				   "hull: debug: d3\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run run = { .level = cases[i].level };

		do_run(*state, &run);
		assert_string_equal(run.err_text, cases[i].want);
	}
}

static void test_lines_go_to_the_file_only(void **state)
{
	struct run run = { .dest = "log",
			   .format = LOG_FORMAT_JSON,
			   .level = LOG_LEVEL_DEBUG };

	do_run(*state, &run);
	assert_string_equal(run.err_text, "");
	assert_matches(run.log_text,
		       "^\\{\"level\":\"warning\",\"msg\":\"w1\",\"time\":"
		       "\"[^\"]+\"\\}\n\\{\"level\":\"info\",\"msg\":\"i2\"."
		       "*\\}\n\\{\"level\":\"debug\",\"msg\":\"d3\".*\\}\n$");
}

static void test_json_on_stderr(void **state)
{
	struct run run = { .format = LOG_FORMAT_JSON, .err = &one };

	do_run(*state, &run);
	assert_matches(run.err_text, "^\\{\"level\":\"error\".*\\}\n$");
	assert_ptr_equal(strchr(run.err_text, '\n'),
			 run.err_text + strlen(run.err_text) - 1);
}

static void test_open_failures(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_int_equal(log_open("/nonexistent/log", LOG_FORMAT_TEXT,
				  LOG_LEVEL_WARN, &err),
			 -ENOENT);
	assert_string_equal(err.msg, "cannot open log file '/nonexistent/log':"
				     " no such file or directory");
	assert_int_equal(log_open("", LOG_FORMAT_TEXT, LOG_LEVEL_WARN, &err),
			 -EINVAL);
	assert_int_equal(
		log_open("file:", LOG_FORMAT_TEXT, LOG_LEVEL_WARN, NULL),
		-EINVAL);
	assert_false(log_is_file());
	assert_int_equal(log_fd(), -1);
}

/* ---- the daemons' sockets, in a mount namespace with ones of our own */

static int serve(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, path);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return -1;
	return fd;
}

static int check_sockets(const char *dest, int *server)
{
	int flags = CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0);
	struct err err = { 0 };
	int journal, syslog_fd;

	if (unshare(flags) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "/run", "tmpfs", 0, NULL) ||
	    mount("none", "/dev", "tmpfs", 0, NULL))
		return 77;
	if (log_open(dest, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, &err) != -ENOENT)
		return 1;
	mkdir("/run/systemd", 0755);
	mkdir("/run/systemd/journal", 0755);
	journal = serve("/run/systemd/journal/socket");
	syslog_fd = serve("/dev/log");
	if (journal < 0 || syslog_fd < 0) /* no uid mapped, no new inodes */
		return 77;
	*server = str_starts(dest, "journald:") ? journal : syslog_fd;
	if (log_open(dest, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, &err))
		return 2;
	return log_is_file() ? 0 : 3;
}

/* What a daemon got for an error, then for a warning. */
static int child_datagrams(const struct tmp *tmp, const char *dest)
{
	struct err many = one;
	char buf[4096];
	int server, ret = check_sockets(dest, &server);
	int null_fd = openat(tmp->fd, "stderr", O_WRONLY | O_CREAT, 0600);

	if (ret || dup2(null_fd, STDERR_FILENO) < 0)
		return ret ? ret : 4;
	err_add(&many, -EINVAL, "b", "two");
	log_error(&many);
	log_warn("careful");
	for (int i = 0; i < 2; i++) {
		ssize_t n = recv(server, buf, sizeof(buf), MSG_DONTWAIT);
		int fd = openat(tmp->fd, i ? "second" : "first",
				O_WRONLY | O_CREAT, 0600);

		if (n <= 0 || write(fd, buf, (size_t)n) != n)
			return 5;
	}
	return 0;
}

static void get_datagrams(const struct tmp *tmp, const char *dest,
			  char first[4096], char second[4096])
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(child_datagrams(tmp, dest));
	status = tmp_wait(pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
	slurp(tmp->fd, "first", first, 4096);
	slurp(tmp->fd, "second", second, 4096);
}

static void test_journald(void **state)
{
	static const char head[] = "MESSAGE\n";
	char first[4096], second[4096], want[4096];
	uint64_t len;

	get_datagrams(*state, "journald:my id", first, second);
	assert_string_equal(second, "MESSAGE=careful\nPRIORITY=4\n"
				    "SYSLOG_IDENTIFIER=my_id\n");
	/* two lines: the length goes before the text */
	assert_memory_equal(first, head, strlen(head));
	memcpy(&len, first + strlen(head), sizeof(len));
	snprintf(want, sizeof(want), "%s\nb: two", one.msg);
	assert_int_equal(len, strlen(want));
	strcat(want, "\nPRIORITY=3\nSYSLOG_IDENTIFIER=my_id\n"
		     "HULL_STAGE=mount\nHULL_FIELD=mounts[2]\nERRNO=2\n");
	assert_string_equal(first + strlen(head) + 8, want);
}

static void test_syslog(void **state)
{
	char first[4096], second[4096];

	get_datagrams(*state, "syslog:", first, second);
	assert_matches(first, "^<27>[A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}"
			      ":[0-9]{2} hull\\[[0-9]+\\]: mounts\\[2\\]: "
			      "cannot open .* directory; b: two$");
	assert_matches(second, "^<28>.* hull\\[[0-9]+\\]: careful$");
}

#define tmp_test(f) cmocka_unit_test_setup_teardown(f, tmp_setup, tmp_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		tmp_test(test_stderr),
		tmp_test(test_json_file),
		tmp_test(test_text_file),
		tmp_test(test_several_problems),
		tmp_test(test_bare_error),
		tmp_test(test_appends),
		tmp_test(test_levels),
		tmp_test(test_lines_go_to_the_file_only),
		tmp_test(test_json_on_stderr),
		cmocka_unit_test(test_open_failures),
		tmp_test(test_journald),
		tmp_test(test_syslog),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
