/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_TEST_MICROVM_FSCLIENT_H
#define HULL_TEST_MICROVM_FSCLIENT_H

/* The kernel's side of the file server: requests by hand, on a directory made
 * for the test. Sends what it is told, right or wrong. */

#include "../base/tmp.h"

#include "microvm/fs/fs.h"
#include "microvm/fs/ops.h"

#define FC_BYTES (256U << 10)

struct client {
	struct tmp *tmp;
	struct fs *fs;
	uint64_t unique;
	uint32_t uid;
	uint32_t gid;
	bool cut;             /* send in pieces of 7 bytes */
	size_t out_room;      /* what the answer may take, header included */
	uint32_t extra_flags; /* for INIT */
	size_t len;           /* of the answer, with its header */
	uint8_t in[FC_BYTES];
	uint8_t out[FC_BYTES];
};

#define FC_ALL_FLAGS                                                      \
	(FUSE_MAX_PAGES | FUSE_SUBMOUNTS | FUSE_SETXATTR_EXT |            \
	 FUSE_HANDLE_KILLPRIV_V2 | FUSE_POSIX_ACL | FUSE_DO_READDIRPLUS | \
	 FUSE_INIT_EXT)

/* Answer without its header. */
static inline void *fc_answer(struct client *c)
{
	return c->out + sizeof(struct fuse_out_header);
}

/* Return: bytes after the header, or the error. */
static inline int fc_raw(struct client *c, const void *data, size_t len)
{
	struct fuse_out_header head;
	struct iovec in[FS_MAX_IOV], out[2];
	unsigned int count = 0;
	size_t step = c->cut ? 7 : len;

	if (c->cut && len / 7 >= FS_MAX_IOV - 1)
		step = len / (FS_MAX_IOV - 2);
	for (size_t at = 0; at < len; at += step)
		in[count++] =
			(struct iovec){ (char *)(uintptr_t)data + at,
					len - at < step ? len - at : step };
	memset(c->out, 0xa5, sizeof(head) + 64);
	out[0] = (struct iovec){ c->out, c->out_room < 16 ? c->out_room : 16 };
	out[1] = (struct iovec){ c->out + 16,
				 c->out_room < 16 ? 0 : c->out_room - 16 };
	c->len = fs_handle(c->fs, in, count, out, 2);
	if (!c->len)
		return 0;
	assert_true(c->len >= sizeof(head) && c->len <= c->out_room);
	memcpy(&head, c->out, sizeof(head));
	assert_int_equal(head.len, c->len);
	if (head.error)
		assert_int_equal(head.len, sizeof(head));
	return head.error ? head.error : (int)(head.len - sizeof(head));
}

/* Build the request in c->in. Return: its length. */
static inline size_t fc_build(struct client *c, uint32_t opcode,
			      uint64_t nodeid, const void *arg, size_t len)
{
	struct fuse_in_header head = { .len = (uint32_t)(sizeof(head) + len),
				       .opcode = opcode,
				       .unique = ++c->unique,
				       .nodeid = nodeid,
				       .uid = c->uid,
				       .gid = c->gid };

	assert_true(head.len <= sizeof(c->in));
	memcpy(c->in, &head, sizeof(head));
	if (len)
		memcpy(c->in + sizeof(head), arg, len);
	return head.len;
}

static inline int fc_call(struct client *c, uint32_t opcode, uint64_t nodeid,
			  const void *arg, size_t len)
{
	return fc_raw(c, c->in, fc_build(c, opcode, nodeid, arg, len));
}

/* A fixed part and then strings with their NULs: "one" or "one|two". */
static inline int fc_names(struct client *c, uint32_t opcode, uint64_t nodeid,
			   const void *arg, size_t len, const char *names)
{
	char buf[16384];
	size_t names_len = strlen(names) + 1;

	if (len)
		memcpy(buf, arg, len);
	memcpy(buf + len, names, names_len);
	for (size_t i = len; i < len + names_len; i++)
		if (buf[i] == '|')
			buf[i] = '\0';
	return fc_call(c, opcode, nodeid, buf, len + names_len);
}

static inline int fc_init_as(struct client *c, uint32_t major, uint32_t minor)
{
	struct fuse_init_in in = { .major = major,
				   .minor = minor,
				   .max_readahead = 1U << 17,
				   .flags = FC_ALL_FLAGS | c->extra_flags };

	return fc_call(c, FUSE_INIT, 0, &in, sizeof(in));
}

