/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_OCI_TESTS_UNIT_LIBCONTAINER_LAB_H
#define HULL_OCI_TESTS_UNIT_LIBCONTAINER_LAB_H

/*
 * A state root of its own for each test, processes to play containers with,
 * and a look at what was left behind.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/sys.h"
#include "libcontainer/record.h"
#include "libcontainer/state.h"
#include "libcontainer/statedir.h"
#include "libcontainer/statefile.h"

struct lab {
	char root[64];
	struct hull_context ctx;
	int fds; /* open at the start */
};

static inline int lab_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static inline int lab_setup(void **state)
{
	struct lab *lab = calloc(1, sizeof(*lab));

	if (!lab)
		return -1;
	snprintf(lab->root, sizeof(lab->root), "/tmp/hull-unit-XXXXXX");
	if (!mkdtemp(lab->root))
		return -1;
	lab->ctx.root = lab->root;
	lab->fds = lab_count_fds();
	*state = lab;
	return 0;
}

/* Everything has to be gone but the root itself (and its cache). */
static inline int lab_teardown(void **state)
{
	struct lab *lab = *state;
	int left = rmdir(lab->root);

	if (left)
		print_error("%s is not empty\n", lab->root);
	if (lab_count_fds() != lab->fds) {
		print_error("descriptors leaked\n");
		left = -1;
	}
	if (waitpid(-1, NULL, WNOHANG | __WALL) >= 0 || errno != ECHILD) {
		print_error("a child is left\n");
		left = -1;
	}
	free(lab);
	return left;
}

#define LAB_TEST(f) cmocka_unit_test_setup_teardown(f, lab_setup, lab_teardown)

/* A process that does nothing until it is killed. */
static inline pid_t lab_sleeper(void)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
}

static inline void lab_end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, __WALL), pid);
}

static inline bool lab_lives(pid_t pid)
{
	struct proc_stat stat;

	return !proc_read_stat(pid, &stat) && stat.state != 'Z';
}

static inline uint64_t lab_start_time(pid_t pid)
{
	struct proc_stat stat;

	assert_int_equal(proc_read_stat(pid, &stat), 0);
	return stat.start_time;
}

static inline void lab_sleep_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

/* A container without a cgroup whose init is @pid (0: none yet). */
static inline void lab_make(const struct lab *lab, const char *id, pid_t pid,
			    bool started)
{
	auto_ct struct ct ct = CT_INIT;
	struct err err = { 0 };
	static char version[] = "1.0.2", bundle[] = "/b", rootfs[] = "/b/r";

	if (ct_new(&lab->ctx, id, &ct, &err))
		fail_msg("%s", err.msg);
	ct.st.oci_version = version;
	ct.st.bundle = bundle;
	ct.st.rootfs = rootfs;
	ct.st.created_ns = 1700000000123456789;
	ct.st.owner = geteuid();
	ct.st.ns_flags = CLONE_NEWPID;
	ct.st.cgroup.manager = CG_MANAGER_DISABLED;
	ct.st.pid = pid;
	ct.st.start_time = pid ? lab_start_time(pid) : 0;
	ct.st.started = started;
	assert_int_equal(ct_save(&ct, &err), 0);
}

static inline void lab_path(const struct lab *lab, const char *id,
			    const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s%s%s", lab->root, id, name ? "/" : "",
		 name ? name : "");
}

static inline void lab_write(const struct lab *lab, const char *id,
			     const char *name, const void *text, size_t len)
{
	char path[PATH_MAX];
	int fd;

	lab_path(lab, id, name, path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(io_write_full(fd, text, len), 0);
	close(fd);
}

static inline char *lab_read(const struct lab *lab, const char *id,
			     const char *name, size_t *len)
{
	char path[PATH_MAX], *text;
	int fd;

	lab_path(lab, id, name, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(io_load(fd, 1 << 24, &text, len), 0);
	close(fd);
	return text;
}

static inline bool lab_exists(const struct lab *lab, const char *id,
			      const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	lab_path(lab, id, name, path);
	return !lstat(path, &st);
}

static inline void lab_delete(const struct lab *lab, const char *id)
{
	struct err err = { 0 };

	if (hull_delete(&lab->ctx, id, true, &err))
		fail_msg("delete -f %s: %s", id, err.msg);
	assert_false(lab_exists(lab, id, NULL));
}

static inline enum hull_status lab_status(const struct lab *lab, const char *id)
{
	struct hull_state state;
	struct err err = { 0 };
	enum hull_status status;

	if (hull_state_get(&lab->ctx, id, &state, &err))
		fail_msg("state %s: %s", id, err.msg);
	status = state.status;
	hull_state_release(&state);
	return status;
}

#endif
