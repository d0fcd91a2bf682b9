/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CGROUPS_WATCH_H
#define HULL_CGROUPS_WATCH_H

struct err;

/**
 * cg_watch_events() - inotify descriptor that tells when a *.events file of a
 * v2 cgroup changed.
 *
 * Return: descriptor, -ENOTSUP (no such file), or -errno.
 */
int cg_watch_events(int cg_fd, const char *file, struct err *err);

/**
 * cg_watch_v1_oom() - eventfd that counts OOM notifications of a v1 memory
 * cgroup (memory.oom_control through cgroup.event_control).
 *
 * Return: descriptor, -ENOTSUP, or -errno.
 */
int cg_watch_v1_oom(int memory_fd, struct err *err);

#endif
