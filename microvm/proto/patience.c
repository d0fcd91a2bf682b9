/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/proto/patience.h"

#include <errno.h>
#include <stdint.h>
#include <time.h>

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int patience_poll(struct patience *patience, struct pollfd *fds, nfds_t count,
		  int counts)
{
	int slice = PATIENCE_SLICE_MS;
	int64_t begun, took;
	int n;

	if (!counts || patience->left_ms < 0) {
		n = poll(fds, count, -1);
		return n < 0 && errno != EINTR ? -errno : n < 0 ? 0 : n;
	}
	if (slice > patience->left_ms)
		slice = patience->left_ms;
	begun = now_ms();
	n = poll(fds, count, slice);
	if (n < 0 && errno != EINTR)
		return -errno;
	took = now_ms() - begun;
	patience->left_ms -= took < slice ? (int)took : slice;
	if (n > 0)
		return n;
	return patience->left_ms > 0 ? 0 : -ETIMEDOUT;
}
