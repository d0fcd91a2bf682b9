/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/microvm/scene.h"

static void test_plain(void **state)
{
	struct scene s = begin_started((struct options){ 0 });
	struct outcome o;

	(void)state;
	assert_int_equal(write(s.stdio[0], "in\0put", 6), 6);
	assert_reads(s.stream[0], "in");
	close(s.stdio[0]);
	s.stdio[0] = -1;
	assert_int_equal(recv(s.stream[0], (char[4]){ 0 }, 4, MSG_WAITALL), 4);
	assert_end(s.stream[0]); /* the half-close */
	assert_int_equal(write(s.stream[1], "out", 3), 3);
	assert_int_equal(write(s.stream[2], "err", 3), 3);
	assert_reads(s.stdio[1], "out");
	assert_reads(s.stdio[2], "err");
	assert_int_equal(write(s.stream[1], "late", 4), 4);
	say_exited(&s, 42 << 8, true);
	close_streams(&s);
	o = end(&s);
	assert_int_equal(o.ret, 0);
	assert_int_equal(o.end.status, 42 << 8);
	assert_true(o.end.oom);
	assert_int_equal(o.told, 1);
	assert_int_equal(o.told_code, 0);
}

/* EXITED overtakes the output, which comes nevertheless, all of it. */
static void test_drain(void **state)
{
	struct scene s = begin_started((struct options){ 0 });
	char buf[4096];
	size_t got = 0;
	pid_t writer;
	struct outcome o;

	(void)state;
	say_exited(&s, SIGKILL, false);
	writer = fork();
	if (!writer) {
		auto_close_fd(&s.stdio[1]);
		for (int i = 0; i < 1000; i++)
			for (int j = 0; j < 4096; j += 1024) {
				memset(buf, i, 1024);
				if (write(s.stream[1], buf, 1024) != 1024)
					_exit(1);
			}
		_exit(0);
	}
	close_streams(&s);
	usleep(300000);
	while (got < 4096000) {
		ssize_t n = read(s.stdio[1], buf, sizeof(buf));

		assert_true(n > 0);
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal((uint8_t)buf[i],
					 ((got + (size_t)i) / 4096) & 0xff);
		got += (size_t)n;
	}
	assert_int_equal(waitpid(writer, NULL, 0), writer);
	o = end(&s);
	assert_int_equal(o.ret, 0);
	assert_int_equal(o.end.status, SIGKILL);
}

/* Standard output is stuck for longer than any patience; error is not. */
static void test_stuck_reader(void **state)
{
	struct scene s = begin_started((struct options){ .timeout_ms = 500 });
	auto_free char *big = calloc(1, 300000);
	struct outcome o;
	size_t got = 0;
	char buf[65536];

	(void)state;
	assert_int_equal(fcntl(s.stream[1], F_SETFL, O_NONBLOCK), 0);
	assert_true(write(s.stream[1], big, 150000) > 70000);
	assert_int_equal(write(s.stream[2], "err", 3), 3);
	assert_reads(s.stdio[2], "err");
	say_exited(&s, 0, false);
	close_streams(&s);
	usleep(1200000);
	assert_int_equal(waitpid(s.pid, NULL, WNOHANG), 0);
	for (ssize_t n = 1; n > 0; got += (size_t)n)
		n = read(s.stdio[1], buf, sizeof(buf));
	assert_true(got > 70000);
	o = end(&s);
	assert_int_equal(o.ret, 0);
	/* but who asks for the end then gets it */
	s = begin_started((struct options){ 0 });
	assert_int_equal(fcntl(s.stream[1], F_SETFL, O_NONBLOCK), 0);
	assert_true(write(s.stream[1], big, 150000) > 70000);
	say_exited(&s, 0, false);
	usleep(300000);
	kill(s.pid, SIGTERM);
	o = end(&s);
	assert_int_equal(o.ret, 0);
}

/* Something in the guest keeps the stream open: a few seconds, and on. */
static void test_drain_deadline(void **state)
{
	struct scene s = begin_started((struct options){ .timeout_ms = 400 });
	struct outcome o;

	(void)state;
	say_exited(&s, 0, false);
	o = end(&s);
	assert_int_equal(o.ret, 0);
	assert_int_equal(o.end.status, 0);
}

/* A reader that is gone: the agent hears of it, the rest goes on. */
static void test_reader_gone(void **state)
{
	struct scene s = begin_started((struct options){ 0 });
	struct outcome o;
	int sent = 0;

	(void)state;
	auto_close_fd(&s.stdio[1]);
	while (send(s.stream[1], "x", 1, MSG_NOSIGNAL) == 1) {
		usleep(1000);
		assert_true(++sent < 3000);
	}
	assert_int_equal(errno, EPIPE);
	assert_int_equal(write(s.stream[2], "err", 3), 3);
	assert_reads(s.stdio[2], "err");
	say_exited(&s, 0, false);
	close_streams(&s);
	o = end(&s);
	assert_int_equal(o.ret, 0);
}

