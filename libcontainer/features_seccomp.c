/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/features_seccomp.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/json/json.h"
#include "base/sys.h"
#include "spec/spec.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

static const struct seccomp_flag {
	const char *name;
	unsigned int bits;
} seccomp_flags[] = {
	{ "SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC },
	{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
	/* the kernel takes it together with a listener only */
	{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
	  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV |
		  SECCOMP_FILTER_FLAG_NEW_LISTENER },
};

static void gen_list(struct json_gen *g, const char *key,
		     const char *const *names)
{
	json_gen_array(g, key);
	for (; *names; names++)
		json_gen_str(g, NULL, *names);
	json_gen_end_array(g);
}

/* The kernel looks at the flags before the filter, which is no address. */
static bool kernel_has_flag(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(seccomp_flags); i++) {
		if (strcmp(seccomp_flags[i].name, name) != 0)
			continue;
		return sys_seccomp(SECCOMP_SET_MODE_FILTER,
				   seccomp_flags[i].bits, NULL) < 0 &&
		       errno == EFAULT;
	}
	return false;
}

void features_seccomp(struct json_gen *g)
{
	json_gen_object(g, "seccomp");
	json_gen_bool(g, "enabled", true);
	gen_list(g, "actions", spec_seccomp_actions);
	gen_list(g, "operators", spec_seccomp_operators);
	gen_list(g, "archs", spec_seccomp_archs);
	gen_list(g, "knownFlags", spec_seccomp_flags);
	json_gen_array(g, "supportedFlags");
	for (const char *const *f = spec_seccomp_flags; *f; f++)
		if (kernel_has_flag(*f))
			json_gen_str(g, NULL, *f);
	json_gen_end_array(g);
	json_gen_end_object(g);
}

void features_libseccomp(char *text, size_t size)
{
	const struct scmp_version *v = seccomp_version();

	text[0] = '\0';
	if (v)
		snprintf(text, size, "%u.%u.%u", v->major, v->minor, v->micro);
}
