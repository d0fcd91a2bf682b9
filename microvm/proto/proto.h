/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_MICROVM_PROTO_PROTO_H
#define HULL_MICROVM_PROTO_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

/*
 * What the host and hull-agent say to each other over vsock streams. Both ends
 * come from the same build, but the guest is hostile: on the host every length
 * is checked before anything is allocated, every text is cut and cleaned, and
 * every wait has a deadline.
 *
 * Streams, all to the agent's port PROTO_PORT in the guest except the first:
 *   boot      the agent connects to the host's port PROTO_PORT once it is up
 *             and says HELLO; it becomes the control stream of the init session
 *   control   of an exec session: the host connects and sends EXEC
 *   stdio     the host connects and sends ATTACH with the session's token and
 *             0, 1 or 2; after that the stream is raw bytes, and its end (a
 *             half-close) is the end of the file
 *   query     the host connects and sends PS, STATS or UPDATE; one REPLY
 *
 * A session, on its control stream:
 *   agent: HELLO (boot only)      host: START or EXEC
 *   agent: SESSION (token)        host: opens its stdio streams
 *   agent: STARTED or ERROR       ERROR ends the session
 *   host:  SIGNAL, RESIZE, any time
 *   agent: EXITED, after all output was sent; then closes
 */
#define PROTO_PORT 1024
#define PROTO_VERSION 1
#define PROTO_MAX_SMALL 65536U      /* any message but these: */
#define PROTO_MAX_START (16U << 20) /* START, EXEC, UPDATE */
#define PROTO_MAX_REPLY (1U << 20)  /* REPLY */

enum proto_type {
	PROTO_HELLO = 1, /* struct proto_hello */
	PROTO_START,     /* struct proto_start, then JSON */
	PROTO_EXEC,      /* struct proto_start, then JSON */
	PROTO_SESSION,   /* struct proto_session */
	PROTO_ATTACH,    /* struct proto_attach */
	PROTO_STARTED,   /* nothing */
	PROTO_ERROR,     /* struct proto_error */
	PROTO_SIGNAL,    /* struct proto_signal */
	PROTO_RESIZE,    /* struct proto_resize */
	PROTO_EXITED,    /* struct proto_exited */
	PROTO_PS,        /* nothing */
	PROTO_STATS,     /* nothing */
	PROTO_UPDATE,    /* JSON: a linux.resources object */
	PROTO_REPLY,     /* struct proto_reply, then JSON */
	PROTO_TYPES,
};

/** struct proto_head - before each message; little-endian as all of x86 is. */
struct proto_head {
	uint32_t type;
	uint32_t len; /* of what follows */
};

struct proto_hello {
	uint32_t version;
	char kernel[64]; /* uname -r */
};

/**
 * struct proto_start - a session begins.
 * EXEC's JSON is a `process` object. START's is an object:
 *   "config"      the container's config.json; links of its image are not on
 *                 the way to the destinations of mounts any more
 *   "id"          the container's, for its startContainer hooks
 *   "hostname"    of the container's UTS namespace on the host, for a config
 *                 that sets none
 *   "rlimits"     as process.rlimits: what the workload has of limits that its
 *                 configuration does not set
 *   "seccompFilter" linux.seccomp as the host has compiled it: for each struct
 *                 sock_filter 16 hexadecimal digits, the number that its bytes
 *                 are. Without it the guest compiles the profile
 *   "newKeyring"    false: the workload keeps the session keyring it comes with
 *   "hostTimeNs"  CLOCK_REALTIME when START is sent; without it the guest
 *                 keeps the time that KVM's clock gave it
 *   "network"     one object per interface:
 *     "slot"        N of the platform device virtio-mmio.N to be brought up
 *     "mac", "name" it is found by the first and given the second
 *     "mtu", "up"   (true)
 *     "noarp"       (false) no ARP, no neighbour discovery
 *     "addresses"   [ { "address", "prefix", "peer", "broadcast", "scope" } ]
 *     "routes"      [ { "dst": "10.0.0.0/8" or "default", "gateway", "src",
 *                       "scope", "metric", "onlink", "family": 4 or 6, "tos",
 *                       "metrics": [ { "index": RTAX_*, "value" } ] } ]
 *     "neighbours"  [ { "address", "mac" } ], permanent ones
 * All but "config", "mac", "name", "address" and "prefix" may be missing. A
 * scope is rtnetlink's number, or "global", "site", "link" or "host". A route
 * comes in place of the one that the kernel has made itself by then.
 * @tty: decides alone whether there is a terminal, not the JSON
 * @plain_lines: the terminal's output ends lines with LF alone
 * @rows, @cols: of the terminal, when @tty
 */
