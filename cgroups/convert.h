/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CGROUPS_CONVERT_H
#define HULL_CGROUPS_CONVERT_H

#include <stdbool.h>
#include <stdint.h>

/* Numbers of cgroup v1, in whose terms config.json is written, as v2 numbers.
 * Pure functions. */

/**
 * cg_weight_from_shares() - cpu.shares (2..262144) to cpu.weight (1..10000).
 *
 * ceil(10^((l*l + 125*l) / 612 - 7/34)), l = log2(shares): the curve that maps
 * 2 to 1, 1024 to 100 and 262144 to 10000, agreed on by runc 1.3.2, crun 1.23
 * and youki. 0 means unset and stays 0.
 */
uint64_t cg_weight_from_shares(uint64_t shares);

/**
 * cg_io_weight_from_blkio() - blkio.weight (10..1000) to io.weight (1..10000),
 * linear: 1 + (w - 10) * 9999 / 990. 0 means unset and stays 0.
 */
uint64_t cg_io_weight_from_blkio(uint64_t weight);

/**
 * struct cg_swap - what is to be written to memory.swap.max.
 */
struct cg_swap {
	bool write;
	bool unlimited;
	int64_t bytes;
};

/**
 * cg_swap_from_memsw() - memory+swap of config.json to swap alone.
 * @swap:  memory + swap in bytes, -1 unlimited, 0 unset
 * @limit: memory in bytes, -1 unlimited, 0 unset
 * @why:   receives a text when it makes no sense
 *
 * Return: 0 or -EINVAL.
 */
int cg_swap_from_memsw(int64_t swap, int64_t limit, struct cg_swap *out,
		       const char **why);

#endif
