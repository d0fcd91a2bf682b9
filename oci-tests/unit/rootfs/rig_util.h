/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_OCI_TESTS_UNIT_ROOTFS_RIG_UTIL_H
#define HULL_OCI_TESTS_UNIT_ROOTFS_RIG_UTIL_H

/* Small helpers: commands, files, mountinfo. */

#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline void rig_sh(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));
static inline void rig_sh(const char *fmt, ...)
{
	char cmd[8192];
	va_list args;

	va_start(args, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, args);
	va_end(args);
	if (system(cmd) != 0) {
		fprintf(stderr, "failed: %s\n", cmd);
		abort();
	}
}

/* Output of a command, for comparing states of the "host". */
static inline void rig_snapshot(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static inline void rig_snapshot(char *buf, size_t size, const char *fmt, ...)
{
	char cmd[8192];
	va_list args;
	size_t len;
	FILE *f;

	va_start(args, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, args);
	va_end(args);
	f = popen(cmd, "r");
	if (!f)
		abort();
	len = fread(buf, 1, size - 1, f);
	buf[len] = '\0';
	pclose(f);
}

static inline int rig_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

/**
 * rig_mountinfo() - what the present /proc/self/mountinfo says of the topmost
 * mount on @path: "OPTIONS [PROPAGATION...] - TYPE SOURCE SB-OPTIONS"; "" for
 * none.
 */
static inline const char *rig_mountinfo(const char *path)
{
	static char found[4096];
	char line[4096], point[2048];
	FILE *f = fopen("/proc/self/mountinfo", "re");

	found[0] = '\0';
	while (f && fgets(line, sizeof(line), f)) {
		int at = 0;

		if (sscanf(line, "%*d %*d %*s %*s %2047s %n", point, &at) < 1 ||
		    strcmp(point, path))
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(found, sizeof(found), "%s", line + at);
	}
	if (f)
		fclose(f);
	return found;
}

static inline bool rig_mount_is(const char *path, const char *beginning)
{
	return !strncmp(rig_mountinfo(path), beginning, strlen(beginning));
}

/** rig_text() - does the file hold exactly this? */
static inline bool rig_text(const char *path, const char *text)
{
	char buf[1024];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf));

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)strlen(text) && !memcmp(buf, text, (size_t)n);
}

/**
 * rig_host_mounts() - mountinfo of a process, as far as it is the test's own
 * business: the test's directory and what is everybody's. The mounts of other
 * programs come and go.
 */
static inline void rig_host_mounts(char *buf, size_t size, int pid,
				   const char *base)
{
	char name[64], line[4096], point[2048];
	size_t len = 0;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%d/mountinfo", pid);
	f = fopen(name, "re");
	buf[0] = '\0';
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*d %*d %*s %*s %2047s", point) != 1 ||
		    (strncmp(point, base, strlen(base)) && strcmp(point, "/") &&
		     strncmp(point, "/proc", 5) && strncmp(point, "/sys", 4) &&
		     strncmp(point, "/dev", 4)))
			continue;
		if (len < size)
			len += (size_t)snprintf(buf + len, size - len, "%s",
						line);
	}
	if (f)
		fclose(f);
}

#endif
