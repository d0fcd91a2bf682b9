/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/process/process.h"

#include <errno.h>
#include <sys/personality.h>

#include "base/err.h"
#include "libcontainer/process/steps.h"

int step_personality(struct apply *a, struct err *err)
{
	const struct spec_personality *want = a->ctx->personality;

	if (!want || !want->set)
		return 0;
	if (personality(want->domain) < 0)
		return err_at(err, -errno, "linux.personality.domain",
			      "cannot be set: %s", err_text(errno));
	return 0;
}
