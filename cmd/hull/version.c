/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull/help.h"

#include <seccomp.h>

#include "base/str.h"
#include "cmd/hull/print.h"

#define SPEC_VERSION "1.3.0" /* runtime-spec that config.json is read by */

/* The Makefile asks git; "" in a tree without it. */
#ifndef HULL_COMMIT
#define HULL_COMMIT ""
#endif

/* Docker takes the text around " version " apart, go-runc the prefixes. */
int version_print(const char *program, struct err *err)
{
	const struct scmp_version *seccomp = seccomp_version();
	auto_strbuf struct strbuf out = STRBUF_INIT;

	strbuf_addf(&out, "%s version %s\n", program, HULL_VERSION);
	if (HULL_COMMIT[0])
		strbuf_addf(&out, "commit: %s\n", HULL_COMMIT);
	strbuf_addf(&out, "spec: %s\n", SPEC_VERSION);
	if (seccomp)
		strbuf_addf(&out, "libseccomp: %u.%u.%u\n", seccomp->major,
			    seccomp->minor, seccomp->micro);
	return print_out(&out, err);
}
