/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/session/session.h"

#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/auto.h"
#include "base/err.h"
#include "microvm/proto/patience.h"
#include "microvm/proto/proto.h"
#include "microvm/session/relay.h"
#include "microvm/session/tty.h"

#define STDIO 3

enum phase { PHASE_STARTING, PHASE_RUNNING, PHASE_DRAINING, PHASE_OVER };

/**
 * struct run - a session under way.
 * @stream: to the agent: standard input or the terminal, output, error
 * @in: standard input or the terminal to stream 0; @out: the other way round
 * @patience: for the start, then for the output that is left at the end
 * @ret: the session's result, with @err
 */
struct run {
	const struct session *session;
	struct session_end *end;
	struct err *err;
	enum phase phase;
	struct patience patience;
	int stream[STDIO];
	struct relay in;
	struct relay out[STDIO];
	struct tty tty;
	bool started;
	int ret;
};

static int start_ms(const struct session *session)
{
	return session->timeout_ms ? session->timeout_ms : SESSION_START_MS;
}

static void begin_drain(struct run *run)
{
	const int ms = run->session->timeout_ms;

	run->patience.left_ms = ms ? ms : SESSION_DRAIN_MS;
	run->phase = PHASE_DRAINING;
}

static void tell_started(struct run *run, const struct err *err)
{
	if (run->session->started)
		run->session->started(run->session->arg, err);
}

/* What the workload had written before still comes, if it was started. */
static void fail(struct run *run, int ret)
{
	run->ret = ret;
	if (run->phase == PHASE_RUNNING)
		begin_drain(run);
	else
		run->phase = PHASE_OVER;
}

static int breach(struct err *err)
{
	return err_set(err, -EPROTO,
		       "the guest's agent does not keep to the protocol");
}

static int why_none(int ret, struct err *err)
{
	if (ret == 0)
		return err_set(err, -EPIPE, "the guest's agent is gone");
	if (ret == -EPROTO)
		return breach(err);
	return err_code(err, ret, "waiting for the guest's agent");
}

/* ---- until the streams are there */

static int ask(const struct session *session, struct err *err)
{
	struct proto_start start = { .tty = session->tty };
	int ret;

	if (session->tty) {
		tty_size(STDIN_FILENO, &start.rows, &start.cols);
		start.plain_lines = tty_plain_lines(STDIN_FILENO);
	}
	ret = proto_send(session->ctl_fd,
			 session->exec ? PROTO_EXEC : PROTO_START, &start,
			 sizeof(start), session->json, session->json_len);
	return ret ? err_code(err, ret, "cannot tell the guest's agent") : 0;
}

static int get_token(const struct session *session, struct proto_session *token,
		     struct err *err)
{
	struct proto_msg msg;
	int ret = proto_recv(session->ctl_fd, start_ms(session), &msg);

	if (ret <= 0)
		return why_none(ret, err);
	ret = 0;
	if (msg.type == PROTO_SESSION) {
		memcpy(token, msg.data, sizeof(*token));
	} else if (msg.type == PROTO_ERROR) {
		struct err told;

		proto_get_err(&msg, &told);
		if (err)
			*err = told;
		ret = told.code;
	} else {
		ret = breach(err);
	}
	proto_msg_release(&msg);
	return ret;
}

static int attach(struct run *run, const struct proto_session *session)
{
	const int count = run->session->tty ? 1 : STDIO;

	for (int i = 0; i < count; i++) {
		const struct proto_attach msg = { .token = session->token,
						  .stream = (uint32_t)i };
		int fd = run->session->connect(run->session->arg);
		int ret;

		if (fd < 0)
			return err_code(run->err, fd,
					"cannot open a stream to the guest");
		run->stream[i] = fd;
		ret = proto_send(fd, PROTO_ATTACH, &msg, sizeof(msg), NULL, 0);
		if (ret)
			return err_code(run->err, ret,
					"cannot attach a stream of the guest");
	}
	return 0;
}