static void test_stdin_kinds(void **state)
{
	const int kinds[] = { open("/dev/null", O_RDONLY | O_CLOEXEC),
			      open("/", O_RDONLY | O_CLOEXEC), -1,
			      memfd_create("in", MFD_CLOEXEC) };

	(void)state;
	assert_int_equal(write(kinds[3], "file", 4), 4);
	assert_int_equal(lseek(kinds[3], 0, SEEK_SET), 0);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct scene s =
			begin_started((struct options){ .stdin_fd = kinds[i] });
		struct outcome o;

		if (i == 3)
			assert_reads(s.stream[0], "file");
		assert_end(s.stream[0]);
		say_exited(&s, 0, false);
		close_streams(&s);
		o = end(&s);
		assert_int_equal(o.ret, 0);
	}
}

static void test_signals(void **state)
{
	const int list[] = { SIGTERM, SIGINT, SIGUSR1, SIGWINCH, SIGRTMAX };
	struct scene s = begin_started((struct options){ .exec = true });
	struct outcome o;

	(void)state;
	kill(s.pid, SIGCHLD); /* its own */
	kill(s.pid, SIGPIPE);
	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		struct proto_signal msg;

		kill(s.pid, list[i]);
		hear(&s, PROTO_SIGNAL, &msg, sizeof(msg));
		assert_int_equal(msg.signal, list[i]);
	}
	say_exited(&s, SIGTERM, false);
	close_streams(&s);
	o = end(&s);
	assert_int_equal(o.end.status, SIGTERM);
}

static void test_tty(void **state)
{
	const struct options opt = { .tty = true };
	struct scene s = begin(opt);
	struct proto_start start = meet(&s, opt);
	struct proto_resize size;
	struct proto_signal sig;
	struct termios t;
	struct outcome o;

	(void)state;
	assert_int_equal(start.tty, 1);
	assert_int_equal(start.rows, 24);
	assert_int_equal(start.cols, 80);
	assert_false(start.plain_lines);
	say(&s, PROTO_STARTED, NULL, 0);
	assert_int_equal(write(s.stream[0], "a\nb", 3), 3);
	assert_reads(s.stdio[0], "a\nb"); /* raw: no \r comes in between */
	assert_int_equal(tcgetattr(s.stdio[0], &t), 0);
	assert_false(t.c_lflag & (ICANON | ECHO | ISIG));
	assert_int_equal(write(s.stdio[0], "\x03\x04\r", 3), 3);
	assert_reads(s.stream[0], "\x03\x04\r");

	assert_int_equal(ioctl(s.stdio[0], TIOCSWINSZ,
			       &(struct winsize){ 50, 132, 0, 0 }),
			 0);
	kill(s.pid, SIGWINCH); /* it is not the session's terminal here */
	hear(&s, PROTO_RESIZE, &size, sizeof(size));
	assert_int_equal(size.rows, 50);
	assert_int_equal(size.cols, 132);
	hear(&s, PROTO_SIGNAL, &sig, sizeof(sig)); /* somebody sent it */
	assert_int_equal(sig.signal, SIGWINCH);

	say_exited(&s, 0, false);
	assert_int_equal(write(s.stream[0], "bye", 3), 3);
	close_streams(&s);
	assert_reads(s.stdio[0], "bye");
	assert_int_equal(read(s.report, &o, sizeof(o)), sizeof(o));
	assert_int_equal(o.ret, 0);
	assert_int_equal(waitpid(s.pid, NULL, 0), s.pid);
	assert_int_equal(tcgetattr(s.stdio[1], &t), 0);
	assert_true((t.c_lflag & (ICANON | ECHO | ISIG)) ==
		    (ICANON | ECHO | ISIG));
	assert_false(fcntl(s.stdio[1], F_GETFL) & O_NONBLOCK);
	close(s.stdio[0]);
	close(s.stdio[1]);
	close(s.ctl);
	close(s.streams);
	close(s.report);
}

static void test_plain_lines(void **state)
{
	const struct options opt = { .tty = true, .plain_lines = true };
	struct scene s = begin(opt);

	(void)state;
	assert_true(meet(&s, opt).plain_lines);
	kill(s.pid, SIGKILL);
	assert_int_equal(waitpid(s.pid, NULL, 0), s.pid);
	close_streams(&s);
	close(s.stdio[0]);
	close(s.stdio[1]);
	close(s.ctl);
	close(s.streams);
	close(s.report);
}

/* ---- an agent that is a liar (G10) */

static void send_error(struct scene *s)
{
	struct err err = { 0 };

	err_at(&err, -ENOENT, "process.args", "no 'x'");
	assert_int_equal(proto_send_err(s->ctl, &err), 0);
}