static inline struct client *fc_new(struct tmp *tmp, bool read_only)
{
	struct client *c = calloc(1, sizeof(*c));
	struct fs_config config = {
		.root_fd = open(tmp->path, O_PATH | O_DIRECTORY | O_CLOEXEC),
		.proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC),
		.read_only = read_only,
		.cache_ms = 5000,
	};

	assert_non_null(c);
	c->tmp = tmp;
	c->uid = geteuid();
	c->gid = getegid();
	c->out_room = sizeof(c->out);
	assert_int_equal(fs_new(&config, &c->fs, NULL), 0);
	assert_int_equal(fc_init_as(c, 7, 39), sizeof(struct fuse_init_out));
	return c;
}

static inline int fc_setup(void **state)
{
	void *tmp;

	if (tmp_setup(&tmp) < 0)
		return -1;
	*state = fc_new(tmp, false);
	return 0;
}

static inline int fc_teardown(void **state)
{
	struct client *c = *state;
	void *tmp = c->tmp;

	fs_free(c->fs);
	free(c);
	return tmp_teardown(&tmp);
}

#define fc_test(f) cmocka_unit_test_setup_teardown(f, fc_setup, fc_teardown)

/* Return: the node's id, or the error as a negative number. */
static inline int64_t fc_lookup(struct client *c, uint64_t dir,
				const char *name)
{
	int ret = fc_names(c, FUSE_LOOKUP, dir, NULL, 0, name);
	struct fuse_entry_out *out = fc_answer(c);

	return ret < 0 ? ret : (int64_t)out->nodeid;
}

static inline uint64_t fc_find(struct client *c, uint64_t dir, const char *name)
{
	int64_t id = fc_lookup(c, dir, name);

	assert_true(id > 0);
	return (uint64_t)id;
}

static inline uint64_t fc_mkdir(struct client *c, uint64_t dir,
				const char *name)
{
	struct fuse_mkdir_in in = { .mode = 0755, .umask = 022 };

	assert_int_equal(fc_names(c, FUSE_MKDIR, dir, &in, sizeof(in), name),
			 sizeof(struct fuse_entry_out));
	return ((struct fuse_entry_out *)fc_answer(c))->nodeid;
}

/* Return: 0 and a handle, or the error. */
static inline int fc_open(struct client *c, uint64_t node, uint32_t flags,
			  uint64_t *fh)
{
	struct fuse_open_in in = { .flags = flags };
	int ret = fc_call(c, FUSE_OPEN, node, &in, sizeof(in));

	*fh = UINT64_MAX;
	if (ret < 0)
		return ret;
	assert_int_equal(ret, sizeof(struct fuse_open_out));
	*fh = ((struct fuse_open_out *)fc_answer(c))->fh;
	return 0;
}

static inline int fc_create(struct client *c, uint64_t dir, const char *name,
			    const struct fuse_create_in *in, uint64_t *node,
			    uint64_t *fh)
{
	int ret = fc_names(c, FUSE_CREATE, dir, in, sizeof(*in), name);
	struct fuse_entry_out *entry = fc_answer(c);

	*node = *fh = UINT64_MAX;
	if (ret < 0)
		return ret;
	assert_int_equal(ret, sizeof(struct fuse_entry_out) +
				      sizeof(struct fuse_open_out));
	*node = entry->nodeid;
	*fh = ((struct fuse_open_out *)(entry + 1))->fh;
	return 0;
}

static inline int fc_write(struct client *c, uint64_t node,
			   struct fuse_write_in in, const char *text)
{
	char buf[4096];
	int ret;

	in.size = (uint32_t)strlen(text);
	memcpy(buf, &in, sizeof(in));
	memcpy(buf + sizeof(in), text, in.size);
	ret = fc_call(c, FUSE_WRITE, node, buf, sizeof(in) + in.size);
	if (ret < 0)
		return ret;
	assert_int_equal(ret, sizeof(struct fuse_write_out));
	return (int)((struct fuse_write_out *)fc_answer(c))->size;
}

static inline int fc_release(struct client *c, uint64_t node, uint64_t fh)
{
	struct fuse_release_in in = { .fh = fh };

	return fc_call(c, FUSE_RELEASE, node, &in, sizeof(in));
}

static inline int fc_forget(struct client *c, uint64_t node, uint64_t count)
{
	struct fuse_forget_in in = { .nlookup = count };

	return fc_call(c, FUSE_FORGET, node, &in, sizeof(in));
}

static inline struct fuse_attr fc_getattr(struct client *c, uint64_t node)
{
	struct fuse_getattr_in in = { 0 };

	assert_int_equal(fc_call(c, FUSE_GETATTR, node, &in, sizeof(in)),
			 sizeof(struct fuse_attr_out));
	return ((struct fuse_attr_out *)fc_answer(c))->attr;
}

#endif
