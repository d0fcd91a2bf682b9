/* SPDX-License-Identifier: Apache-2.0 */
#include "namespaces/ns.h"

#include <sched.h>

#include "base/sys.h"

/* Joined from the top, see ns.h. */
const struct ns_type ns_types[SPEC_NS_TYPES] = {
	{ SPEC_NS_USER, CLONE_NEWUSER, "user" },
	{ SPEC_NS_IPC, CLONE_NEWIPC, "ipc" },
	{ SPEC_NS_UTS, CLONE_NEWUTS, "uts" },
	{ SPEC_NS_NETWORK, CLONE_NEWNET, "net" },
	{ SPEC_NS_CGROUP, CLONE_NEWCGROUP, "cgroup" },
	{ SPEC_NS_MOUNT, CLONE_NEWNS, "mnt" },
	{ SPEC_NS_TIME, CLONE_NEWTIME, "time" },
	{ SPEC_NS_PID, CLONE_NEWPID, "pid" },
};
