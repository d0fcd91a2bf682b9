/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CGROUPS_DEVICES_H
#define HULL_CGROUPS_DEVICES_H

#include <stddef.h>

struct bpf_insn;
struct err;
struct spec_device_rule;

/* The verifier keeps at most 8,192 branches in mind, a rule has up to 4. */
#define CG_DEV_RULES_MAX 1024

/*
 * Device rules. The list of config.json is read in order, later rules win, and
 * what no rule speaks of is denied: the kernel's own default for cgroups is to
 * allow, and taking it over was CVE material (GHSA-g54h-m393-cpwq). The
 * default devices of runc are appended, so they cannot be taken away.
 */

/**
 * cg_dev_normalise() - rules plus defaults in the order of evaluation: first
 * match first. Rules that can never decide anything are left out; runs of
 * rules that agree are sorted by device.
 * @out: fresh memory, the caller frees it
 *
 * Return: 0, -EINVAL (a rule with an impossible type or number: @bad is its
 * index), -E2BIG (more than CG_DEV_RULES_MAX), -ENOMEM.
 */
int cg_dev_normalise(const struct spec_device_rule *rules, size_t count,
		     struct spec_device_rule **out, size_t *out_count,
		     size_t *bad);

/**
 * cg_dev_program() - a BPF_PROG_TYPE_CGROUP_DEVICE program for normalised
 * rules. Every bit of the requested access is decided by the first rule that
 * matches device and bit.
 * @out: fresh memory, the caller frees it
 *
 * Return: 0 or -ENOMEM.
 */
int cg_dev_program(const struct spec_device_rule *rules, size_t count,
		   struct bpf_insn **out, size_t *out_count);

/* ---- bpf.c: the system call */

#define CG_BPF_NAME "hull_devices"

/** cg_bpf_load() - Return: program descriptor or -errno. */
int cg_bpf_load(const struct bpf_insn *insns, size_t count);

/**
 * cg_bpf_replace() - attach a program to a cgroup and detach the ones that
 * hull attached before. At no moment is the cgroup without a program. Foreign
 * programs stay: they can only deny more.
 *
 * Return: 0 or -errno (then the old ones are still in force).
 */
int cg_bpf_replace(int cg_fd, int prog_fd);

/** cg_bpf_ours() - how many programs of hull are attached, or -errno. */
int cg_bpf_ours(int cg_fd);

#endif
