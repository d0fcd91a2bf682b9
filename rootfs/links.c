/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "rootfs/internal.h"

#define PTMX_TARGET "pts/ptmx"

/* runtime-spec runtime-linux.md, "Dev symbolic links" */
static const struct {
	const char *name;
	const char *target;
	const char *needs; /* a file of the host, or NULL */
} links[] = {
	{ "fd", "/proc/self/fd", NULL },
	{ "stdin", "/proc/self/fd/0", NULL },
	{ "stdout", "/proc/self/fd/1", NULL },
	{ "stderr", "/proc/self/fd/2", NULL },
	{ "core", "/proc/kcore", "/proc/kcore" },
};

static bool is_ptmx_link(int dev_fd)
{
	char text[sizeof(PTMX_TARGET) + 1];
	ssize_t len = readlinkat(dev_fd, "ptmx", text, sizeof(text));

	return len == (ssize_t)strlen(PTMX_TARGET) &&
	       !memcmp(text, PTMX_TARGET, (size_t)len);
}

/* Whatever an image has there, the container's own devpts is the one meant. */
static int make_ptmx(int dev_fd, struct err *err)
{
	if (!symlinkat(PTMX_TARGET, dev_fd, "ptmx"))
		return 0;
	if (errno == EEXIST &&
	    (is_ptmx_link(dev_fd) || (!unlinkat(dev_fd, "ptmx", 0) &&
				      !symlinkat(PTMX_TARGET, dev_fd, "ptmx"))))
		return 0;
	if (errno == EBUSY) /* a mount of the config is there */
		return 0;
	return err_sys(err, "cannot make the link '/dev/ptmx'");
}

int links_make(int dev_fd, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		if (links[i].needs && access(links[i].needs, F_OK))
			continue;
		if (symlinkat(links[i].target, dev_fd, links[i].name) &&
		    errno != EEXIST)
			return err_sys(err, "cannot make the link '/dev/%s'",
				       links[i].name);
	}
	return make_ptmx(dev_fd, err);
}