static int make_relays(struct run *run)
{
	const int first = run->session->tty ? 0 : 1;
	int ret = relay_init(&run->in, STDIN_FILENO, run->stream[0], true);

	for (int i = first; !ret && i < STDIO && run->stream[i] >= 0; i++) {
		ret = relay_init(&run->out[i], run->stream[i], i, false);
		run->out[i].to_plain = run->session->plain & (1U << i);
	}
	if (ret)
		return err_code(run->err, ret, "cannot relay standard streams");
	return 0;
}

static int set_up(struct run *run)
{
	struct proto_session token = { 0 };
	int ret = ask(run->session, run->err);

	if (!ret)
		ret = get_token(run->session, &token, run->err);
	if (!ret)
		ret = attach(run, &token);
	if (!ret)
		ret = make_relays(run);
	if (!ret && run->session->tty)
		ret = tty_raw(&run->tty, STDIN_FILENO, run->err);
	return ret;
}

/* ---- the control stream */

static void on_exited(struct run *run, const struct proto_msg *msg)
{
	struct proto_exited exited;

	memcpy(&exited, msg->data, sizeof(exited));
	/* exited, or killed by a signal: nothing else is an end */
	if (exited.status < 0 || exited.status > 0xffff ||
	    (!WIFEXITED(exited.status) && !WIFSIGNALED(exited.status)) ||
	    (WIFSIGNALED(exited.status) && exited.status > 0xff)) {
		fail(run, breach(run->err));
		return;
	}
	run->end->status = exited.status;
	run->end->oom = exited.oom;
	begin_drain(run);
}

static void on_error(struct run *run, const struct proto_msg *msg)
{
	struct err told;

	proto_get_err(msg, &told);
	*run->err = told;
	fail(run, told.code);
}

static void on_control(struct run *run)
{
	struct proto_msg msg;
	int ret = proto_recv(run->session->ctl_fd, PROTO_STALL_MS, &msg);

	if (ret <= 0) {
		fail(run, why_none(ret, run->err));
		return;
	}
	if (msg.type == PROTO_STARTED && run->phase == PHASE_STARTING) {
		run->phase = PHASE_RUNNING;
		run->started = true;
		tell_started(run, NULL);
	} else if (msg.type == PROTO_EXITED && run->phase == PHASE_RUNNING) {
		on_exited(run, &msg);
	} else if (msg.type == PROTO_ERROR) {
		on_error(run, &msg);
	} else {
		fail(run, breach(run->err));
	}
	proto_msg_release(&msg);
}

/* ---- signals */

static int send_size(const struct run *run)
{
	struct proto_resize size;

	tty_size(STDIN_FILENO, &size.rows, &size.cols);
	return proto_send(run->session->ctl_fd, PROTO_RESIZE, &size,
			  sizeof(size), NULL, 0);
}

/* Who wants the end when there is only output left does not wait for it. */
static void on_signal_late(struct run *run, uint32_t signo)
{
	if (signo == SIGTERM || signo == SIGINT || signo == SIGHUP ||
	    signo == SIGQUIT)
		run->phase = PHASE_OVER;
}

