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

static void add_offset(struct strbuf *out, const char *clock,
		       const struct spec_time_offset *offset)
{
	if (offset->set)
		strbuf_addf(out, "%s %lld %u\n", clock, (long long)offset->secs,
			    offset->nanosecs);
}

/*
 * After the change to root of a new user namespace the process is not dumpable
 * and its files in /proc belong to the host's root. Nobody else is in that
 * namespace yet who could make use of the moment in which it is dumpable.
 */
static int write_offsets(const struct ns_plan *plan, int proc_fd,
			 const char *text)
{
	static const char file[] = "self/timens_offsets";
	int ret, again;

	ret = proc_write(proc_fd, file, text);
	if (ret != -EACCES || !(plan->create & CLONE_NEWUSER))
		return ret;
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		return ret;
	again = proc_write(proc_fd, file, text);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return again;
}

/* Offsets can be written until the first process has entered. */
static int set_offsets(const struct ns_plan *plan,
		       const struct spec_linux *linux_, int proc_fd,
		       struct err *err)
{
	auto_strbuf struct strbuf text = STRBUF_INIT;
	int ret;

	add_offset(&text, "monotonic", &linux_->monotonic);
	add_offset(&text, "boottime", &linux_->boottime);
	if (!strbuf_ok(&text))
		return err_set(err, -ENOMEM, "out of memory");
	if (!text.len)
		return 0;
	ret = write_offsets(plan, proc_fd, text.s);
	if (ret)
		return err_at(err, ret, "linux.timeOffsets",
			      "cannot be set: %s", err_text(ret));
	return 0;
}

static int enter_time(int proc_fd, struct err *err)
{
	char self[16] = "", path[64];
	auto_fd int fd = -1;

	/* two steps, for the second is a magic link on purpose */
	if (readlinkat(proc_fd, "self", self, sizeof(self) - 1) < 0)
		return err_sys(err, "cannot find hull in /proc");
	snprintf(path, sizeof(path), "%s/ns/time_for_children", self);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "cannot open the new time namespace");
	if (setns(fd, CLONE_NEWTIME) < 0)
		return err_sys(err, "cannot enter the new time namespace");
	return 0;
}

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
		ret = set_offsets(plan, &spec->linux_, proc_fd, err);
	if (!ret && plan->new_time)
		ret = enter_time(proc_fd, err);
	if (!ret && (plan->create & CLONE_NEWNET))
		ret = bring_lo_up(err);
	if (!ret)
		ret = set_names(plan, spec, err);
	return ret;
}
