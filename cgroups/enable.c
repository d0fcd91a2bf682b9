/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "base/str.h"
#include "cgroups/internal.h"

/*
 * A cgroup has the controllers that its parent passes on in
 * cgroup.subtree_control, and a parent can pass on what it has itself. A cgroup
 * with processes of its own can pass on none (the "no internal process" rule,
 * cgroup-v2.rst), the root excepted.
 */

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW)

/* When all of these are there the root's list need not be read. */
static const char *const usual[] = { "cpu", "cpuset",  "memory", "pids",
				     "io",  "hugetlb", "rdma",   "misc" };

/* Controllers that a threaded cgroup can have (cgroup-v2.rst, "Threads"). */
static const char *const threaded[] = { "cpu", "cpuset", "perf_event", "pids" };

static bool has_all(const char *have, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!cg_has_word(have, names[i]))
			return false;
	return true;
}

/* Append "+NAME" for each word of @want that @have lacks. */
static void add_missing(struct strbuf *out, const char *want, const char *have)
{
	while (*want) {
		size_t len = strcspn(want, " \n");
		char word[64];

		if (len && len < sizeof(word)) {
			snprintf(word, sizeof(word), "%.*s", (int)len, want);
			if (!cg_has_word(have, word))
				strbuf_addf(out, "%s+%s", out->len ? " " : "",
					    word);
		}
		want += len;
		want += *want != '\0';
	}
}

/* Where one of many is refused the others may still be had. */
static void write_each(int dir_fd, char *words)
{
	char *rest = NULL;

	for (char *w = strtok_r(words, " ", &rest); w;
	     w = strtok_r(NULL, " ", &rest))
		(void)io_write_text(dir_fd, "cgroup.subtree_control", w);
}

static void pass_on_all(int dir_fd)
{
	auto_strbuf struct strbuf words = STRBUF_INIT;
	char have[CG_CONTROLLERS_MAX], on[CG_CONTROLLERS_MAX];
	int rc;

	if (io_read_text(dir_fd, "cgroup.controllers", have, sizeof(have)) <
		    0 ||
	    io_read_text(dir_fd, "cgroup.subtree_control", on, sizeof(on)) < 0)
		return;
	add_missing(&words, have, on);
	if (!words.len || !strbuf_ok(&words))
		return;
	rc = io_write_text(dir_fd, "cgroup.subtree_control", words.s);
	if (!rc)
		return;
	log_debug("cgroup.subtree_control: '%s': %s", words.s, err_text(rc));
	/*
	 * EBUSY: processes in it. Threaded controllers one by one would be
	 * taken, and turn the whole subtree threaded: not for us to do.
	 */
	if (rc != -EBUSY)
		write_each(dir_fd, words.s);
}

void cg_join_threaded(int cg_fd)
{
	char type[32];
	ssize_t n = io_read_text(cg_fd, "cgroup.type", type, sizeof(type));

	/* below a threaded cgroup nothing else can hold processes; irreversible
	 * for this cgroup, which is ours */
	if (n > 0 && !strcmp(type, "domain invalid"))
		(void)io_write_text(cg_fd, "cgroup.type", "threaded");
}

/* Open the first @depth components of @path; -ENOENT past its end. */
static int open_level(int root_fd, const char *path, size_t depth, char *name,
		      size_t size)
{
	size_t len = 0;

	for (; depth; depth--) {
		len += strspn(path + len, "/");
		if (!path[len])
			return -ENOENT;
		len += strcspn(path + len, "/");
	}
	snprintf(name, size, "%.*s", (int)len, path);
	return path_open_beneath(root_fd, len ? name : ".", DIR_FLAGS, 0);
}

/* Only then can one be threaded: no domain controller is in such a subtree. */
static bool may_be_threaded(const char *have)
{
	while (*have) {
		size_t len = strcspn(have, " \n"), i = 0;

		while (i < ARRAY_SIZE(threaded) &&
		       (strlen(threaded[i]) != len ||
			strncmp(threaded[i], have, len)))
			i++;
		if (len && i == ARRAY_SIZE(threaded))
			return false;
		have += len;
		have += *have != '\0';
	}
	return true;
}