static void test_error_first(void **state)
{
	struct scene s = begin((struct options){ 0 });
	struct proto_start start;
	struct outcome o;

	(void)state;
	hear(&s, PROTO_START, &start, sizeof(start));
	send_error(&s);
	o = end(&s);
	assert_int_equal(o.ret, -ENOENT);
	assert_string_equal(o.msg, "process.args: no 'x'");
	assert_int_equal(o.told, 1);
	assert_int_equal(o.told_code, -ENOENT);

	s = begin((struct options){ 0 });
	meet(&s, (struct options){ 0 });
	send_error(&s);
	o = end(&s);
	assert_int_equal(o.ret, -ENOENT);
	assert_int_equal(o.told, 1);
	assert_int_equal(o.told_code, -ENOENT);
}

static void put_head(struct scene *s, uint32_t type, uint32_t len)
{
	const struct proto_head head = { type, len };

	assert_int_equal(write(s->ctl, &head, sizeof(head)), sizeof(head));
}

/* Instead of SESSION, and instead of STARTED: each is the end of it. */
static void test_liars(void **state)
{
	static const struct proto_head lies[] = {
		{ PROTO_REPLY, UINT32_MAX },
		{ PROTO_SESSION, UINT32_MAX },
		{ PROTO_STARTED, 1 },
		{ 0, 0 },
		{ 99, 0 },
		{ PROTO_PS, 0 },
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(lies); i++) {
		struct scene s = begin((struct options){ 0 });
		struct proto_start start;
		struct outcome o;

		if (i % 2)
			hear(&s, PROTO_START, &start, sizeof(start));
		else
			meet(&s, (struct options){ 0 });
		put_head(&s, lies[i / 2].type, lies[i / 2].len);
		o = end(&s);
		assert_int_equal(o.ret, -EPROTO);
		assert_int_equal(o.told, 1);
		assert_int_equal(o.told_code, -EPROTO);
	}
}

static void test_exited_before_started(void **state)
{
	struct scene s = begin((struct options){ 0 });
	struct outcome o;

	(void)state;
	meet(&s, (struct options){ 0 });
	say_exited(&s, 0, false);
	o = end(&s);
	assert_int_equal(o.ret, -EPROTO);
	assert_int_equal(o.told_code, -EPROTO);
}

static void test_odd_status(void **state)
{
	static const int odd[] = { 0x7f,    0x137f,    0xffff,         -1,
				   0x10000, INT32_MIN, 0x100 | SIGKILL };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		struct scene s = begin_started((struct options){ 0 });
		struct outcome o;

		say_exited(&s, odd[i], false);
		close_streams(&s);
		o = end(&s);
		assert_int_equal(o.ret, -EPROTO);
		assert_int_equal(o.told, 1); /* it had been started */
		assert_int_equal(o.told_code, 0);
	}
}

static void test_silence(void **state)
{
	struct scene s = begin((struct options){ .timeout_ms = 300 });
	struct outcome o = end(&s);

	(void)state;
	assert_int_equal(o.ret, -ETIMEDOUT);
	assert_int_equal(o.told_code, -ETIMEDOUT);
	s = begin((struct options){ .timeout_ms = 300 });
	meet(&s, (struct options){ 0 });
	o = end(&s);
	assert_int_equal(o.ret, -ETIMEDOUT);
	assert_int_equal(o.told_code, -ETIMEDOUT);
}

static void test_gone(void **state)
{
	struct scene s = begin_started((struct options){ 0 });
	struct outcome o;

	(void)state;
	assert_int_equal(write(s.stream[1], "last", 4), 4);
	close_streams(&s);
	auto_close_fd(&s.ctl);
	assert_reads(s.stdio[1], "last");
	o = end(&s);
	assert_int_equal(o.ret, -EPIPE);
	assert_int_equal(o.told, 1);
}

/* A million events: the second is one too many. */
static void test_flood(void **state)
{
	struct scene s = begin_started((struct options){ 0 });
	const struct proto_head started = { PROTO_STARTED, 0 };
	struct outcome o;

	(void)state;
	for (int i = 0; i < 1000000; i++)
		if (send(s.ctl, &started, sizeof(started),
			 MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
	close_streams(&s);
	o = end(&s);
	assert_int_equal(o.ret, -EPROTO);
	assert_int_equal(o.told, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_stuck_reader),
		cmocka_unit_test(test_drain_deadline),
		cmocka_unit_test(test_reader_gone),
		cmocka_unit_test(test_stdin_kinds),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_tty),
		cmocka_unit_test(test_plain_lines),
		cmocka_unit_test(test_error_first),
		cmocka_unit_test(test_liars),
		cmocka_unit_test(test_exited_before_started),
		cmocka_unit_test(test_odd_status),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
