/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agentctl: plays the host for a hull-agent that runs on an ordinary machine.
 *   agentctl run DIR START.json AGENT CGROUP [ROWSxCOLS]
 *   agentctl exec DIR PROCESS.json [ROWSxCOLS]
 *   agentctl ps|stats|update DIR [FILE]
 *   agentctl noise DIR     what no host would say; the agent has to live on
 * With "real" in place of the size the VMM's own end of a session serves; then
 * there is a terminal when 0 is one.
 * Relays 0, 1 and 2; passes signals on; SIGWINCH doubles the size. Ends as the
 * workload did; 125 when it could not start, with the reason on 2.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/sock.h"
#include "microvm/proto/proto.h"
#include "microvm/session/session.h"

static const char *dir;

static void die(const char *what, int code)
{
	fprintf(stderr, "agentctl: %s: %s\n", what, strerror(-code));
	exit(124);
}

static int open_dir(void)
{
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		die(dir, -errno);
	return fd;
}

static int connect_agent(void)
{
	int fd = sock_connect_at(open_dir(), "agent.sock");

	if (fd < 0)
		die("agent.sock", fd);
	return fd;
}

static char *load(const char *path, size_t *len)
{
	FILE *f = fopen(path, "r");
	char *data = malloc(1 << 20);

	if (!f || !data)
		die(path, -errno);
	*len = fread(data, 1, 1 << 20, f);
	fclose(f);
	return data;
}

static void expect(int fd, uint32_t type, struct proto_msg *msg)
{
	int ret = proto_recv(fd, 30000, msg);
	struct err err = { 0 };

	if (ret <= 0)
		die("no answer", ret ? ret : -EPIPE);
	if (msg->type == PROTO_ERROR) {
		proto_get_err(msg, &err);
		fprintf(stderr, "agentctl: refused: %s: %s\n", err.stage,
			err.msg);
		exit(125);
	}
	if (msg->type != type)
		die("unexpected message", -EPROTO);
}

static pid_t start_agent(const char *agent, const char *cgroup)
{
	pid_t pid = fork();

	if (!pid) {
		int null_fd = open("/dev/null", O_RDWR);

		dup2(null_fd, 0);
		dup2(null_fd, 1);
		execl(agent, agent, "--unix", dir, cgroup, NULL);
		_exit(127);
	}
	return pid;
}

/* Return: the stream of bytes that goes with a session. */
static int attach(uint64_t token, uint32_t stream)
{
	struct proto_attach a = { .token = token, .stream = stream };
	int fd = connect_agent();
	int ret = proto_send(fd, PROTO_ATTACH, &a, sizeof(a), NULL, 0);

	if (ret)
		die("attach", ret);
	return fd;
}

struct relay {
	int from, to;
	int shut; /* a half-close is passed on to @to */
};

static void move(struct relay *r)
{
	char buf[65536];
	ssize_t n = read(r->from, buf, sizeof(buf));

	for (ssize_t done = 0; n > 0 && done < n;) {
		ssize_t put = write(r->to, buf + done, (size_t)(n - done));

		if (put < 0)
			n = -1;
		done += put;
	}
	if (n > 0)
		return;
	if (r->shut)
		shutdown(r->to, SHUT_WR);
	else
		shutdown(r->from, SHUT_RD);
	r->from = -1;
}

static void pass_signal(int ctl, int signal_fd, struct proto_resize *size)
{
	struct signalfd_siginfo si;
	struct proto_signal sig;

	if (read(signal_fd, &si, sizeof(si)) != sizeof(si))
		return;
	if (si.ssi_signo == SIGCHLD)
		return;
	sig.signal = si.ssi_signo;
	if (si.ssi_signo != SIGWINCH) {
		proto_send(ctl, PROTO_SIGNAL, &sig, sizeof(sig), NULL, 0);
		return;
	}
	size->rows *= 2;
	size->cols *= 2;
	proto_send(ctl, PROTO_RESIZE, size, sizeof(*size), NULL, 0);
}

/* Return: 1 at the session's end. */
static int take_control(int ctl, int *status)
{
	struct proto_exited end;
	struct proto_msg msg;

	expect(ctl, PROTO_EXITED, &msg);
	memcpy(&end, msg.data, sizeof(end));
	proto_msg_release(&msg);
	if (end.oom)
		fprintf(stderr, "agentctl: oom\n");
	*status = WIFSIGNALED(end.status) ? 128 + WTERMSIG(end.status)
					  : WEXITSTATUS(end.status);
	return 1;
}

static int connect_stream(void *arg)
{
	(void)arg;
	return sock_connect_at(open_dir(), "agent.sock");
}

static void started(void *arg, const struct err *err)
{
	(void)arg;
	if (err)
		fprintf(stderr, "agentctl: refused: %s: %s\n", err->stage,
			err->msg);
}

static int real_session(int ctl, int type, const char *file)
{
	struct session s = { .ctl_fd = ctl,
			     .connect = connect_stream,
			     .started = started,
			     .exec = type == PROTO_EXEC,
			     .tty = isatty(0) };
	struct session_end end;
	struct err err = { 0 };
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	s.signals_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	s.json = load(file, &s.json_len);
	if (session_run(&s, &end, &err)) {
		fprintf(stderr, "agentctl: session: %s\n", err.msg);
		return 125;
	}
	close(ctl);
	return WIFSIGNALED(end.status) ? 128 + WTERMSIG(end.status)
				       : WEXITSTATUS(end.status);
}

