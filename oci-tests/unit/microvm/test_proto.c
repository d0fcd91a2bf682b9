/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "base/auto.h"
#include "base/err.h"
#include "microvm/proto/proto.h"

struct pair {
	int a, b;
};

static struct pair pair_new(void)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd),
			 0);
	return (struct pair){ fd[0], fd[1] };
}

static void pair_free(struct pair *p)
{
	auto_close_fd(&p->a);
	auto_close_fd(&p->b);
}

/* One row for each type: what is allowed, and both neighbours. */
static void test_lengths(void **state)
{
	static const struct {
		uint32_t type, min, max;
	} rows[] = {
		{ PROTO_HELLO, 68, 68 },
		{ PROTO_START, 8, 16 << 20 },
		{ PROTO_EXEC, 8, 16 << 20 },
		{ PROTO_SESSION, 8, 8 },
		{ PROTO_ATTACH, 16, 16 },
		{ PROTO_STARTED, 0, 0 },
		{ PROTO_ERROR, 2340, 2340 },
		{ PROTO_SIGNAL, 4, 4 },
		{ PROTO_RESIZE, 4, 4 },
		{ PROTO_EXITED, 8, 8 },
		{ PROTO_PS, 0, 0 },
		{ PROTO_STATS, 0, 0 },
		{ PROTO_UPDATE, 1, 16 << 20 },
		{ PROTO_REPLY, 4, 1 << 20 },
	};

	(void)state;
	assert_int_equal(ARRAY_SIZE(rows), PROTO_TYPES - 1);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint32_t t = rows[i].type;

		assert_true(proto_check_len(t, rows[i].min));
		assert_true(proto_check_len(t, rows[i].max));
		assert_false(proto_check_len(t, rows[i].max + 1));
		assert_false(proto_check_len(t, UINT32_MAX));
		if (rows[i].min)
			assert_false(proto_check_len(t, rows[i].min - 1));
	}
	assert_false(proto_check_len(0, 0));
	assert_false(proto_check_len(PROTO_TYPES, 0));
	assert_false(proto_check_len(UINT32_MAX, 0));
}

static void test_round_trip(void **state)
{
	const struct proto_start start = { .tty = 1, .rows = 24, .cols = 80 };
	struct pair p = pair_new();
	struct proto_msg msg;

	(void)state;
	assert_int_equal(
		proto_send(p.a, PROTO_START, &start, sizeof(start), "{}", 2),
		0);
	assert_int_equal(proto_send(p.a, PROTO_STARTED, NULL, 0, NULL, 0), 0);
	assert_int_equal(proto_recv(p.b, 1000, &msg), 1);
	assert_int_equal(msg.type, PROTO_START);
	assert_int_equal(msg.len, sizeof(start) + 2);
	assert_memory_equal(msg.data, &start, sizeof(start));
	assert_string_equal(msg.data + sizeof(start), "{}");
	proto_msg_release(&msg);
	assert_int_equal(proto_recv(p.b, -1, &msg), 1);
	assert_int_equal(msg.type, PROTO_STARTED);
	assert_int_equal(msg.len, 0);
	proto_msg_release(&msg);
	auto_close_fd(&p.a);
	assert_int_equal(proto_recv(p.b, 1000, &msg), 0);
	assert_null(msg.data);
	pair_free(&p);
}

/* The longest message goes through a socket that holds little of it. */
static void test_long(void **state)
{
	const size_t tail = PROTO_MAX_START - sizeof(struct proto_start);
	const struct proto_start start = { 0 };
	struct pair p = pair_new();
	struct proto_msg msg;
	int status;
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		auto_free char *text = malloc(tail);

		memset(text, 'x', tail);
		_exit(-proto_send(p.a, PROTO_EXEC, &start, sizeof(start), text,
				  tail));
	}
	assert_int_equal(proto_recv(p.b, 9000, &msg), 1);
	assert_int_equal(msg.len, PROTO_MAX_START);
	assert_int_equal(strlen(msg.data + sizeof(start)), tail);
	proto_msg_release(&msg);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	pair_free(&p);
}

static void test_send_refuses(void **state)
{
	struct pair p = pair_new();
	struct proto_start start = { 0 };

	(void)state;
	assert_int_equal(proto_send(p.a, PROTO_START, &start, sizeof(start),
				    "x", PROTO_MAX_START),
			 -EMSGSIZE);
	assert_int_equal(proto_send(p.a, PROTO_START, &start, sizeof(start),
				    "x", SIZE_MAX - 4),
			 -EMSGSIZE);
	assert_int_equal(proto_send(p.a, PROTO_SIGNAL, &start, 3, NULL, 0),
			 -EMSGSIZE);
	assert_int_equal(recv(p.b, &start, 1, MSG_DONTWAIT), -1);
	auto_close_fd(&p.b);
	assert_int_equal(proto_send(p.a, PROTO_STARTED, NULL, 0, NULL, 0),
			 -EPIPE);
	pair_free(&p);
}

