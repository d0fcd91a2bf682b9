/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/prepare.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/err.h"

int launch_check_own(const struct spec *spec, const struct ns_plan *ns,
		     struct err *err)
{
	static const char why[] = "not possible in the host's own %s namespace";
	struct utsname names;
	char field[256];

	for (size_t i = 0; i < spec->linux_.sysctl_count; i++) {
		const char *key = spec->linux_.sysctls[i].key;
		enum spec_ns_type type = spec_sysctl_namespace(key);

		if (type == SPEC_NS_TYPES || !(ns->own & ns_flag(type)))
			continue;
		snprintf(field, sizeof(field), "linux.sysctl[\"%s\"]", key);
		return err_at(err, -EINVAL, field, why, spec_ns_names[type]);
	}
	if (!(ns->own & CLONE_NEWUTS) || uname(&names) < 0)
		return 0;
	if (spec->hostname && strcmp(spec->hostname, names.nodename) != 0)
		return err_at(err, -EINVAL, "hostname", why,
			      spec_ns_names[SPEC_NS_UTS]);
	if (spec->domainname && strcmp(spec->domainname, names.domainname) != 0)
		return err_at(err, -EINVAL, "domainname", why,
			      spec_ns_names[SPEC_NS_UTS]);
	return 0;
}
