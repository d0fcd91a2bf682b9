/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_TEST_BASE_PATHTREE_H
#define HULL_TEST_BASE_PATHTREE_H

/* The tree that the path tests resolve names in: a root, and what lies beside
 * it and must never be reached. */

#include "base/path.h"
#include "oci-tests/unit/base/tmp.h"

struct tree {
	struct tmp *tmp;
	int root;    /* tmp/root */
	int outside; /* tmp/outside, with a "secret" of its own */
	mode_t umask;
};

static const char *const tree_dirs[] = {
	"root", "outside", "outside/dir", "root/a", "root/a/b", "root/empty",
};

static const char *const tree_files[] = {
	"secret",   "outside/secret", "root/secret",
	"root/a/f", "root/a/b/f",     "root/file",
};

/* clang-format off */
static const struct {
	const char *name, *target;
} tree_links[] = {
	{ "root/a/rel",    "b" },
	{ "root/a/up",     "../../../../secret" },
	{ "root/abs",      "/a/b" },
	{ "root/absfile",  "/a/b/f" },
	{ "root/out",      "../secret" },
	{ "root/outdir",   "../outside" },
	{ "root/dots",     "a/../a/./b//../b/f" },
	{ "root/slash",    "a/b/" },
	{ "root/fslash",   "file/" },
	{ "root/here",     "." },
	{ "root/top",      "/" },
	{ "root/parent",   ".." },
	{ "root/loop1",    "loop2" },
	{ "root/loop2",    "loop1" },
	{ "root/eternal",  "eternal/x" },
	{ "root/dangling", "no/where" },
	{ "root/dangabs",  "/../../fresh/dir" },
	{ "root/dangout",  "../outside/made" },
	{ "root/b",        "a/rel" },
};
/* clang-format on */

static inline int tree_setup(void **state)
{
	struct tree *t = calloc(1, sizeof(*t));
	char name[32], target[32];
	void *tmp;

	if (!t || tmp_setup(&tmp))
		return -1;
	t->tmp = tmp;
	t->umask = umask(0);
	for (size_t i = 0; i < ARRAY_SIZE(tree_dirs); i++)
		assert_int_equal(mkdirat(t->tmp->fd, tree_dirs[i], 0755), 0);
	for (size_t i = 0; i < ARRAY_SIZE(tree_files); i++)
		tmp_file(t->tmp->fd, tree_files[i], tree_files[i]);
	for (size_t i = 0; i < ARRAY_SIZE(tree_links); i++)
		assert_int_equal(symlinkat(tree_links[i].target, t->tmp->fd,
					   tree_links[i].name),
				 0);
	t->root = openat(t->tmp->fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	t->outside = openat(t->tmp->fd, "outside",
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* link40 takes 40 links to resolve, link41 one too many */
	for (int i = 1; i <= 41; i++) {
		snprintf(name, sizeof(name), "link%d", i);
		snprintf(target, sizeof(target), "link%d", i - 1);
		assert_int_equal(
			symlinkat(i == 1 ? "file" : target, t->root, name), 0);
	}
	*state = t;
	return t->root < 0 || t->outside < 0 ? -1 : 0;
}

static inline int tree_teardown(void **state)
{
	struct tree *t = *state;
	void *tmp = t->tmp;

	path_force_fallback(false);
	umask(t->umask);
	close(t->root);
	close(t->outside);
	free(t);
	return tmp_teardown(&tmp);
}

#define tree_test(f) \
	cmocka_unit_test_setup_teardown(f, tree_setup, tree_teardown)

#endif
