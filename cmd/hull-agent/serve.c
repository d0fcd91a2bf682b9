/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/sock.h"
#include "cmd/hull-agent/agent.h"
#include "microvm/proto/proto.h"

#define SLOTS 64     /* sessions and queries at one time */
#define NEWCOMERS 32 /* connections that have not said yet what they are */
#define STREAMS 3

/**
 * struct slot - a process of ours that serves one connection.
 * @fd:     our end of its socket for streams
 * @streams: bit N: stream N has been handed over
 */
struct slot {
	pid_t pid; /* 0: free */
	int fd;
	uint64_t token;
	unsigned int streams;
	bool boot;
};

struct newcomer {
	int fd; /* -1: free */
	int64_t until_ms;
};

struct server {
	const struct agent *agent;
	int listen_fd;
	int signal_fd;
	bool ended; /* the container's session is over */
	struct slot slots[SLOTS];
	struct newcomer newcomers[NEWCOMERS];
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- processes */

/* A session is handed nothing but its own connection. */
static void child(struct server *s, const struct session *session)
{
	sigset_t none;

	auto_close_fd(&s->listen_fd);
	auto_close_fd(&s->signal_fd);
	for (size_t i = 0; i < SLOTS; i++)
		auto_close_fd(&s->slots[i].fd);
	for (size_t i = 0; i < NEWCOMERS; i++)
		auto_close_fd(&s->newcomers[i].fd);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	_exit(session_serve(session) ? 1 : 0);
}

static struct slot *free_slot(struct server *s)
{
	for (size_t i = 0; i < SLOTS; i++) {
		if (!s->slots[i].pid)
			return &s->slots[i];
	}
	return NULL;
}

/* @fd is taken. */
static int start_session(struct server *s, int fd, bool boot)
{
	auto_fd int conn_fd = fd, ours = -1, theirs = -1;
	struct slot *slot = free_slot(s);
	struct session session = { .agent = s->agent, .boot = boot };
	int pair[2];
	pid_t pid;

	if (!slot)
		return -EBUSY;
	if (getrandom(&session.token, sizeof(session.token), 0) !=
	    sizeof(session.token))
		return -EIO;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	ours = pair[0];
	theirs = pair[1];
	session.ctl_fd = conn_fd;
	session.slot_fd = theirs;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		close(ours);
		child(s, &session);
	}
	*slot = (struct slot){ .pid = pid,
			       .fd = take_fd(&ours),
			       .token = session.token,
			       .boot = boot };
	return 0;
}

