/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_PROTECT_H
#define HULL_LIBCONTAINER_PROTECT_H

/**
 * protect_mount() - an open file again, seen through a detached, read-only
 * mount of its own: nobody who gets hold of the descriptor can write to it.
 *
 * Return: O_PATH descriptor, or -errno (mounts are not allowed here).
 */
int protect_mount(int fd);

#endif
