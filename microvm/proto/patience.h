/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_MICROVM_PROTO_PATIENCE_H
#define HULL_MICROVM_PROTO_PATIENCE_H

#include <poll.h>

/**
 * struct patience - a deadline that a freeze of the container does not use up:
 * both ends are frozen then, and none of them is slow. Waits are cut in slices,
 * and none counts for more than one slice, however late it came back.
 * @left_ms: -1 is for ever
 */
struct patience {
	int left_ms;
};
#define PATIENCE_SLICE_MS 250

/**
 * patience_poll() - poll(2), for one slice at most.
 * @counts: whether this wait uses the patience up
 *
 * Return: descriptors that are ready; 0: the slice is over, or a signal came;
 * -ETIMEDOUT; -errno.
 */
int patience_poll(struct patience *patience, struct pollfd *fds, nfds_t count,
		  int counts);

#endif
