/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/jail/jail.h"

#include <asm/ioctls.h>
#include <fcntl.h>
#include <linux/fs.h>
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
/* What malloc(3) needs: memory, but none that could be run. And the call that a
 * thawed thread finds itself in when it was frozen while it waited. */
#define MALLOC_CALLS \
	ANY(restart_syscall), WITHOUT(mmap, 2, PROT_EXEC), WITHOUT(mprotect, 2, PROT_EXEC), \
	ANY(munmap), ANY(brk), ANY(madvise)

/* Device registers are served in the vCPU's thread, but for the one that starts
 * and resets a device. */
static const struct jail_rule vcpu_rules[] = {
	ONE_OF(ioctl, 1, KVM_RUN, KVM_GET_REGS, KVM_GET_SREGS),
	ANY(futex), ANY(write),
	ANY(clock_gettime), ANY(pause), ANY(exit_group), MALLOC_CALLS,
};

static const struct jail_rule loop_rules[] = {
	ANY(epoll_wait), ANY(epoll_pwait), ANY(epoll_ctl), ANY(read), ANY(write),
	ANY(readv), ANY(writev), ANY(futex), ANY(sendmsg), ANY(recvmsg), ANY(poll),
	ANY(preadv), ANY(pwritev), ANY(fdatasync), ANY(fallocate), ANY(getrandom),
	ANY(accept4), ONE_OF(socketpair, 0, AF_UNIX), ANY(shutdown), ANY(close),
	ONE_OF(fcntl, 1, F_GETFL, F_SETFL), ANY(fstat), ANY(newfstatat),
	ONE_OF(ioctl, 1, FIONREAD, BLKDISCARD, BLKZEROOUT),
	ANY(clock_gettime), ANY(pause), ANY(exit_group), MALLOC_CALLS,
};

/* What both of its halves need. */
#define MAIN_CALLS \
	ANY(read), ANY(write), ANY(readv), ANY(writev), ANY(poll), ANY(futex), \
	ANY(sendto), ANY(recvfrom), ANY(sendmsg), ANY(recvmsg), ANY(shutdown), \
	ANY(close), ANY(epoll_ctl), ONE_OF(socketpair, 0, AF_UNIX), \
	ANY(fstat), ANY(newfstatat), \
	ONE_OF(fcntl, 1, F_GETFL, F_SETFL, F_GETFD, F_SETFD), \
	ANY(clock_gettime), ANY(rt_sigprocmask), ANY(rt_sigaction), OWN_PID(kill, 0), \
	ANY(exit_group), MALLOC_CALLS

/* Until the workload runs: it puts interfaces into the machine, and then takes
 * away from itself what only that needs. */
static const struct jail_rule main_rules[] = {
	MAIN_CALLS, ANY(eventfd2),
	ONE_OF(ioctl, 1, TCGETS, TCSETS, TCSETSW, TCSETSF, TIOCGWINSZ, FIONREAD,
		KVM_IRQFD, KVM_IOEVENTFD, KVM_REGISTER_COALESCED_MMIO),
	ANY(getpid), ONE_OF(prctl, 0, PR_SET_NO_NEW_PRIVS),
	ONE_OF(seccomp, 0, SECCOMP_SET_MODE_FILTER),
};

static const struct jail_rule session_rules[] = {
	MAIN_CALLS,
	ONE_OF(ioctl, 1, TCGETS, TCSETS, TCSETSW, TCSETSF, TIOCGWINSZ, FIONREAD),
};

static const struct jail_rule gate_rules[] = {
	ANY(accept4), ANY(getsockopt), ANY(setsockopt), ANY(geteuid),
	ANY(recvfrom), ANY(recvmsg), ANY(sendmsg), ANY(close), ANY(write),
	ANY(futex), ANY(pause), ANY(exit_group), MALLOC_CALLS,
};

static const struct jail_rule attach_rules[] = {
	ANY(read), ANY(write), ANY(readv), ANY(writev), ANY(poll),
	ANY(sendto), ANY(recvfrom), ANY(sendmsg), ANY(recvmsg),
	ANY(shutdown), ANY(close), ANY(fstat), ANY(newfstatat),
	ONE_OF(fcntl, 1, F_GETFL, F_SETFL, F_GETFD, F_SETFD),
	ONE_OF(ioctl, 1, TCGETS, TCSETS, TCSETSW, TCSETSF, TIOCGWINSZ, FIONREAD),
	ANY(clock_gettime), ANY(rt_sigprocmask), ANY(rt_sigaction), OWN_PID(kill, 0),
	ANY(exit_group), MALLOC_CALLS,
};

/* Calls on files, and what serves the queues. */
static const struct jail_rule fs_rules[] = {
	ANY(preadv), ANY(pwritev2), ANY(statx), ANY(openat), ANY(close),
	ANY(getdents64), ANY(readlinkat), ANY(lseek), ANY(fstatfs),
	ANY(mkdirat), ANY(mknodat), ANY(symlinkat), ANY(linkat), ANY(unlinkat),
	ANY(renameat2), ANY(chown), ANY(fchownat), ANY(fchmodat), ANY(utimensat),
	ANY(ftruncate), ANY(fallocate), ANY(copy_file_range),
	ANY(fsync), ANY(fdatasync), ANY(syncfs),
	ANY(getxattr), ANY(setxattr), ANY(listxattr), ANY(removexattr),
	ANY(umask), ANY(setfsuid), ANY(setfsgid), ANY(capset), ANY(capget),
	ONE_OF(fcntl, 1, F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_DUPFD_CLOEXEC),
	ANY(read), ANY(write), ANY(poll), ANY(sendmsg), ANY(recvmsg),
	ANY(clock_gettime), ANY(rt_sigaction), ANY(sched_getaffinity),
	ANY(exit_group), MALLOC_CALLS,
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
