/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/supervise.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/sys.h"
#include "libcontainer/ready.h"
#include "libcontainer/relay.h"

int supervise_code(int wait_status)
{
	if (WIFSIGNALED(wait_status))
		return 128 + WTERMSIG(wait_status);
	return WEXITSTATUS(wait_status);
}

int supervise_block(struct supervisor *s, struct err *err)
{
	static const struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t all;

	s->signal_fd = -1;
	s->ready_fd = -1;
	s->subreaper = false;
	/* a fault of our own ends us though it is blocked: sigprocmask(2) */
	sigfillset(&all);
	if (sigprocmask(SIG_BLOCK, &all, &s->old_mask) < 0 ||
	    sigaction(SIGCHLD, &dfl, &s->old_child) < 0)
		return err_sys(err, "cannot block signals");
	return 0;
}

int supervise_begin(struct supervisor *s, bool subreaper, struct err *err)
{
	sigset_t all;

	sigfillset(&all);
	s->signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signal_fd < 0)
		return err_sys(err, "cannot make a signalfd");
	if (subreaper && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
		s->subreaper = true;
	return 0;
}

void supervise_end(struct supervisor *s)
{
	auto_close_fd(&s->signal_fd);
	if (s->subreaper)
		prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
	s->subreaper = false;
}

void supervise_unblock(struct supervisor *s, bool drop)
{
	const struct timespec now = { 0 };
	sigset_t all;

	sigfillset(&all);
	while (drop && sigtimedwait(&all, NULL, &now) > 0)
		;
	if (s->old_child.sa_handler != SIG_DFL)
		sigaction(SIGCHLD, &s->old_child, NULL);
	sigprocmask(SIG_SETMASK, &s->old_mask, NULL);
}

/* Orphans of the container that became ours; its init stays for waitpid(). */
static void reap_others(pid_t init)
{
	siginfo_t info;

	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
		    !info.si_pid || info.si_pid == init)
			return;
		waitpid(info.si_pid, NULL, WNOHANG);
	}
}

static void forward(int pidfd, const struct signalfd_siginfo *si)
{
	/* SIGURG and SIGPIPE are about ourselves, the stop signals of job
	 * control about our own terminal */
	switch (si->ssi_signo) {
	case SIGCHLD:
	case SIGURG:
	case SIGPIPE:
	case SIGTTIN:
	case SIGTTOU:
		return;
	default:
		sys_pidfd_send_signal(pidfd, (int)si->ssi_signo, NULL, 0);
	}
}

static void take_signals(struct supervisor *s, int pidfd, pid_t pid,
			 struct relay *relay)
{
	struct signalfd_siginfo si;

	while (read(s->signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (si.ssi_signo == SIGWINCH && relay)
			relay_resize(relay);
		else if (si.ssi_signo == SIGCHLD && s->subreaper)
			reap_others(pid);
		else if (si.ssi_signo == SIGTSTP && !relay)
			raise(SIGSTOP);
		else
			forward(pidfd, &si);
	}
}

static int loop(struct supervisor *s, int pidfd, pid_t pid, struct relay *relay,
		struct err *err)
{
	struct pollfd fds[3 + RELAY_POLLS] = {
		{ .fd = pidfd, .events = POLLIN },
		{ .fd = s->signal_fd, .events = POLLIN },
		{ .fd = s->ready_fd, .events = POLLIN }, /* -1: passed over */
	};

	for (;;) {
		nfds_t count = 3;

		if (relay)
			count += relay_polls(relay, fds + 3);
		if (poll(fds, count, -1) < 0) {
			if (errno == EINTR)
				continue;
			return err_sys(err, "cannot wait for the workload");
		}
		if (fds[1].revents)
			take_signals(s, pidfd, pid, relay);
		if (fds[2].revents && ready_relay(s->ready_fd, getpid()) < 0)
			fds[2].fd = -1;
		if (relay)
			relay_work(relay, fds + 3, count - 3);
		if (fds[0].revents)
			return 0;
	}
}

int supervise(struct supervisor *s, int pidfd, pid_t pid, int console_fd,
	      int *status, struct err *err)
{
	struct relay relay;
	bool tty = console_fd >= 0;
	int ret;

	if (tty)
		relay_begin(&relay, console_fd);
	ret = loop(s, pidfd, pid, tty ? &relay : NULL, err);
	if (tty)
		relay_end(&relay);
	if (ret)
		return ret;
	while (waitpid(pid, status, __WALL) < 0) {
		if (errno != EINTR)
			return err_sys(err, "cannot reap the workload");
	}
	return 0;
}
