/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attackvmm - hull-vmm in the hands of an attacker: its own objects, but the
 * functions of its jail are wrapped by those here. A file /attack in the
 * container's root says who attacks, which barrier is taken for broken, with
 * what, and what of the host is the prize:
 *
 *   ROLE filter|process|both ATTACK|all HOST-PID HOST-FILE
 *
 * "filter": no system call is filtered; "process": ids, capabilities, Landlock
 * and the rest of jail_process() are left out. The container's namespaces are
 * always there. /attack.out gets a line for each attack before it ("NAME:"),
 * and what came of it behind it: " done" or " refused".
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "microvm/jail/jail.h"

#define NR_OPEN_TREE 428
#define FDS_MAX 64
#define NEIGHBOURS 16

int __real_jail_process(const struct jail_process *jail, struct err *err);
int __real_jail_thread(enum jail_role role, struct err *err);
int __real_jail_keep_fds(int *fds, size_t count, struct err *err);
int __wrap_jail_process(const struct jail_process *jail, struct err *err);
int __wrap_jail_thread(enum jail_role role, struct err *err);
int __wrap_jail_keep_fds(int *fds, size_t count, struct err *err);

static const char *const roles[JAIL_ROLES] = {
	[JAIL_VCPU] = "vcpu", [JAIL_LOOP] = "loop", [JAIL_MAIN] = "main",
	[JAIL_GATE] = "gate", [JAIL_FS] = "fs",
};

static struct {
	char role[16];
	char broken[16];
	char attack[32];
	int host_pid;
	char host_file[256];
} orders;
static int out_fd = -1;
static int own_pid;

/* not abort(3), which as the first process of a namespace would not end */
static void __attribute__((noreturn)) give_up(void)
{
	perror("attackvmm");
	_exit(97);
}

__attribute__((constructor)) static void take_orders(void)
{
	FILE *f = fopen("/attack", "re");

	if (!f)
		return;
	if (fscanf(f, "%15s %15s %31s %d %255s", orders.role, orders.broken,
		   orders.attack, &orders.host_pid, orders.host_file) != 5)
		give_up();
	fclose(f);
	out_fd = open("/attack.out", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
		      0600);
	if (out_fd < 0)
		give_up();
}

static bool is_broken(const char *barrier)
{
	return !strcmp(orders.broken, barrier) ||
	       !strcmp(orders.broken, "both");
}

/* ---- attacks: 0 or -1 with errno, as system calls do */

static int opens(const char *path, int flags)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC,
			      0600);

	if (fd >= 0)
		syscall(SYS_close, fd);
	return fd < 0 ? -1 : 0;
}

static int read_own(void)
{
	return opens("/etc/passwd", O_RDONLY);
}

static int plant(void)
{
	return opens("/planted", O_WRONLY | O_CREAT);
}

static int read_host(void)
{
	return opens(orders.host_file, O_RDONLY);
}

static int open_kvm(void)
{
	return opens("/dev/kvm", O_RDWR);
}

static int signal_host(void)
{
	return (int)syscall(SYS_kill, orders.host_pid, 0);
}

static int execute(void)
{
	char *const argv[] = { (char[]){ "sh" }, (char[]){ "-c" },
			       (char[]){ "exit 0" }, NULL };
	char *const envp[] = { NULL };
	int status = 0;
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (!pid) {
		syscall(SYS_execve, "/bin/sh", argv, envp);
		syscall(SYS_exit_group, errno);
	}
	if (pid < 0 || syscall(SYS_wait4, pid, &status, 0, NULL) < 0)
		return -1;
	errno = WEXITSTATUS(status);
	return status ? -1 : 0;
}

static int mount_anew(void)
{
	return (int)syscall(SYS_mount, "none", "/", "tmpfs", 0, NULL);
}

static int clone_tree(void)
{
	return syscall(NR_OPEN_TREE, AT_FDCWD, "/", 1 /* OPEN_TREE_CLONE */) < 0
		       ? -1
		       : 0;
}

/* A file server makes nodes for its guest; they open nothing. */
static int open_disk(void)
{
	if (syscall(SYS_mknodat, AT_FDCWD, "/disk", S_IFBLK | 0600,
		    makedev(254, 0)) < 0 &&
	    errno != EEXIST)
		return -1;
	return opens("/disk", O_RDONLY);
}

