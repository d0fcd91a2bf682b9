/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_TEST_CGROUPS_LIVE_H
#define HULL_TEST_CGROUPS_LIVE_H

/*
 * Tests in the host's own cgroup tree: below /hull-test-PID, all of it removed
 * at the end. They need root; without it they are skipped and say so.
 */

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "oci-tests/unit/cgroups/fake.h"

#define LIVE_SKIP(...)                                  \
	do {                                            \
		print_message("skipped: " __VA_ARGS__); \
		print_message("\n");                    \
		skip();                                 \
	} while (0)

struct live {
	struct cg_place place;
	int cg_fd;
	pid_t child;
};

/* Can this process make a cgroup in a tree of this mode? */
static inline bool live_can(enum cg_mode mode)
{
	auto_fd int fd = -1;
	char name[64];

	if (geteuid() || cg_mode_probe() != mode)
		return false;
	fd = cg_root_open(mode);
	snprintf(name, sizeof(name), "hull-test-%d-probe", (int)getpid());
	if (fd < 0 || mkdirat(fd, name, 0755) < 0)
		return false;
	return !unlinkat(fd, name, AT_REMOVEDIR);
}

static inline int live_setup(void **state)
{
	struct live *l = calloc(1, sizeof(*l));

	if (!l)
		return -1;
	l->cg_fd = -1;
	l->child = -1;
	*state = l;
	return 0;
}

static inline void live_reap(struct live *l)
{
	if (l->child > 0) {
		kill(l->child, SIGKILL);
		waitpid(l->child, NULL, 0);
	}
	l->child = -1;
}

static inline int live_teardown(void **state)
{
	struct live *l = *state;
	struct err err = { 0 };
	int rc = 0;

	if (l->place.path[0]) {
		struct cg_place top = l->place;

		rc = cg_destroy(&l->place, &err);
		live_reap(l);
		*strrchr(top.path, '/') = '\0';
		if (!rc)
			rc = cg_destroy(&top, &err);
		if (rc)
			print_message("%s\n", err.msg);
	}
	auto_close_fd(&l->cg_fd);
	free(l);
	return rc;
}

/* A cgroup of this test, with limits. */
static inline void live_create(struct live *l, const char *name,
			       const struct spec_resources *res)
{
	struct cg_hold hold = CG_HOLD_INIT;
	struct err err = { 0 };
	char path[128];

	snprintf(path, sizeof(path), "/hull-test-%d/%s", (int)getpid(), name);
	if (cg_place_init(&l->place, CG_MANAGER_CGROUPFS, path, "id", res,
			  &err) < 0)
		fail_msg("%s", err.msg);
	l->cg_fd = cg_create(&l->place, &err);
	if (l->cg_fd < 0)
		fail_msg("%s", err.msg);
	if (cg_apply(l->cg_fd, &l->place, res, false, &err) < 0 ||
	    cg_settle(l->cg_fd, &l->place, &hold, 0, res, &err) < 0)
		fail_msg("%s", err.msg);
}

/* A child that has been put into the cgroup when @body begins. */
static inline pid_t live_run(struct live *l, int (*body)(void *), void *arg)
{
	struct err err = { 0 };
	int gate[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(gate[1]);
		if (read(gate[0], &c, 1) < 0)
			_exit(99);
		_exit(body(arg));
	}
	close(gate[0]);
	if (cg_attach(l->cg_fd, &l->place, pid, true, NULL, &err) < 0) {
		kill(pid, SIGKILL);
		fail_msg("%s", err.msg);
	}
	close(gate[1]);
	return pid;
}

static inline int live_status(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static inline int live_sleep(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return 0;
}

/* Use more memory than any limit of these tests. */
static inline int live_hog(void *arg)
{
	size_t size = (size_t)256 << 20;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)arg;
	if (p == MAP_FAILED)
		return 1;
	memset(p, 1, size);
	return 0;
}

/* Fork until it fails: how many went? */
static inline int live_forks(void *arg)
{
	int count = 0;

	(void)arg;
	while (count < 100) {
		pid_t pid = fork();

		if (pid < 0)
			break;
		if (!pid)
			for (;;)
				pause();
		count++;
	}
	return count;
}

static inline void live_expect_u64(int dir_fd, const char *file, uint64_t want)
{
	uint64_t got = 0;
	int rc = cg_read_u64(dir_fd, file, &got);

	if (rc < 0 || got != want)
		fail_msg("%s: %lld instead of %lld (%d)", file, (long long)got,
			 (long long)want, rc);
}

static inline void live_expect_text(int dir_fd, const char *file,
				    const char *want)
{
	char text[1024] = "";
	ssize_t n = io_read_text(dir_fd, file, text, sizeof(text));

	if (n < 0 || strcmp(text, want))
		fail_msg("%s: '%s' instead of '%s'", file, text, want);
}

/* Open a device by number through a node of our own. */
static inline int live_open_device(const char *dir, char type, unsigned major,
				   unsigned minor, int flags)
{
	char path[PATH_MAX];
	int fd, rc = 0;

	snprintf(path, sizeof(path), "%s/node-%d", dir, (int)getpid());
	if (mknod(path, (type == 'b' ? S_IFBLK : S_IFCHR) | 0600,
		  makedev(major, minor)) < 0)
		return -errno;
	fd = open(path, flags | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		rc = -errno;
	else
		close(fd);
	unlink(path);
	return rc;
}

#endif
