/* SPDX-License-Identifier: Apache-2.0 */
#include "namespaces/time.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/proc.h"
#include "base/str.h"

static void add_offset(struct strbuf *out, const char *clock,
		       const struct spec_time_offset *offset)
{
	if (offset->set)
		strbuf_addf(out, "%s %lld %u\n", clock, (long long)offset->secs,
			    offset->nanosecs);
}

/* What timens_offsets is to hold; empty without offsets. */
static int offsets(const struct spec_linux *linux_, struct strbuf *out,
		   struct err *err)
{
	add_offset(out, "monotonic", &linux_->monotonic);
	add_offset(out, "boottime", &linux_->boottime);
	return strbuf_ok(out) ? 0 : err_set(err, -ENOMEM, "out of memory");
}

static int told(int ret, struct err *err)
{
	return ret ? err_at(err, ret, "linux.timeOffsets", "cannot be set: %s",
			    err_text(ret))
		   : 0;
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

/* A file of the caller's own in /proc; two steps, for what is behind the second
 * may be a magic link on purpose. */
static int open_own(int proc_fd, const char *name, int flags)
{
	char self[16] = "", path[64];
	int fd;

	if (readlinkat(proc_fd, "self", self, sizeof(self) - 1) < 0)
		return -errno;
	snprintf(path, sizeof(path), "%s/%s", self, name);
	fd = openat(proc_fd, path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int enter(int proc_fd, struct err *err)
{
	auto_fd int fd = open_own(proc_fd, "ns/time_for_children", O_RDONLY);

	if (fd < 0)
		return err_code(err, fd, "cannot open the new time namespace");
	if (setns(fd, CLONE_NEWTIME) < 0)
		return err_sys(err, "cannot enter the new time namespace");
	return 0;
}

/* Offsets can be written until the first process has entered. */
int ns_time_enter(const struct ns_plan *plan, const struct spec_linux *linux_,
		  int proc_fd, struct err *err)
{
	auto_strbuf struct strbuf text = STRBUF_INIT;
	int ret = offsets(linux_, &text, err);

	if (!ret && text.len)
		ret = told(write_offsets(plan, proc_fd, text.s), err);
	return ret ? ret : enter(proc_fd, err);
}

int ns_time_before_join(const struct ns_plan *plan, int proc_fd,
			int *offsets_fd, struct err *err)
{
	if (!plan->new_time || plan->join_fd[SPEC_NS_USER] < 0)
		return 0;
	*offsets_fd = open_own(proc_fd, "timens_offsets", O_WRONLY);
	return *offsets_fd < 0 ? err_code(err, *offsets_fd,
					  "cannot open 'timens_offsets'")
			       : 0;
}

int ns_time_after_join(struct ns_plan *plan, const struct spec_linux *linux_,
		       int offsets_fd, struct err *err)
{
	auto_strbuf struct strbuf text = STRBUF_INIT;
	int ret = offsets(linux_, &text, err);

	if (ret || offsets_fd < 0)
		return ret;
	if (unshare(CLONE_NEWTIME) < 0)
		return err_sys(err, "cannot make the time namespace");
	plan->new_time = false;
	return text.len ? told(io_write_full(offsets_fd, text.s, text.len), err)
			: 0;
}
