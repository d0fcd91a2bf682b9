/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroups/convert.h"

#include <errno.h>
#include <math.h>

#define SHARES_MIN 2
#define SHARES_MAX 262144
#define WEIGHT_MAX 10000

/*
 * ceil() of a value that is a whole number up to rounding must not go one too
 * far, and this must not depend on the libm: 1024 shares are 100 exactly.
 */
#define ROUNDING 1e-9

uint64_t cg_weight_from_shares(uint64_t shares)
{
	double l, exponent;

	if (!shares)
		return 0;
	if (shares <= SHARES_MIN)
		return 1;
	if (shares >= SHARES_MAX)
		return WEIGHT_MAX;
	l = log2((double)shares);
	exponent = (l * l + 125.0 * l) / 612.0 - 7.0 / 34.0;
	return (uint64_t)ceil(pow(10.0, exponent) * (1.0 - ROUNDING));
}

uint64_t cg_io_weight_from_blkio(uint64_t weight)
{
	if (!weight)
		return 0;
	if (weight <= 10)
		return 1;
	if (weight >= 1000)
		return WEIGHT_MAX;
	return 1 + (weight - 10) * 9999 / 990;
}

int cg_swap_from_memsw(int64_t swap, int64_t limit, struct cg_swap *out,
		       const char **why)
{
	*out = (struct cg_swap){ .write = true };
	*why = "";
	if (limit == -1 && swap == 0) {
		/* as cgroup v1 behaved: no limit on memory is none on swap */
		out->unlimited = true;
		return 0;
	}
	if (swap == -1) {
		out->unlimited = true;
		return 0;
	}
	if (swap == 0) {
		out->write = false;
		return 0;
	}
	if (swap < 0 || limit < -1) {
		*why = "a negative size other than -1 (no limit)";
		return -EINVAL;
	}
	if (limit == 0) {
		*why = "unable to set swap limit without memory limit";
		return -EINVAL;
	}
	if (limit > swap) {
		*why = "memory+swap limit should be >= memory limit";
		return -EINVAL;
	}
	out->bytes = limit == -1 ? swap : swap - limit;
	return 0;
}
