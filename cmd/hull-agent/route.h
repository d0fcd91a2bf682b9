/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CMD_HULL_AGENT_ROUTE_H
#define HULL_CMD_HULL_AGENT_ROUTE_H

#include <stdbool.h>

struct err;
struct json;
struct netval_at;

/**
 * route_add() - one of START's "routes" (microvm/proto/proto.h).
 * @fd: nl_open()
 * @index: of the interface
 * @v: is checked, and made if it has a gateway and @gateways, or neither
 * @at: its place, for errors
 *
 * Return: 0, also when it is there, or -errno.
 */
int route_add(int fd, int index, const struct json *v, bool gateways,
	      const struct netval_at *at, struct err *err);

#endif
