/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_MICROVM_SESSION_RELAY_H
#define HULL_MICROVM_SESSION_RELAY_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#define RELAY_BYTES 65536

/**
 * struct relay - bytes from one descriptor to another, neither of them owned.
 * It either has something to write or waits for something to read, so one of
 * the two is polled at a time. Standard descriptors are shared with who knows
 * whom and are not made non-blocking: they are used only when poll(2) has said
 * so, and a pipe only as far as it is then sure to take.
 * @to_stream: @to is a stream of the agent, and hears of the end of @from;
 *             else @from is one, and hears when @to is gone
 * @to_plain: @to is a regular file, which takes as much as there is
 * @ended: nothing is relayed any more
 */
struct relay {
	int from;
	int to;
	bool to_stream;
	bool to_plain;
	bool ended;
	size_t off;
	size_t len;
	char *buf;
};

/** relay_init() - Return: 0 or -ENOMEM. */
int relay_init(struct relay *relay, int from, int to, bool to_stream);
void relay_release(struct relay *relay);

/** relay_poll() - what it waits for; fd -1 when it has ended. */
void relay_poll(const struct relay *relay, struct pollfd *pfd);

/** relay_step() - relay_poll()'s descriptor is ready: read or write once. */
void relay_step(struct relay *relay);

/** relay_is_blocked() - it has something that its @to does not take. */
static inline bool relay_is_blocked(const struct relay *relay)
{
	return !relay->ended && relay->len;
}

#endif
