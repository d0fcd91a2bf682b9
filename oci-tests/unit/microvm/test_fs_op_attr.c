/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "fsclient.h"

static int set(struct client *c, uint64_t node, struct fuse_setattr_in in)
{
	int ret = fc_call(c, FUSE_SETATTR, node, &in, sizeof(in));

	if (ret < 0)
		return ret;
	assert_int_equal(ret, sizeof(struct fuse_attr_out));
	return 0;
}

static struct stat on_host(struct client *c, const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(c->tmp->fd, name, &st, AT_SYMLINK_NOFOLLOW),
			 0);
	return st;
}

static void test_attributes(void **state)
{
	struct client *c = *state;
	struct fuse_attr attr;
	struct stat st;

	tmp_file(c->tmp->fd, "a", "hello");
	st = on_host(c, "a");
	attr = fc_getattr(c, fc_find(c, 1, "a"));
	assert_int_equal(attr.ino, st.st_ino);
	assert_int_equal(attr.size, 5);
	assert_int_equal(attr.blocks, st.st_blocks);
	assert_int_equal(attr.mode, st.st_mode);
	assert_int_equal(attr.nlink, 1);
	assert_int_equal(attr.uid, st.st_uid);
	assert_int_equal(attr.mtime, st.st_mtim.tv_sec);
	assert_int_equal(attr.mtimensec, st.st_mtim.tv_nsec);
	assert_int_equal(attr.blksize, st.st_blksize);
	assert_int_equal(attr.flags, 0);
}

/* cache_ms is 5000 in the client */
static void test_times_to_live(void **state)
{
	struct client *c = *state;
	const struct fuse_entry_out *entry = fc_answer(c);
	const struct fuse_attr_out *attr = fc_answer(c);

	tmp_file(c->tmp->fd, "a", "");
	fc_find(c, 1, "a");
	assert_int_equal(entry->entry_valid, 5);
	assert_int_equal(entry->attr_valid, 5);
	assert_int_equal(fc_lookup(c, 1, "not"), 0);
	assert_int_equal(entry->entry_valid, 5);
	fc_getattr(c, 1);
	assert_int_equal(attr->attr_valid, 5);
	/* as if the root lay elsewhere: shared with others */
	c->fs->root_mnt++;
	fc_find(c, 1, "a");
	assert_int_equal(entry->entry_valid, 1);
	assert_int_equal(fc_lookup(c, 1, "not"), -ENOENT);
	c->fs->cache_ms = 250;
	fc_find(c, 1, "a");
	assert_int_equal(entry->attr_valid, 0);
	assert_int_equal(entry->attr_valid_nsec, 250000000);
}

static void test_mode_and_size(void **state)
{
	struct client *c = *state;
	uint64_t id, fh;

	tmp_file(c->tmp->fd, "a", "hello");
	id = fc_find(c, 1, "a");
	assert_int_equal(set(c, id,
			     (struct fuse_setattr_in){ .valid = FATTR_MODE,
						       .mode = 0100640 }),
			 0);
	assert_int_equal(on_host(c, "a").st_mode, 0100640);
	assert_int_equal(
		set(c, id,
		    (struct fuse_setattr_in){ .valid = FATTR_SIZE, .size = 2 }),
		0);
	assert_int_equal(on_host(c, "a").st_size, 2);
	assert_int_equal(fc_open(c, id, O_RDWR, &fh), 0);
	assert_int_equal(
		set(c, id,
		    (struct fuse_setattr_in){ .valid = FATTR_SIZE | FATTR_FH,
					      .fh = fh,
					      .size = 7 }),
		0);
	assert_int_equal(on_host(c, "a").st_size, 7);
	assert_int_equal(
		set(c, id,
		    (struct fuse_setattr_in){ .valid = FATTR_SIZE | FATTR_FH,
					      .fh = fh + 1 }),
		-EBADF);
	assert_int_equal(set(c, id,
			     (struct fuse_setattr_in){ .valid = FATTR_SIZE,
						       .size = UINT64_MAX }),
			 -EFBIG);
	assert_int_equal(
		set(c, 1, (struct fuse_setattr_in){ .valid = FATTR_SIZE }),
		-EISDIR);
}

static void test_times(void **state)
{
	struct client *c = *state;
	struct stat st;
	uint64_t id;

	assert_int_equal(symlinkat("target", c->tmp->fd, "l"), 0);
	id = fc_find(c, 1, "l");
	assert_int_equal(set(c, id,
			     (struct fuse_setattr_in){ .valid = FATTR_ATIME |
								FATTR_MTIME,
						       .atime = 1000,
						       .atimensec = 5,
						       .mtime = 2000,
						       .mtimensec = 7 }),
			 0);
	st = on_host(c, "l");
	assert_int_equal(st.st_atim.tv_sec, 1000);
	assert_int_equal(st.st_mtim.tv_sec, 2000);
	assert_int_equal(st.st_mtim.tv_nsec, 7);
	assert_int_equal(set(c, id,
			     (struct fuse_setattr_in){
				     .valid = FATTR_MTIME | FATTR_MTIME_NOW }),
			 0);
	st = on_host(c, "l");
	assert_int_equal(st.st_atim.tv_sec, 1000);
	assert_true(st.st_mtim.tv_sec > 2000);
	/* nanoseconds that are none */
	assert_int_equal(set(c, id,
			     (struct fuse_setattr_in){ .valid = FATTR_MTIME,
						       .mtimensec = ~0U }),
			 -EINVAL);
}

