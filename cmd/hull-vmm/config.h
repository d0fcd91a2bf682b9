/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CMD_HULL_VMM_CONFIG_H
#define HULL_CMD_HULL_VMM_CONFIG_H

#include "microvm/vmm.h"

struct err;

/**
 * config_read() - the sealed memfd of `run`.
 * @payload: receives fresh memory, NUL-terminated
 *
 * Return: 0, -EINVAL (not sealed, another version, a value out of its range:
 * named), -ENOMEM or -errno.
 */
int config_read(int fd, struct vm_config *config, char **payload,
		struct err *err);

/** attach_read() - the same for `attach`. */
int attach_read(int fd, struct vm_attach *attach, char **payload,
		struct err *err);

#endif