struct proto_start {
	uint8_t tty;
	uint8_t plain_lines;
	uint8_t pad[2];
	uint16_t rows;
	uint16_t cols;
};

struct proto_session {
	uint64_t token;
};

struct proto_attach {
	uint64_t token;
	uint32_t stream; /* 0 stdin or the terminal (both ways), 1, 2 */
	uint32_t pad;
};

/** struct proto_error - struct err as base/err.h has it. */
struct proto_error {
	int32_t code;
	char stage[32];
	char field[256];
	char msg[2048];
};

struct proto_signal {
	uint32_t signal;
};

struct proto_resize {
	uint16_t rows;
	uint16_t cols;
};

/** struct proto_exited - @status as wait(2) has it. */
struct proto_exited {
	int32_t status;
	uint8_t oom;
	uint8_t pad[3];
};

/**
 * struct proto_reply - @code 0 or -errno; the JSON is the error's text then.
 * PS: [ { "pid" (as the container sees it), "guestPid", "guestPpid", "uid",
 * "state", "comm", "args": [ ... ] } ], without "args" when there are
 * thousands; STATS: the "data" object of an events line; UPDATE: {}.
 */
struct proto_reply {
	int32_t code;
};

/**
 * struct proto_msg - a received message.
 * @data: fresh memory of @len bytes, and one NUL byte after them
 */
struct proto_msg {
	uint32_t type;
	uint32_t len;
	char *data;
};
void proto_msg_release(struct proto_msg *msg);

/**
 * proto_send() - one message of a fixed part and a tail; blocks, but not longer
 * than PROTO_STALL_MS without any progress.
 * @fd: a stream socket, blocking or not
 *
 * Return: 0, -EMSGSIZE (a length that the type does not allow), -EPIPE,
 * -ETIMEDOUT, or -errno (SIGPIPE is never raised). After the last two the
 * stream is of no use: part of the message may have gone.
 */
int proto_send(int fd, enum proto_type type, const void *fixed,
	       size_t fixed_len, const void *tail, size_t tail_len);

/**
 * proto_recv() - wait for one message.
 * @timeout_ms: for the whole of it; -1: for ever until the first byte, then
 *              PROTO_STALL_MS for the rest
 *
 * Return: 1, 0 (end of stream between messages), -ETIMEDOUT, -EPROTO (unknown
 * type, a length that its type does not allow, end in the middle), -ENOMEM,
 * -errno.
 */
int proto_recv(int fd, int timeout_ms, struct proto_msg *msg);
#define PROTO_STALL_MS 10000

/**
 * proto_check_len() - may a message of @type have @len bytes? The table behind
 * it is what the fuzzer walks.
 */
bool proto_check_len(uint32_t type, uint32_t len);

/**
 * proto_clean() - make a text of the other side fit for a terminal and a log:
 * control characters but newline and what is not UTF-8 become '?'.
 * @size: of the array, whose last byte becomes NUL
 */
void proto_clean(char *text, size_t size);

/** proto_send_err(), proto_get_err() - ERROR from and to a struct err (NULL: do
 * not care). Texts are cut and cleaned, a code that is not a negative errno
 * becomes -EIO. */
int proto_send_err(int fd, const struct err *err);
void proto_get_err(const struct proto_msg *msg, struct err *err);

#endif
