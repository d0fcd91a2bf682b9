/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fsclient.h"

#include "base/auto.h"
#include "microvm/jail/jail.h"

/* One good request of each kind on the tree of world(), by opcode. */
struct sample {
	uint32_t opcode;
	uint64_t node;
	size_t len;
	int want;
	uint8_t arg[512];
};

struct world {
	uint64_t file, dir, link, file_fh, dir_fh;
};

static struct world world(struct client *c)
{
	struct fuse_open_in in = { .flags = O_RDONLY };
	struct world w;

	tmp_file(c->tmp->fd, "file", "content");
	assert_int_equal(symlinkat("target", c->tmp->fd, "link"), 0);
	w.dir = fc_mkdir(c, 1, "dir");
	w.file = fc_find(c, 1, "file");
	w.link = fc_find(c, 1, "link");
	assert_int_equal(fc_open(c, w.file, O_RDWR, &w.file_fh), 0);
	assert_int_equal(fc_call(c, FUSE_OPENDIR, w.dir, &in, sizeof(in)),
			 sizeof(struct fuse_open_out));
	w.dir_fh = ((struct fuse_open_out *)fc_answer(c))->fh;
	return w;
}

static struct sample sample(uint32_t opcode, uint64_t node, const void *arg,
			    size_t len, const char *tail)
{
	struct sample s = { .opcode = opcode, .node = node, .len = len };

	memcpy(s.arg, arg, len);
	if (!tail)
		return s;
	/* "a|b": strings with their NULs */
	s.len += strlen(tail) + 1;
	memcpy(s.arg + len, tail, strlen(tail) + 1);
	for (size_t i = len; i < s.len; i++)
		if (s.arg[i] == '|')
			s.arg[i] = '\0';
	return s;
}