static int become_root(void)
{
	return (int)syscall(SYS_setresuid, 0, 0, 0);
}

static int change_root(void)
{
	return (int)syscall(SYS_chroot, "/");
}

static int new_net(void)
{
	return (int)syscall(SYS_unshare, CLONE_NEWNET);
}

static int raw_socket(void)
{
	return syscall(SYS_socket, AF_INET, SOCK_RAW, 1) < 0 ? -1 : 0;
}

static int set_clock(void)
{
	long long now[2] = { 1, 0 };

	return (int)syscall(SYS_settimeofday, now, NULL) ? -1 : 0;
}

/* A file by its handle needs no path that leads to it. */
static int by_handle(void)
{
	struct {
		unsigned int bytes;
		int type;
		unsigned char data[128];
	} handle = { .bytes = 8, .type = 1, .data = { 2 } };
	int root_fd = (int)syscall(SYS_openat, AT_FDCWD, "/", O_RDONLY);
	int fd = (int)syscall(SYS_open_by_handle_at,
			      root_fd < 0 ? AT_FDCWD : root_fd, &handle,
			      O_RDONLY);

	/* that the handle is stale means that it was looked at */
	return fd < 0 && errno != ESTALE ? -1 : 0;
}

/* The other process: the file server's of the monitor, and the other way. */
static int over_neighbours(int (*attack)(int pid))
{
	for (int pid = 1; pid <= NEIGHBOURS; pid++)
		/* but not its own threads */
		if (syscall(SYS_tgkill, own_pid, pid, 0) && !attack(pid))
			return 0;
	return -1;
}

static int trace(int pid)
{
	return (int)syscall(SYS_ptrace, PTRACE_SEIZE, pid, 0, 0);
}

static int trace_neighbour(void)
{
	return over_neighbours(trace);
}

static int read_memory(int pid)
{
	char buf[8];
	struct iovec mine = { buf, sizeof(buf) };
	struct iovec theirs = { &orders, sizeof(buf) };

	return syscall(SYS_process_vm_readv, pid, &mine, 1, &theirs, 1, 0) < 0
		       ? -1
		       : 0;
}

static int read_neighbour(void)
{
	return over_neighbours(read_memory);
}

static const struct {
	const char *name;
	int (*run)(void);
} attacks[] = {
	{ "read-host", read_host },
	{ "signal-host", signal_host },
	{ "open-kvm", open_kvm },
	{ "read-own", read_own },
	{ "plant", plant },
	{ "execute", execute },
	{ "mount", mount_anew },
	{ "clone-tree", clone_tree },
	{ "open-disk", open_disk },
	{ "change-root", change_root },
	{ "new-net", new_net },
	{ "raw-socket", raw_socket },
	{ "set-clock", set_clock },
	{ "by-handle", by_handle },
	{ "trace-neighbour", trace_neighbour },
	{ "read-neighbour", read_neighbour },
	{ "become-root",
	  become_root }, /* the last: the others follow from it */
};

static void say(const char *text)
{
	if (syscall(SYS_write, out_fd, text, strlen(text)) < 0)
		syscall(SYS_exit_group, 98);
}

static void __attribute__((noreturn)) attack(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(attacks); i++) {
		if (strcmp(orders.attack, "all") &&
		    strcmp(orders.attack, attacks[i].name))
			continue;
		say(attacks[i].name);
		say(":");
		say(attacks[i].run() ? " refused\n" : " done\n");
	}
	for (;;)
		syscall(SYS_exit_group, 0);
}

/* ---- in place of the jail's functions */

int __wrap_jail_process(const struct jail_process *jail, struct err *err)
{
	return is_broken("process") ? 0 : __real_jail_process(jail, err);
}

int __wrap_jail_thread(enum jail_role role, struct err *err)
{
	int ret;

	own_pid = getpid();
	ret = is_broken("filter") ? 0 : __real_jail_thread(role, err);
	if (!ret && roles[role] && !strcmp(orders.role, roles[role]))
		attack();
	return ret;
}

int __wrap_jail_keep_fds(int *fds, size_t count, struct err *err)
{
	int more[FDS_MAX];

	if (count >= FDS_MAX)
		give_up();
	memcpy(more, fds, count * sizeof(*fds));
	more[count] = out_fd;
	return __real_jail_keep_fds(more, count + 1, err);
}
