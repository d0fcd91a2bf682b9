/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sys.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

int sys_renameat2(int old_dir_fd, const char *old, int new_dir_fd,
		  const char *name, unsigned int flags)
{
	return (int)syscall(SYS_renameat2, old_dir_fd, old, new_dir_fd, name,
			    flags);
}

int sys_openat2(int dir_fd, const char *path, const struct open_how *how,
		size_t size)
{
	return (int)syscall(SYS_openat2, dir_fd, path, how, size);
}

pid_t sys_clone3(struct clone_args *args, size_t size)
{
	return (pid_t)syscall(SYS_clone3, args, size);
}

int sys_pidfd_open(pid_t pid, unsigned int flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

int sys_pidfd_send_signal(int pidfd, int sig, siginfo_t *info,
			  unsigned int flags)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, sig, info, flags);
}

int sys_signal_default(int sig)
{
	/* struct sigaction as the kernel has it: handler, flags, restorer, mask
	 */
	const unsigned long dfl[4] = { 0 };

	return (int)syscall(SYS_rt_sigaction, sig, dfl, NULL, 8);
}

int sys_sigmask(int how, uint64_t set, uint64_t *old)
{
	return (int)syscall(SYS_rt_sigprocmask, how, &set, old, sizeof(set));
}

int sys_signalfd(uint64_t set, int flags)
{
	return (int)syscall(SYS_signalfd4, -1, &set, sizeof(set), flags);
}

int sys_close_range(unsigned int first, unsigned int last, int flags)
{
	return (int)syscall(SYS_close_range, first, last, flags);
}

ssize_t sys_getdents64(int dir_fd, void *buf, size_t size)
{
	return syscall(SYS_getdents64, dir_fd, buf, size);
}

/* The offset's upper half is an argument of its own, which a kernel of 64 bits
 * does not look at. */
ssize_t sys_pwritev2(int fd, const struct iovec *iov, int count, off_t offset,
		     int flags)
{
	return syscall(SYS_pwritev2, fd, iov, count, offset, 0L, flags);
}

ssize_t sys_preadv2(int fd, const struct iovec *iov, int count, off_t offset,
		    int flags)
{
	return syscall(SYS_preadv2, fd, iov, count, offset, 0L, flags);
}

int sys_bpf(int cmd, void *attr, unsigned int size)
{
	return (int)syscall(SYS_bpf, cmd, attr, size);
}

int sys_seccomp(unsigned int op, unsigned int flags, void *args)
{
	return (int)syscall(SYS_seccomp, op, flags, args);
}

int sys_execveat(int dir_fd, const char *path, char *const argv[],
		 char *const envp[], int flags)
{
	return (int)syscall(SYS_execveat, dir_fd, path, argv, envp, flags);
}

long sys_keyctl(int op, unsigned long a, unsigned long b, unsigned long c)
{
	return syscall(SYS_keyctl, op, a, b, c, 0UL);
}

/* Version 3 carries each 64-bit set as two 32-bit halves, see capset(2). */
int sys_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		data[i].effective = (uint32_t)(effective >> (32 * i));
		data[i].permitted = (uint32_t)(permitted >> (32 * i));
		data[i].inheritable = (uint32_t)(inheritable >> (32 * i));
	}
	return (int)syscall(SYS_capset, &head, data);
}

int sys_capget(uint64_t *effective, uint64_t *permitted, uint64_t *inheritable)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &head, data) < 0)
		return -1;
	*effective = data[0].effective | (uint64_t)data[1].effective << 32;
	*permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	*inheritable = data[0].inheritable | (uint64_t)data[1].inheritable
						     << 32;
	return 0;
}
