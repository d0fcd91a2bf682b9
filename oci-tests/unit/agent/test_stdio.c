/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "cmd/hull-agent/stdio.h"

/* The workload's ends are used by the test itself; host[i] is the other end of
 * the stream i. */
struct setup {
	struct stdio io;
	int host[STDIO_STREAMS];
};

static void attach(struct setup *s, unsigned int i)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	s->host[i] = pair[0];
	assert_int_equal(stdio_attach(&s->io, i, pair[1]), 0);
}

static void setup(struct setup *s)
{
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(stdio_open(&s->io, false, NULL), 0);
	for (unsigned int i = 0; i < STDIO_STREAMS; i++)
		s->host[i] = -1;
}

static void teardown(struct setup *s)
{
	for (unsigned int i = 0; i < STDIO_STREAMS; i++)
		auto_close_fd(&s->host[i]);
	stdio_close(&s->io);
}

/* As long as something moves. */
static void settle(struct setup *s, bool ending)
{
	struct pollfd fds[STDIO_POLLS];

	for (int i = 0; i < 1000; i++) {
		nfds_t n = stdio_polls(&s->io, fds);

		if (!ending && poll(fds, n, 0) <= 0)
			return;
		stdio_work(&s->io, ending);
		if (ending)
			return;
	}
	fail_msg("it spins");
}

static void put(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void expect(int fd, const char *text)
{
	char buf[64] = "";

	assert_int_equal(read(fd, buf, sizeof(buf) - 1), strlen(text));
	assert_string_equal(buf, text);
}

static void test_apart(void **state)
{
	struct setup s;

	(void)state;
	setup(&s);
	for (unsigned int i = 0; i < STDIO_STREAMS; i++)
		attach(&s, i);
	assert_int_equal(stdio_attach(&s.io, 1, dup(0)), -EINVAL);
	assert_int_equal(stdio_attach(&s.io, 3, dup(0)), -EINVAL);
	put(s.host[0], "in");
	put(s.io.work[1], "out");
	put(s.io.work[2], "err");
	settle(&s, false);
	expect(s.io.work[0], "in");
	expect(s.host[1], "out");
	expect(s.host[2], "err");
	/* the end of input is one, and only that */
	shutdown(s.host[0], SHUT_WR);
	settle(&s, false);
	expect(s.io.work[0], "");
	assert_false(stdio_drained(&s.io));
	auto_close_fd(&s.io.work[1]);
	settle(&s, false);
	expect(s.host[1], "");
	put(s.io.work[2], "more");
	settle(&s, false);
	expect(s.host[2], "more");
	teardown(&s);
}

/* Output waits in the pipe until somebody comes for it. */
static void test_late_attach(void **state)
{
	struct setup s;

	(void)state;
	setup(&s);
	put(s.io.work[1], "early");
	settle(&s, false);
	settle(&s, true);
	assert_false(stdio_attached(&s.io));
	assert_false(stdio_drained(&s.io));
	attach(&s, 1);
	attach(&s, 2);
	assert_true(stdio_attached(&s.io));
	/* the pipe's other end is still open here: it is not waited for */
	settle(&s, true);
	assert_true(stdio_drained(&s.io));
	expect(s.host[1], "early");
	expect(s.host[1], "");
	expect(s.host[2], "");
	teardown(&s);
}

/* Who has stopped reading makes the writer notice. */
static void test_no_reader(void **state)
{
	struct setup s;

	(void)state;
	setup(&s);
	for (unsigned int i = 0; i < STDIO_STREAMS; i++)
		attach(&s, i);
	auto_close_fd(&s.host[1]);
	put(s.io.work[1], "x");
	settle(&s, false);
	assert_int_equal(write(s.io.work[1], "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	/* the workload has closed its input */
	auto_close_fd(&s.io.work[0]);
	put(s.host[0], "x");
	settle(&s, false);
	assert_int_equal(send(s.host[0], "x", 1, MSG_NOSIGNAL), -1);
	assert_int_equal(errno, EPIPE);
	put(s.io.work[2], "still");
	settle(&s, false);
	expect(s.host[2], "still");
	teardown(&s);
}

/* A host that does not read: nothing grows, nothing spins, nothing is lost. */
static void test_slow_reader(void **state)
{
	static char block[4096], back[4096];
	size_t sent = 0, got = 0;
	struct setup s;

	(void)state;
	setup(&s);
	attach(&s, 1);
	attach(&s, 2);
	assert_int_equal(fcntl(s.io.work[1], F_SETFL, O_NONBLOCK), 0);
	for (int i = 0; i < 2000; i++) {
		memset(block, (int)(sent / sizeof(block)), sizeof(block));
		if (write(s.io.work[1], block, sizeof(block)) > 0)
			sent += sizeof(block);
		settle(&s, false);
	}
	assert_true(sent > STDIO_BUF && sent < 2000 * sizeof(block));
	assert_int_equal(fcntl(s.host[1], F_SETFL, O_NONBLOCK), 0);
	while (!stdio_drained(&s.io) || got < sent) {
		ssize_t n = read(s.host[1], back, sizeof(back));

		for (ssize_t i = 0; i < n; i++, got++)
			assert_int_equal((unsigned char)back[i],
					 (unsigned char)(got / sizeof(block)));
		stdio_work(&s.io, true);
	}
	assert_int_equal(got, sent);
	teardown(&s);
}

/* Somebody else goes on writing after the end: that is cut off. */
static void test_endless(void **state)
{
	static char sink[1 << 16];
	struct setup s;
	int turns = 0;

	(void)state;
	setup(&s);
	attach(&s, 1);
	attach(&s, 2);
	assert_int_equal(fcntl(s.io.work[1], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(fcntl(s.host[1], F_SETFL, O_NONBLOCK), 0);
	while (!stdio_drained(&s.io)) {
		while (write(s.io.work[1], sink, sizeof(sink)) > 0)
			;
		stdio_work(&s.io, true);
		while (read(s.host[1], sink, sizeof(sink)) > 0)
			;
		assert_true(++turns < 1000);
	}
	teardown(&s);
}

static void test_terminal(void **state)
{
	char name[] = "/dev/ptmx", buf[16];
	struct setup s = { .host = { -1, -1, -1 } };
	int master = open(name, O_RDWR | O_NOCTTY), slave;

	(void)state;
	if (master < 0 || unlockpt(master))
		skip();
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(slave >= 0);
	assert_int_equal(stdio_open(&s.io, true, NULL), 0);
	assert_int_equal(stdio_terminal(&s.io, master), 0);
	assert_int_equal(stdio_attach(&s.io, 1, dup(0)), -EINVAL);
	attach(&s, 0);
	put(slave, "a\n");
	settle(&s, false);
	expect(s.host[0], "a\r\n");
	put(s.host[0], "b\n");
	settle(&s, false);
	assert_int_equal(read(slave, buf, sizeof(buf)), 2);
	/* no end of input for a terminal */
	shutdown(s.host[0], SHUT_WR);
	settle(&s, false);
	put(slave, "c\n");
	close(slave);
	settle(&s, true);
	assert_true(stdio_drained(&s.io));
	teardown(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_apart),
		cmocka_unit_test(test_late_attach),
		cmocka_unit_test(test_no_reader),
		cmocka_unit_test(test_slow_reader),
		cmocka_unit_test(test_endless),
		cmocka_unit_test(test_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