static void on_signal(struct run *run)
{
	struct signalfd_siginfo info;
	struct proto_signal msg;
	int ret = 0;

	if (read(run->session->signals_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGCHLD || info.ssi_signo == SIGPIPE)
		return; /* these are ours */
	if (run->phase == PHASE_DRAINING) {
		on_signal_late(run, info.ssi_signo);
		return;
	}
	if (info.ssi_signo == SIGWINCH && run->session->tty) {
		ret = send_size(run);
		/* the kernel's own is made again by the guest's terminal */
		if (!ret && info.ssi_code > 0)
			return;
	}
	msg.signal = info.ssi_signo;
	if (!ret)
		ret = proto_send(run->session->ctl_fd, PROTO_SIGNAL, &msg,
				 sizeof(msg), NULL, 0);
	/* one that is gone is heard of on the control stream */
	if (ret && ret != -EPIPE && ret != -ECONNRESET)
		fail(run,
		     err_code(run->err, ret, "cannot tell the guest's agent"));
}

/* ---- the loop */

enum { AT_CTL, AT_SIGNALS, AT_IN, AT_OUT, POLLS = AT_OUT + STDIO };

static void fill_polls(const struct run *run, struct pollfd *fds)
{
	fds[AT_CTL] =
		(struct pollfd){ .fd = run->session->ctl_fd, .events = POLLIN };
	fds[AT_SIGNALS] = (struct pollfd){ .fd = run->session->signals_fd,
					   .events = POLLIN };
	relay_poll(&run->in, &fds[AT_IN]);
	if (run->phase == PHASE_DRAINING)
		fds[AT_CTL].fd = fds[AT_IN].fd = -1;
	for (int i = 0; i < STDIO; i++)
		relay_poll(&run->out[i], &fds[AT_OUT + i]);
}

/*
 * At the start the agent is waited for, at the end its output; but not while
 * a reader of ours is what holds it up.
 */
static bool waits_for_guest(const struct run *run)
{
	if (run->phase != PHASE_DRAINING)
		return run->phase == PHASE_STARTING;
	for (int i = 0; i < STDIO; i++)
		if (relay_is_blocked(&run->out[i]))
			return false;
	return true;
}

static bool is_drained(const struct run *run)
{
	for (int i = 0; i < STDIO; i++)
		if (!run->out[i].ended)
			return false;
	return true;
}

static void on_poll_failure(struct run *run, int ret)
{
	if (run->phase == PHASE_DRAINING)
		run->phase = PHASE_OVER; /* something else holds it open */
	else
		fail(run, why_none(ret, run->err));
}

static void run_loop(struct run *run)
{
	while (run->phase != PHASE_OVER) {
		struct pollfd fds[POLLS];
		int n;

		if (run->phase == PHASE_DRAINING && is_drained(run))
			return;
		fill_polls(run, fds);
		n = patience_poll(&run->patience, fds, POLLS,
				  waits_for_guest(run));
		if (n < 0)
			on_poll_failure(run, n);
		if (n <= 0)
			continue;
		for (int i = 0; i < STDIO; i++)
			if (fds[AT_OUT + i].revents)
				relay_step(&run->out[i]);
		if (fds[AT_IN].revents)
			relay_step(&run->in);
		if (fds[AT_SIGNALS].revents)
			on_signal(run);
		if (fds[AT_CTL].revents && run->phase < PHASE_DRAINING)
			on_control(run);
	}
}

static void release(struct run *run)
{
	tty_restore(&run->tty);
	relay_release(&run->in);
	for (int i = 0; i < STDIO; i++) {
		relay_release(&run->out[i]);
		auto_close_fd(&run->stream[i]);
	}
}

unsigned int session_plain(void)
{
	unsigned int plain = 0;
	struct stat st;

	for (int fd = 0; fd < STDIO; fd++)
		if (!fstat(fd, &st) && S_ISREG(st.st_mode))
			plain |= 1U << fd;
	return plain;
}

int session_run(const struct session *session, struct session_end *end,
		struct err *err)
{
	struct err own = { 0 };
	struct run run = {
		.session = session,
		.end = end,
		.err = err ? err : &own,
		.patience = { start_ms(session) },
		.stream = { -1, -1, -1 },
		.in = { .ended = true },
		.out = { { .ended = true },
			 { .ended = true },
			 { .ended = true } },
	};

	*end = (struct session_end){ 0 };
	run.ret = set_up(&run);
	/* hooks.startContainer may take as long as they want, as on the host */
	if (!session->exec && !session->timeout_ms)
		run.patience.left_ms = -1;
	if (!run.ret)
		run_loop(&run);
	release(&run);
	if (run.ret && !run.started)
		tell_started(&run, run.err);
	return run.ret;
}
