/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/process/process.h"

#include <linux/seccomp.h>
#include <stdlib.h>

#include "libcontainer/process/seccomp_build.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV /* Linux 5.19 */
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/*
 * TSYNC concerns threads, of which there are none. WAIT_KILLABLE_RECV concerns
 * listeners, without which the kernel refuses the flag.
 */
unsigned int seccomp_flags(const struct spec_seccomp *profile)
{
	unsigned int flags = 0;

	if (profile->flag_log)
		flags |= SECCOMP_FILTER_FLAG_LOG;
	/* no flags at all: as runc and crun, no mitigation nobody asked for */
	if (profile->flag_spec_allow || !profile->flags_set)
		flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	if (profile->flag_wait_killable && spec_seccomp_notifies(profile))
		flags |= SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	return flags;
}

int seccomp_prepare(int cache_fd, const struct spec_seccomp *profile,
		    struct seccomp_prog *out, struct err *err)
{
	struct seccomp_prog prog = { 0 };
	int ret;

	if (!seccomp_cache_load(cache_fd, profile, out))
		return 0;
	ret = seccomp_compile(profile, &prog, err);
	if (ret)
		return ret;
	seccomp_cache_store(cache_fd, profile, &prog);
	*out = prog;
	return 0;
}

void seccomp_prog_release(struct seccomp_prog *prog)
{
	free(prog->map);
	*prog = (struct seccomp_prog){ 0 };
}
