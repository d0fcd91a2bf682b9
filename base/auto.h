/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_BASE_AUTO_H
#define HULL_BASE_AUTO_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * Cleanup at the end of a scope. Each closer accepts the empty value (-1,
 * NULL) and keeps errno, so that an error return may read it afterwards.
 * Ownership leaves a scope with take_fd() or take_ptr().
 */

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define auto_fd __attribute__((cleanup(auto_close_fd)))
#define auto_free __attribute__((cleanup(auto_free_ptr)))
#define auto_file __attribute__((cleanup(auto_close_file)))
#define auto_dir __attribute__((cleanup(auto_close_dir)))

/* close() is never retried: on Linux the descriptor is gone even on EINTR. */
static inline void auto_close_fd(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

/*
 * fd_close_surely() - for the end of a socket whose closing the other side
 * waits for. A close(2) that failed has freed the number all the same on Linux;
 * where something in between has kept it from happening, the second try does.
 * Not for programs with threads: the number may be somebody else's by then.
 */
static inline void fd_close_surely(int *fd)
{
	if (*fd >= 0 && close(*fd) < 0 && errno != EBADF)
		close(*fd);
	*fd = -1;
}

static inline void auto_free_ptr(void *p)
{
	free(*(void **)p); /* free(3) keeps errno since glibc 2.33 */
	*(void **)p = NULL;
}

static inline void auto_close_file(FILE **f)
{
	int saved = errno;

	if (*f)
		fclose(*f);
	*f = NULL;
	errno = saved;
}

static inline void auto_close_dir(DIR **d)
{
	int saved = errno;

	if (*d)
		closedir(*d);
	*d = NULL;
	errno = saved;
}

/* take_fd() - hand a descriptor to the caller; the variable becomes -1. */
static inline int take_fd(int *fd)
{
	int out = *fd;

	*fd = -1;
	return out;
}

#define take_ptr(p)                             \
	(__extension__({                        \
		__typeof__(*(p)) taken_ = *(p); \
		*(p) = NULL;                    \
		taken_;                         \
	}))

#endif