static bool is_last_level(const char *path, const char *name)
{
	return !strcmp(path, name);
}

void cg_enable_all(int root_fd, int cg_fd, const char *path)
{
	char have[CG_CONTROLLERS_MAX], root[CG_CONTROLLERS_MAX];
	auto_strbuf struct strbuf missing = STRBUF_INIT;

	if (io_read_text(cg_fd, "cgroup.controllers", have, sizeof(have)) < 0 ||
	    has_all(have, usual, ARRAY_SIZE(usual)))
		return;
	if (io_read_text(root_fd, "cgroup.controllers", root, sizeof(root)) < 0)
		return;
	add_missing(&missing, root, have);
	if (!missing.len && !may_be_threaded(have))
		return;
	for (size_t d = 0;; d++) {
		char name[CG_PATH_MAX];
		auto_fd int fd =
			open_level(root_fd, path, d, name, sizeof(name));

		if (fd < 0)
			break;
		if (d)
			cg_join_threaded(fd);
		if (is_last_level(path, name))
			break;
		if (missing.len)
			pass_on_all(fd);
	}
}

/* Why a level would not pass a controller on. */
static int refused(int rc, const char *level, const char *ctrl,
		   const char *field, struct err *err)
{
	if (rc == -EBUSY)
		return err_at(err, rc, field,
			      "cannot enable controller '%s' below cgroup "
			      "'/%s': it has processes of its own",
			      ctrl, level);
	return err_at(err, rc, field,
		      "cannot enable controller '%s' below cgroup '/%s': %s",
		      ctrl, level, err_text(rc));
}

static int is_threaded_only(int dir_fd, const char *ctrl)
{
	char type[32];
	ssize_t n = io_read_text(dir_fd, "cgroup.type", type, sizeof(type));

	if (n < 0 || !strstr(type, "threaded"))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(threaded); i++)
		if (!strcmp(ctrl, threaded[i]))
			return 0;
	return 1;
}

static int pass_on(int dir_fd, const char *level, const char *ctrl,
		   const char *field, struct err *err)
{
	char text[CG_CONTROLLERS_MAX];
	int rc;

	if (io_read_text(dir_fd, "cgroup.controllers", text, sizeof(text)) <
		    0 ||
	    !cg_has_word(text, ctrl))
		return err_at(err, -ENOTSUP, field,
			      "controller '%s' not available in cgroup '/%s'",
			      ctrl, level);
	if (io_read_text(dir_fd, "cgroup.subtree_control", text,
			 sizeof(text)) >= 0 &&
	    cg_has_word(text, ctrl))
		return 0;
	if (is_threaded_only(dir_fd, ctrl))
		return err_at(err, -EOPNOTSUPP, field,
			      "cannot enable controller '%s' below cgroup "
			      "'/%s': it is threaded",
			      ctrl, level);
	snprintf(text, sizeof(text), "+%s", ctrl);
	rc = io_write_text(dir_fd, "cgroup.subtree_control", text);
	return rc < 0 ? refused(rc, level, ctrl, field, err) : 0;
}

int cg_enable(const struct cg_place *place, int cg_fd, const char *name,
	      const char *field, struct err *err)
{
	const char *path = cg_relative(place);
	char text[CG_CONTROLLERS_MAX];
	auto_fd int root_fd = -1;

	if (io_read_text(cg_fd, "cgroup.controllers", text, sizeof(text)) >=
		    0 &&
	    cg_has_word(text, name))
		return 1;
	root_fd = cg_root_open(place->mode);
	if (root_fd < 0)
		return err_code(err, root_fd, "cannot open the cgroup root");
	for (size_t d = 0;; d++) {
		char level[CG_PATH_MAX];
		auto_fd int fd =
			open_level(root_fd, path, d, level, sizeof(level));
		int rc;

		if (fd < 0)
			return err_at(err, fd, field, "cgroup '/%s': %s", path,
				      err_text(fd));
		if (is_last_level(path, level))
			return 0;
		rc = pass_on(fd, level, name, field, err);
		if (rc < 0)
			return rc;
	}
}