static int session(int ctl, int type, const char *file, const char *size_text)
{
	struct proto_start head = { 0 };
	struct proto_resize size = { 0 };
	struct proto_session token;
	struct relay relays[3];
	struct proto_msg msg;
	int count, status = 0, ended = 0, signal_fd;
	sigset_t all;
	size_t len;
	char *json;

	if (size_text && !strcmp(size_text, "real"))
		return real_session(ctl, type, file);
	json = load(file, &len);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	signal_fd = signalfd(-1, &all, SFD_CLOEXEC);
	if (size_text && sscanf(size_text, "%hux%hu", &head.rows, &head.cols))
		head.tty = 1;
	size.rows = head.rows;
	size.cols = head.cols;
	if (proto_send(ctl, type, &head, sizeof(head), json, len))
		die("start", -EPIPE);
	expect(ctl, PROTO_SESSION, &msg);
	memcpy(&token, msg.data, sizeof(token));
	count = head.tty ? 2 : 3;
	for (int i = 0; i < 3; i++) {
		int fd = head.tty && i ? relays[0].to : attach(token.token, i);

		relays[i] = i ? (struct relay){ fd, head.tty ? 1 : i, 0 }
			      : (struct relay){ 0, fd, 1 };
	}
	expect(ctl, PROTO_STARTED, &msg);
	while (!ended || relays[1].from >= 0 ||
	       (count > 2 && relays[2].from >= 0)) {
		struct pollfd fds[5] = {
			{ .fd = ended ? -1 : ctl, .events = POLLIN },
			{ .fd = signal_fd, .events = POLLIN },
		};

		for (int i = 0; i < count; i++)
			fds[2 + i] = (struct pollfd){ .fd = relays[i].from,
						      .events = POLLIN };
		if (poll(fds, 2 + (nfds_t)count, -1) < 0)
			die("poll", -errno);
		if (fds[1].revents)
			pass_signal(ctl, signal_fd, &size);
		for (int i = 0; i < count; i++) {
			if (fds[2 + i].revents)
				move(&relays[i]);
		}
		if (fds[0].revents)
			ended = take_control(ctl, &status);
	}
	close(ctl);
	return status;
}

static int run(const char *file, const char *agent, const char *cgroup,
	       const char *size)
{
	int listen_fd = sock_listen_at(open_dir(), "host.sock");
	struct proto_msg msg;
	int ctl, status;
	pid_t pid;

	if (listen_fd < 0)
		die("host.sock", listen_fd);
	pid = start_agent(agent, cgroup);
	ctl = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	expect(ctl, PROTO_HELLO, &msg);
	status = session(ctl, PROTO_START, file, size);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return status;
}

static int query(int type, const char *file)
{
	struct proto_reply reply;
	struct proto_msg msg;
	int fd = connect_agent();
	size_t len = 0;
	char *json = file ? load(file, &len) : NULL;

	if (proto_send(fd, type, NULL, 0, json, len))
		die("query", -EPIPE);
	expect(fd, PROTO_REPLY, &msg);
	memcpy(&reply, msg.data, sizeof(reply));
	puts(msg.data + sizeof(reply));
	return reply.code ? 1 : 0;
}

static int noise(void)
{
	static const struct proto_head heads[] = {
		{ PROTO_EXEC, UINT32_MAX },
		{ PROTO_START, 8 },
		{ 0, 0 },
		{ 99, 4 },
		{ PROTO_ATTACH, 16 },
		{ PROTO_SIGNAL, 4 },
		{ PROTO_EXEC, 8 },
		{ PROTO_UPDATE, 1 << 20 },
	};
	struct proto_attach wrong = { .token = 1 };

	for (int i = 0; i < 400; i++) {
		const struct proto_head *h =
			&heads[(size_t)i % (sizeof(heads) / sizeof(*heads))];
		int fd = connect_agent();
		size_t len = i % 3 ? sizeof(*h) : 3;

		/* the agent may have closed it already, as it should */
		if (write(fd, h, len) == (ssize_t)len && i % 5 == 0 &&
		    write(fd, &wrong, sizeof(wrong)) < 0)
			len = 0;
		close(fd);
	}
	for (int i = 0; i < 40; i++)
		connect_agent(); /* and nothing more */
	return 0;
}

int main(int argc, char *argv[])
{
	const char *what = argc > 2 ? argv[1] : "";

	signal(SIGPIPE, SIG_IGN);
	if (argc > 2)
		dir = argv[2];
	if (!strcmp(what, "run") && argc >= 6)
		return run(argv[3], argv[4], argv[5],
			   argc > 6 ? argv[6] : NULL);
	if (!strcmp(what, "exec") && argc >= 4)
		return session(connect_agent(), PROTO_EXEC, argv[3],
			       argc > 4 ? argv[4] : NULL);
	if (!strcmp(what, "ps"))
		return query(PROTO_PS, NULL);
	if (!strcmp(what, "stats"))
		return query(PROTO_STATS, NULL);
	if (!strcmp(what, "update") && argc == 4)
		return query(PROTO_UPDATE, argv[3]);
	if (!strcmp(what, "noise"))
		return noise();
	fprintf(stderr, "agentctl: see the top of its source\n");
	return 2;
}
