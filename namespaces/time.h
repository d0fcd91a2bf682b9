/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_NAMESPACES_TIME_H
#define HULL_NAMESPACES_TIME_H

#include "namespaces/ns.h"

/**
 * ns_time_enter() - give the time namespace that unshare(2) has just made for
 * the caller's children its offsets, and enter it.
 * @proc_fd: procfs root (base/proc.h)
 */
int ns_time_enter(const struct ns_plan *plan, const struct spec_linux *linux_,
		  int proc_fd, struct err *err);

#endif
