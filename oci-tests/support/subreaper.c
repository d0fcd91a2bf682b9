/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subreaper [-w PIDFILE] CMD...: what a shim or conmon is to a runtime: a
 * subreaper that runs CMD, prints "cmd STATUS", then waits for the process that
 * PIDFILE names (which must have become its child) and prints "child PID
 * STATUS" (wait(2) status as a shell has it). Exits 3 if that is no child.
 * subreaper -a CMD...: reaps whatever becomes its child until CMD ends, and
 * ends as CMD does. For machines whose first process takes its time with that.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

static int reap_all(pid_t pid)
{
	pid_t ended;
	int status;

	while ((ended = wait(&status)) > 0 || errno == EINTR) {
		if (ended == pid)
			return code(status);
	}
	return 3;
}

int main(int argc, char **argv)
{
	const char *file = NULL;
	int status, at = 1;
	pid_t pid;

	if (argc > 3 && !strcmp(argv[1], "-w")) {
		file = argv[2];
		at = 3;
	}
	if (argc > 2 && !strcmp(argv[1], "-a"))
		at = 2;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = fork();
	if (pid == 0) {
		execvp(argv[at], argv + at);
		_exit(127);
	}
	if (at == 2)
		return reap_all(pid);
	waitpid(pid, &status, 0);
	printf("cmd %d\n", code(status));
	fflush(stdout);
	if (file) {
		FILE *f = fopen(file, "re");
		int child = 0;

		if (!f || fscanf(f, "%d", &child) != 1)
			return 4;
		fclose(f);
		if (waitpid(child, &status, 0) != child)
			return 3;
		printf("child %d %d\n", child, code(status));
	}
	return 0;
}
