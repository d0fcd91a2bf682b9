/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CMD_HULL_AGENT_NET_H
#define HULL_CMD_HULL_AGENT_NET_H

struct err;
struct json;

/**
 * net_apply() - give the interfaces of the caller's network namespace the
 * names, addresses and routes that the container's have on the host.
 * @network: START's "network" (microvm/proto/proto.h)
 *
 * Interfaces are found by their MAC. What is there already (the kernel's own
 * routes to the neighbourhood) is no error.
 */
int net_apply(const struct json *network, struct err *err);

#endif
