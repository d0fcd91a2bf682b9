/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/statvfs.h>

#include <cmocka.h>

#include "fsclient.h"

static void test_negotiation(void **state)
{
	struct client *c = *state;
	const struct fuse_init_out *out = fc_answer(c);

	c->extra_flags = FUSE_POSIX_LOCKS | FUSE_FLOCK_LOCKS |
			 FUSE_WRITEBACK_CACHE | FUSE_EXPORT_SUPPORT;
	assert_int_equal(fc_init_as(c, 7, 45), sizeof(*out));
	assert_int_equal(out->major, 7);
	assert_int_equal(out->minor, 39);
	assert_int_equal(out->flags, FC_ALL_FLAGS);
	assert_int_equal(out->max_write, 1U << 20);
	assert_int_equal(out->max_pages, 256);
	assert_int_equal(out->max_readahead, 1U << 17);
	assert_int_equal(fc_init_as(c, 7, 31), sizeof(*out));
	assert_int_equal(out->minor, 31);
}

static void test_versions(void **state)
{
	struct client *c = *state;
	const struct fuse_init_out *out = fc_answer(c);
	struct fuse_getattr_in in = { 0 };

	assert_int_equal(fc_init_as(c, 7, 30), -EPROTO);
	assert_int_equal(fc_init_as(c, 6, 40), -EPROTO);
	assert_int_equal(fc_call(c, FUSE_GETATTR, 1, &in, sizeof(in)), -EIO);
	assert_int_equal(fc_init_as(c, 8, 0), sizeof(*out));
	assert_int_equal(out->major, 7);
	/* and waits to be asked again */
	assert_int_equal(fc_call(c, FUSE_GETATTR, 1, &in, sizeof(in)), -EIO);
}

static void test_new_session_forgets(void **state)
{
	struct client *c = *state;
	const int fds = tmp_open_fds();
	struct fuse_getattr_in in = { 0 };
	uint64_t id, fh;

	for (int i = 0; i < 2; i++) {
		tmp_file(c->tmp->fd, "a", "");
		fc_mkdir(c, fc_mkdir(c, 1, i ? "d" : "e"), "f");
		id = fc_find(c, 1, "a");
		assert_int_equal(fc_open(c, id, O_RDONLY, &fh), 0);
		if (i)
			fc_init_as(c, 7, 39);
		else
			assert_int_equal(fc_call(c, FUSE_DESTROY, 0, NULL, 0),
					 0);
		assert_int_equal(tmp_open_fds(), fds);
		fc_init_as(c, 7, 39);
		assert_int_equal(fc_call(c, FUSE_GETATTR, id, &in, sizeof(in)),
				 -ESTALE);
		assert_int_equal(fc_release(c, id, fh), -EBADF);
	}
}

static void test_statfs(void **state)
{
	struct client *c = *state;
	const struct fuse_statfs_out *out = fc_answer(c);
	struct statvfs st;

	assert_int_equal(fc_call(c, FUSE_STATFS, 1, NULL, 0), sizeof(*out));
	assert_int_equal(fstatvfs(c->tmp->fd, &st), 0);
	assert_int_equal(out->st.blocks, st.f_blocks);
	assert_int_equal(out->st.namelen, st.f_namemax);
	assert_int_equal(out->st.frsize, st.f_frsize);
}

static void test_syncfs(void **state)
{
	struct client *c = *state;
	struct fuse_syncfs_in in = { 0 };

	tmp_file(c->tmp->fd, "a", "");
	assert_int_equal(fc_call(c, FUSE_SYNCFS, 1, &in, sizeof(in)), 0);
	assert_int_equal(
		fc_call(c, FUSE_SYNCFS, fc_find(c, 1, "a"), &in, sizeof(in)),
		-ENOTDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fc_test(test_negotiation),
		fc_test(test_versions),
		fc_test(test_new_session_forgets),
		fc_test(test_statfs),
		fc_test(test_syncfs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
