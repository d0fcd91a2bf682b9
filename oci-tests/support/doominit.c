/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doominit - first process of a guest that ends badly: becomes /agent, after it
 * has left a process behind that waits until one is called "doomed". What that
 * then does is the kernel parameter doom:
 *   reset   the machine starts anew, as one that has crashed does
 *   agent   the agent jumps to nowhere
 */
#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORD "doomed\n"
#define AGENT 1

static bool is_doomed(const char *pid)
{
	char path[64], name[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(name, sizeof(name), f))
		name[0] = '\0';
	fclose(f);
	return !strcmp(name, WORD);
}

static bool is_time(void)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	bool found = false;

	while (d && !found && (e = readdir(d)))
		found = isdigit((unsigned char)e->d_name[0]) &&
			is_doomed(e->d_name);
	if (d)
		closedir(d);
	return found;
}

/* A signal that it did not bring about itself does not reach PID 1. */
static void crash_agent(void)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_SEIZE, AGENT, 0, 0) ||
	    ptrace(PTRACE_INTERRUPT, AGENT, 0, 0) ||
	    waitpid(AGENT, NULL, __WALL) != AGENT ||
	    ptrace(PTRACE_GETREGS, AGENT, 0, &regs)) {
		perror("doominit");
		return;
	}
	regs.rip = 0;
	regs.orig_rax = ~0ULL; /* no system call is begun again */
	ptrace(PTRACE_SETREGS, AGENT, 0, &regs);
	ptrace(PTRACE_DETACH, AGENT, 0, 0);
}

int main(int argc, char **argv)
{
	const char *doom = getenv("doom");

	(void)argc;
	if (getpid() != AGENT || !doom)
		return 2;
	if (fork()) {
		execv("/agent", argv);
		return 1;
	}
	if (mount("proc", "/proc", "proc", 0, NULL))
		return 1;
	while (!is_time())
		usleep(100000);
	if (!strcmp(doom, "reset"))
		reboot(RB_AUTOBOOT);
	else if (!strcmp(doom, "agent"))
		crash_agent();
	return 0;
}
