/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "fsclient.h"

static struct stat on_host(struct client *c, const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(c->tmp->fd, name, &st, AT_SYMLINK_NOFOLLOW),
			 0);
	return st;
}

static void test_owner_of_new_files(void **state)
{
	struct client *c = *state;
	struct fuse_mkdir_in dir = { .mode = 0777, .umask = 022 };
	struct fuse_mknod_in fifo = { .mode = S_IFIFO | 0666, .umask = 077 };
	struct fuse_create_in file = { .flags = O_RDWR, .mode = 0666 };
	static const char *const names[] = { "d", "p", "s", "f" };
	static const mode_t modes[] = { 0755, 0600, 0777, 0666 };
	uint64_t id, fh;

	if (geteuid())
		skip();
	c->uid = 1000;
	c->gid = 1001;
	fc_names(c, FUSE_MKDIR, 1, &dir, sizeof(dir), "d");
	fc_names(c, FUSE_MKNOD, 1, &fifo, sizeof(fifo), "p");
	fc_names(c, FUSE_SYMLINK, 1, NULL, 0, "s|t");
	assert_int_equal(fc_create(c, 1, "f", &file, &id, &fh), 0);
	for (int i = 0; i < 4; i++) {
		struct stat st = on_host(c, names[i]);

		assert_int_equal(st.st_uid, 1000);
		assert_int_equal(st.st_gid, 1001);
		assert_int_equal(st.st_mode & 07777, modes[i]);
	}
	/* the handle has no more rights than it was opened with, and no less */
	assert_int_equal(
		fc_write(c, id, (struct fuse_write_in){ .fh = fh }, "x"), 1);
}

/* In a directory of another group, that group is not to be had. */
static void test_set_group_id(void **state)
{
	struct client *c = *state;
	struct fuse_create_in file = { .flags = O_RDWR, .mode = 02775 };
	struct fuse_mknod_in node = { .mode = S_IFREG | 02775 };
	struct fuse_mkdir_in dir = { .mode = 0755 };
	uint64_t id, fh;

	if (geteuid())
		skip();
	assert_int_equal(fchmod(c->tmp->fd, 02777), 0);
	c->uid = 1000;
	c->gid = 1000;
	assert_int_equal(fc_create(c, 1, "f", &file, &id, &fh), 0);
	assert_int_equal(on_host(c, "f").st_mode & 07777, 0775);
	assert_int_equal(on_host(c, "f").st_gid, 0);
	fc_names(c, FUSE_MKNOD, 1, &node, sizeof(node), "n");
	assert_int_equal(on_host(c, "n").st_mode & 07777, 0775);
	/* what the parent gives is given */
	fc_names(c, FUSE_MKDIR, 1, &dir, sizeof(dir), "d");
	assert_int_equal(on_host(c, "d").st_mode & 07777, 02755);
	c->uid = c->gid = 0;
	assert_int_equal(fc_create(c, 1, "g", &file, &id, &fh), 0);
	assert_int_equal(on_host(c, "g").st_mode & 07777, 02775);
}

/* No answer may mean that a device, a FIFO or a link was opened on the host. */
static void test_special_files(void **state)
{
	struct client *c = *state;
	static const struct {
		const char *name;
		mode_t mode;
		int want;
	} nodes[] = {
		{ "fifo", S_IFIFO | 0644, -ENXIO },
		{ "sock", S_IFSOCK | 0644, -ENXIO },
		{ "chr", S_IFCHR | 0644, -ENXIO },
		{ "blk", S_IFBLK | 0644, -ENXIO },
	};
	struct fuse_create_in create = { .flags = O_RDWR, .mode = 0644 };
	uint64_t id, fh;

	for (size_t i = 0; i < 4; i++) {
		/* major 8, minor 0x12345 as the kernel packs them */
		struct fuse_mknod_in in = { .mode = nodes[i].mode,
					    .rdev = 0x12300845 };
		int ret = fc_names(c, FUSE_MKNOD, 1, &in, sizeof(in),
				   nodes[i].name);

		if (ret == -EPERM && geteuid())
			continue;
		assert_true(ret > 0);
		if (i > 1)
			assert_int_equal(on_host(c, nodes[i].name).st_rdev,
					 makedev(8, 0x12345));
		id = fc_find(c, 1, nodes[i].name);
		assert_int_equal(fc_getattr(c, id).mode, nodes[i].mode);
		if (i > 1)
			assert_int_equal(fc_getattr(c, id).rdev, 0x12300845);
		assert_int_equal(fc_open(c, id, O_RDWR, &fh), nodes[i].want);
		assert_int_equal(
			fc_create(c, 1, nodes[i].name, &create, &id, &fh),
			nodes[i].want);
	}
	assert_int_equal(symlinkat("/dev/null", c->tmp->fd, "l"), 0);
	assert_int_equal(fc_open(c, fc_find(c, 1, "l"), O_RDWR, &fh), -ELOOP);
	assert_int_equal(fc_create(c, 1, "l", &create, &id, &fh), -ELOOP);
	assert_int_equal(fc_open(c, 1, O_RDONLY, &fh), -EISDIR);
}

