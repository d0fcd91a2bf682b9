/* SPDX-License-Identifier: Apache-2.0 */
/*
 * killat WHO N CMD...: run CMD and send SIGKILL at the N-th system-call
 * boundary, entries and exits both, of CMD and all its children up to their
 * first execve(2) (the workload's). WHO is killed: "self", CMD, wherever the
 * boundary is; "child", the process at the boundary, and only those of CMD's
 * children count. N 0: nobody.
 *
 * Prints "BOUNDARIES STATUS": how many there were, CMD's exit status (a signal:
 * 1000 + N; 2000: it hung). The other processes go on untraced.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIDS_MAX 64
#define HUNG_S 20

static pid_t first, pids[PIDS_MAX];
static bool begun; /* CMD itself runs */
static long seen;

/* No destructors, and whoever is traced yet goes on: nothing asked for
 * PTRACE_O_EXITKILL. */
static void finish(int status)
{
	printf("%ld %d\n", seen, status);
	fflush(stdout);
	_exit(0);
}

static void hung(int sig)
{
	(void)sig;
	for (size_t i = 0; i < PIDS_MAX; i++)
		if (pids[i])
			kill(pids[i], SIGKILL);
	finish(2000);
}

static void remember(pid_t pid, bool there)
{
	pid_t before = there ? 0 : pid;

	for (size_t i = 0; i < PIDS_MAX; i++)
		if (pids[i] == pid && there)
			return;
	for (size_t i = 0; i < PIDS_MAX; i++) {
		if (pids[i] != before)
			continue;
		pids[i] = there ? pid : 0;
		return;
	}
}

/* Seized, not PTRACE_TRACEME: children would begin with a SIGSTOP then, which
 * stays with one that this program leaves at that moment. */
static pid_t start(char **argv)
{
	int gate[2];
	char c;
	pid_t pid;

	if (pipe2(gate, O_CLOEXEC) < 0)
		exit(2);
	pid = fork();
	if (pid == 0) {
		if (read(gate[0], &c, 1) == 1)
			execvp(argv[0], argv);
		_exit(127);
	}
	if (ptrace(PTRACE_SEIZE, pid, NULL,
		   (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK |
			    PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
			    PTRACE_O_TRACEEXEC)) < 0 ||
	    write(gate[1], "", 1) != 1)
		exit(2);
	close(gate[0]);
	close(gate[1]);
	return pid;
}

/* One stop of a process, and how it goes on. */
static void stopped(pid_t pid, int status, bool child, long want)
{
	int sig = WSTOPSIG(status), event = status >> 16;

	if (event == PTRACE_EVENT_EXEC && pid == first)
		begun = true;
	if (event == PTRACE_EVENT_EXEC && pid != first) {
		ptrace(PTRACE_DETACH, pid, NULL, NULL);
		remember(pid, false);
		return;
	}
	if (sig == (SIGTRAP | 0x80) && begun && !(child && pid == first) &&
	    ++seen == want)
		kill(child ? pid : first, SIGKILL);
	if (event == PTRACE_EVENT_STOP && sig != SIGTRAP) {
		ptrace(PTRACE_LISTEN, pid, NULL, NULL);
		return;
	}
	if (sig == (SIGTRAP | 0x80) || event)
		sig = 0;
	ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)sig);
}

int main(int argc, char **argv)
{
	int status;
	pid_t pid;

	if (argc < 4)
		return 2;
	signal(SIGALRM, hung);
	alarm(HUNG_S);
	first = start(argv + 3);
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		remember(pid, WIFSTOPPED(status));
		if (WIFSTOPPED(status))
			stopped(pid, status, !strcmp(argv[1], "child"),
				atol(argv[2]));
		else if (pid == first)
			break;
	}
	finish(WIFEXITED(status) ? WEXITSTATUS(status)
				 : 1000 + WTERMSIG(status));
}
