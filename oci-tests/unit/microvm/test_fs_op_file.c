/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fsclient.h"

/* A file "a" with a handle of these flags. */
static uint64_t opened(struct client *c, const char *text, uint32_t flags,
		       uint64_t *fh)
{
	uint64_t id;

	tmp_file(c->tmp->fd, "a", text);
	id = fc_find(c, 1, "a");
	assert_int_equal(fc_open(c, id, flags, fh), 0);
	return id;
}

static struct stat on_host(struct client *c)
{
	struct stat st;

	assert_int_equal(fstatat(c->tmp->fd, "a", &st, 0), 0);
	return st;
}

static int do_read(struct client *c, uint64_t id, uint64_t fh, uint64_t offset,
		   uint32_t size)
{
	struct fuse_read_in in = { .fh = fh, .offset = offset, .size = size };

	return fc_call(c, FUSE_READ, id, &in, sizeof(in));
}

static void test_read(void **state)
{
	struct client *c = *state;
	uint64_t fh, id = opened(c, "0123456789", O_RDONLY, &fh);

	assert_int_equal(do_read(c, id, fh, 0, 4096), 10);
	assert_memory_equal(fc_answer(c), "0123456789", 10);
	assert_int_equal(do_read(c, id, fh, 3, 4), 4);
	assert_memory_equal(fc_answer(c), "3456", 4);
	assert_int_equal(do_read(c, id, fh, 10, 4), 0);
	assert_int_equal(do_read(c, id, fh, UINT64_MAX, 4), -EINVAL);
	assert_int_equal(do_read(c, id, fh, 0, UINT32_MAX), 10);
	/* as much as there is room for, and no more */
	c->out_room = 16 + 5;
	assert_int_equal(do_read(c, id, fh, 0, 4096), 5);
	assert_memory_equal(fc_answer(c), "01234\xa5", 6);
}

static void test_write(void **state)
{
	struct client *c = *state;
	uint64_t fh, id = opened(c, "0123456789", O_WRONLY, &fh);
	struct fuse_write_in in = { .fh = fh, .offset = 8 };
	char buf[16] = { 0 };
	uint8_t huge[sizeof(in) + 2];
	int fd;

	c->cut = true;
	assert_int_equal(fc_write(c, id, in, "abcd"), 4);
	fd = openat(c->tmp->fd, "a", O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, buf, sizeof(buf)), 12);
	assert_string_equal(buf, "01234567abcd");
	close(fd);
	/* more than was sent, more than is allowed, before the start */
	in.size = 3;
	memcpy(huge, &in, sizeof(in));
	assert_int_equal(fc_call(c, FUSE_WRITE, id, huge, sizeof(huge)),
			 -EINVAL);
	in.size = UINT32_MAX;
	memcpy(huge, &in, sizeof(in));
	assert_int_equal(fc_call(c, FUSE_WRITE, id, huge, sizeof(huge)),
			 -EINVAL);
	in.offset = UINT64_MAX;
	assert_int_equal(fc_write(c, id, in, "x"), -EINVAL);
	assert_int_equal(on_host(c).st_size, 12);
}

static void test_wrong_direction(void **state)
{
	struct client *c = *state;
	uint64_t fh, id = opened(c, "0123", O_RDONLY, &fh);

	assert_int_equal(
		fc_write(c, id, (struct fuse_write_in){ .fh = fh }, "x"),
		-EBADF);
	assert_int_equal(fc_open(c, id, O_WRONLY, &fh), 0);
	assert_int_equal(do_read(c, id, fh, 0, 1), -EBADF);
}

/* Appending writes go to the end that the host knows; write-back by the page
 * cache goes where it belongs, through the same descriptor. */
static void test_append(void **state)
{
	struct client *c = *state;
	uint64_t fh, id = opened(c, "0123", O_WRONLY | O_APPEND, &fh);
	struct fuse_write_in in = { .fh = fh, .flags = O_WRONLY | O_APPEND };
	char buf[16] = { 0 };
	int fd;

	assert_int_equal(fc_write(c, id, in, "45"), 2);
	in.write_flags = FUSE_WRITE_CACHE;
	assert_int_equal(fc_write(c, id, in, "xx"), 2);
	fd = openat(c->tmp->fd, "a", O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, buf, sizeof(buf)), 6);
	assert_string_equal(buf, "xx2345");
	close(fd);
	in = (struct fuse_write_in){ .fh = fh, .flags = O_WRONLY | O_SYNC };
	assert_int_equal(fc_write(c, id, in, "y"), 1);
}

static void test_write_kills(void **state)
{
	struct client *c = *state;
	uint64_t fh, id = opened(c, "0123", O_WRONLY, &fh);
	struct fuse_write_in in = { .fh = fh };

	if (geteuid())
		skip();
	assert_int_equal(fchmodat(c->tmp->fd, "a", 06755, 0), 0);
	assert_int_equal(fc_write(c, id, in, "x"), 1);
	assert_int_equal(on_host(c).st_mode & 07777, 06755);
	in.write_flags = FUSE_WRITE_KILL_SUIDGID;
	assert_int_equal(fc_write(c, id, in, "x"), 1);
	assert_int_equal(on_host(c).st_mode & 07777, 0755);
}

static void test_open_truncates(void **state)
{
	struct client *c = *state;
	struct fuse_open_in in = { .flags = O_WRONLY | O_TRUNC };
	uint64_t id;

	tmp_file(c->tmp->fd, "a", "0123");
	assert_int_equal(fchmodat(c->tmp->fd, "a", 04755, 0), 0);
	id = fc_find(c, 1, "a");
	in.open_flags = FUSE_OPEN_KILL_SUIDGID;
	assert_int_equal(fc_call(c, FUSE_OPEN, id, &in, sizeof(in)),
			 sizeof(struct fuse_open_out));
	assert_int_equal(on_host(c).st_size, 0);
	assert_int_equal(on_host(c).st_mode & 07777, 0755);
}

