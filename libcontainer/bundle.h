/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_BUNDLE_H
#define HULL_LIBCONTAINER_BUNDLE_H

#include <stddef.h>

struct arena;
struct err;
struct spec;
struct spec_warning;

#define BUNDLE_CONFIG_MAX (16 << 20) /* bytes of config.json */

/**
 * struct bundle - a bundle directory and its config.json, read once.
 * @path:      absolute, symlinks as the caller gave them
 * @root_path: absolute host path of root.path
 * @text, @len: config.json's bytes
 * All in the arena given to bundle_load().
 */
struct bundle {
	const char *path;
	const char *root_path;
	const char *text;
	size_t len;
	const struct spec *spec;
};

/**
 * bundle_load() - read and check a bundle; warnings of the parser go to the
 * log, as bundle_warnings() does it.
 * @dir:    directory or NULL for the present one
 * @config: another file than DIR/config.json, or NULL
 */
int bundle_load(struct arena *arena, const char *dir, const char *config,
		struct bundle *out, struct err *err);

/**
 * bundle_warnings() - to the log: those which the specification demands as
 * warnings, the others at debug level (callers parse what create prints).
 */
void bundle_warnings(const struct spec_warning *warn);

#endif
