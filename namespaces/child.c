/* SPDX-License-Identifier: Apache-2.0 */
#include "namespaces/ns.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/proc.h"
#include "base/sabotage.h"
#include "base/str.h"
#include "base/sys.h"
#include "namespaces/time.h"

/*
 * Any socket takes the ioctls of interfaces. IFF_LOOPBACK is none that could be
 * cleared by leaving it out: netdevice(7) calls it volatile, so that there is
 * no need to read the flags first.
 */
static int bring_lo_up(struct err *err)
{
	struct ifreq req = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	auto_fd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &req) < 0)
		return err_sys(err, "cannot bring interface 'lo' up");
	return 0;
}

static int set_names(const struct ns_plan *plan, const struct spec *spec,
		     struct err *err)
{
	bool private =
		plan->present & CLONE_NEWUTS || SABOTAGED("hostname_namespace");

	/* the host's own name would change */
	if (spec->hostname && !private)
		return err_at(err, -EINVAL, "hostname",
			      "needs a namespace of type 'uts'");
	if (spec->domainname && !private)
		return err_at(err, -EINVAL, "domainname",
			      "needs a namespace of type 'uts'");
	if (spec->hostname &&
	    sethostname(spec->hostname, strlen(spec->hostname)) < 0)
		return err_at(err, -errno, "hostname", "cannot be set: %s",
			      err_text(errno));
	if (spec->domainname &&
	    setdomainname(spec->domainname, strlen(spec->domainname)) < 0)
		return err_at(err, -errno, "domainname", "cannot be set: %s",
			      err_text(errno));
	return 0;
}

int ns_child_setup(const struct ns_plan *plan, const struct spec *spec,
		   int proc_fd, struct err *err)
{
	int flags = (plan->new_cgroup ? CLONE_NEWCGROUP : 0) |
		    (plan->new_time ? CLONE_NEWTIME : 0);
	int ret = 0;

	if (flags && unshare(flags) < 0)
		return err_sys(err, "cannot make the %s namespace",
			       !plan->new_time    ? "cgroup"
			       : plan->new_cgroup ? "cgroup and time"
						  : "time");
	if (plan->new_time)
		ret = ns_time_enter(plan, &spec->linux_, proc_fd, err);
	if (!ret && (plan->create & CLONE_NEWNET))
		ret = bring_lo_up(err);
	if (!ret)
		ret = set_names(plan, spec, err);
	return ret;
}