/* What the guest has cached is good until somebody changes the file. */
static void test_cache_over_open(void **state)
{
	struct client *c = *state;
	const struct fuse_open_out *out = fc_answer(c);
	uint64_t fh, id;

	id = opened(c, "0123", O_RDONLY, &fh);
	assert_true(out->open_flags & FOPEN_KEEP_CACHE); /* private */
	assert_true(out->open_flags & FOPEN_NOFLUSH);
	c->fs->root_local = true;
	fc_open(c, id, O_RDWR, &fh);
	assert_true(out->open_flags & FOPEN_NOFLUSH);
	c->fs->root_local = false;
	fc_open(c, id, O_RDWR, &fh);
	assert_false(out->open_flags & FOPEN_NOFLUSH);
	c->fs->root_local = true;
	c->fs->root_mnt++;
	fc_open(c, id, O_RDWR, &fh);
	assert_false(out->open_flags & FOPEN_KEEP_CACHE);
	assert_false(out->open_flags & FOPEN_NOFLUSH);
	fc_open(c, id, O_RDWR, &fh);
	assert_true(out->open_flags & FOPEN_KEEP_CACHE);
	usleep(20000); /* the clock of file times ticks slowly */
	tmp_file(c->tmp->fd, "a", "new");
	fc_open(c, id, O_RDWR, &fh);
	assert_false(out->open_flags & FOPEN_KEEP_CACHE);
}

static void test_seek_and_allocate(void **state)
{
	struct client *c = *state;
	const struct fuse_lseek_out *out = fc_answer(c);
	uint64_t fh, id = opened(c, "0123", O_RDWR, &fh);
	struct fuse_lseek_in seek = { .fh = fh, .whence = SEEK_HOLE };
	struct fuse_fallocate_in alloc = { .fh = fh, .length = 1000 };
	int ret;

	assert_int_equal(fc_call(c, FUSE_LSEEK, id, &seek, sizeof(seek)),
			 sizeof(*out));
	assert_int_equal(out->offset, 4);
	seek.offset = 5;
	assert_int_equal(fc_call(c, FUSE_LSEEK, id, &seek, sizeof(seek)),
			 -ENXIO);
	seek.whence = SEEK_CUR;
	assert_int_equal(fc_call(c, FUSE_LSEEK, id, &seek, sizeof(seek)),
			 -EINVAL);
	ret = fc_call(c, FUSE_FALLOCATE, id, &alloc, sizeof(alloc));
	if (ret != -EOPNOTSUPP) {
		assert_int_equal(ret, 0);
		assert_int_equal(on_host(c).st_size, 1000);
	}
	alloc.length = UINT64_MAX;
	assert_int_equal(fc_call(c, FUSE_FALLOCATE, id, &alloc, sizeof(alloc)),
			 -EINVAL);
	alloc = (struct fuse_fallocate_in){ .fh = fh,
					    .length = 1,
					    .mode = ~0U };
	assert_true(fc_call(c, FUSE_FALLOCATE, id, &alloc, sizeof(alloc)) < 0);
}

static void test_copy_range(void **state)
{
	struct client *c = *state;
	const struct fuse_write_out *out = fc_answer(c);
	struct fuse_create_in create = { .flags = O_RDWR, .mode = 0600 };
	uint64_t fh, id = opened(c, "0123456789", O_RDWR, &fh);
	struct fuse_copy_file_range_in in = {
		.fh_in = fh, .off_in = 2, .off_out = 1, .len = 5
	};
	uint64_t to;
	int ret;

	assert_int_equal(fc_create(c, 1, "b", &create, &to, &in.fh_out), 0);
	in.nodeid_out = to;
	ret = fc_call(c, FUSE_COPY_FILE_RANGE, id, &in, sizeof(in));
	assert_int_equal(ret, sizeof(*out));
	assert_int_equal(out->size, 5);
	assert_int_equal(do_read(c, to, in.fh_out, 0, 100), 6);
	assert_memory_equal(fc_answer(c),
			    "\0"
			    "23456",
			    6);
	in.flags = 1;
	assert_int_equal(fc_call(c, FUSE_COPY_FILE_RANGE, id, &in, sizeof(in)),
			 -EINVAL);
	in.flags = 0;
	in.nodeid_out = id;
	assert_int_equal(fc_call(c, FUSE_COPY_FILE_RANGE, id, &in, sizeof(in)),
			 -EBADF);
}

static void test_handles_are_counted(void **state)
{
	struct client *c = *state;
	uint64_t fh, id = opened(c, "", O_RDONLY, &fh);
	const int fds = tmp_open_fds();
	int ret = 0;

	c->fs->handles.max = c->fs->handles.room;
	for (unsigned int i = 0; i < 1000 && !ret; i++)
		ret = fc_open(c, id, O_RDONLY, &fh);
	assert_int_equal(ret, -ENFILE);
	for (uint32_t i = 0; i < c->fs->handles.top; i++)
		fc_release(c, id, i);
	assert_int_equal(c->fs->handles.live, 0);
	assert_int_equal(tmp_open_fds(), fds - 1);
	assert_int_equal(fc_open(c, id, O_RDONLY, &fh), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fc_test(test_read),
		fc_test(test_write),
		fc_test(test_wrong_direction),
		fc_test(test_append),
		fc_test(test_write_kills),
		fc_test(test_open_truncates),
		fc_test(test_cache_over_open),
		fc_test(test_seek_and_allocate),
		fc_test(test_copy_range),
		fc_test(test_handles_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
