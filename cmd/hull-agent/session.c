/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/sock.h"
#include "base/sys.h"
#include "cmd/hull-agent/agent.h"
#include "cmd/hull-agent/start.h"
#include "cmd/hull-agent/stdio.h"
#include "libcontainer/spawned.h"
#include "microvm/proto/proto.h"

/* How long the host may take to close a session whose end it was told. */
#define FAREWELL_MS 2000

/**
 * struct run - a session from START or EXEC on.
 * @ooms: what the container's cgroup had counted before
 * @id: the container's
 * @status: of the process, once @exited
 */
struct run {
	const struct session *s;
	struct stdio io;
	struct spawned sp;
	char *id;
	uint64_t ooms;
	int slot_fd;
	bool exited;
	bool host_gone;
	int status;
	int64_t until_ms;
};

struct hull_context session_context(const struct agent *a,
				    const struct hull_guest *guest)
{
	return (struct hull_context){
		.root = a->state,
		.manager = HULL_CGROUPFS,
		.guest = guest,
	};
}

struct hull_guest session_guest(const struct agent *a)
{
	return (struct hull_guest){
		.root = a->root,
		.binds = a->binds,
		.cgroup = a->cgroup,
	};
}

int session_find(const struct agent *a, char **id, struct err *err)
{
	struct hull_context ctx = session_context(a, NULL);
	struct hull_state *list = NULL;
	size_t count = 0;
	int ret;

	*id = NULL;
	ret = hull_list(&ctx, &list, &count, err);
	if (ret)
		return ret;
	if (count)
		*id = strdup(list[0].id);
	for (size_t i = 0; i < count; i++)
		hull_state_release(&list[i]);
	free(list);
	return *id ? 0 : err_set(err, -ENOENT, "the container is not started");
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- start */

static int launch(struct run *r, const struct hull_guest *g,
		  const struct start *start, struct err *err)
{
	const struct agent *a = r->s->agent;
	struct hull_context ctx = session_context(a, g);
	struct hull_create_options opt = {
		.bundle = a->bundle,
		.no_new_keyring = start->no_new_keyring,
	};
	int ret;

	ret = start_prepare(a, start, err);
	if (ret)
		return ret;
	r->id = strdup(start->id);
	if (!r->id)
		return err_set(err, -ENOMEM, "out of memory");
	ret = stdio_enter(&r->io, err);
	return ret ? ret : run_spawn(&ctx, r->id, &opt, &r->sp, err);
}

static int launch_exec(struct run *r, const struct hull_guest *g,
		       const char *json, size_t len, struct err *err)
{
	struct hull_context ctx = session_context(r->s->agent, g);
	struct hull_exec_options opt = { .process = json,
					 .process_len = len,
					 .tty = g->terminal };
	int ret;

	ret = session_find(r->s->agent, &r->id, err);
	if (ret)
		return ret;
	hull_oom_kills(&ctx, r->id, &r->ooms, NULL);
	ret = stdio_enter(&r->io, err);
	return ret ? ret : exec_spawn(&ctx, r->id, &opt, &r->sp, err);
}

static int begin(struct run *r, const struct proto_msg *msg, struct err *err)
{
	struct proto_session token = { .token = r->s->token };
	struct hull_guest g = session_guest(r->s->agent);
	auto_arena struct arena arena = { 0 };
	struct proto_start head;
	struct start start;
	const char *json = msg->data + sizeof(head);
	size_t len = msg->len - sizeof(head);
	int ret;

	memcpy(&head, msg->data, sizeof(head));
	g.terminal = head.tty;
	g.rows = head.rows;
	g.cols = head.cols;
	g.plain_lines = head.plain_lines;
	ret = stdio_open(&r->io, g.terminal, err);
	if (!ret && msg->type == PROTO_START)
		ret = start_parse(&arena, json, len, &start, err);
	if (!ret && msg->type == PROTO_START) {
		g.filter = start.filter;
		g.filter_len = start.filter_len;
	}
	if (!ret) {
		ret = proto_send(r->s->ctl_fd, PROTO_SESSION, &token,
				 sizeof(token), NULL, 0);
		if (ret)
			err_code(err, ret, "cannot reach the host");
	}
	if (ret)
		return ret;
	ret = msg->type == PROTO_START ? launch(r, &g, &start, err)
				       : launch_exec(r, &g, json, len, err);
	if (!ret && r->sp.console_fd >= 0)
		stdio_terminal(&r->io, take_fd(&r->sp.console_fd));
	if (!ret)
		ret = stdio_leave(&r->io, err);
	return ret;
}

/* ---- while it runs */

static void resize(struct run *r, const struct proto_msg *msg)
{
	struct proto_resize size;
	struct winsize ws = { 0 };

	memcpy(&size, msg->data, sizeof(size));
	ws.ws_row = size.rows;
	ws.ws_col = size.cols;
	if (r->io.tty && r->io.mine[0] >= 0)
		ioctl(r->io.mine[0], TIOCSWINSZ, &ws);
}

static void send_signal(struct run *r, const struct proto_msg *msg)
{
	struct proto_signal sig;

	memcpy(&sig, msg->data, sizeof(sig));
	if (!r->exited && sig.signal > 0 && sig.signal < NSIG)
		sys_pidfd_send_signal(r->sp.pidfd, (int)sig.signal, NULL, 0);
}

/* Without its other end a session is over, as a process is whose supervisor
 * got SIGKILL together with it. */
static void lose_host(struct run *r)
{
	r->host_gone = true;
	if (!r->exited)
		sys_pidfd_send_signal(r->sp.pidfd, SIGKILL, NULL, 0);
}

static void take_message(struct run *r)
{
	struct proto_msg msg = { 0 };
	int ret = proto_recv(r->s->ctl_fd, PROTO_STALL_MS, &msg);

	if (ret <= 0)
		lose_host(r);
	else if (msg.type == PROTO_SIGNAL)
		send_signal(r, &msg);
	else if (msg.type == PROTO_RESIZE)
		resize(r, &msg);
	else
		lose_host(r);
	proto_msg_release(&msg);
}

static void take_stream(struct run *r)
{
	uint32_t number = 0;
	int fd = -1;
	ssize_t n = sock_recv(r->slot_fd, &number, sizeof(number), &fd, 1);

	if (n <= 0)
		r->slot_fd = -1;
	else if (n == sizeof(number) && fd >= 0)
		stdio_attach(&r->io, number, take_fd(&fd));
	auto_close_fd(&fd);
}

static void take_end(struct run *r)
{
	while (waitpid(r->sp.pid, &r->status, __WALL) < 0 && errno == EINTR)
		;
	r->exited = true;
	r->until_ms = now_ms() + PROTO_STALL_MS;
}

static int turn(struct run *r)
{
	struct pollfd fds[3 + STDIO_POLLS] = {
		{ .fd = r->host_gone ? -1 : r->s->ctl_fd, .events = POLLIN },
		{ .fd = r->slot_fd, .events = POLLIN },
		{ .fd = r->exited ? -1 : r->sp.pidfd, .events = POLLIN },
	};
	nfds_t count = 3 + stdio_polls(&r->io, fds + 3);
	int timeout_ms = -1;

	/* the host may be slow to read, but not to ask for what there is */
	if (r->exited && !stdio_attached(&r->io)) {
		timeout_ms = (int)(r->until_ms - now_ms());
		if (timeout_ms <= 0)
			return -ETIMEDOUT;
	}
	if (poll(fds, count, timeout_ms) < 0 && errno != EINTR)
		return -errno;
	if (fds[0].revents)
		take_message(r);
	if (fds[1].revents)
		take_stream(r);
	if (fds[2].revents)
		take_end(r);
	stdio_work(&r->io, r->exited);
	return 0;
}

/* Return: -errno when something went wrong on our side. */
static int attend(struct run *r)
{
	int ret = 0;

	while (!ret && !(r->exited && (r->host_gone || stdio_drained(&r->io))))
		ret = turn(r);
	return ret == -ETIMEDOUT ? 0 : ret;
}

/* ---- end */

/* The VM must not go before what was said last has left it. */
static void farewell(int ctl_fd)
{
	struct pollfd fd = { .fd = ctl_fd, .events = POLLIN };
	char byte;

	shutdown(ctl_fd, SHUT_WR);
	while (poll(&fd, 1, FAREWELL_MS) > 0 &&
	       recv(ctl_fd, &byte, 1, MSG_DONTWAIT) > 0)
		;
}

static void tell_end(struct run *r)
{
	struct hull_guest g = session_guest(r->s->agent);
	struct hull_context ctx = session_context(r->s->agent, &g);
	struct proto_exited end = { .status = r->status };
	uint64_t ooms = 0;

	if (!hull_oom_kills(&ctx, r->id, &ooms, NULL))
		end.oom = ooms > r->ooms;
	if (!proto_send(r->s->ctl_fd, PROTO_EXITED, &end, sizeof(end), NULL, 0))
		farewell(r->s->ctl_fd);
}

static int session_run(const struct session *s, const struct proto_msg *msg)
{
	struct run r = { .s = s, .slot_fd = s->slot_fd, .sp = SPAWNED_INIT };
	struct err err = { 0 };
	int ret;

	ret = begin(&r, msg, &err);
	if (ret) {
		if (!proto_send_err(s->ctl_fd, &err))
			farewell(s->ctl_fd);
		if (r.sp.pidfd >= 0)
			sys_pidfd_send_signal(r.sp.pidfd, SIGKILL, NULL, 0);
	} else {
		ret = proto_send(s->ctl_fd, PROTO_STARTED, NULL, 0, NULL, 0);
		if (ret)
			lose_host(&r);
		ret = attend(&r);
		if (ret)
			log_warn("a session failed: %s", err_text(ret));
		else if (!r.host_gone)
			tell_end(&r);
	}
	stdio_close(&r.io);
	free(r.id);
	return ret;
}

int session_serve(const struct session *s)
{
	struct proto_msg msg = { 0 };
	int ret;

	signal(SIGPIPE, SIG_IGN);
	/* the container's own may be let go any time after its creation */
	ret = proto_recv(s->ctl_fd, s->boot ? -1 : PROTO_STALL_MS, &msg);
	if (ret <= 0)
		return ret ? ret : -EPIPE;
	if (s->boot != (msg.type == PROTO_START)) {
		ret = -EPROTO;
	} else {
		switch (msg.type) {
		case PROTO_START:
		case PROTO_EXEC:
			ret = session_run(s, &msg);
			break;
		case PROTO_PS:
		case PROTO_STATS:
		case PROTO_UPDATE:
			ret = query_serve(s->agent, s->ctl_fd, &msg);
			break;
		default:
			ret = -EPROTO;
		}
	}
	proto_msg_release(&msg);
	return ret;
}
