/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_TEST_CGROUPS_FAKE_H
#define HULL_TEST_CGROUPS_FAKE_H

/*
 * A cgroup tree of plain files in a temporary directory, or a place in the
 * host's own tree: what the tests of this folder share.
 */

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "cgroups/internal.h"
#include "spec/spec.h"

struct fake {
	char path[PATH_MAX / 2];
	char self[PATH_MAX];
	int fd;
	struct cg_roots roots;
};

static inline void fake_dir(const struct fake *f, const char *name)
{
	char path[PATH_MAX];

	for (const char *p = name; *p; p += *p == '/') {
		p += strcspn(p, "/");
		snprintf(path, sizeof(path), "%.*s", (int)(p - name), name);
		assert_true(!mkdirat(f->fd, path, 0755) || errno == EEXIST);
	}
}

static inline void fake_file(const struct fake *f, const char *name,
			     const char *text)
{
	char dir[PATH_MAX];
	char *slash;
	int fd;

	snprintf(dir, sizeof(dir), "%s", name);
	slash = strrchr(dir, '/');
	if (slash) {
		*slash = '\0';
		fake_dir(f, dir);
	}
	fd = openat(f->fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* Plain files keep what a shorter text does not overwrite: compare from the
 * start, up to the length of @want. */
static inline void fake_expect(const struct fake *f, const char *name,
			       const char *want)
{
	char text[4096] = "";
	ssize_t n = io_read_text(f->fd, name, text, sizeof(text));

	if (n < 0 || strncmp(text, want, strlen(want)))
		fail_msg("%s: '%s' instead of '%s'", name, n < 0 ? "-" : text,
			 want);
}

static inline int fake_setup_mode(void **state, enum cg_mode mode)
{
	const char *base = getenv("TMPDIR");
	struct fake *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/hull-cgroups.XXXXXX",
		 base && *base ? base : "/tmp");
	if (!mkdtemp(f->path))
		return -1;
	f->fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(f->self, sizeof(f->self), "%s/self", f->path);
	f->roots = (struct cg_roots){ .base = f->path,
				      .self = f->self,
				      .mode = mode };
	fake_file(f, "self", "2:cpu:/x\n0::/hull/own\n");
	cg_roots_override(&f->roots);
	*state = f;
	return f->fd < 0 ? -1 : 0;
}

static inline int fake_setup(void **state)
{
	return fake_setup_mode(state, CG_MODE_UNIFIED);
}

static inline int fake_setup_hybrid(void **state)
{
	return fake_setup_mode(state, CG_MODE_HYBRID);
}

static inline int fake_remove_one(const char *path, const struct stat *st,
				  int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int fake_teardown(void **state)
{
	struct fake *f = *state;
	int ret = nftw(f->path, fake_remove_one, 16, FTW_DEPTH | FTW_PHYS);

	cg_roots_override(NULL);
	close(f->fd);
	free(f);
	return ret;
}

static inline struct cg_place fake_place(enum cg_mode mode, const char *path)
{
	struct cg_place place = { .manager = CG_MANAGER_CGROUPFS,
				  .mode = mode };

	snprintf(place.path, sizeof(place.path), "%s", path);
	return place;
}

/* Number of open descriptors, to see that none is lost. */
static inline int fake_open_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

#define SET_I64(x)                    \
	{                             \
		.set = true, .v = (x) \
	}
#define SET_U64(x)                    \
	{                             \
		.set = true, .v = (x) \
	}

#endif
