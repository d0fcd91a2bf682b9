/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_LISTENER_H
#define HULL_LIBCONTAINER_LISTENER_H

#include <sys/types.h>

struct err;
struct seccomp_notify;
struct spec_seccomp;

/**
 * listener_connect() - reach linux.seccomp.listenerPath when the profile needs
 * it.
 *
 * Return: descriptor, -ENODATA when nothing in the profile notifies (no error
 * is set then), or -errno.
 */
int listener_connect(const struct spec_seccomp *profile, struct err *err);

/**
 * listener_payload() - the container process state for the agent.
 * @pid:   of the process, as hull numbers it
 * @state: the container's state document
 * @out:   @out->payload receives fresh memory
 */
int listener_payload(const char *oci_version,
		     const struct spec_seccomp *profile, pid_t pid,
		     const char *state, struct seccomp_notify *out,
		     struct err *err);

#endif
