/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/auto.h"
#include "base/report.h"
#include "base/sock.h"
#include "oci-tests/unit/base/tmp.h"

#define FDS 3

struct scene {
	int listen_fd;
	int conn;
	pid_t pid;
};

/* A child that connects and plays the other side. */
static struct scene begin(const struct tmp *tmp, void (*play)(int dir_fd))
{
	struct scene s = { sock_listen_at(tmp->fd, "gate"), -1, 0 };

	assert_true(s.listen_fd >= 0);
	s.pid = fork();
	if (!s.pid) {
		play(tmp->fd);
		_exit(0);
	}
	return s;
}

static void end(const struct tmp *tmp, struct scene *s)
{
	int status = -1;

	auto_close_fd(&s->conn);
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	assert_int_equal(status, 0);
	close(s->listen_fd);
	assert_int_equal(unlinkat(tmp->fd, "gate", 0), 0);
}

static void say_go_full(int dir_fd)
{
	int conn = sock_connect_at(dir_fd, "gate");
	auto_free char *big = malloc(REPORT_MAX_GO);
	int fds[REPORT_MAX_FDS];
	struct err err;

	memset(big, 'j', REPORT_MAX_GO);
	for (int i = 0; i < REPORT_MAX_FDS; i++)
		fds[i] = 0;
	if (report_go(conn, big, REPORT_MAX_GO + 1, NULL, 0) != -EINVAL ||
	    report_go(conn, big, 1, fds, REPORT_MAX_FDS + 1) != -EINVAL ||
	    report_go(conn, big, REPORT_MAX_GO, fds, REPORT_MAX_FDS))
		_exit(1);
	if (report_read(conn, &err) != -ENOENT || strcmp(err.msg, "gone") != 0)
		_exit(2);
}

#define tmp_test(f) cmocka_unit_test_setup_teardown(f, tmp_setup, tmp_teardown)

static void test_payload(void **state)
{
	const struct tmp *tmp = *state;
	struct scene s = begin(tmp, say_go_full);
	struct err why = { .code = -ENOENT, .msg = "gone" };
	auto_free char *payload = NULL;
	int fds[REPORT_MAX_FDS];
	size_t len = 0;

	s.conn = report_wait_go(s.listen_fd, &payload, &len, fds,
				REPORT_MAX_FDS, NULL);
	assert_true(s.conn >= 0);
	assert_int_equal(len, REPORT_MAX_GO);
	assert_int_equal(payload[0], 'j');
	assert_int_equal(payload[len - 1], 'j');
	assert_int_equal(payload[len], '\0');
	for (int i = 0; i < REPORT_MAX_FDS; i++) {
		assert_true(fds[i] >= 0);
		assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
		close(fds[i]);
	}
	assert_int_equal(report_send(s.conn, &why), 0);
	end(tmp, &s);
}

static void say_go_bare(int dir_fd)
{
	int conn = sock_connect_at(dir_fd, "gate");

	if (report_go(conn, NULL, 0, (int[]){ 0 }, 1) ||
	    report_read(conn, NULL))
		_exit(1);
}

static void test_bare(void **state)
{
	const struct tmp *tmp = *state;
	int before = tmp_open_fds();
	struct scene s = begin(tmp, say_go_bare);
	char *payload = NULL;
	int fds[FDS];
	size_t len = 1;

	s.conn = report_wait_go(s.listen_fd, &payload, &len, fds, FDS, NULL);
	assert_true(s.conn >= 0);
	assert_null(payload);
	assert_int_equal(len, 0);
	assert_true(fds[0] >= 0);
	assert_int_equal(fds[1], -1);
	assert_int_equal(fds[2], -1);
	close(fds[0]);
	end(tmp, &s);
	/* and where none are wanted, they are closed */
	s = begin(tmp, say_go_bare);
	s.conn = report_wait_go(s.listen_fd, NULL, NULL, NULL, 0, NULL);
	assert_true(s.conn >= 0);
	end(tmp, &s);
	assert_int_equal(tmp_open_fds(), before);
}

/* None of these is a "go"; the descriptors they bring do not stay. */
static void say_nonsense(int dir_fd)
{
	static const struct report_head heads[] = {
		{ REPORT_MAGIC, REPORT_MAX_GO + 1 },
		{ REPORT_MAGIC, UINT32_MAX },
		{ REPORT_MAGIC + 1, 0 },
		{ REPORT_MAGIC, 100 }, /* and nothing follows */
		{ 'x', 0 },            /* cut short */
	};
	int zero = 0;

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		int conn = sock_connect_at(dir_fd, "gate");
		size_t len = heads[i].magic == 'x' ? 3 : sizeof(heads[i]);

		if (sock_send(conn, &heads[i], len, &zero, 1))
			_exit(1);
		shutdown(conn, SHUT_WR);
		if (report_read(conn, NULL))
			_exit(2);
		close(conn);
	}
	say_go_bare(dir_fd);
}

static void test_nonsense(void **state)
{
	const struct tmp *tmp = *state;
	int before = tmp_open_fds();
	struct scene s = begin(tmp, say_nonsense);
	auto_free char *payload = NULL;
	int fds[FDS];
	size_t len;

	s.conn = report_wait_go(s.listen_fd, &payload, &len, fds, FDS, NULL);
	assert_true(s.conn >= 0);
	close(fds[0]);
	assert_int_equal(fds[1], -1);
	end(tmp, &s);
	assert_int_equal(tmp_open_fds(), before);
}

/* Who connects, or begins, and then says nothing holds the gate 2 s. */
static void say_half(int dir_fd)
{
	const struct report_head head = { REPORT_MAGIC, 100 };
	int conn = sock_connect_at(dir_fd, "gate");

	if (sock_send(conn, &head, sizeof(head), NULL, 0) ||
	    report_read(conn, NULL))
		_exit(1);
	say_go_bare(dir_fd);
}

static void test_stuck(void **state)
{
	const struct tmp *tmp = *state;
	struct scene s = begin(tmp, say_half);
	auto_free char *payload = NULL;
	size_t len;

	s.conn = report_wait_go(s.listen_fd, &payload, &len, NULL, 0, NULL);
	assert_true(s.conn >= 0);
	assert_null(payload);
	end(tmp, &s);
}

static void test_answers(void **state)
{
	static const struct report_head bad[] = {
		{ REPORT_MAGIC, sizeof(struct err) - 1 },
		{ REPORT_MAGIC, UINT32_MAX },
		{ 1, sizeof(struct err) },
		{ REPORT_MAGIC, sizeof(struct err) },
	};
	struct err err, wild;
	int pair[2];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		assert_int_equal(
			sock_send(pair[0], &bad[i], sizeof(bad[i]), NULL, 0),
			0);
		close(pair[0]);
		assert_int_equal(report_read(pair[1], &err), -EPROTO);
		close(pair[1]);
	}
	memset(&wild, 'w', sizeof(wild)); /* no NUL, and a code of no error */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(report_send(pair[0], &wild), 0);
	assert_int_equal(report_read(pair[1], &err), -EIO);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	close(pair[1]);
	assert_int_equal(report_send(pair[0], &wild), -EPIPE);
	assert_int_equal(report_go(pair[0], NULL, 0, NULL, 0), -EPIPE);
	close(pair[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		tmp_test(test_payload),  tmp_test(test_bare),
		tmp_test(test_nonsense), tmp_test(test_stuck),
		tmp_test(test_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
