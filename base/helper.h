/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_BASE_HELPER_H
#define HULL_BASE_HELPER_H

#include <stddef.h>

/*
 * Files that belong to hull and are not hull itself: beside it in the build
 * tree; as installed, programs (hull-net, hull-systemd, hull-vmm) in
 * ../libexec/hull, what a microVM boots in ../lib/hull.
 */

/**
 * helper_open() - find a helper program, or another file of hull's.
 *
 * Looked for from the directory of the running program. create, run and exec
 * run from a detached mount, whose files have no path: there argv[0] tells the
 * directory, by $PATH if it has no slash, and last the one given to `make`
 * counts.
 *
 * Return: O_PATH descriptor, -ENOENT, or -errno.
 */
int helper_open(const char *name);

/** helper_open_from() - as above, for a program at @program; for tests. */
int helper_open_from(const char *program, const char *name);

#endif
