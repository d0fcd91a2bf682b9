/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/process/process.h"

#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "libcontainer/process/seccomp_build.h"
#include "libcontainer/process/seccomp_squeeze.h"

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

/*
 * This takes longer than it makes one seccomp(2) shorter, though far less than
 * libseccomp takes: so it is for a filter that is kept. The cache of a
 * microVM's guest counts: it lasts as long as that, and all further processes
 * use it.
 */
static void squeeze(struct seccomp_prog *prog)
{
	const size_t most = BPF_MAXINSNS * sizeof(struct sock_filter);
	auto_free struct sock_filter *less = malloc(most);
	struct seccomp_code code = { prog->insns, prog->count };
	size_t count = less ? seccomp_squeeze(&code, less) : 0;

	if (!count)
		return;
	prog->count = (unsigned short)count;
	prog->map_len = count * sizeof(*less);
	memcpy(prog->map, less, prog->map_len);
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
	if (seccomp_cache_usable(cache_fd, profile)) {
		squeeze(&prog);
		seccomp_cache_store(cache_fd, profile, &prog);
	}
	*out = prog;
	return 0;
}

void seccomp_adopt(int cache_fd, const struct spec_seccomp *profile,
		   const void *insns, unsigned short count)
{
	const struct seccomp_prog prog = {
		.insns = insns,
		.count = count,
		.flags = seccomp_flags(profile),
	};

	if (count && seccomp_cache_usable(cache_fd, profile))
		seccomp_cache_store(cache_fd, profile, &prog);
}

void seccomp_prog_release(struct seccomp_prog *prog)
{
	free(prog->map);
	*prog = (struct seccomp_prog){ 0 };
}
