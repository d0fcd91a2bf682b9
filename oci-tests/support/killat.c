/* SPDX-License-Identifier: Apache-2.0 */
/*
 * killat N CMD...: run CMD and kill it with SIGKILL at its N-th system call
 * boundary (entries and exits of the first process only, counted by ptrace;
 * children run on untraced). Prints the number of boundaries passed; exits 0
 * when it was killed, 1 when it ended by itself before.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	long want = argc > 2 ? atol(argv[1]) : 0, seen = 0;
	int status, sig = 0;
	pid_t pid;

	if (argc < 3)
		return 2;
	pid = fork();
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	ptrace(PTRACE_SETOPTIONS, pid, NULL,
	       (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
	for (;;) {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)sig) < 0)
			return 3;
		if (waitpid(pid, &status, 0) != pid)
			return 3;
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			printf("%ld\n", seen);
			return 1;
		}
		sig = 0;
		if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
			if (WSTOPSIG(status) != SIGTRAP)
				sig = WSTOPSIG(status);
			continue;
		}
		if (++seen < want || !want)
			continue;
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		printf("%ld\n", seen);
		return 0;
	}
}
