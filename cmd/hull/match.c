/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull/match.h"

#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "libcontainer/container.h"

void match_free(char **ids)
{
	for (size_t i = 0; ids && ids[i]; i++)
		free(ids[i]);
	free(ids);
}

static int pick(const regex_t *re, const struct hull_state *states,
		size_t count, char ***ids)
{
	char **out = calloc(count + 1, sizeof(*out));
	size_t n = 0;

	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (regexec(re, states[i].id, 0, NULL, 0) != 0)
			continue;
		out[n] = strdup(states[i].id);
		if (!out[n++]) {
			match_free(out);
			return -ENOMEM;
		}
	}
	*ids = out;
	return 0;
}

int match_ids(const struct hull_context *ctx, const char *pattern, char ***ids,
	      struct err *err)
{
	struct hull_state *states = NULL;
	size_t count = 0;
	char why[128];
	regex_t re;
	int rc;

	rc = regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB);
	if (rc) {
		regerror(rc, &re, why, sizeof(why));
		return err_set(err, -EINVAL,
			       "invalid regular expression '%s': %s", pattern,
			       why);
	}
	rc = hull_list(ctx, &states, &count, err);
	if (rc == 0) {
		rc = pick(&re, states, count, ids);
		if (rc < 0)
			err_code(err, rc, "ids of containers");
	}
	for (size_t i = 0; i < count; i++)
		hull_state_release(&states[i]);
	free(states);
	regfree(&re);
	return rc;
}
