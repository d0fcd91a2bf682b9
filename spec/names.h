/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_SPEC_NAMES_H
#define HULL_SPEC_NAMES_H

/**
 * struct spec_names - names as config.json writes them, and their values.
 * @names:  NULL-terminated
 * @values: as many; NULL: the index is the value
 */
struct spec_names {
	const char *const *names;
	const int *values;
};

extern const struct spec_names spec_set_namespaces;
extern const struct spec_names spec_set_actions;
extern const struct spec_names spec_set_operators;
extern const struct spec_names spec_set_archs;
extern const struct spec_names spec_set_rlimits;
extern const struct spec_names spec_set_propagations;
extern const struct spec_names spec_set_policies;
extern const struct spec_names spec_set_sched_flags;
extern const struct spec_names spec_set_io_classes;
extern const struct spec_names spec_set_mempolicy_modes;
extern const struct spec_names spec_set_mempolicy_flags;
extern const struct spec_names spec_set_personalities;
extern const struct spec_names spec_set_device_types;
extern const struct spec_names spec_set_rule_types;

/* bits of SPEC_FLAGS for linux.seccomp.flags, in the order of the names */
enum {
	SPEC_SCMP_TSYNC = 1 << 0,
	SPEC_SCMP_LOG = 1 << 1,
	SPEC_SCMP_SPEC_ALLOW = 1 << 2,
	SPEC_SCMP_WAIT_KILLABLE = 1 << 3,
};
extern const struct spec_names spec_set_scmp_flags;

/**
 * spec_name_value() - look a name up.
 *
 * Return: 0, or -EINVAL.
 */
int spec_name_value(const struct spec_names *set, const char *name, int *value);

#endif
