/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_TEST_BASE_TMP_H
#define HULL_TEST_BASE_TMP_H

/* A directory under $TMPDIR for one test, and a few ways to fill it. */

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct tmp {
	char path[PATH_MAX];
	int fd;
};

static inline int tmp_setup(void **state)
{
	const char *base = getenv("TMPDIR");
	struct tmp *tmp = calloc(1, sizeof(*tmp));

	if (!tmp)
		return -1;
	snprintf(tmp->path, sizeof(tmp->path), "%s/hull-base.XXXXXX",
		 base && *base ? base : "/tmp");
	if (!mkdtemp(tmp->path))
		return -1;
	tmp->fd = open(tmp->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = tmp;
	return tmp->fd < 0 ? -1 : 0;
}

static inline int tmp_remove_one(const char *path, const struct stat *st,
				 int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int tmp_teardown(void **state)
{
	struct tmp *tmp = *state;
	int ret = nftw(tmp->path, tmp_remove_one, 16, FTW_DEPTH | FTW_PHYS);

	close(tmp->fd);
	free(tmp);
	return ret;
}

static inline void tmp_file(int dir_fd, const char *name, const char *text)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static inline ino_t tmp_ino(int dir_fd, const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_ino;
}

static inline ino_t tmp_fd_ino(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

/* Number of open descriptors, to see that none is lost. */
static inline int tmp_open_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* Wait for a child that tells by its exit status whether all was well. */
static inline int tmp_wait(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

#endif
