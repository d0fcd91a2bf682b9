/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_BASE_REPORT_H
#define HULL_BASE_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * The start gate's messages, both ways, on a stream socket: a head, then @len
 * bytes. Down: "go", with a payload (the network of a microVM, JSON) or none,
 * and descriptors attached. Up: a struct err when the workload cannot start;
 * the end of the stream means that it runs. Both ends are hull's own programs
 * on one machine.
 */
#define REPORT_MAGIC 0x48474154u /* "HGAT" */
#define REPORT_MAX_GO (1U << 20)
#define REPORT_MAX_FDS 16

struct report_head {
	uint32_t magic;
	uint32_t len;
};

/** report_send() - tell why it does not start. Return: 0 or -errno. */
int report_send(int conn, const struct err *err);

/**
 * report_read() - what the other side says: 0 for the end of the stream, else
 * the code of the error that was told, or -EPROTO.
 */
int report_read(int conn, struct err *err);

/**
 * report_go() - say "go".
 * @fds: at most REPORT_MAX_FDS, borrowed
 *
 * Return: 0, -EINVAL (too much of either), or -errno of sendmsg(2): -EPIPE when
 * the other side has dropped the connection for being slow: try again.
 */
int report_go(int conn, const void *payload, size_t len, const int *fds,
	      size_t fd_count);

/**
 * report_wait_go() - accept connections of a listening gate until one of a
 * trusted peer (root, or our own user) says "go". Who connects and says nothing
 * is dropped after two seconds.
 * @payload: receives fresh memory, or NULL with @len 0; pass NULL to refuse
 *           payloads
 * @fds: room for @fd_count; filled with -1 first; never more than were sent
 *
 * Return: the connection (close-on-exec), kept for report_send(); or -errno.
 */
int report_wait_go(int listen_fd, char **payload, size_t *len, int *fds,
		   size_t fd_count, struct err *err);

#endif
