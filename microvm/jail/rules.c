/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/jail/jail.h"

#include <asm/ioctls.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/auto.h"

#define ARGS(...) (sizeof((uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))
#define ANY(name)                 \
	{                         \
		.nr = SYS_##name, \
	}
#define ONE_OF(name, n, ...)                                                 \
	{                                                                    \
		.nr = SYS_##name, .check = JAIL_ONE_OF, .arg = n,            \
		.values = { __VA_ARGS__ }, .value_count = ARGS(__VA_ARGS__), \
	}
#define WITHOUT(name, n, bits)                                     \
	{                                                          \
		.nr = SYS_##name, .check = JAIL_WITHOUT, .arg = n, \
		.values = { bits }, .value_count = 1,              \
	}

#define OWN_PID(name, n)                                           \
	{                                                          \
		.nr = SYS_##name, .check = JAIL_OWN_PID, .arg = n, \
	}

/* clang-format off */
/* What malloc(3) and free(3) need, of musl and of glibc: memory, but none that
 * could be run. And the call that a thawed thread finds itself in when it was
 * frozen while it waited. */
#define MALLOC_CALLS \
	ANY(restart_syscall), WITHOUT(mmap, 2, PROT_EXEC), \
	WITHOUT(mprotect, 2, PROT_EXEC), ANY(munmap), ANY(brk), ANY(madvise)

/* Device registers are served in the vCPU's thread, but for the one that starts
 * and resets a device. */
static const struct jail_rule vcpu_rules[] = {
	ONE_OF(ioctl, 1, KVM_RUN, KVM_GET_REGS, KVM_GET_SREGS),
	ANY(futex), ANY(write),
	ANY(clock_gettime), ANY(pause), ANY(exit_group), MALLOC_CALLS,
};

static const struct jail_rule loop_rules[] = {
	ANY(epoll_pwait), ANY(epoll_ctl), ANY(read), ANY(write),
	ANY(readv), ANY(writev), ANY(futex), ANY(sendmsg), ANY(recvmsg), ANY(poll),
	ANY(preadv), ANY(pwritev), ANY(fdatasync), ANY(fallocate), ANY(getrandom),
	ANY(accept4), ONE_OF(socketpair, 0, AF_UNIX), ANY(shutdown), ANY(close),
	ONE_OF(fcntl, 1, F_GETFL, F_SETFL),
	ONE_OF(ioctl, 1, FIONREAD),
	ANY(clock_gettime), ANY(pause), ANY(exit_group), MALLOC_CALLS,
};

/* Standard streams, the agent's, the terminal and signals: whose session it
 * is. Its messages grow by realloc(3), the other threads' memory does not. */
#define SESSION_CALLS \
	ANY(read), ANY(write), ANY(poll), ANY(recvfrom), ANY(sendmsg), \
	ANY(shutdown), ANY(close), \
	ONE_OF(fcntl, 1, F_GETFL, F_SETFL), \
	ANY(clock_gettime), ANY(rt_sigprocmask), ANY(rt_sigaction), OWN_PID(kill, 0), \
	ANY(exit_group), ANY(mremap), MALLOC_CALLS
/* Its streams begin in a device's table, which the loop's thread shares. */
#define MAIN_CALLS \
	SESSION_CALLS, ANY(readv), ANY(writev), ANY(futex), \
	ANY(epoll_ctl), ONE_OF(socketpair, 0, AF_UNIX)
#define TTY_IOCTLS TCGETS, TCSETS, TCSETSW, TCSETSF, TIOCGWINSZ

/* Until the workload runs: it puts interfaces into the machine, and then takes
 * away from itself what only that needs. */
static const struct jail_rule main_rules[] = {
	MAIN_CALLS, ANY(eventfd2),
	ONE_OF(ioctl, 1, TTY_IOCTLS, FIONREAD,
		KVM_IRQFD, KVM_IOEVENTFD, KVM_REGISTER_COALESCED_MMIO),
	ANY(getpid), ONE_OF(seccomp, 0, SECCOMP_SET_MODE_FILTER),
};

static const struct jail_rule session_rules[] = {
	MAIN_CALLS, ONE_OF(ioctl, 1, TTY_IOCTLS, FIONREAD),
};

static const struct jail_rule gate_rules[] = {
	ANY(accept4), ANY(getsockopt), ANY(setsockopt), ANY(geteuid),
	ANY(recvfrom), ANY(recvmsg), ANY(close), ANY(write),
	ANY(futex), ANY(pause), ANY(exit_group), MALLOC_CALLS,
};

static const struct jail_rule attach_rules[] = {
	SESSION_CALLS, ONE_OF(ioctl, 1, TTY_IOCTLS),
};

/* Twenty-eight that do to files what a guest may ask for, four for whom; the
 * rest serves the queues. */
static const struct jail_rule fs_rules[] = {
	ANY(preadv2), ANY(pwritev2), ANY(statx), ANY(openat), ANY(close),
	ANY(getdents64), ANY(readlinkat), ANY(lseek), ANY(fstatfs),
	ANY(mkdirat), ANY(mknodat), ANY(symlinkat), ANY(linkat), ANY(unlinkat),
	ANY(renameat2), ANY(fchownat), ANY(fchmodat), ANY(utimensat),
	ANY(ftruncate), ANY(fallocate), ANY(copy_file_range),
	ANY(fsync), ANY(fdatasync), ANY(syncfs),
	ANY(getxattr), ANY(setxattr), ANY(listxattr), ANY(removexattr),
	ANY(umask), ANY(setfsuid), ANY(setfsgid), ANY(capset),
	ONE_OF(fcntl, 1, F_DUPFD_CLOEXEC, F_SETFD /* musl, after it */),
	ANY(write), ANY(poll), ANY(sendmsg), ANY(recvmsg),
	ANY(clock_gettime), ANY(exit_group), MALLOC_CALLS,
};
/* clang-format on */

#define TABLE(role, rules) [role] = { rules, ARRAY_SIZE(rules) }
static const struct {
	const struct jail_rule *rules;
	size_t count;
} tables[JAIL_ROLES] = {
	TABLE(JAIL_VCPU, vcpu_rules),       TABLE(JAIL_LOOP, loop_rules),
	TABLE(JAIL_MAIN, main_rules),       TABLE(JAIL_GATE, gate_rules),
	TABLE(JAIL_ATTACH, attach_rules),   TABLE(JAIL_FS, fs_rules),
	TABLE(JAIL_SESSION, session_rules),
};

const struct jail_rule *jail_rules(enum jail_role role, size_t *count)
{
	*count = tables[role].count;
	return tables[role].rules;
}
