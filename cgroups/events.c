/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/path.h"
#include "cgroups/internal.h"

/* A missed notification costs this much and no more. */
#define POLL_SLICE_MS 100

/* One read at offset 0: also what arms the next poll(2) on a kernfs file. */
static int event_read(int fd, const char *key)
{
	uint64_t value = 0;
	char text[128];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	int rc;

	if (n < 0)
		return -errno;
	text[n] = '\0';
	rc = cg_key_u64(text, key, &value);
	return rc < 0 ? rc : value != 0;
}

int cg_event(int cg_fd, const char *key)
{
	auto_fd int fd = path_open_beneath(cg_fd, "cgroup.events", O_RDONLY, 0);

	return fd < 0 ? fd : event_read(fd, key);
}

int cg_event_wait(int cg_fd, const char *key, int want, int64_t timeout_ms)
{
	auto_fd int fd = path_open_beneath(cg_fd, "cgroup.events", O_RDONLY, 0);
	int64_t end = cg_now_ms() + timeout_ms;

	if (fd < 0)
		return fd;
	for (;;) {
		struct pollfd pfd = { .fd = fd, .events = POLLPRI };
		int now = event_read(fd, key);
		int64_t left = end - cg_now_ms();

		if (now < 0)
			return now;
		if (now == want)
			return 0;
		if (left <= 0)
			return -ETIMEDOUT;
		if (left > POLL_SLICE_MS)
			left = POLL_SLICE_MS;
		if (poll(&pfd, 1, (int)left) < 0 && errno != EINTR)
			return -errno;
	}
}

int cg_is_frozen(int cg_fd)
{
	char text[8];
	ssize_t n;

	/*
	 * cgroup.freeze is what was asked for, cgroup.events what is so; an
	 * ancestor may also have frozen us, which counts as well.
	 */
	int frozen = cg_event(cg_fd, "frozen");

	if (frozen != -ENOENT)
		return frozen;
	n = io_read_text(cg_fd, "cgroup.freeze", text, sizeof(text));
	if (n == -ENOENT)
		return 0; /* the root cgroup, or before Linux 5.2 */
	return n < 0 ? (int)n : !strcmp(text, "1");
}

int cg_wait_thawed(int cg_fd, int64_t timeout_ms)
{
	return cg_event_wait(cg_fd, "frozen", 0, timeout_ms);
}

int cg_is_populated(int cg_fd)
{
	return cg_event(cg_fd, "populated");
}

int cg_freeze(int cg_fd, bool frozen, struct err *err)
{
	const char *verb = frozen ? "freeze" : "thaw";
	int rc = io_write_text(cg_fd, "cgroup.freeze", frozen ? "1" : "0");

	if (rc < 0)
		return err_code(err, rc, "cannot %s the cgroup", verb);
	rc = cg_event_wait(cg_fd, "frozen", frozen, CG_WAIT_MS);
	if (!rc)
		return 0;
	/* never leave it half frozen: nobody would come back to thaw it */
	if (frozen)
		(void)io_write_text(cg_fd, "cgroup.freeze", "0");
	if (rc == -ETIMEDOUT)
		return err_set(err, rc,
			       "cannot %s the cgroup: still not done after "
			       "%d s",
			       verb, CG_WAIT_MS / 1000);
	return err_code(err, rc, "cannot %s the cgroup", verb);
}
