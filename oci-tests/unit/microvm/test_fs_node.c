/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fsclient.h"

#define FEW 32U

static struct node_table *table_of(struct client *c)
{
	return &c->fs->nodes;
}

static void test_lookup_and_forget(void **state)
{
	struct client *c = *state;
	const int fds = tmp_open_fds();
	uint64_t id;

	tmp_file(c->tmp->fd, "a", "x");
	id = fc_find(c, 1, "a");
	assert_int_equal(fc_find(c, 1, "a"), id);
	assert_int_equal(tmp_open_fds(), fds + 1);
	assert_int_equal(fc_forget(c, id, 1), 0);
	assert_int_equal(fc_getattr(c, id).size, 1);
	fc_forget(c, id, 1);
	assert_null(node_get(table_of(c), id));
	assert_int_equal(tmp_open_fds(), fds);
	/* the same slot, another id */
	assert_int_not_equal(fc_find(c, 1, "a"), id);
	/* too much, of nothing, of the root */
	fc_forget(c, id, 5);
	fc_forget(c, fc_find(c, 1, "a"), UINT64_MAX);
	fc_forget(c, 1, UINT64_MAX);
	assert_int_equal(tmp_open_fds(), fds);
	assert_true(S_ISDIR(fc_getattr(c, 1).mode));
}

static void test_hard_links_are_one(void **state)
{
	struct client *c = *state;
	uint64_t id;

	tmp_file(c->tmp->fd, "a", "");
	assert_int_equal(linkat(c->tmp->fd, "a", c->tmp->fd, "b", 0), 0);
	id = fc_find(c, 1, "a");
	assert_int_equal(fc_find(c, 1, "b"), id);
	fc_forget(c, id, 2);
	assert_int_equal(table_of(c)->live, 1);
}

static void test_batch_forget(void **state)
{
	struct client *c = *state;
	struct {
		struct fuse_batch_forget_in in;
		struct fuse_forget_one one[3];
	} arg = { .in.count = 1000 };

	tmp_file(c->tmp->fd, "a", "");
	tmp_file(c->tmp->fd, "b", "");
	arg.one[0] = (struct fuse_forget_one){ fc_find(c, 1, "a"), 1 };
	arg.one[1] = (struct fuse_forget_one){ 0xdeadbeef, 1 };
	arg.one[2] = (struct fuse_forget_one){ fc_find(c, 1, "b"), 1 };
	/* the count says more than was sent */
	assert_int_equal(fc_call(c, FUSE_BATCH_FORGET, 0, &arg, sizeof(arg)),
			 0);
	assert_int_equal(table_of(c)->live, 1);
}

static void test_unlinked_stays(void **state)
{
	struct client *c = *state;
	uint64_t id, fh;

	tmp_file(c->tmp->fd, "a", "abc");
	id = fc_find(c, 1, "a");
	assert_int_equal(fc_names(c, FUSE_UNLINK, 1, NULL, 0, "a"), 0);
	assert_int_equal(fc_getattr(c, id).nlink, 0);
	assert_int_equal(fc_open(c, id, O_RDWR, &fh), 0);
	assert_int_equal(fc_getattr(c, id).size, 3);
	/* another file of this name is another one */
	tmp_file(c->tmp->fd, "a", "");
	assert_int_not_equal(fc_find(c, 1, "a"), id);
}

/* Each of many files is found, though only a few may be held at a time. */
static void test_many_with_few_descriptors(void **state)
{
	struct client *c = *state;
	struct node_table *table = table_of(c);
	uint64_t id[200];
	char name[16];

	table->fds_max = FEW;
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "%d", i);
		tmp_file(c->tmp->fd, name, name);
		id[i] = fc_find(c, 1, name);
		assert_true(table->fds <= FEW);
	}
	for (int i = 0; i < 200; i++) {
		uint64_t fh;

		snprintf(name, sizeof(name), "%d", i);
		assert_int_equal(fc_getattr(c, id[i]).size, strlen(name));
		assert_int_equal(fc_open(c, id[i], O_RDONLY, &fh), 0);
		assert_int_equal(fc_find(c, 1, name), id[i]);
		assert_true(table->fds <= FEW);
	}
	assert_int_equal(table->evicted, 201 - FEW);
	for (int i = 0; i < 200; i++)
		fc_forget(c, id[i], 2);
	assert_int_equal(table->live, 1);
	assert_int_equal(table->evicted, 0);
	assert_int_equal(table->fds, 1);
}

/* a/a/a/..., deeper than there are descriptors: the leaves come back. */
static void test_deep_with_few_descriptors(void **state)
{
	struct client *c = *state;
	struct node_table *table = table_of(c);
	uint64_t id[FEW * 2];
	uint64_t dir = 1;
	char name[16];

	for (unsigned int i = 0; i < FEW / 2; i++)
		id[i] = dir = fc_mkdir(c, dir, "a");
	table->fds_max = FEW;
	for (int i = 0; i < 100; i++) { /* pushes the chain out */
		snprintf(name, sizeof(name), "f%d", i);
		tmp_file(c->tmp->fd, name, "");
		fc_find(c, 1, name);
	}
	assert_true(node_get(table, dir)->fd < 0);
	assert_true(S_ISDIR(fc_getattr(c, dir).mode));
	assert_true(node_get(table, id[0])->fd >= 0);
	assert_true(table->fds <= FEW);
	/* a name in a directory that is evicted */
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		fc_find(c, 1, name);
		snprintf(name, sizeof(name), "f%d", 99 - i);
		fc_getattr(c, fc_find(c, 1, name));
	}
	fc_mkdir(c, dir, "b");
	/* deeper than all descriptors: an answer, and nothing lost */
	for (unsigned int i = 0; i < FEW * 2; i++) {
		struct fuse_mkdir_in in = { .mode = 0755 };
		int ret = fc_names(c, FUSE_MKDIR, dir, &in, sizeof(in), "a");

		if (ret < 0) {
			assert_int_equal(ret, -ENFILE);
			break;
		}
		dir = ((struct fuse_entry_out *)fc_answer(c))->nodeid;
	}
	assert_true(table->fds <= FEW);
}

