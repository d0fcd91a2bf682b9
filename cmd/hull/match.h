/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CMD_HULL_MATCH_H
#define HULL_CMD_HULL_MATCH_H

#include <stddef.h>

struct err;
struct hull_context;

/**
 * match_ids() - ids of the containers in which a POSIX extended regular
 * expression is found.
 * @ids: receives fresh texts and a NULL behind them; match_free()
 *
 * Return: 0, -EINVAL (no regular expression), or -errno of the listing.
 */
int match_ids(const struct hull_context *ctx, const char *pattern, char ***ids,
	      struct err *err);
void match_free(char **ids);

#endif