static void test_no_directory_by_mknod(void **state)
{
	struct client *c = *state;
	struct fuse_mknod_in in = { .mode = S_IFDIR | 0755 };

	assert_int_equal(fc_names(c, FUSE_MKNOD, 1, &in, sizeof(in), "d"),
			 -EPERM);
}

static void test_create_existing(void **state)
{
	struct client *c = *state;
	struct fuse_create_in in = { .flags = O_RDWR | O_TRUNC, .mode = 0644 };
	const struct fuse_entry_out *out = fc_answer(c);
	uint64_t id, fh;

	tmp_file(c->tmp->fd, "a", "hello");
	assert_int_equal(fc_create(c, 1, "a", &in, &id, &fh), 0);
	assert_int_equal(out->attr.size, 0);
	assert_int_equal(id, fc_find(c, 1, "a"));
	in.flags = O_RDWR | O_EXCL;
	assert_int_equal(fc_create(c, 1, "a", &in, &id, &fh), -EEXIST);
	in.flags = O_ACCMODE;
	assert_int_equal(fc_create(c, 1, "b", &in, &id, &fh), -EINVAL);
}

static void test_rename(void **state)
{
	struct client *c = *state;
	struct fuse_rename2_in in = { .newdir = fc_mkdir(c, 1, "d"),
				      .flags = RENAME_NOREPLACE };
	uint64_t a, b;

	tmp_file(c->tmp->fd, "a", "1");
	tmp_file(c->tmp->fd, "b", "22");
	a = fc_find(c, 1, "a");
	b = fc_find(c, 1, "b");
	assert_int_equal(fc_names(c, FUSE_RENAME2, 1, &in, sizeof(in), "a|a"),
			 0);
	assert_int_equal(fc_find(c, in.newdir, "a"), a);
	assert_int_equal(fc_names(c, FUSE_RENAME2, 1, &in, sizeof(in), "b|a"),
			 -EEXIST);
	in.flags = RENAME_EXCHANGE;
	assert_int_equal(fc_names(c, FUSE_RENAME2, 1, &in, sizeof(in), "b|a"),
			 0);
	assert_int_equal(fc_find(c, 1, "b"), a);
	assert_int_equal(fc_find(c, in.newdir, "a"), b);
	in.flags = ~0U;
	assert_int_equal(fc_names(c, FUSE_RENAME2, 1, &in, sizeof(in), "b|a"),
			 -EINVAL);
	/* into a file */
	in = (struct fuse_rename2_in){ .newdir = a };
	assert_int_equal(fc_names(c, FUSE_RENAME2, 1, &in, sizeof(in), "b|a"),
			 -ENOTDIR);
}

static void test_link(void **state)
{
	struct client *c = *state;
	const struct fuse_entry_out *out = fc_answer(c);
	struct fuse_link_in in;

	tmp_file(c->tmp->fd, "a", "1");
	assert_int_equal(symlinkat("/etc/passwd", c->tmp->fd, "l"), 0);
	in.oldnodeid = fc_find(c, 1, "a");
	fc_names(c, FUSE_LINK, 1, &in, sizeof(in), "b");
	assert_int_equal(out->nodeid, in.oldnodeid);
	assert_int_equal(out->attr.nlink, 2);
	/* a symbolic link itself, never what it names */
	in.oldnodeid = fc_find(c, 1, "l");
	fc_names(c, FUSE_LINK, 1, &in, sizeof(in), "m");
	assert_int_equal(out->nodeid, in.oldnodeid);
	assert_true(S_ISLNK(on_host(c, "m").st_mode));
}

