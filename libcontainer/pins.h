/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_PINS_H
#define HULL_LIBCONTAINER_PINS_H

struct err;

/*
 * Pidfds kept by the kernel, one for each container of a state root. A mount
 * in the host's mount namespace would be copied into every namespace made
 * later (1,000 of them: 3 ms), so the pins have a namespace of their own:
 *
 *   <root>/.pinned/<id>  empty file; in the pin namespace, whose "/" is
 *                        <root>/.pinned, the pidfd is mounted on it
 *   <root>/.pins         the pin namespace, kept by a bind mount of its nsfs
 *                        file. Copies of a mount namespace leave it out
 *
 * Nothing else of the host is mounted in there. To remove the file, in any
 * other namespace, is to remove its mount. The first pin makes all this, the
 * last one's removal ends it. Where such a namespace cannot be made (on an
 * initramfs, say) the pidfd is mounted on the same file in hull's own.
 *
 * Order: who makes a pin makes its file first; who removed one tries to remove
 * .pinned, which fails while there are files in it. Once it is gone the
 * namespace is dead: nobody can pin in it any more. What comes next - removing
 * .pins, or making both anew - is done under a flock(2) of a description of
 * the root's own, after another look. Whoever is killed on the way has its
 * container's directory left, and the next pins_remove() for it goes on.
 */

/**
 * pins_add() - keep a pidfd. Where mounts are not allowed or not known there
 * is no pin.
 * @root_fd: directory of all states, borrowed
 * @pidfd:   borrowed
 *
 * Return: 0 (also without a pin), or -errno of an unexpected failure.
 */
int pins_add(int root_fd, const char *id, int pidfd, struct err *err);

/**
 * pins_open() - the pidfd that was kept.
 *
 * Return: descriptor of what has the name, or -errno.
 */
int pins_open(int root_fd, const char *id);

/** pins_remove() - undo; nothing there is fine. */
void pins_remove(int root_fd, const char *id);

#endif
