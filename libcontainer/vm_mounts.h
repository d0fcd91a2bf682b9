/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_VM_MOUNTS_H
#define HULL_LIBCONTAINER_VM_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>

struct spec;
struct spec_mount;

/* Which side of a microVM makes a mount. */

/** vm_mount_is_guests() - a filesystem of the guest's own; not a remount. */
bool vm_mount_is_guests(const struct spec_mount *m);

/** vm_mount_has_option() - one of its options is exactly @option. */
bool vm_mount_has_option(const struct spec_mount *m, const char *option);

/** vm_mount_is_memory() - an empty one, where the host can make places too. */
bool vm_mount_is_memory(const struct spec_mount *m);

/** vm_path_is_below() - true also for the same path; both as config.json has
 * them. */
bool vm_path_is_below(const char *path, const char *dir);

/**
 * vm_mount_above() - the latest of the guest's own mounts before mount @i in
 * which its destination lies, or NULL.
 */
const struct spec_mount *vm_mount_above(const struct spec *spec, size_t i);

#endif
