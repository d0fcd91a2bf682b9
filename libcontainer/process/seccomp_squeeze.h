/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_PROCESS_SECCOMP_SQUEEZE_H
#define HULL_LIBCONTAINER_PROCESS_SECCOMP_SQUEEZE_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a filter does before it looks at arguments depends on the architecture
 * and the system call number alone, and changes only at the constants that it
 * compares them with. So a finite list of numbers stands for all of them.
 */

#define SECCOMP_X32_BIT 0x40000000u

/** struct seccomp_code - a filter, as seccomp(2) takes it. */
struct seccomp_code {
	const struct sock_filter *f;
	size_t count;
};

#define SECCOMP_POINT_ARCHS_MAX 64

/**
 * struct seccomp_points - where the answers of filters can change.
 * @nr:       malloc(3) memory; once sorted: 0, then the first number of each
 *            interval in which all numbers have the same answer
 * @archs:    those that have a name in a filter, in the order of first use
 */
struct seccomp_points {
	uint32_t *nr;
	size_t nr_count, nr_size;
	uint32_t archs[SECCOMP_POINT_ARCHS_MAX];
	size_t arch_count;
};

/**
 * seccomp_points_add() - understand a filter: all instructions are known, what
 * stands before the arguments compares nothing but architectures for equality
 * and numbers with constants, and each path ends in a return.
 *
 * Return: 0, -ENOTSUP for a filter of another kind, or -ENOMEM.
 */
int seccomp_points_add(struct seccomp_points *points,
		       const struct seccomp_code *code);

/** seccomp_points_sort() - in order, and each only once. */
void seccomp_points_sort(struct seccomp_points *points);

/** seccomp_points_other() - an architecture that no filter has a name for. */
uint32_t seccomp_points_other(const struct seccomp_points *points);

void seccomp_points_release(struct seccomp_points *points);

/**
 * seccomp_walk() - run a filter that seccomp_points_add() took.
 * @steps: instructions that may still be spent; less than zero: it was stopped
 *
 * Return: the index of the BPF_RET, or of the first instruction that loads
 * anything but the architecture and the number.
 */
size_t seccomp_walk(const struct seccomp_code *code, uint32_t arch, uint32_t nr,
		    long *steps);

/**
 * seccomp_same() - whether two filters answer every call alike: for each
 * architecture and each number they return the same, or come to the same
 * instructions about the arguments. "No" may also mean: not in @steps steps.
 */
bool seccomp_same(const struct seccomp_code *one,
		  const struct seccomp_code *two, long steps);

/**
 * seccomp_squeeze() - write the same filter with fewer instructions: the time
 * of seccomp(2) is that of checking and translating them. Numbers are found by
 * binary search in ranges of the same answer; what looks at arguments is taken
 * over as it is.
 * @out: receives less than @code->count instructions
 *
 * Return: how many instructions; 0 when the filter is to be used as it is: it
 * is of another kind, does not get smaller, or is not proven to be the same.
 */
size_t seccomp_squeeze(const struct seccomp_code *code,
		       struct sock_filter out[BPF_MAXINSNS]);

#endif
