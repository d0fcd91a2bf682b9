/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/container.h"

#include "base/err.h"
#include "libcontainer/prepare.h"
#include "libcontainer/record.h"

static int create(struct launch *l, struct err *err)
{
	int ret = launch_spawn(l, err);

	if (!ret)
		ret = record_pin(&l->ct, l->in.pidfd, err);
	return ret ? ret : init_go(&l->in, err);
}

int hull_create(const struct hull_context *ctx, const char *id,
		const struct hull_create_options *opt, struct err *err)
{
	struct launch l;
	int ret;

	ret = launch_prepare(&l, ctx, id, opt, true, err);
	if (!ret)
		ret = create(&l, err);
	if (ret)
		launch_undo(&l);
	launch_release(&l);
	return ret;
}
