/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fusemount [--ro] [--fds N] [--cache MS] DIR MOUNTPOINT: serve DIR with the
 * microVM's file server to this machine's own kernel, through /dev/fuse, until
 * it is unmounted, in its jail. Proves the server without a guest.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"
#include "base/sys.h"
#include "microvm/fs/fs.h"
#include "microvm/jail/jail.h"

#define REQUEST_BYTES ((1U << 20) + 8192)

static int fail(const char *what)
{
	fprintf(stderr, "fusemount: %s: %s\n", what, strerror(errno));
	return 1;
}

static void limit_fds(const char *count)
{
	struct rlimit limit;

	limit.rlim_cur = limit.rlim_max = strtoul(count, NULL, 10);
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		exit(fail("setrlimit"));
}

static int serve(struct fs *fs, int fuse_fd)
{
	char *in = malloc(REQUEST_BYTES);
	char *out = malloc(REQUEST_BYTES);
	struct iovec in_iov = { in, 0 };
	struct iovec out_iov = { out, REQUEST_BYTES };

	for (;;) {
		const struct iovec iov = { in, REQUEST_BYTES };
		/* the jail has no read(2) */
		ssize_t len = sys_preadv2(fuse_fd, &iov, 1, -1, 0);
		size_t answer;

		if (len < 0 && errno == ENODEV)
			return 0;
		if (len < 0 && (errno == EINTR || errno == ENOENT))
			continue;
		if (len < 0)
			return fail("read");
		in_iov.iov_len = (size_t)len;
		answer = fs_handle(fs, &in_iov, 1, &out_iov, 1);
		/* ENOENT: the caller was killed meanwhile */
		if (answer && write(fuse_fd, out, answer) < 0 &&
		    errno != ENOENT)
			return fail("write");
	}
}

int main(int argc, char **argv)
{
	struct fs_config config = { .cache_ms = 1000 };
	struct err err = { 0 };
	char options[128];
	struct fs *fs;
	int fuse_fd;

	for (; argc > 3; argc--, argv++) {
		if (!strcmp(argv[1], "--ro")) {
			config.read_only = true;
			continue;
		}
		if (!strcmp(argv[1], "--fds"))
			limit_fds(argv[2]);
		else if (!strcmp(argv[1], "--cache"))
			config.cache_ms = (unsigned int)atoi(argv[2]);
		argc--;
		argv++;
	}
	if (argc != 3)
		return 2;
	config.root_fd = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
	config.proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (config.root_fd < 0 || config.proc_fd < 0 || fuse_fd < 0)
		return fail("open");
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=0,group_id=0,"
		 "default_permissions,allow_other",
		 fuse_fd);
	if (mount("hull", argv[2], "fuse", 0, options) < 0)
		return fail("mount");
	/* changes the working directory */
	if (fs_new(&config, &fs, &err) < 0) {
		fprintf(stderr, "fusemount: %s\n", err.msg);
		return 1;
	}
#ifndef __SANITIZE_ADDRESS__ /* which wants calls of its own */
	if (jail_thread(JAIL_FS, &err) < 0) {
		fprintf(stderr, "fusemount: %s\n", err.msg);
		return 1;
	}
#endif
	return serve(fs, fuse_fd);
}