#define S(op, node, tail, type, ...)                           \
	sample(op, node, &(struct fuse_##type){ __VA_ARGS__ }, \
	       sizeof(struct fuse_##type), tail)
#define PLAIN(op, node, tail) sample(op, node, "", 0, tail)

#define SAMPLES 38

static unsigned int samples(const struct world *w, struct sample *s)
{
	unsigned int n = 0;

	s[n++] = PLAIN(FUSE_LOOKUP, 1, "file");
	s[n++] = S(FUSE_GETATTR, w->file, NULL, getattr_in, 0);
	s[n++] = S(FUSE_SETATTR, w->file, NULL, setattr_in, .valid = FATTR_MODE,
		   .mode = 0644);
	s[n++] = PLAIN(FUSE_READLINK, w->link, NULL);
	s[n++] = PLAIN(FUSE_SYMLINK, 1, "sym|to/there");
	s[n++] = S(FUSE_MKNOD, 1, "fifo", mknod_in, .mode = S_IFIFO | 0644);
	s[n++] = S(FUSE_MKDIR, 1, "dir2", mkdir_in, .mode = 0755);
	s[n++] = S(FUSE_LINK, 1, "hard", link_in, .oldnodeid = w->file);
	s[n++] = S(FUSE_CREATE, 1, "new", create_in, .flags = O_RDWR,
		   .mode = 0644);
	s[n++] = S(FUSE_TMPFILE, 1, "/", create_in, .flags = O_RDWR,
		   .mode = 0600);
	s[n++] = S(FUSE_RENAME, 1, "hard|hard2", rename_in, .newdir = 1);
	s[n++] = S(FUSE_RENAME2, 1, "hard2|hard3", rename2_in, .newdir = 1,
		   .flags = RENAME_NOREPLACE);
	s[n++] = PLAIN(FUSE_UNLINK, 1, "hard3");
	s[n++] = PLAIN(FUSE_RMDIR, 1, "dir2");
	s[n++] = S(FUSE_OPEN, w->file, NULL, open_in, .flags = O_RDONLY);
	s[n++] = S(FUSE_READ, w->file, NULL, read_in, .fh = w->file_fh,
		   .size = 4096);
	s[n++] = S(FUSE_WRITE, w->file, "xyz", write_in, .fh = w->file_fh,
		   .size = 3);
	s[n++] = S(FUSE_FLUSH, w->file, NULL, flush_in, .fh = w->file_fh);
	s[n++] = S(FUSE_FSYNC, w->file, NULL, fsync_in, .fh = w->file_fh);
	s[n++] = S(FUSE_FALLOCATE, w->file, NULL, fallocate_in,
		   .fh = w->file_fh, .length = 100);
	s[n++] = S(FUSE_LSEEK, w->file, NULL, lseek_in, .fh = w->file_fh,
		   .whence = SEEK_HOLE);
	s[n++] = S(FUSE_COPY_FILE_RANGE, w->file, NULL, copy_file_range_in,
		   .fh_in = w->file_fh, .nodeid_out = w->file,
		   .fh_out = w->file_fh, .off_out = 100, .len = 4);
	s[n++] = S(FUSE_OPENDIR, w->dir, NULL, open_in, 0);
	s[n++] = S(FUSE_READDIR, w->dir, NULL, read_in, .fh = w->dir_fh,
		   .size = 4096);
	s[n++] = S(FUSE_READDIRPLUS, w->dir, NULL, read_in, .fh = w->dir_fh,
		   .size = 4096);
	s[n++] = S(FUSE_FSYNCDIR, w->dir, NULL, fsync_in, .fh = w->dir_fh);
	s[n++] = PLAIN(FUSE_STATFS, 1, NULL);
	s[n++] = S(FUSE_SYNCFS, 1, NULL, syncfs_in, 0);
	s[n++] = S(FUSE_SETXATTR, w->file, "user.a|v", setxattr_in, .size = 2);
	s[n++] = S(FUSE_GETXATTR, w->file, "user.a", getxattr_in, .size = 64);
	s[n++] = S(FUSE_LISTXATTR, w->file, NULL, getxattr_in, .size = 64);
	s[n++] = PLAIN(FUSE_REMOVEXATTR, w->file, "user.a");
	s[n++] = sample(FS_OP_STATX, w->file, "", 0, NULL);
	s[n - 1].len = 24;
	s[n++] = S(FUSE_FORGET, w->link, NULL, forget_in, .nlookup = 1);
	s[n++] = S(FUSE_BATCH_FORGET, 0, NULL, batch_forget_in, 0);
	s[n++] = S(FUSE_RELEASEDIR, w->dir, NULL, release_in, .fh = w->dir_fh);
	s[n++] = S(FUSE_RELEASE, w->file, NULL, release_in, .fh = w->file_fh);
	s[n++] = PLAIN(FUSE_DESTROY, 0, NULL);
	assert_int_equal(n, SAMPLES);
	return n;
}

static int run(struct client *c, const struct sample *s)
{
	return fc_call(c, s->opcode, s->node, s->arg, s->len);
}

/* Every operation there is has a sample, and it works, whole or in pieces. */
static void test_all_work(void **state)
{
	struct client *c = *state;
	struct sample s[SAMPLES];
	struct world w = world(c);
	unsigned int count = samples(&w, s);

	c->cut = true;
	for (unsigned int i = 0; i < count; i++) {
		int ret = run(c, &s[i]);

		if (ret == -EOPNOTSUPP && s[i].opcode >= FUSE_SETXATTR &&
		    s[i].opcode <= FUSE_REMOVEXATTR)
			continue; /* a tmpfs of old */
		if (ret == -ENODATA && s[i].opcode == FUSE_GETXATTR)
			continue;
		if (ret < 0)
			print_message("opcode %u: %d\n", s[i].opcode, ret);
		assert_true(ret >= 0);
	}
}

/* Return: how many samples failed. */
static int run_all(struct client *c, const struct sample *s, unsigned int count)
{
	int bad = 0;

	for (unsigned int i = 0; i < count; i++) {
		int ret = run(c, &s[i]);

		if (ret >= 0 || ret == -EOPNOTSUPP || ret == -ENODATA ||
		    ret == -EEXIST)
			continue;
		print_error("opcode %u: %d\n", s[i].opcode, ret);
		bad++;
	}
	return bad;
}

/* All of it with the system calls that the server's process has: another one
 * would be its end. */
static void test_under_the_filter(void **state)
{
	struct client *parent = *state;
	pid_t pid;

#ifdef __SANITIZE_ADDRESS__
	skip(); /* it makes calls of its own */
#endif
	pid = fork();
	if (!pid) {
		/* made here: /proc/self is whose it was when it was opened */
		struct client *c = fc_new(parent->tmp, false);
		struct sample s[SAMPLES];
		struct world w = world(c);
		const unsigned int count = samples(&w, s);
		struct fuse_write_in in = { .fh = w.file_fh,
					    .write_flags =
						    FUSE_WRITE_KILL_SUIDGID };
		uint64_t fh;
		int bad = 0;

		if (jail_thread(JAIL_FS, NULL) < 0)
			_exit(2);
		for (int i = 0; i < 4000; i++) /* the table grows */
			bad += fc_open(c, w.file, O_RDONLY, &fh) < 0;
		bad += fc_write(c, w.file, in, "x") != 1;
		bad += run_all(c, s, count - 5);
		c->fs->nodes.fds_max = 8; /* evicts */
		c->uid = c->uid ?: 1000;
		bad += run_all(c, s, count);
		_exit(bad != 0);
	}
	assert_int_equal(tmp_wait(pid), 0);
}

/* Each request cut at each byte: refused, or (a tail that is a string or data)
 * something smaller. Nothing is read that was not sent (ASan, canary). */
static void test_cut_at_each_byte(void **state)
{
	struct client *c = *state;
	struct sample s[SAMPLES];
	struct world w = world(c);
	unsigned int count = samples(&w, s);

	for (unsigned int i = 0; i + 1 < count; i++) {
		for (size_t len = 0; len < s[i].len; len++) {
			size_t all = fc_build(c, s[i].opcode, s[i].node,
					      s[i].arg, len);
			auto_free uint8_t *exact = malloc(all);

			memcpy(exact, c->in, all);
			(void)fc_raw(c, exact, all);
		}
		for (size_t len = 0; len < FS_HEAD_BYTES; len++) {
			fc_build(c, s[i].opcode, s[i].node, s[i].arg, s[i].len);
			assert_int_equal(fc_raw(c, c->in, len), 0);
		}
	}
}

/* The length in the header is a claim. */
static void test_header_length(void **state)
{
	static const uint32_t lens[] = { 0,        1,         39,
					 40,       41,        4096,
					 1U << 20, INT32_MAX, UINT32_MAX };
	struct client *c = *state;
	struct sample s[SAMPLES];
	struct world w = world(c);
	unsigned int count = samples(&w, s);

	for (unsigned int i = 0; i + 1 < count; i++)
		for (size_t j = 0; j < ARRAY_SIZE(lens); j++) {
			size_t len = fc_build(c, s[i].opcode, s[i].node,
					      s[i].arg, s[i].len);

			memcpy(c->in, &lens[j], sizeof(lens[j]));
			(void)fc_raw(c, c->in, len);
			if (s[i].opcode != FUSE_FORGET &&
			    s[i].opcode != FUSE_BATCH_FORGET &&
			    (lens[j] < 40 || lens[j] > 600))
				assert_int_equal(
					((struct fuse_out_header *)c->out)
						->error,
					-EINVAL);
		}
}

/* No room for the answer: nothing is done, and nothing written beyond. */
static void test_no_room(void **state)
{
	struct client *c = *state;
	struct sample s[SAMPLES];
	struct world w = world(c);
	unsigned int count = samples(&w, s);

	for (unsigned int i = 0; i + 3 < count; i++)
		for (c->out_room = 0; c->out_room < 200; c->out_room += 3) {
			uint8_t *edge = c->out + c->out_room;
			uint8_t before[32];

			memset(c->out, 0xa5, 1024);
			memcpy(before, edge, sizeof(before));
			(void)run(c, &s[i]);
			assert_memory_equal(edge, before, sizeof(before));
			if (c->out_room < 16)
				assert_int_equal(c->len, 0);
		}
}

static void test_names(void **state)
{
	static const struct {
		const char *name;
		int want;
	} bad[] = {
		{ "", -EINVAL },
		{ ".", -EINVAL },
		{ "..", -EINVAL },
		{ "/", -EINVAL },
		{ "../x", -EINVAL },
		{ "file/", -EINVAL },
		{ "/etc/passwd", -EINVAL },
		{ "dir/../file", -EINVAL },
	};
	static const struct {
		uint32_t opcode;
		size_t fixed;
		bool two;
	} ops[] = {
		{ FUSE_LOOKUP, 0, false }, { FUSE_SYMLINK, 0, true },
		{ FUSE_UNLINK, 0, false }, { FUSE_RMDIR, 0, false },
		{ FUSE_MKNOD, 16, false }, { FUSE_MKDIR, 8, false },
		{ FUSE_LINK, 8, false },   { FUSE_CREATE, 16, false },
		{ FUSE_RENAME, 8, true },  { FUSE_RENAME2, 16, true },
	};
	struct client *c = *state;
	struct world w = world(c);
	char name[301];

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		/* newdir, oldnodeid; modes and flags with sense */
		uint64_t fixed[2] = { w.dir, 0 };
		const uint32_t op = ops[i].opcode;
		const size_t len = ops[i].fixed;
		char both[320];

		if (op == FUSE_LINK)
			fixed[0] = w.file;
		for (size_t j = 0; j < ARRAY_SIZE(bad); j++) {
			snprintf(both, sizeof(both), "%s%s", bad[j].name,
				 ops[i].two ? "|b" : "");
			assert_int_equal(fc_names(c, op, 1, fixed, len, both),
					 bad[j].want);
			if (!ops[i].two || op == FUSE_SYMLINK)
				continue;
			snprintf(both, sizeof(both), "file|%s", bad[j].name);
			assert_int_equal(fc_names(c, op, 1, fixed, len, both),
					 bad[j].want);
		}
		memset(name, 'n', sizeof(name));
		name[256] = '\0';
		snprintf(both, sizeof(both), "%s%s", name,
			 ops[i].two ? "|b" : "");
		assert_int_equal(fc_names(c, op, 1, fixed, len, both),
				 -ENAMETOOLONG);
		/* a NUL inside */
		assert_int_equal(fc_names(c, op, 1, fixed, len,
					  ops[i].two ? "a|b|c" : "a|b"),
				 -EINVAL);
	}
	name[255] = '\0';
	assert_int_equal(fc_lookup(c, 1, name), 0); /* negative, cached */
}

static void test_unknown(void **state)
{
	struct client *c = *state;
	struct fuse_read_in in = { .fh = 5, .size = 100 };

	for (uint32_t op = 0; op < 5000; op++) {
		if (op < FS_OPS && op != 0 && op != 7 && op != 19 &&
		    (op < FUSE_GETLK || op > FUSE_ACCESS) &&
		    (op < FUSE_BMAP || op > FUSE_NOTIFY_REPLY ||
		     op == FUSE_DESTROY) &&
		    op != FUSE_SETUPMAPPING && op != FUSE_REMOVEMAPPING)
			continue;
		assert_int_equal(fc_call(c, op, 1, &in, sizeof(in)), -ENOSYS);
	}
	assert_int_equal(fc_call(c, UINT32_MAX, 1, &in, sizeof(in)), -ENOSYS);
	assert_int_equal(fc_call(c, FUSE_INTERRUPT, 0, &in, 8), 0);
	assert_int_equal(c->len, 0);
}

/* Ids and handles that were never given, or are given back. */
static void test_never_given(void **state)
{
	static const uint64_t ids[] = {
		0, 5, 77, 1ULL << 32 | 1, UINT32_MAX, 1ULL << 63, UINT64_MAX
	};
	struct client *c = *state;
	struct sample s[SAMPLES];
	struct world w = world(c);
	unsigned int count = samples(&w, s);

	fc_forget(c, w.dir, 1);
	fc_forget(c, w.link, 1);
	fc_forget(c, w.file, 1);
	for (size_t j = 0; j < ARRAY_SIZE(ids); j++)
		for (unsigned int i = 0; i + 5 < count; i++) {
			struct sample bad = s[i];
			int ret;

			bad.node = ids[j];
			ret = run(c, &bad);
			assert_true(ret == -ESTALE || ret == -EBADF);
		}
	assert_int_equal(fc_release(c, w.file, w.file_fh), 0);
	assert_int_equal(fc_release(c, w.file, w.file_fh), -EBADF);
	assert_int_equal(fc_release(c, w.file, w.dir_fh), -EBADF);
}

static void test_read_only(void **state)
{
	struct client *c = *state;
	struct client *ro = fc_new(c->tmp, true);
	struct sample s[SAMPLES];
	struct world w;
	uint64_t fh;

	tmp_file(c->tmp->fd, "file", "content");
	assert_int_equal(symlinkat("t", c->tmp->fd, "link"), 0);
	assert_int_equal(mkdirat(c->tmp->fd, "dir", 0755), 0);
	w = (struct world){ .file = fc_find(ro, 1, "file"),
			    .dir = fc_find(ro, 1, "dir"),
			    .link = fc_find(ro, 1, "link") };
	assert_int_equal(fc_open(ro, w.file, O_RDONLY, &w.file_fh), 0);
	for (unsigned int i = 0; i < samples(&w, s); i++) {
		switch (s[i].opcode) {
		case FUSE_SETATTR:
		case FUSE_SYMLINK ... FUSE_LINK:
		case FUSE_WRITE:
		case FUSE_SETXATTR:
		case FUSE_REMOVEXATTR:
		case FUSE_CREATE:
		case FUSE_FALLOCATE:
		case FUSE_RENAME2:
		case FUSE_COPY_FILE_RANGE:
		case FUSE_TMPFILE:
			assert_int_equal(run(ro, &s[i]), -EROFS);
		}
	}
	assert_int_equal(fc_open(ro, w.file, O_RDWR, &fh), -EROFS);
	assert_int_equal(fc_open(ro, w.file, O_WRONLY, &fh), -EROFS);
	assert_int_equal(fc_open(ro, w.file, O_RDONLY | O_TRUNC, &fh), -EROFS);
	fs_free(ro->fs);
	free(ro);
}

static void test_too_many_buffers(void **state)
{
	struct client *c = *state;
	struct iovec iov[FS_MAX_IOV + 1];
	size_t len = fc_build(c, FUSE_STATFS, 1, NULL, 0);

	for (size_t i = 0; i < ARRAY_SIZE(iov); i++)
		iov[i] = (struct iovec){ c->in, i ? 0 : len };
	assert_int_equal(fs_handle(c->fs, iov, FS_MAX_IOV + 1, iov, 1), 0);
	assert_int_equal(fs_handle(c->fs, iov, 1, iov, FS_MAX_IOV + 1), 0);
	assert_int_equal(fs_handle(c->fs, NULL, 0, NULL, 0), 0);
}

static void test_new_refuses(void **state)
{
	struct client *c = *state;
	struct fs_config config;
	struct fs *fs;
	const int fds = tmp_open_fds();

	tmp_file(c->tmp->fd, "file", "");
	config = (struct fs_config){
		.root_fd = openat(c->tmp->fd, "file", O_PATH | O_CLOEXEC),
		.proc_fd = open("/proc", O_PATH | O_CLOEXEC),
	};
	assert_int_equal(fs_new(&config, &fs, NULL), -ENOTDIR);
	config = (struct fs_config){
		.root_fd = open(c->tmp->path, O_PATH | O_CLOEXEC),
		.proc_fd = open(c->tmp->path, O_PATH | O_CLOEXEC),
	};
	assert_int_equal(fs_new(&config, &fs, NULL), -ENOENT);
	assert_int_equal(tmp_open_fds(), fds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fc_test(test_under_the_filter), fc_test(test_all_work),
		fc_test(test_cut_at_each_byte), fc_test(test_header_length),
		fc_test(test_no_room),          fc_test(test_names),
		fc_test(test_unknown),          fc_test(test_never_given),
		fc_test(test_read_only),        fc_test(test_too_many_buffers),
		fc_test(test_new_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
