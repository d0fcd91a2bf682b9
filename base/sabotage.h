/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_BASE_SABOTAGE_H
#define HULL_BASE_SABOTAGE_H

#include <stdbool.h>

/**
 * SABOTAGED() - whether the security check of this name is taken out.
 *
 * Always false, and no code at all, but in a build by `make SABOTAGE=1`: there
 * it is true when the environment variable HULL_SABOTAGE has the name.
 * `make sabotage` takes out one after the other, and wants a test to fail each
 * time. Such a build is for that and nothing else.
 *
 * @name: literal, "<file>_<what>"; checks made in two places for the same
 *        thing share one, for none of them would be missed alone
 */
#ifdef HULL_SABOTAGE
#include <stdlib.h>
#include <string.h>

static inline bool sabotage_is(const char *name)
{
	const char *chosen = getenv("HULL_SABOTAGE");

	return chosen && !strcmp(chosen, name);
}
#define SABOTAGED(name) sabotage_is(name)
#else
#define SABOTAGED(name) false
#endif

#endif
