/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/prepare.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "libcontainer/guest.h"

/* On which side of a microVM the pipeline works, and on how much of the spec.
 */

int launch_choose_isolation(struct launch *l, struct err *err)
{
	int ret = vm_chosen(l->opt, l->bundle.spec, err);

	if (ret <= 0)
		return ret;
	if (l->opt->preserve_fds || l->listen.count)
		return err_set(err, -ENOTSUP,
			       "descriptors cannot be passed into a microVM");
	if (getenv("NOTIFY_SOCKET"))
		return err_set(err, -ENOTSUP,
			       "NOTIFY_SOCKET is set, but cannot be reached "
			       "from a microVM");
	/* the monitor waits at the gate, even if hull itself says go */
	if (l->in.gate_fd == -1)
		l->in.gate_fd = -2;
	l->in.vm = &l->vm;
	l->in.spec = &l->vm.host;
	return vm_prepare(&l->vm, &l->ct.arena, l->opt, l->bundle.spec,
			  l->bundle.root_path, err);
}

int launch_enter_guest(struct launch *l, struct err *err)
{
	const struct hull_guest *g = l->ctx->guest;
	struct arena *arena = &l->ct.arena;
	const struct spec *whole = l->bundle.spec;
	int ret;

	if (!g)
		return 0;
	ret = guest_spec(arena, g, whole, &l->bundle.spec, err);
	if (!ret)
		ret = guest_net_sysctls(arena, whole, err);
	if (!ret)
		ret = guest_binds(g, l->bundle.spec, err);
	l->bundle.root_path = g->root;
	return ret;
}