/* All children: sessions, and what the workload has left to PID 1. */
static void reap(struct server *s)
{
	struct signalfd_siginfo si;
	pid_t pid;

	while (read(s->signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		;
	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		for (size_t i = 0; i < SLOTS; i++) {
			struct slot *slot = &s->slots[i];

			if (slot->pid != pid)
				continue;
			s->ended |= slot->boot;
			auto_close_fd(&slot->fd);
			slot->pid = 0;
		}
	}
}

/* ---- connections */

static void accept_all(struct server *s)
{
	for (size_t i = 0; i < NEWCOMERS; i++) {
		struct newcomer *n = &s->newcomers[i];

		if (n->fd >= 0)
			continue;
		n->fd = link_accept(s->agent, s->listen_fd);
		if (n->fd < 0) {
			n->fd = -1;
			return;
		}
		n->until_ms = now_ms() + PROTO_STALL_MS;
	}
}

static void hand_over(struct server *s, const struct proto_attach *attach,
		      int fd)
{
	uint32_t stream = attach->stream;
	int ret = -ENOENT;

	for (size_t i = 0; stream < STREAMS && i < SLOTS; i++) {
		struct slot *slot = &s->slots[i];

		if (!slot->pid || slot->token != attach->token ||
		    slot->streams & (1U << stream))
			continue;
		slot->streams |= 1U << stream;
		ret = sock_send(slot->fd, &stream, sizeof(stream), &fd, 1);
	}
	if (ret)
		log_warn("a stream for no session");
}

/*
 * The first message is looked at and left where it is, so that nothing of a
 * stream's own bytes is read here. The other end sends a message at once: half
 * of one is none.
 */
static void welcome(struct server *s, struct newcomer *n)
{
	struct {
		struct proto_head head;
		struct proto_attach attach;
	} first;
	auto_fd int fd = take_fd(&n->fd);
	ssize_t got;
	int ret;

	got = recv(fd, &first, sizeof(first), MSG_PEEK | MSG_DONTWAIT);
	if (got < (ssize_t)sizeof(first.head))
		return;
	if (first.head.type == PROTO_ATTACH) {
		if (got == (ssize_t)sizeof(first) &&
		    first.head.len == sizeof(first.attach) &&
		    recv(fd, &first, sizeof(first), MSG_DONTWAIT) == got)
			hand_over(s, &first.attach, fd);
		return;
	}
	ret = start_session(s, take_fd(&fd), false);
	if (ret)
		log_warn("cannot serve a connection: %s", err_text(ret));
}

/* ---- the loop */

/* Return: milliseconds until the first newcomer has had its time, or -1. */
static int patience(struct server *s)
{
	int64_t now = now_ms(), first = INT64_MAX;

	for (size_t i = 0; i < NEWCOMERS; i++) {
		struct newcomer *n = &s->newcomers[i];

		if (n->fd >= 0 && n->until_ms <= now)
			auto_close_fd(&n->fd);
		if (n->fd >= 0 && n->until_ms < first)
			first = n->until_ms;
	}
	return first == INT64_MAX ? -1 : (int)(first - now);
}

static bool has_room(const struct server *s)
{
	for (size_t i = 0; i < NEWCOMERS; i++) {
		if (s->newcomers[i].fd < 0)
			return true;
	}
	return false;
}

static int turn(struct server *s, struct err *err)
{
	struct pollfd fds[2 + NEWCOMERS];
	int timeout_ms = patience(s);

	fds[0] = (struct pollfd){ .fd = s->signal_fd, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = has_room(s) ? s->listen_fd : -1,
				  .events = POLLIN };
	for (size_t i = 0; i < NEWCOMERS; i++)
		fds[2 + i] = (struct pollfd){ .fd = s->newcomers[i].fd,
					      .events = POLLIN };
	if (poll(fds, 2 + NEWCOMERS, timeout_ms) < 0)
		return errno == EINTR ? 0
				      : err_sys(err, "cannot wait for events");
	if (fds[0].revents)
		reap(s);
	for (size_t i = 0; i < NEWCOMERS; i++) {
		if (fds[2 + i].revents)
			welcome(s, &s->newcomers[i]);
	}
	if (fds[1].revents)
		accept_all(s);
	return 0;
}

static int open_signals(struct err *err)
{
	sigset_t chld;
	int fd;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &chld, NULL) < 0)
		return err_sys(err, "cannot block signals");
	fd = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? err_sys(err, "cannot make a signalfd") : fd;
}

int serve(const struct agent *a, int boot_fd, struct err *err)
{
	struct server s = { .agent = a, .listen_fd = -1, .signal_fd = -1 };
	auto_fd int boot = boot_fd;
	int ret = 0;

	for (size_t i = 0; i < SLOTS; i++)
		s.slots[i].fd = -1;
	for (size_t i = 0; i < NEWCOMERS; i++)
		s.newcomers[i].fd = -1;
	s.signal_fd = open_signals(err);
	if (s.signal_fd < 0)
		return s.signal_fd;
	s.listen_fd = link_listen(a);
	if (s.listen_fd < 0)
		return err_code(err, s.listen_fd, "cannot listen");
	ret = start_session(&s, take_fd(&boot), true);
	if (ret)
		err_code(err, ret, "cannot serve the host");
	while (!ret && !s.ended)
		ret = turn(&s, err);
	close(s.listen_fd);
	close(s.signal_fd);
	return ret;
}