static void fill_up(struct client *c)
{
	char name[16];

	for (unsigned int i = 0; i < 2 * FEW; i++) {
		snprintf(name, sizeof(name), "fill%u", i);
		tmp_file(c->tmp->fd, name, "");
		fc_find(c, 1, name);
	}
}

static void test_evicted_is_held_over_changes(void **state)
{
	struct client *c = *state;
	struct fuse_rename_in to = { .newdir = 1 };
	struct node_table *table = table_of(c);
	uint64_t gone, moved, over, dir;

	tmp_file(c->tmp->fd, "gone", "1");
	tmp_file(c->tmp->fd, "moved", "22");
	tmp_file(c->tmp->fd, "over", "333");
	gone = fc_find(c, 1, "gone");
	moved = fc_find(c, 1, "moved");
	over = fc_find(c, 1, "over");
	dir = fc_mkdir(c, 1, "dir");
	table->fds_max = FEW;
	fill_up(c);
	fill_up(c);
	assert_true(node_get(table, gone)->fd < 0);
	assert_true(node_get(table, moved)->fd < 0);
	assert_true(node_get(table, over)->fd < 0);
	assert_true(node_get(table, dir)->fd < 0);
	assert_int_equal(fc_names(c, FUSE_UNLINK, 1, NULL, 0, "gone"), 0);
	assert_int_equal(
		fc_names(c, FUSE_RENAME, 1, &to, sizeof(to), "moved|over"), 0);
	assert_int_equal(fc_names(c, FUSE_RMDIR, 1, NULL, 0, "dir"), 0);
	fill_up(c);
	assert_int_equal(fc_getattr(c, gone).size, 1);
	assert_int_equal(fc_getattr(c, moved).size, 2);
	assert_int_equal(fc_getattr(c, over).size, 3);
	assert_true(S_ISDIR(fc_getattr(c, dir).mode));
}

/* What somebody on the host did to an evicted file is noticed. */
static void test_evicted_and_replaced_is_stale(void **state)
{
	struct client *c = *state;
	struct fuse_getattr_in in = { 0 };
	uint64_t id;

	tmp_file(c->tmp->fd, "a", "1");
	id = fc_find(c, 1, "a");
	table_of(c)->fds_max = FEW;
	fill_up(c);
	assert_true(node_get(table_of(c), id)->fd < 0);
	assert_int_equal(unlinkat(c->tmp->fd, "a", 0), 0);
	assert_int_equal(fc_call(c, FUSE_GETATTR, id, &in, sizeof(in)),
			 -ESTALE);
	tmp_file(c->tmp->fd, "a", "22"); /* perhaps with the same number */
	assert_int_equal(fc_call(c, FUSE_GETATTR, id, &in, sizeof(in)),
			 -ESTALE);
	assert_int_not_equal(fc_find(c, 1, "a"), id);
}

/* Moving directories into each other leaves no ring of names behind. */
static void test_no_rings(void **state)
{
	struct client *c = *state;
	struct fuse_rename_in to;
	uint64_t a = fc_mkdir(c, 1, "a"), b = fc_mkdir(c, a, "b");

	to.newdir = 1;
	assert_int_equal(fc_names(c, FUSE_RENAME, a, &to, sizeof(to), "b|b"),
			 0);
	to.newdir = b;
	assert_int_equal(fc_names(c, FUSE_RENAME, 1, &to, sizeof(to), "a|a"),
			 0);
	assert_int_equal(fc_find(c, b, "a"), a);
	fc_forget(c, a, 2);
	fc_forget(c, b, 1);
	assert_int_equal(table_of(c)->live, 1);
}

static void test_a_million_lookups(void **state)
{
	struct client *c = *state;
	struct node_table *table = table_of(c);
	char name[16];

	table->fds_max = 800;
	for (unsigned int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "%u", i);
		tmp_file(c->tmp->fd, name, "");
	}
	for (unsigned int i = 0; i < 1000000; i++) {
		snprintf(name, sizeof(name), "%u", i % 1000);
		fc_find(c, 1, name);
	}
	assert_int_equal(table->live, 1001);
	assert_true(table->fds <= 800);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fc_test(test_lookup_and_forget),
		fc_test(test_hard_links_are_one),
		fc_test(test_batch_forget),
		fc_test(test_unlinked_stays),
		fc_test(test_many_with_few_descriptors),
		fc_test(test_deep_with_few_descriptors),
		fc_test(test_evicted_is_held_over_changes),
		fc_test(test_evicted_and_replaced_is_stale),
		fc_test(test_no_rings),
		fc_test(test_a_million_lookups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
