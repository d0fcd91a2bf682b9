/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/xattr.h>

#include <cmocka.h>

#include "fsclient.h"

#include "base/auto.h"

static int set(struct client *c, uint64_t id, const char *name,
	       const void *value, size_t len)
{
	static uint8_t buf[FC_BYTES];
	struct fuse_setxattr_in in = { .size = (uint32_t)len };
	size_t name_len = strlen(name) + 1;

	memcpy(buf, &in, sizeof(in));
	memcpy(buf + sizeof(in), name, name_len);
	memcpy(buf + sizeof(in) + name_len, value, len);
	return fc_call(c, FUSE_SETXATTR, id, buf, sizeof(in) + name_len + len);
}

static int get(struct client *c, uint64_t id, const char *name, uint32_t size)
{
	struct fuse_getxattr_in in = { .size = size };

	return fc_names(c, FUSE_GETXATTR, id, &in, sizeof(in), name);
}

static int list(struct client *c, uint64_t id, uint32_t size)
{
	struct fuse_getxattr_in in = { .size = size };

	return fc_call(c, FUSE_LISTXATTR, id, &in, sizeof(in));
}

/* Return: the file's id, or skips where the filesystem has no attributes. */
static uint64_t file(struct client *c)
{
	tmp_file(c->tmp->fd, "a", "");
	if (fsetxattr(c->tmp->fd, "user.probe", "", 0, 0) < 0)
		skip();
	return fc_find(c, 1, "a");
}

static void test_round_trip(void **state)
{
	struct client *c = *state;
	const struct fuse_getxattr_out *out = fc_answer(c);
	uint64_t id = file(c);

	assert_int_equal(set(c, id, "user.a", "value", 5), 0);
	assert_int_equal(get(c, id, "user.a", 0), sizeof(*out));
	assert_int_equal(out->size, 5);
	assert_int_equal(get(c, id, "user.a", 5), 5);
	assert_memory_equal(fc_answer(c), "value", 5);
	assert_int_equal(get(c, id, "user.a", 4), -ERANGE);
	assert_int_equal(list(c, id, 0), sizeof(*out));
	assert_int_equal(out->size, 7);
	assert_int_equal(list(c, id, 64), 7);
	assert_string_equal(fc_answer(c), "user.a");
	assert_int_equal(list(c, id, 3), -ERANGE);
	assert_int_equal(fc_names(c, FUSE_REMOVEXATTR, id, NULL, 0, "user.a"),
			 0);
	assert_int_equal(get(c, id, "user.a", 5), -ENODATA);
}

/* What means something to the host is neither seen nor made. */
static void test_namespaces(void **state)
{
	static const char *const refused[] = {
		"trusted.overlay.opaque",
		"trusted.x",
		"security.selinux",
		"security.capabilityx",
		"security.ima",
		"system.other",
		"user",
		"system.posix_acl_accessx",
	};
	struct client *c = *state;
	uint64_t id = file(c);

	if (!geteuid())
		(void)fsetxattr(c->tmp->fd, "trusted.x", "1", 1, 0);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		assert_int_equal(set(c, id, refused[i], "1", 1), -EOPNOTSUPP);
		assert_int_equal(get(c, 1, refused[i], 10), -EOPNOTSUPP);
		assert_int_equal(
			fc_names(c, FUSE_REMOVEXATTR, 1, NULL, 0, refused[i]),
			-EOPNOTSUPP);
	}
	assert_int_equal(list(c, 1, 64), 11);
	assert_string_equal(fc_answer(c), "user.probe");
}

static void test_capability(void **state)
{
	/* version 2, one capability */
	static const uint32_t cap[5] = { 0x02000000, 1U << 10, 0, 0, 0 };
	struct client *c = *state;
	uint64_t id = file(c);

	if (geteuid())
		skip();
	assert_int_equal(set(c, id, "security.capability", cap, sizeof(cap)),
			 0);
	assert_int_equal(get(c, id, "security.capability", 64), sizeof(cap));
}

static void test_odd(void **state)
{
	static uint8_t big[65537];
	struct client *c = *state;
	uint64_t id = file(c);
	struct fuse_setxattr_in in = { .size = 100 };
	char name[300];

	assert_int_equal(set(c, id, "", "1", 1), -EINVAL);
	memset(name, 'n', sizeof(name));
	memcpy(name, "user.", 5);
	name[256] = '\0';
	assert_int_equal(set(c, id, name, "1", 1), -ERANGE);
	/* the length told is not the one sent */
	assert_int_equal(
		fc_names(c, FUSE_SETXATTR, id, &in, sizeof(in), "user.a|1"),
		-EINVAL);
	assert_true(set(c, id, "user.big", big, sizeof(big)) < 0);
	/* flags of setxattr(2) reach it */
	in = (struct fuse_setxattr_in){ .size = 2, .flags = XATTR_REPLACE };
	assert_int_equal(
		fc_names(c, FUSE_SETXATTR, id, &in, sizeof(in), "user.a|1"),
		-ENODATA);
}

/* A symbolic link has its own attributes; what it names is not touched. */
static void test_link_itself(void **state)
{
	struct client *c = *state;

	file(c);
	assert_int_equal(symlinkat("a", c->tmp->fd, "l"), 0);
	assert_int_equal(set(c, fc_find(c, 1, "l"), "user.a", "1", 1), -EPERM);
	assert_int_equal(list(c, fc_find(c, 1, "a"), 64), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fc_test(test_round_trip),  fc_test(test_namespaces),
		fc_test(test_capability),  fc_test(test_odd),
		fc_test(test_link_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
