/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/process/seccomp_build.h"

#include <ctype.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/str.h"

#define ARGS_MAX 6
#define TREE_FROM 32 /* names from which a binary tree is worth it */
#define INSNS_MAX BPF_MAXINSNS

static void release_ctx(scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release_filter(*ctx);
}

int seccomp_prepare(int cache_fd, const struct spec_seccomp *profile,
		    struct seccomp_prog *out, struct err *err)
{
	return 0;
}
