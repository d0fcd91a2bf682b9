/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failat N ERRNO CMD...: run CMD and make its N-th system call fail with ERRNO
 * without doing anything, once. Counted over CMD and all its children up to
 * their first execve(2) (the workload's). What libc calls before main(), and
 * calls that cannot fail, do not count. N 0: none fails.
 *
 * Prints "CALLS SYSCALL STATUS": how many there were, the number of the one
 * that failed (-1: none), the exit status (a signal: 1000 + N; 2000: hung).
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIDS_MAX 64
#define HUNG_S 20

struct task {
	pid_t pid;
	bool inside; /* between entry and exit of a system call */
	bool failing;
};

static struct task tasks[PIDS_MAX];
static pid_t first;
static bool begun; /* CMD itself runs */
static long seen, failed = -1;

static void hung(int sig)
{
	(void)sig;
	for (size_t i = 0; i < PIDS_MAX; i++)
		if (tasks[i].pid)
			kill(tasks[i].pid, SIGKILL);
	printf("%ld %ld 2000\n", seen, failed);
	fflush(stdout);
	_exit(0);
}

static struct task *task_of(pid_t pid)
{
	struct task *free_one = NULL;

	for (size_t i = 0; i < PIDS_MAX; i++) {
		if (tasks[i].pid == pid)
			return &tasks[i];
		if (!tasks[i].pid && !free_one)
			free_one = &tasks[i];
	}
	if (!free_one)
		exit(3);
	*free_one = (struct task){ .pid = pid };
	return free_one;
}

static bool counts(long nr)
{
	switch (nr) {
	case SYS_brk:
	case SYS_arch_prctl:
	case SYS_set_tid_address:
	case SYS_set_robust_list:
	case SYS_rseq:
	case SYS_mprotect:
	case SYS_exit:
	case SYS_exit_group:
	case SYS_rt_sigreturn:
	case SYS_restart_syscall:
	case SYS_getpid:
	case SYS_geteuid:
	case SYS_umask:
		return false;
	default:
		return true;
	}
}

/* At the N-th entry the call becomes one that does not exist; at its exit the
 * answer becomes -ERRNO. */
static void at_syscall(struct task *t, long want, int error)
{
	struct user_regs_struct regs;

	t->inside = !t->inside;
	if (ptrace(PTRACE_GETREGS, t->pid, NULL, &regs) < 0)
		return;
	if (!t->inside) {
		if (!t->failing)
			return;
		t->failing = false;
		regs.rax = (unsigned long long)-(long long)error;
		ptrace(PTRACE_SETREGS, t->pid, NULL, &regs);
		return;
	}
	if (!begun || !counts((long)regs.orig_rax) || ++seen != want)
		return;
	failed = (long)regs.orig_rax;
	t->failing = true;
	regs.orig_rax = (unsigned long long)-1;
	ptrace(PTRACE_SETREGS, t->pid, NULL, &regs);
}

static pid_t start(char **argv)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execvp(argv[0], argv);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	ptrace(PTRACE_SETOPTIONS, pid, NULL,
	       (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL |
			PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC));
	ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
	return pid;
}

/* One stop of a task; how it goes on. */
static void stopped(struct task *t, int status, long want, int error)
{
	int sig = WSTOPSIG(status), event = status >> 16;

	if (event == PTRACE_EVENT_EXEC && t->pid == first)
		begun = true;
	if (event == PTRACE_EVENT_EXEC && t->pid != first) {
		ptrace(PTRACE_DETACH, t->pid, NULL, NULL);
		t->pid = 0;
		return;
	}
	if (sig == (SIGTRAP | 0x80))
		at_syscall(t, want, error);
	if (sig == (SIGTRAP | 0x80) || sig == SIGTRAP || sig == SIGSTOP)
		sig = 0;
	ptrace(PTRACE_SYSCALL, t->pid, NULL, (void *)(long)sig);
}

int main(int argc, char **argv)
{
	long want = argc > 3 ? atol(argv[1]) : 0;
	int status, end = -1;
	pid_t pid;

	if (argc < 4)
		return 2;
	signal(SIGALRM, hung);
	alarm(HUNG_S);
	first = start(argv + 3);
	task_of(first);
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		struct task *t = task_of(pid);

		if (WIFSTOPPED(status)) {
			stopped(t, status, want, atoi(argv[2]));
			continue;
		}
		t->pid = 0;
		if (pid == first) {
			end = WIFEXITED(status) ? WEXITSTATUS(status)
						: 1000 + WTERMSIG(status);
			break;
		}
	}
	for (size_t i = 0; i < PIDS_MAX; i++)
		if (tasks[i].pid)
			ptrace(PTRACE_DETACH, tasks[i].pid, NULL, NULL);
	printf("%ld %ld %d\n", seen, failed, end);
	return 0;
}
