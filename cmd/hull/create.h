/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CMD_HULL_CREATE_H
#define HULL_CMD_HULL_CREATE_H

#include <stddef.h>

#include "cmd/hull/opt.h"
#include "libcontainer/container.h"

struct call;
struct err;

#define CREATE_AT(member) offsetof(struct hull_create_options, member)

/* clang-format off */
/* Rows that create and run have in common. */
#define CREATE_OPTS \
	{ "bundle", 'b', OPT_TEXT, "DIR", \
	  "directory of the bundle (default: the current one)", \
	  CREATE_AT(bundle) }, \
	{ "config", 'f', OPT_TEXT, "FILE", \
	  "read FILE in place of the bundle's config.json", \
	  CREATE_AT(config) }, \
	{ "console-socket", 0, OPT_TEXT, "SOCKET", \
	  "unix socket that receives the master side of the terminal", \
	  CREATE_AT(console_socket) }, \
	{ "pidfd-socket", 0, OPT_TEXT, "SOCKET", \
	  "unix socket that receives a pidfd of the container's init", \
	  CREATE_AT(pidfd_socket) }, \
	{ "pid-file", 0, OPT_TEXT, "FILE", \
	  "write the pid of the container's init to FILE", \
	  CREATE_AT(pid_file) }, \
	{ "no-pivot", 0, OPT_SWITCH, NULL, \
	  "do not use pivot_root(2): for a rootfs on top of a ramdisk", \
	  CREATE_AT(no_pivot) }, \
	{ "no-new-keyring", 0, OPT_SWITCH, NULL, \
	  "keep the caller's session keyring", \
	  CREATE_AT(no_new_keyring) }, \
	{ "isolation", 0, OPT_WORD, "auto|process|vm", \
	  "what holds the container; auto: a microVM if its bundle asks for " \
	  "one", \
	  CREATE_AT(isolation) }, \
	{ "kernel", 0, OPT_TEXT, "FILE", \
	  "kernel of the microVM, in place of hull's own", \
	  CREATE_AT(kernel) }, \
	{ "preserve-fds", 0, OPT_U32, "N", \
	  "pass descriptors 3 to 2+N to the container as well", \
	  CREATE_AT(preserve_fds) }
/* clang-format on */

/**
 * create_options() - the options of create or run with hull's own --isolation,
 * and the name it was called by, worked in.
 */
int create_options(const struct call *call, const void *values,
		   struct hull_create_options *out, struct err *err);

/** create_preserved() - struct cmd's @preserved for both. */
unsigned int create_preserved(const void *values);

#endif
