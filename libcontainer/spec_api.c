/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/container.h"

#include <unistd.h>

#include "spec/spec.h"

int hull_spec(bool rootless, char **json)
{
	return spec_template(rootless, geteuid(), getegid(), json);
}
