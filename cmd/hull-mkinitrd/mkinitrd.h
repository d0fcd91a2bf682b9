/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CMD_HULL_MKINITRD_MKINITRD_H
#define HULL_CMD_HULL_MKINITRD_MKINITRD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A program of its own, which links nothing of hull: it also runs while hull
 * is built. Functions that fail have said why on standard error. */

/** load_file() - the bytes of a file, with a NUL behind them; NULL on failure.
 */
char *load_file(const char *path, size_t *len);

/** newc_entry() - one entry of a cpio archive ("newc", see the kernel's
 * Documentation/driver-api/early-userspace/buffer-format.rst). The same input
 * gives the same bytes: no time, no owner. */
void newc_entry(FILE *out, const char *name, unsigned int mode, uint64_t rdev,
		const char *data, size_t len);
/** newc_end() - what ends an archive. */
void newc_end(FILE *out);

/**
 * put_modules() - an archive with modules of a kernel: "modules/list" names
 * them in the order in which they are to be loaded.
 * @dir: modules.dep and modules.builtin lie there
 * @more: names of further modules, NULL-terminated
 *
 * Return: false on failure.
 */
bool put_modules(FILE *out, const char *dir, const char *const *more);

#endif
