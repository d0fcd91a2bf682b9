/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fsclient.h"

#define COUNT 300

static uint64_t opendir_of(struct client *c, uint64_t id)
{
	struct fuse_open_in in = { 0 };

	assert_int_equal(fc_call(c, FUSE_OPENDIR, id, &in, sizeof(in)),
			 sizeof(struct fuse_open_out));
	return ((struct fuse_open_out *)fc_answer(c))->fh;
}

static void fill(struct client *c)
{
	char name[256];

	for (int i = 0; i < COUNT; i++) {
		/* names of all lengths, their number first */
		snprintf(name, sizeof(name), "%03d", i);
		memset(name + 3, 'x', (size_t)i % 250);
		name[3 + i % 250] = '\0';
		tmp_file(c->tmp->fd, name, "");
	}
}

/*
 * Read on from @offset with answers of @size. Return: the offset after it, 0
 * at the end. Marks in @seen; [COUNT] is "." and "..".
 */
static uint64_t read_on(struct client *c, uint32_t op, uint64_t fh,
			struct fuse_read_in in, unsigned int *seen)
{
	const size_t head =
		op == FUSE_READDIRPLUS ? sizeof(struct fuse_entry_out) : 0;
	static _Alignas(8) uint8_t out[FC_BYTES]; /* FORGET takes c->out */
	uint64_t offset = 0;
	int len;

	in.fh = fh;
	len = fc_call(c, op, 1, &in, sizeof(in));
	assert_true(len >= 0 && len <= (int)in.size);
	if (len > 0)
		memcpy(out, fc_answer(c), (size_t)len);
	for (int at = 0; at < len;) {
		const struct fuse_entry_out *entry =
			(const struct fuse_entry_out *)(out + at);
		const struct fuse_dirent *ent =
			(const struct fuse_dirent *)(out + at + head);
		int number = COUNT;

		if (ent->name[0] != '.')
			number = (ent->name[0] - '0') * 100 +
				 (ent->name[1] - '0') * 10 + ent->name[2] - '0';
		assert_in_range(number, 0, COUNT);
		seen[number]++;
		offset = ent->off;
		if (number < COUNT) {
			assert_int_equal(ent->namelen, 3 + number % 250);
			assert_int_equal(ent->type, DT_REG);
		} else {
			assert_int_equal(ent->ino,
					 c->fs->nodes.slab[0][1].key.ino);
		}
		if (head && number < COUNT) {
			assert_int_equal(entry->attr.ino, ent->ino);
			assert_int_equal(fc_forget(c, entry->nodeid, 1), 0);
		} else if (head) {
			assert_int_equal(entry->nodeid, 0);
		}
		at += (int)FUSE_DIRENT_ALIGN(head + FUSE_NAME_OFFSET +
					     ent->namelen);
	}
	return offset;
}

static void test_every_size(void **state)
{
	static const uint32_t sizes[] = { 500, 1000, 4096, 65536, 1U << 20 };
	static const uint32_t ops[] = { FUSE_READDIR, FUSE_READDIRPLUS };
	struct client *c = *state;
	uint64_t fh = opendir_of(c, 1);

	fill(c);
	for (unsigned int i = 0; i < 10; i++) {
		struct fuse_read_in in = { .size = sizes[i / 2] };
		unsigned int seen[COUNT + 1] = { 0 };

		do
			in.offset = read_on(c, ops[i % 2], fh, in, seen);
		while (in.offset);
		for (int j = 0; j < COUNT; j++)
			assert_int_equal(seen[j], 1);
		assert_int_equal(seen[COUNT], 2);
		assert_int_equal(c->fs->nodes.live, 1);
	}
}

static void test_no_room_for_one(void **state)
{
	struct client *c = *state;
	struct fuse_read_in in = { .fh = opendir_of(c, 1), .size = 20 };

	assert_int_equal(fc_call(c, FUSE_READDIR, 1, &in, sizeof(in)), -EINVAL);
	in.size = 4096;
	in.offset = UINT64_MAX;
	assert_true(fc_call(c, FUSE_READDIR, 1, &in, sizeof(in)) <= 0);
	in.offset = 0;
	assert_true(fc_call(c, FUSE_READDIR, 1, &in, sizeof(in)) > 0);
}

/* When there is no descriptor for an entry it is listed all the same. */
static void test_plus_without_descriptors(void **state)
{
	struct client *c = *state;
	struct fuse_read_in in = { .fh = opendir_of(c, 1), .size = 65536 };
	const struct fuse_entry_out *out = fc_answer(c);

	c->fs->nodes.fds_max = 1;
	tmp_file(c->tmp->fd, "a", "");
	assert_true(fc_call(c, FUSE_READDIRPLUS, 1, &in, sizeof(in)) > 400);
	assert_int_equal(out->nodeid, 0);
	assert_int_equal(c->fs->nodes.live, 1);
}

static void test_kinds(void **state)
{
	struct client *c = *state;
	struct fuse_open_in open = { 0 };
	struct fuse_fsync_in sync = { 0 };
	struct fuse_release_in release = { 0 };
	struct fuse_read_in read = { .size = 4096 };
	uint64_t id;

	tmp_file(c->tmp->fd, "a", "");
	id = fc_find(c, 1, "a");
	assert_int_equal(fc_call(c, FUSE_OPENDIR, id, &open, sizeof(open)),
			 -ENOTDIR);
	sync.fh = release.fh = read.fh = opendir_of(c, 1);
	assert_int_equal(fc_call(c, FUSE_FSYNCDIR, 1, &sync, sizeof(sync)), 0);
	assert_int_equal(fc_call(c, FUSE_READ, 1, &read, sizeof(read)), -EBADF);
	assert_int_equal(fc_call(c, FUSE_RELEASE, 1, &release, sizeof(release)),
			 -EBADF);
	assert_int_equal(
		fc_call(c, FUSE_RELEASEDIR, 1, &release, sizeof(release)), 0);
	assert_int_equal(
		fc_call(c, FUSE_RELEASEDIR, 1, &release, sizeof(release)),
		-EBADF);
	assert_int_equal(fc_call(c, FUSE_READDIR, 1, &read, sizeof(read)),
			 -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fc_test(test_every_size),
		fc_test(test_no_room_for_one),
		fc_test(test_plus_without_descriptors),
		fc_test(test_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
