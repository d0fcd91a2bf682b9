/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_TEST_MICROVM_SCENE_H
#define HULL_TEST_MICROVM_SCENE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/fd.h"
#include "microvm/proto/proto.h"
#include "microvm/session/session.h"

#define TOKEN 0x1122334455667788ULL
#define JSON "{\"config\":{}}"

/**
 * struct scene - a child runs session_run(); the test is the agent, and holds
 * the other ends of its standard streams.
 * @streams: listening end: each connection of the session sends one descriptor
 * @report: what session_run() made of it
 */
struct scene {
	pid_t pid;
	int ctl;
	int streams;
	int stdio[3];
	int report;
	int stream[3];
};

struct outcome {
	int ret;
	struct session_end end;
	int told; /* times that started() was called */
	int told_code;
	char msg[sizeof(((struct err *)0)->msg)];
};

static struct outcome outcome;

static inline void on_started(void *arg, const struct err *err)
{
	(void)arg;
	outcome.told++;
	outcome.told_code = err ? err->code : 0;
}

/* A pair whose other end goes to the test. */
static inline int connect_stream(void *arg)
{
	const int *to = arg;
	int pair[2];
	struct iovec iov = { (char[]){ "s" }, 1 };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -errno;
	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.head), &pair[1], sizeof(int));
	if (sendmsg(*to, &msg, 0) != 1)
		return -errno;
	close(pair[1]);
	return pair[0];
}

struct options {
	bool tty;
	bool exec;
	int timeout_ms;
	bool plain_lines; /* no CR before LF, with @tty */
	int stdin_fd;     /* given as it is; 0: a pipe */
};

static inline void run_child(struct scene *s, const int *theirs,
			     struct options opt)
{
	struct session session = {
		.ctl_fd = s->ctl,
		.connect = connect_stream,
		.started = on_started,
		.arg = &s->streams,
		.exec = opt.exec,
		.tty = opt.tty,
		.json = JSON,
		.json_len = strlen(JSON),
		.timeout_ms = opt.timeout_ms ? opt.timeout_ms : 3000,
	};
	struct err err = { 0 };
	sigset_t set;

	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	session.signals_fd = signalfd(-1, &set, SFD_CLOEXEC);
	for (int i = 0; i < 3; i++)
		if (theirs[i] >= 0)
			dup2(theirs[i], i);
		else
			close(i);
	/* the test's ends must not keep anything open */
	for (int i = 0; i < 3; i++)
		auto_close_fd(&s->stdio[i]);
	fd_stdio_guard();
	outcome.ret = session_run(&session, &outcome.end, &err);
	snprintf(outcome.msg, sizeof(outcome.msg), "%s", err.msg);
	_exit(write(s->report, &outcome, sizeof(outcome)) == sizeof(outcome)
		      ? 0
		      : 1);
}

static inline void make_pipe(int *ours, int *theirs, bool to_them)
{
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	*ours = p[to_them ? 1 : 0];
	*theirs = p[to_them ? 0 : 1];
}

static inline void leave_out_cr(int fd)
{
	struct termios t;

	assert_int_equal(tcgetattr(fd, &t), 0);
	t.c_oflag &= ~(tcflag_t)ONLCR;
	assert_int_equal(tcsetattr(fd, TCSANOW, &t), 0);
}

static inline struct scene begin(struct options opt)
{
	struct scene s = { .stdio = { -1, -1, -1 }, .stream = { -1, -1, -1 } };
	int ctl[2], streams[2], report[2], theirs[3];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ctl), 0);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, streams),
		0);
	assert_int_equal(pipe2(report, O_CLOEXEC), 0);
	if (opt.tty) {
		assert_int_equal(openpty(&s.stdio[0], &theirs[0], NULL, NULL,
					 &(struct winsize){ 24, 80, 0, 0 }),
				 0);
		fcntl(s.stdio[0], F_SETFD, FD_CLOEXEC);
		if (opt.plain_lines)
			leave_out_cr(theirs[0]);
		theirs[1] = theirs[2] = theirs[0];
	} else {
		make_pipe(&s.stdio[0], &theirs[0], true);
		make_pipe(&s.stdio[1], &theirs[1], false);
		make_pipe(&s.stdio[2], &theirs[2], false);
		if (opt.stdin_fd)
			theirs[0] = opt.stdin_fd;
	}
	s.pid = fork();
	if (!s.pid) {
		s.ctl = ctl[1];
		s.streams = streams[1];
		s.report = report[1];
		close(ctl[0]);
		run_child(&s, theirs, opt);
	}
	if (opt.tty) /* looked at when the session has ended */
		s.stdio[1] = theirs[0];
	for (int i = 0; i < 3; i++)
		if (theirs[i] >= 0 && !opt.tty)
			close(theirs[i]);
	close(ctl[1]);
	close(streams[1]);
	close(report[1]);
	s.ctl = ctl[0];
	s.streams = streams[0];
	s.report = report[0];
	return s;
}

