/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/auto.h"
#include "base/path.h"
#include "cgroups/internal.h"

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW)

/* The first @depth components of a relative path, as text. */
static void path_head(const char *path, size_t depth, char *out, size_t size)
{
	size_t len = 0;

	for (; depth && path[len]; depth--) {
		len += strspn(path + len, "/");
		len += strcspn(path + len, "/");
	}
	snprintf(out, size, "%.*s", (int)len, path);
}

static size_t path_depth(const char *path)
{
	size_t depth = 0;

	if (!strcmp(path, "."))
		return 0;
	for (const char *p = path; *p; p += strcspn(p, "/")) {
		p += strspn(p, "/");
		depth += *p != '\0';
	}
	return depth;
}

void cg_unmake_path(int root_fd, const char *path, const struct cg_made *made)
{
	char head[CG_PATH_MAX];

	for (size_t d = path_depth(path); made->any && d > made->depth; d--) {
		path_head(path, d, head, sizeof(head));
		if (unlinkat(root_fd, head, AT_REMOVEDIR) < 0 &&
		    errno != ENOENT)
			return;
	}
}

/* Make the parents: which were there already is seen from the top down. */
static int make_parents(int root_fd, const char *path, struct cg_made *made)
{
	size_t depth = path_depth(path);
	char head[CG_PATH_MAX];

	for (size_t d = 1; d < depth; d++) {
		path_head(path, d, head, sizeof(head));
		if (!mkdirat(root_fd, head, 0755)) {
			if (!made->any)
				made->depth = d - 1;
			made->any = true;
		} else if (errno != EEXIST) {
			return -errno;
		}
	}
	return 0;
}

static int make_all(int root_fd, const char *path, struct cg_made *made)
{
	size_t depth = path_depth(path);
	int rc;

	if (!depth)
		return 0;
	/* most often the parent is there: one call does it */
	if (mkdirat(root_fd, path, 0755) < 0) {
		if (errno == EEXIST)
			return 0;
		if (errno != ENOENT)
			return -errno;
		rc = make_parents(root_fd, path, made);
		if (rc < 0)
			return rc;
		if (mkdirat(root_fd, path, 0755) < 0)
			return errno == EEXIST ? 0 : -errno;
	}
	if (!made->any)
		made->depth = depth - 1;
	made->any = true;
	return 0;
}

int cg_mkdir_path(int root_fd, const char *path, struct cg_made *made)
{
	int rc;

	*made = (struct cg_made){ 0 };
	rc = make_all(root_fd, path, made);
	if (!rc)
		rc = path_open_beneath(root_fd, path, DIR_FLAGS, 0);
	if (rc < 0)
		cg_unmake_path(root_fd, path, made);
	return rc;
}

/* ---- removing */

/* The next child directory of an open directory, or NULL. */
static const char *next_child(DIR *dir)
{
	const struct dirent *d;

	while ((d = readdir(dir)))
		if (d->d_type == DT_DIR && strcmp(d->d_name, ".") &&
		    strcmp(d->d_name, ".."))
			return d->d_name;
	return NULL;
}

static DIR *open_dir(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, DIR_FLAGS | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir)
		auto_close_fd(&fd);
	return dir;
}

static int replace_dir(DIR **dir, const char *name)
{
	DIR *next = open_dir(dirfd(*dir), name);

	if (!next)
		return -errno;
	auto_close_dir(dir);
	*dir = next;
	return 0;
}

static void pause_ms(long ms)
{
	struct timespec ts = { .tv_nsec = ms * 1000000 };

	nanosleep(&ts, NULL);
}

/*
 * Remove the children of *@dir that have none of their own.
 * @busy: receives the name of one that could not be removed, or ""
 */
static int remove_children(DIR *dir, char *busy, size_t size)
{
	const char *name;

	*busy = '\0';
	rewinddir(dir);
	while ((name = next_child(dir))) {
		if (!unlinkat(dirfd(dir), name, AT_REMOVEDIR) ||
		    errno == ENOENT)
			continue;
		if (errno != EBUSY && errno != ENOTEMPTY)
			return -errno;
		snprintf(busy, size, "%s", name);
	}
	return 0;
}

