/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_BASE_PROC_H
#define HULL_BASE_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct proc_stat - what /proc/PID/stat tells (proc_pid_stat(5)).
 */
struct proc_stat {
	char state; /* 'R', 'S', 'Z', ... */
	pid_t ppid;
	uint64_t start_time; /* clock ticks after boot: identifies the pid's use
			      */
	uint32_t ignored;    /* signals 1..31 that are ignored; bit N-1 */
	int exit_code;       /* wait(2) status, meaningful for 'Z'; 0 when the
				caller may not see it */
};

/**
 * proc_read_stat() - read /proc/PID/stat of the host's procfs.
 *
 * Return: 0, -ESRCH (no such process), or -errno.
 */
int proc_read_stat(pid_t pid, struct proc_stat *out);

/**
 * proc_parse_stat() - take the text of such a file apart, in place.
 *
 * Return: 0, or -EIO for a text of another form (@out is untouched).
 */
int proc_parse_stat(char *text, struct proc_stat *out);

/**
 * proc_open() - a pidfd for a process that is known by pid and start time.
 *
 * Return: pidfd, -ESRCH when the pid is gone, a zombie (see proc_read_stat())
 * is still opened; -ESRCH also when the pid now belongs to another process.
 */
int proc_open(pid_t pid, uint64_t start_time);

/**
 * proc_exit_status() - the wait status of a process that has ended, from a
 * pidfd: PIDFD_GET_INFO with PIDFD_INFO_EXIT (Linux 6.15).
 *
 * Return: 0, -EAGAIN (has not been reaped yet or still runs), -EOPNOTSUPP
 * (the kernel cannot tell).
 */
int proc_exit_status(int pidfd, int *wait_status);

/** proc_is_dead() - true when the pidfd's process has ended (poll(2)). */
bool proc_is_dead(int pidfd);

/**
 * proc_root_open() - the procfs that hull trusts: "/proc" of the namespace
 * hull was started in, opened before any container namespace is entered and
 * checked to be the root of a procfs (magic, inode 1).
 *
 * What is written below it reaches the caller's own entry also after setns(2)
 * or clone(2) into other namespaces: "self" follows the reader, and sysctl
 * tables follow the reader's namespaces.
 *
 * Return: O_PATH descriptor, -ENOTSUP (/proc is no procfs), or -errno.
 */
int proc_root_open(void);

/**
 * proc_write() - write one value below a procfs root in one write(2).
 * @proc_fd: from proc_root_open(), borrowed
 * @path:    relative ("self/oom_score_adj", "sys/net/ipv4/ip_forward"); "self"
 *           and "thread-self" are resolved by hull, no other link is followed,
 *           no mount is crossed
 *
 * Return: 0, -EXDEV (something is mounted over it: use proc_private_open()),
 * or -errno.
 */
int proc_write(int proc_fd, const char *path, const char *text);

/**
 * proc_private_open() - a detached procfs of the caller's present pid
 * namespace that nobody else can reach (fsopen(2)).
 *
 * Return: descriptor, or -errno (-EPERM in a user namespace that may not).
 */
int proc_private_open(void);

/** proc_in_userns() - true in any user namespace but the first one. */
bool proc_in_userns(void);

#endif
