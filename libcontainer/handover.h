/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_HANDOVER_H
#define HULL_LIBCONTAINER_HANDOVER_H

#include <stdbool.h>
#include <sys/types.h>

struct err;

/*
 * What create, run and exec take from their caller and give back to it:
 * descriptors, sockets, the pid file.
 */

/**
 * struct listen_fds - socket activation (sd_listen_fds(3)): taken over only
 * when LISTEN_PID names this process.
 * @env: "LISTEN_FDS=N", "LISTEN_PID=1", "LISTEN_FDNAMES=..." as set, NULL ends
 */
struct listen_fds {
	unsigned int count;
	char fds[32];
	char pid[32];
	char *names;
	const char *env[4];
};

void listen_fds_take(struct listen_fds *l);
void listen_fds_release(struct listen_fds *l);

/**
 * handover_check_fds() - descriptors 3 .. 2+@count must be open, and such as
 * live through execve(2): what is close-on-exec is not the caller's, but a
 * file of hull's own, which a workload must never see.
 *
 * Return: 0 or -EBADF, naming the first that is not.
 */
int handover_check_fds(unsigned int count, struct err *err);

/**
 * handover_send_fd() - connect to a unix stream socket and send one message:
 * @name as data, @fd attached.
 */
int handover_send_fd(const char *socket_path, const char *name, int fd,
		     struct err *err);

/** handover_pid_file() - write a pid file by rename: decimal, no newline. */
int handover_pid_file(const char *path, pid_t pid, struct err *err);

/**
 * handover_console_rule() - a terminal whose caller goes away needs a console
 * socket, and a console socket needs a terminal and a caller who goes away.
 */
int handover_console_rule(bool terminal, bool detach, const char *socket_path,
			  struct err *err);

struct spec_process;

/**
 * handover_tty_size() - how large the process's terminal begins: consoleSize,
 * else (@own: hull shows it itself) the size of hull's own terminal.
 */
void handover_tty_size(const struct spec_process *process, bool own,
		       unsigned short *rows, unsigned short *cols);

#endif
