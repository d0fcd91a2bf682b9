/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CMD_HULL_NET_NET_H
#define HULL_CMD_HULL_NET_NET_H

#define NETNS_FD 3 /* the container's network namespace */

/**
 * netdev_move() - `hull-net move FROM TO [FROM TO ...]`: move interfaces into
 * the namespace. What failed is written to stdout.
 *
 * Return: exit status.
 */
int netdev_move(int count, char *const names[]);

#endif