static void test_owner(void **state)
{
	struct client *c = *state;
	uint64_t id;

	if (geteuid())
		skip();
	tmp_file(c->tmp->fd, "a", "");
	id = fc_find(c, 1, "a");
	assert_int_equal(fchmodat(c->tmp->fd, "a", 06755, 0), 0);
	assert_int_equal(
		set(c, id,
		    (struct fuse_setattr_in){ .valid = FATTR_UID, .uid = 12 }),
		0);
	assert_int_equal(on_host(c, "a").st_uid, 12);
	assert_int_equal(on_host(c, "a").st_gid, 0);
	assert_int_equal(on_host(c, "a").st_mode, 0100755);
	assert_int_equal(
		set(c, id,
		    (struct fuse_setattr_in){ .valid = FATTR_GID | FATTR_MODE,
					      .gid = 13,
					      .mode = 04711 }),
		0);
	assert_int_equal(on_host(c, "a").st_gid, 13);
	assert_int_equal(on_host(c, "a").st_mode, 0104711);
}

/* A truncation by who may not keep them takes the special bits away. */
static void test_truncate_kills(void **state)
{
	struct client *c = *state;
	uint64_t id;

	if (geteuid())
		skip();
	tmp_file(c->tmp->fd, "a", "abc");
	id = fc_find(c, 1, "a");
	assert_int_equal(fchmodat(c->tmp->fd, "a", 06755, 0), 0);
	assert_int_equal(
		set(c, id,
		    (struct fuse_setattr_in){ .valid = FATTR_SIZE, .size = 2 }),
		0);
	assert_int_equal(on_host(c, "a").st_mode, 0106755);
	assert_int_equal(set(c, id,
			     (struct fuse_setattr_in){
				     .valid = FATTR_SIZE | FATTR_KILL_SUIDGID,
				     .size = 1 }),
			 0);
	assert_int_equal(on_host(c, "a").st_mode, 0100755);
}

static void test_statx(void **state)
{
	struct client *c = *state;
	const uint8_t in[24] = { 0 };
	const uint8_t *out = fc_answer(c);
	struct statx here, got;

	tmp_file(c->tmp->fd, "a", "hello");
	assert_int_equal(statx(c->tmp->fd, "a", 0,
			       STATX_BASIC_STATS | STATX_BTIME, &here),
			 0);
	assert_int_equal(
		fc_call(c, FS_OP_STATX, fc_find(c, 1, "a"), in, sizeof(in)),
		288);
	memcpy(&got, out + 32, sizeof(got));
	assert_int_equal(got.stx_size, 5);
	assert_int_equal(got.stx_btime.tv_sec, here.stx_btime.tv_sec);
	assert_int_equal(got.stx_mask & ~here.stx_mask, 0);
	assert_int_equal(got.stx_mnt_id, 0);
}

static void test_readlink(void **state)
{
	struct client *c = *state;
	char target[4096];
	uint64_t id;

	memset(target, 't', sizeof(target));
	target[4095] = '\0';
	assert_int_equal(symlinkat(target, c->tmp->fd, "l"), 0);
	id = fc_find(c, 1, "l");
	assert_int_equal(fc_call(c, FUSE_READLINK, id, NULL, 0), 4095);
	assert_memory_equal(fc_answer(c), target, 4095);
	assert_int_equal(fc_call(c, FUSE_READLINK, 1, NULL, 0), -EINVAL);
}

static void test_submount(void **state)
{
	struct client *c = *state;
	const struct fuse_entry_out *out = fc_answer(c);
	struct node *root = node_at(&c->fs->nodes, NODE_ROOT);

	fc_mkdir(c, 1, "d");
	assert_int_equal(out->attr.flags, 0);
	root->key.mnt_id++; /* as if d were on another mount */
	fc_find(c, 1, "d");
	assert_int_equal(out->attr.flags, FUSE_ATTR_SUBMOUNT);
	tmp_file(c->tmp->fd, "a", "");
	fc_find(c, 1, "a"); /* a file is bound without being one */
	assert_int_equal(out->attr.flags, 0);
	root->key.mnt_id--;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fc_test(test_attributes),    fc_test(test_times_to_live),
		fc_test(test_mode_and_size), fc_test(test_times),
		fc_test(test_owner),         fc_test(test_truncate_kills),
		fc_test(test_statx),         fc_test(test_readlink),
		fc_test(test_submount),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