static void test_hostile_heads(void **state)
{
	static const struct proto_head bad[] = {
		{ 0, 0 },
		{ PROTO_TYPES, 0 },
		{ UINT32_MAX, UINT32_MAX },
		{ PROTO_REPLY, UINT32_MAX },
		{ PROTO_START, UINT32_MAX },
		{ PROTO_REPLY, PROTO_MAX_REPLY + 1 },
		{ PROTO_STARTED, 1 },
		{ PROTO_EXITED, 8 }, /* and nothing follows */
	};
	struct proto_msg msg;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct pair p = pair_new();

		assert_int_equal(write(p.a, &bad[i], 8), 8);
		auto_close_fd(&p.a);
		assert_int_equal(proto_recv(p.b, 1000, &msg), -EPROTO);
		assert_null(msg.data);
		pair_free(&p);
	}
	for (int len = 1; len < 8; len++) {
		struct pair p = pair_new();

		assert_int_equal(write(p.a, &bad[7], len), len);
		auto_close_fd(&p.a);
		assert_int_equal(proto_recv(p.b, -1, &msg), -EPROTO);
		pair_free(&p);
	}
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Silence, and a byte now and then: the deadline is for the whole. */
static void test_deadline(void **state)
{
	const struct proto_head head = { PROTO_REPLY, 1000 };
	struct pair p = pair_new();
	struct proto_msg msg;
	int64_t begun = now_ms();
	pid_t pid;

	(void)state;
	assert_int_equal(proto_recv(p.b, 100, &msg), -ETIMEDOUT);
	assert_int_equal(proto_recv(p.b, 0, &msg), -ETIMEDOUT);
	pid = fork();
	if (!pid) {
		auto_close_fd(&p.b);
		if (write(p.a, &head, 8) != 8)
			_exit(1);
		for (;;) {
			usleep(20000);
			if (send(p.a, "x", 1, MSG_NOSIGNAL) < 0)
				_exit(0);
		}
	}
	assert_int_equal(proto_recv(p.b, 600, &msg), -ETIMEDOUT);
	assert_in_range(now_ms() - begun, 650, 5000);
	pair_free(&p);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Time in which the receiver is stopped does not use its patience up. */
static void test_freeze(void **state)
{
	struct pair p = pair_new();
	struct proto_msg msg;
	int status;
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(proto_recv(p.b, 1000, &msg) == 1 ? 0 : 1);
	usleep(100000);
	kill(pid, SIGSTOP);
	usleep(1500000);
	kill(pid, SIGCONT);
	usleep(100000);
	assert_int_equal(proto_send(p.a, PROTO_STARTED, NULL, 0, NULL, 0), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	pair_free(&p);
}

static void test_errors(void **state)
{
	struct err err = { 0 }, got = { 0 };
	struct pair p = pair_new();
	struct proto_msg msg;
	struct proto_error *wild;

	(void)state;
	err_at(&err, -EACCES, "process.args", "cannot run '%s'", "it");
	err_stage(&err, "exec");
	assert_int_equal(proto_send_err(p.a, &err), 0);
	assert_int_equal(proto_recv(p.b, 1000, &msg), 1);
	proto_get_err(&msg, &got);
	assert_int_equal(got.code, -EACCES);
	assert_string_equal(got.stage, "exec");
	assert_string_equal(got.field, "process.args");
	assert_string_equal(got.msg, "process.args: cannot run 'it'");
	proto_get_err(&msg, NULL);

	wild = (struct proto_error *)(void *)msg.data;
	memset(wild, 'w', sizeof(*wild));
	wild->code = 7;
	memcpy(wild->msg, "a\x1b[2J\nb\x7f\xc2\x9b\xff\xc3\xa4\r", 14);
	proto_get_err(&msg, &got);
	assert_int_equal(got.code, -EIO);
	assert_int_equal(strlen(got.stage), sizeof(got.stage) - 1);
	assert_int_equal(strlen(got.field), sizeof(got.field) - 1);
	assert_int_equal(strlen(got.msg), sizeof(got.msg) - 1);
	assert_memory_equal(got.msg, "a?[2J\nb????\xc3\xa4?w", 15);
	wild->code = INT32_MIN;
	proto_get_err(&msg, &got);
	assert_int_equal(got.code, -EIO);
	proto_msg_release(&msg);
	pair_free(&p);
}

/* A character cut by the end of the field is none. */
static void test_clean_end(void **state)
{
	char text[4] = { 'a', 'b', '\xc3', '\xa4' };

	(void)state;
	proto_clean(text, sizeof(text));
	assert_string_equal(text, "ab?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_send_refuses),
		cmocka_unit_test(test_hostile_heads),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_freeze),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_clean_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
