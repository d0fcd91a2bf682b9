/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_PROCESS_SECCOMP_BUILD_H
#define HULL_LIBCONTAINER_PROCESS_SECCOMP_BUILD_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#include "libcontainer/process/process.h"

/* A profile's architectures: the kernel's own and at most those libseccomp
 * knows (23 names in the spec, some of them aliases here). */
#define SECCOMP_ARCHS_MAX 32

/**
 * struct seccomp_arch - one architecture of a filter.
 * @token: libseccomp's number
 * @audit: AUDIT_ARCH_* in seccomp_data.arch; x32 shares x86_64's
 * @last:  the highest system call number that the profile names, 0 for none
 */
struct seccomp_arch {
	uint32_t token;
	uint32_t audit;
	uint32_t last;
};

/**
 * seccomp_enosys() - instructions that answer ENOSYS for numbers above the last
 * one named, per architecture, and otherwise fall through to what follows.
 * @out:  receives at most @size instructions
 *
 * Return: how many; 0 when no architecture has a last one. @size of
 * SECCOMP_ENOSYS_MAX is always enough.
 */
size_t seccomp_enosys(const struct seccomp_arch *archs, size_t count,
		      struct sock_filter *out, size_t size);

#define SECCOMP_ENOSYS_MAX (1 + 8 * SECCOMP_ARCHS_MAX)

/* Where a compiled filter ends up: malloc(3) memory. */
int seccomp_compile(const struct spec_seccomp *profile,
		    struct seccomp_prog *out, struct err *err);

/** seccomp_cache_usable() - whether a profile's filter can be kept at all. */
bool seccomp_cache_usable(int cache_fd, const struct spec_seccomp *profile);

/**
 * seccomp_cache_load() - the filter compiled from the very same profile.
 *
 * Return: 0, or -ENOENT for whatever reason it cannot be used.
 */
int seccomp_cache_load(int cache_fd, const struct spec_seccomp *profile,
		       struct seccomp_prog *out);

/**
 * seccomp_cache_store() - keep a filter where that is possible; that it fails
 * matters to nobody.
 */
void seccomp_cache_store(int cache_fd, const struct spec_seccomp *profile,
			 const struct seccomp_prog *prog);

/** SECCOMP_FILTER_FLAG_* that a profile asks for. */
unsigned int seccomp_flags(const struct spec_seccomp *profile);

#endif