static void test_tmpfile(void **state)
{
	struct client *c = *state;
	struct fuse_create_in in = { .flags = O_RDWR, .mode = 0600 };
	const struct fuse_entry_out *out = fc_answer(c);
	struct fuse_link_in link;
	uint64_t fh;
	int ret = fc_names(c, FUSE_TMPFILE, 1, &in, sizeof(in), "/");

	if (ret == -EOPNOTSUPP)
		skip();
	assert_int_equal(ret, sizeof(*out) + sizeof(struct fuse_open_out));
	fh = ((const struct fuse_open_out *)(out + 1))->fh;
	link.oldnodeid = out->nodeid;
	assert_int_equal(out->attr.nlink, 0);
	assert_int_equal(fc_write(c, link.oldnodeid,
				  (struct fuse_write_in){ .fh = fh }, "abc"),
			 3);
	fc_names(c, FUSE_LINK, 1, &link, sizeof(link), "t");
	assert_int_equal(out->nodeid, link.oldnodeid);
	assert_int_equal(on_host(c, "t").st_size, 3);
}

static void test_symlink_targets(void **state)
{
	struct client *c = *state;
	char buf[64];

	assert_true(fc_names(c, FUSE_SYMLINK, 1, NULL, 0, "l|../../etc") > 0);
	assert_int_equal(readlinkat(c->tmp->fd, "l", buf, sizeof(buf)), 9);
	assert_int_equal(fc_names(c, FUSE_SYMLINK, 1, NULL, 0, "m|"), -ENOENT);
	assert_int_equal(fc_names(c, FUSE_SYMLINK, 1, NULL, 0, "m|a|b"),
			 -EINVAL);
	assert_int_equal(fc_names(c, FUSE_SYMLINK, 1, NULL, 0, "m"), -EINVAL);
}

/* Of a file, every operation on a directory says so. */
static void test_file_is_no_directory(void **state)
{
	struct client *c = *state;
	struct fuse_mkdir_in mkdir = { .mode = 0755 };
	struct fuse_rename_in to = { .newdir = 1 };
	uint64_t id;

	tmp_file(c->tmp->fd, "a", "1");
	id = fc_find(c, 1, "a");
	assert_int_equal(fc_lookup(c, id, "x"), -ENOTDIR);
	assert_int_equal(
		fc_names(c, FUSE_MKDIR, id, &mkdir, sizeof(mkdir), "x"),
		-ENOTDIR);
	assert_int_equal(fc_names(c, FUSE_UNLINK, id, NULL, 0, "x"), -ENOTDIR);
	assert_int_equal(fc_names(c, FUSE_RENAME, id, &to, sizeof(to), "a|b"),
			 -ENOTDIR);
}

/* With no descriptor or slot left, nothing is made. */
static void test_full(void **state)
{
	struct client *c = *state;
	struct fuse_create_in in = { .flags = O_RDWR, .mode = 0644 };
	uint64_t id, fh;

	c->fs->handles.max = 0;
	assert_int_equal(fc_create(c, 1, "f", &in, &id, &fh), -ENFILE);
	assert_int_equal(faccessat(c->tmp->fd, "f", F_OK, 0), -1);
	c->fs->handles.max = 10;
	c->fs->nodes.fds_max = 1;
	assert_int_equal(fc_create(c, 1, "f", &in, &id, &fh), -ENFILE);
	assert_int_equal(faccessat(c->tmp->fd, "f", F_OK, 0), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fc_test(test_owner_of_new_files),
		fc_test(test_set_group_id),
		fc_test(test_special_files),
		fc_test(test_no_directory_by_mknod),
		fc_test(test_create_existing),
		fc_test(test_rename),
		fc_test(test_link),
		fc_test(test_tmpfile),
		fc_test(test_symlink_targets),
		fc_test(test_file_is_no_directory),
		fc_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
