/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/jail/jail.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/err.h"

static const char *const role_names[JAIL_ROLES] = {
	[JAIL_VCPU] = "vcpu", [JAIL_LOOP] = "loop",
	[JAIL_MAIN] = "main", [JAIL_SESSION] = "session",
	[JAIL_GATE] = "gate", [JAIL_ATTACH] = "attach",
	[JAIL_FS] = "fs",
};

/* One call in a process of its own. Return: its wait status. */
static int in_jail(enum jail_role role, const long *call)
{
	pid_t pid = fork();
	int status = -1;

	if (!pid) {
		if (jail_thread(role, NULL))
			syscall(SYS_exit_group, 99);
		syscall(call[0], call[1], call[2], call[3], call[4], call[5],
			call[6]);
		syscall(SYS_exit_group, 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static bool is_killed(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

#define X32 0x40000000L
#define RWX (PROT_READ | PROT_WRITE | PROT_EXEC)

/* What somebody who took over the process would do next. */
static const struct attack {
	const char *name;
	bool fs_may; /* it serves files, after all */
	long call[7];
} attacks[] = {
	{ "execve", false, { SYS_execve, (long)"/bin/sh" } },
	{ "execveat", false, { SYS_execveat, AT_FDCWD, (long)"/bin/sh" } },
	{ "open", false, { SYS_open, (long)"/etc/passwd" } },
	{ "openat", true, { SYS_openat, AT_FDCWD, (long)"/etc/passwd" } },
	{ "openat2", false, { SYS_openat2 } },
	{ "fork", false, { SYS_fork } },
	{ "clone", false, { SYS_clone, SIGCHLD } },
	{ "clone3", false, { 435 } },
	{ "unshare", false, { SYS_unshare, 0x10000000 } },
	{ "setns", false, { SYS_setns } },
	{ "mount", false, { SYS_mount } },
	{ "move_mount", false, { 429 } },
	{ "fsopen", false, { 430 } },
	{ "pivot_root", false, { SYS_pivot_root } },
	{ "chroot", false, { SYS_chroot } },
	{ "socket", false, { SYS_socket, AF_INET, SOCK_STREAM } },
	{ "socket netlink", false, { SYS_socket, AF_NETLINK, SOCK_RAW } },
	{ "connect", false, { SYS_connect } },
	{ "bind", false, { SYS_bind } },
	{ "ptrace", false, { SYS_ptrace } },
	{ "process_vm_writev", false, { SYS_process_vm_writev } },
	{ "pidfd_getfd", false, { 438 } },
	{ "kill", false, { SYS_kill, 1 } },
	{ "kill all", false, { SYS_kill, -1, SIGTERM } },
	{ "tgkill", false, { SYS_tgkill, 1, 1 } },
	{ "setuid", false, { SYS_setuid, 0 } },
	{ "setresuid", false, { SYS_setresuid, -1, -1, -1 } },
	{ "prctl", false, { SYS_prctl } },
	{ "seccomp", false, { SYS_seccomp } },
	{ "bpf", false, { SYS_bpf } },
	{ "io_uring_setup", false, { 425 } },
	{ "userfaultfd", false, { SYS_userfaultfd } },
	{ "perf_event_open", false, { SYS_perf_event_open } },
	{ "keyctl", false, { SYS_keyctl } },
	{ "memfd_create", false, { SYS_memfd_create, (long)"x" } },
	{ "init_module", false, { SYS_init_module } },
	{ "setrlimit", false, { SYS_setrlimit } },
	{ "open_by_handle_at", false, { SYS_open_by_handle_at } },
	{ "mmap rwx", false, { SYS_mmap, 0, 4096, RWX, 0x22, -1, 0 } },
	{ "mprotect rwx", false, { SYS_mprotect, 0, 4096, RWX } },
	{ "mprotect rwx, high bits",
	  false,
	  { SYS_mprotect, 0, 4096, RWX | 1L << 40 } },
	{ "ioctl TIOCSTI", false, { SYS_ioctl, 0, TIOCSTI } },
	{ "ioctl TIOCLINUX", false, { SYS_ioctl, 0, TIOCLINUX } },
	{ "ioctl KVM_CREATE_VM", false, { SYS_ioctl, 0, (long)KVM_CREATE_VM } },
	{ "ioctl KVM memory",
	  false,
	  { SYS_ioctl, 0, (long)KVM_SET_USER_MEMORY_REGION } },
	{ "ioctl 0", false, { SYS_ioctl, 0, 0 } },
	{ "fcntl F_SETOWN", false, { SYS_fcntl, 0, F_SETOWN } },
	{ "x32 read", false, { X32 | SYS_read } },
	{ "no such call", false, { 9999 } },
	{ "minus one", false, { -1 } },
};

static void test_attacks(void **state)
{
	(void)state;
	for (int role = 0; role < JAIL_ROLES; role++) {
		for (size_t i = 0; i < ARRAY_SIZE(attacks); i++) {
			const struct attack *a = &attacks[i];
			int status = in_jail((enum jail_role)role, a->call);

			if (role == JAIL_FS && a->fs_may)
				continue;
			if (!is_killed(status))
				fail_msg("%s may call %s: status 0x%x",
					 role_names[role], a->name, status);
		}
	}
}

static void try_rule(int role, const struct jail_rule *r)
{
	long call[7] = { r->nr, -1, -1, -1, -1, -1, -1 };
	unsigned int tries = r->check == JAIL_ONE_OF ? r->value_count : 1;

	for (unsigned int i = 0; i < tries; i++) {
		if (r->check == JAIL_ONE_OF)
			call[1 + r->arg] = r->values[i];
		if (r->check == JAIL_WITHOUT)
			call[1 + r->arg] = 0;
		if (r->check == JAIL_OWN_PID)
			return; /* the process that built the filter */
		if (in_jail((enum jail_role)role, call))
			fail_msg("%s may not call %d", role_names[role], r->nr);
	}
}

/* The calls of the table itself go through (and may fail, without arguments);
 * those that check an argument do so for each value. */
static void test_allowed(void **state)
{
	(void)state;
	for (int role = 0; role < JAIL_ROLES; role++) {
		size_t count;
		const struct jail_rule *r =
			jail_rules((enum jail_role)role, &count);

		for (; count; count--, r++)
			if (r->nr != SYS_pause && r->nr != SYS_exit_group &&
			    r->nr != SYS_futex && r->nr != SYS_ppoll &&
			    r->nr != SYS_poll) /* would wait, or end */
				try_rule(role, r);
	}
}

/* The main thread takes from itself what it does not need any more. */
static void test_second_filter(void **state)
{
	int ends[2], status = -1;
	char byte = 0;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (!pid) {
		if (jail_thread(JAIL_MAIN, NULL) ||
		    jail_thread(JAIL_SESSION, NULL))
			syscall(SYS_exit_group, 99);
		syscall(SYS_write, ends[1], "2", 1L);
		syscall(SYS_eventfd2, 0, 0);
		syscall(SYS_exit_group, 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(is_killed(status));
	assert_int_equal(read(ends[0], &byte, 1), 1);
	assert_int_equal(byte, '2');
	close(ends[0]);
	close(ends[1]);
}

static void test_sizes(void **state)
{
	static const size_t most[JAIL_ROLES] = {
		[JAIL_VCPU] = 12,    [JAIL_LOOP] = 30, [JAIL_MAIN] = 29,
		[JAIL_GATE] = 17,    [JAIL_FS] = 45,   [JAIL_ATTACH] = 21,
		[JAIL_SESSION] = 26,
	};
	struct sock_filter code[JAIL_MAX_BPF];

	(void)state;
	for (int role = 0; role < JAIL_ROLES; role++) {
		size_t count;
		const struct jail_rule *r =
			jail_rules((enum jail_role)role, &count);
		int len = jail_build(r, count, code, ARRAY_SIZE(code));

		print_message("%s: %zu calls, %d instructions\n",
			      role_names[role], count, len);
		assert_true(len > 0);
		assert_true(count <= most[role]);
		assert_int_equal(jail_build(r, count, code, (size_t)len - 1),
				 -ENOSPC);
		for (size_t i = 0; i < count; i++)
			for (size_t n = i + 1; n < count; n++)
				assert_int_not_equal(r[i].nr, r[n].nr);
	}
}

static void process_child(const struct jail_process *jail, int answer)
{
	struct rlimit lim;
	char buf[64] = "ok";
	struct err err = { 0 };

	if (jail_process(jail, &err))
		snprintf(buf, sizeof(buf), "%.60s", err.msg);
	else if (getuid() != jail->uid || getegid() != jail->gid)
		strcpy(buf, "wrong ids");
	else if (!setuid(0))
		strcpy(buf, "root again");
	else if (getrlimit(RLIMIT_CORE, &lim) || lim.rlim_max)
		strcpy(buf, "core dumps");
	else if (jail->files == JAIL_NO_FILES && syscall(444, NULL, 0, 1) > 0 &&
		 open("/etc/passwd", O_RDONLY) >= 0)
		strcpy(buf, "opens files");
	if (write(answer, buf, sizeof(buf)) < 0)
		_exit(1);
	_exit(0);
}

static void test_process(void **state)
{
	const struct jail_process jail = {
		.uid = 12345,
		.gid = 23456,
		.files = JAIL_NO_FILES,
		.nofile = 64,
	};
	char buf[64] = "";
	int fds[2];
	pid_t pid;

	(void)state;
	if (geteuid()) {
		print_message("changing ids needs root\n");
		skip();
	}
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid)
		process_child(&jail, fds[1]);
	assert_int_equal(read(fds[0], buf, sizeof(buf)), sizeof(buf));
	assert_string_equal(buf, "ok");
	waitpid(pid, NULL, 0);
	close(fds[0]);
	close(fds[1]);
}

static void test_keep_fds(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (!pid) {
		int keep[] = { 40, -1, 30, 1, 40 };

		for (int fd = 20; fd < 50; fd++)
			dup2(0, fd);
		if (jail_keep_fds(keep, ARRAY_SIZE(keep), NULL))
			_exit(1);
		for (int fd = 0; fd < 100; fd++)
			if ((fcntl(fd, F_GETFD) >= 0) !=
			    (fd < 3 || fd == 30 || fd == 40))
				_exit(2);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_second_filter),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_attacks),
		cmocka_unit_test(test_allowed),
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_keep_fds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