static inline struct outcome end(struct scene *s)
{
	struct outcome o = { 0 };
	int status;

	assert_int_equal(read(s->report, &o, sizeof(o)), sizeof(o));
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	assert_int_equal(status, 0);
	for (int i = 0; i < 3; i++) {
		auto_close_fd(&s->stdio[i]);
		auto_close_fd(&s->stream[i]);
	}
	auto_close_fd(&s->ctl);
	auto_close_fd(&s->streams);
	auto_close_fd(&s->report);
	return o;
}

static inline int take_stream(struct scene *s)
{
	char byte;
	struct iovec iov = { &byte, 1 };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	int fd;

	assert_int_equal(recvmsg(s->streams, &msg, MSG_CMSG_CLOEXEC), 1);
	memcpy(&fd, CMSG_DATA(&control.head), sizeof(int));
	return fd;
}

static inline void say(struct scene *s, enum proto_type type, const void *data,
		       size_t len)
{
	assert_int_equal(proto_send(s->ctl, type, data, len, NULL, 0), 0);
}

static inline void hear(struct scene *s, enum proto_type type, void *data,
			size_t len)
{
	struct proto_msg msg;

	assert_int_equal(proto_recv(s->ctl, 5000, &msg), 1);
	assert_int_equal(msg.type, type);
	assert_true(msg.len >= len);
	memcpy(data, msg.data, len);
	proto_msg_release(&msg);
}

/* As a good agent: until the streams are there. */
static inline struct proto_start meet(struct scene *s, struct options opt)
{
	const struct proto_session token = { TOKEN };
	struct proto_start start;

	hear(s, opt.exec ? PROTO_EXEC : PROTO_START, &start, sizeof(start));
	say(s, PROTO_SESSION, &token, sizeof(token));
	for (int i = 0; i < (opt.tty ? 1 : 3); i++) {
		struct proto_attach attach;
		struct proto_msg msg;

		s->stream[i] = take_stream(s);
		assert_int_equal(proto_recv(s->stream[i], 5000, &msg), 1);
		assert_int_equal(msg.type, PROTO_ATTACH);
		memcpy(&attach, msg.data, sizeof(attach));
		assert_true(attach.token == TOKEN);
		assert_int_equal(attach.stream, i);
		proto_msg_release(&msg);
	}
	return start;
}

static inline struct scene begin_started(struct options opt)
{
	struct scene s = begin(opt);

	meet(&s, opt);
	say(&s, PROTO_STARTED, NULL, 0);
	return s;
}

static inline void say_exited(struct scene *s, int status, bool oom)
{
	const struct proto_exited exited = { .status = status, .oom = oom };

	say(s, PROTO_EXITED, &exited, sizeof(exited));
}

static inline void close_streams(struct scene *s)
{
	for (int i = 0; i < 3; i++)
		auto_close_fd(&s->stream[i]);
}

static inline void assert_reads(int fd, const char *text)
{
	char buf[64] = "";
	size_t got = 0;

	while (got < strlen(text)) {
		ssize_t n = read(fd, buf + got, strlen(text) - got);

		assert_true(n > 0);
		got += (size_t)n;
	}
	assert_string_equal(buf, text);
}

static inline void assert_end(int fd)
{
	char c;

	assert_int_equal(read(fd, &c, 1), 0);
}

#endif