/*
 * A workload that owns its cgroup can nest thousands of them, so neither the
 * stack nor the descriptors may grow with the depth: step into a child that
 * will not go, come back by "..". The kernel lets nobody move a v2 cgroup, and
 * a v1 one only beside itself, so ".." leads where we came from.
 */
static int remove_below(int top_fd, int64_t end)
{
	auto_dir DIR *dir = open_dir(top_fd, ".");
	size_t depth = 0;
	bool came_up = false;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	for (;;) {
		char busy[NAME_MAX + 1];
		int rc = remove_children(dir, busy, sizeof(busy));

		if (rc < 0)
			return rc;
		if (!*busy && !depth)
			return 0;
		if (cg_now_ms() > end)
			return -EBUSY;
		if (*busy && came_up)
			pause_ms(1); /* perhaps the very one: dying tasks */
		rc = replace_dir(&dir, *busy ? busy : "..");
		if (rc == -ENOENT && *busy)
			continue; /* gone meanwhile */
		if (rc < 0)
			return rc;
		came_up = !*busy;
		depth += came_up ? -1 : 1;
	}
}

int cg_rmdir_tree(int root_fd, const char *path, int64_t timeout_ms)
{
	int64_t end = cg_now_ms() + timeout_ms;
	long wait_ms = 1;

	for (;;) {
		auto_fd int fd = -1;
		int rc;

		if (!unlinkat(root_fd, path, AT_REMOVEDIR) || errno == ENOENT)
			return 0;
		if (errno != EBUSY && errno != ENOTEMPTY)
			return -errno;
		fd = path_open_beneath(root_fd, path, DIR_FLAGS, 0);
		if (fd < 0)
			return fd == -ENOENT ? 0 : fd;
		rc = remove_below(fd, end);
		if (rc < 0)
			return rc;
		if (!unlinkat(root_fd, path, AT_REMOVEDIR) || errno == ENOENT)
			return 0;
		if (cg_now_ms() > end)
			return -EBUSY;
		pause_ms(wait_ms);
		if (wait_ms < 50)
			wait_ms *= 2;
	}
}

/* ---- visiting */

struct queue {
	char **paths;
	size_t first, count, cap;
};

static void queue_release(struct queue *q)
{
	for (size_t i = q->first; i < q->count; i++)
		free(q->paths[i]);
	free(q->paths);
}

static int queue_push(struct queue *q, const char *parent, const char *name)
{
	char *path;

	if (q->count == q->cap) {
		size_t cap = q->cap ? q->cap * 2 : 16;
		char **grown = reallocarray(q->paths, cap, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		q->paths = grown;
		q->cap = cap;
	}
	if (asprintf(&path, "%s/%s", parent, name) < 0)
		return -ENOMEM;
	q->paths[q->count++] = path;
	return 0;
}

static int walk_one(struct queue *q, int top_fd, const char *path,
		    int (*visit)(int, void *), void *arg)
{
	int fd = path_open_beneath(top_fd, path, DIR_FLAGS, 0);
	auto_dir DIR *dir = NULL;
	const char *name;
	int rc;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	dir = fdopendir(fd);
	if (!dir) {
		rc = -errno;
		close(fd);
		return rc;
	}
	rc = visit(fd, arg);
	while (!rc && (name = next_child(dir)))
		rc = queue_push(q, path, name);
	return rc;
}

int cg_walk(int top_fd, int (*visit)(int dir_fd, void *arg), void *arg)
{
	struct queue q = { 0 };
	int rc = queue_push(&q, ".", ".");

	/* breadth first, by path from the top: one descriptor at a time */
	while (!rc && q.first < q.count) {
		auto_free char *path = q.paths[q.first++];

		rc = walk_one(&q, top_fd, path, visit, arg);
	}
	queue_release(&q);
	return rc;
}
