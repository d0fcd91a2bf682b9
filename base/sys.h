/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_BASE_SYS_H
#define HULL_BASE_SYS_H

#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * System calls that glibc 2.36 or musl 1.2.3 does not wrap, and constants that
 * their headers lack. Return as libc does: -1 and errno.
 */

struct iovec;
struct open_how;
struct clone_args;

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

int sys_renameat2(int old_dir_fd, const char *old, int new_dir_fd,
		  const char *name, unsigned int flags);
int sys_openat2(int dir_fd, const char *path, const struct open_how *how,
		size_t size);
pid_t sys_clone3(struct clone_args *args, size_t size);
int sys_pidfd_open(pid_t pid, unsigned int flags);
int sys_pidfd_send_signal(int pidfd, int sig, siginfo_t *info,
			  unsigned int flags);
/* sys_signal_default() - SIG_DFL also for the two signals that glibc keeps for
 * itself (32, 33), which some callers' posix_spawn(3) leaves ignored. */
int sys_signal_default(int sig);
/* sys_sigmask() - sigprocmask(2) of this thread; bit N-1 is signal N, also
 * those that libc keeps for itself. @old may be NULL. */
int sys_sigmask(int how, uint64_t set, uint64_t *old);
int sys_signalfd(uint64_t set, int flags);
#define SYS_SIGBIT(sig) (1ULL << ((sig)-1))
int sys_close_range(unsigned int first, unsigned int last, int flags);
ssize_t sys_getdents64(int dir_fd, void *buf, size_t size);
ssize_t sys_pwritev2(int fd, const struct iovec *iov, int count, off_t offset,
		     int flags);
/* An @offset of -1 is where the descriptor is, as for readv(2). */
ssize_t sys_preadv2(int fd, const struct iovec *iov, int count, off_t offset,
		    int flags);
int sys_bpf(int cmd, void *attr, unsigned int size);
int sys_seccomp(unsigned int op, unsigned int flags, void *args);
int sys_execveat(int dir_fd, const char *path, char *const argv[],
		 char *const envp[], int flags);
long sys_keyctl(int op, unsigned long a, unsigned long b, unsigned long c);
int sys_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable);
int sys_capget(uint64_t *effective, uint64_t *permitted, uint64_t *inheritable);

#endif
