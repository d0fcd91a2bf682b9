/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/process/filter.h"

#include <dirent.h>
#include <sys/stat.h>

#include "base/io.h"
#include "libcontainer/process/seccomp_build.h"

#define PROFILE                                                           \
	"\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[" \
	"\"read\",\"write\",\"exit_group\",\"close\"],\"action\":"        \
	"\"SCMP_ACT_ALLOW\"}]"

struct cache {
	struct arena arena;
	char *path;
	int fd;
	const struct spec_seccomp *profile;
	struct seccomp_prog fresh; /* compiled for it, not read from it */
	char name[NAME_MAX + 1];   /* of the entry, once it is there */
};

static const struct spec_seccomp *profile_of(struct arena *arena,
					     const char *members)
{
	auto_free char *text = NULL;

	CHECK(asprintf(&text, "\"seccomp\":{%s},", members) > 0);
	return &doc_parse(arena, "", text)->linux_.seccomp;
}

static int teardown(void **state)
{
	struct cache *c = *state;
	void *path = c->path;

	close(c->fd);
	seccomp_prog_release(&c->fresh);
	arena_release(&c->arena);
	free(c);
	return dir_teardown(&path);
}

static size_t count_entries(const struct cache *c, char *name)
{
	auto_dir DIR *dir = opendir(c->path);
	const struct dirent *d;
	size_t count = 0;

	assert_non_null(dir);
	while ((d = readdir(dir))) {
		if (d->d_name[0] == '.' &&
		    (!d->d_name[1] || !strcmp(d->d_name, "..")))
			continue;
		if (name)
			snprintf(name, NAME_MAX + 1, "%s", d->d_name);
		count++;
	}
	return count;
}

static int setup(void **state)
{
	struct cache *c = calloc(1, sizeof(*c));
	void *path = NULL;
	char name[NAME_MAX + 1];
	struct err err = { 0 };

	if (!c || dir_setup(&path))
		return -1;
	c->path = path;
	/* as libcontainer opens it */
	c->fd = open(c->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	c->profile = profile_of(&c->arena, PROFILE);
	*state = c;
	return c->fd < 0 ||
	       seccomp_prepare(c->fd, c->profile, &c->fresh, &err) ||
	       count_entries(c, name) != 1 || unlinkat(c->fd, name, 0);
}

static void fill(struct cache *c)
{
	struct seccomp_prog prog = { 0 };
	struct err err = { 0 };

	assert_int_equal(seccomp_prepare(c->fd, c->profile, &prog, &err), 0);
	seccomp_prog_release(&prog);
	assert_int_equal(count_entries(c, c->name), 1);
}

static bool hits(const struct cache *c, const struct spec_seccomp *profile)
{
	struct seccomp_prog prog = { 0 };
	int ret = seccomp_cache_load(c->fd, profile, &prog);

	if (ret) {
		assert_int_equal(ret, -ENOENT);
		assert_null(prog.map);
		return false;
	}
	assert_int_equal(prog.count, c->fresh.count);
	assert_int_equal(prog.flags, c->fresh.flags);
	assert_memory_equal(prog.insns, c->fresh.insns,
			    prog.count * sizeof(struct sock_filter));
	seccomp_prog_release(&prog);
	return true;
}

/* Whatever is in the cache, the right filter comes out of it. */
static void expect_right_filter(struct cache *c)
{
	struct seccomp_prog prog = { 0 };
	struct err err = { 0 };

	assert_int_equal(seccomp_prepare(c->fd, c->profile, &prog, &err), 0);
	assert_int_equal(prog.count, c->fresh.count);
	assert_memory_equal(prog.insns, c->fresh.insns,
			    prog.count * sizeof(struct sock_filter));
	seccomp_prog_release(&prog);
}

static void test_miss_then_hit(void **state)
{
	struct cache *c = *state;
	struct stat st;

	assert_false(hits(c, c->profile));
	fill(c);
	assert_true(hits(c, c->profile));
	assert_int_equal(fstatat(c->fd, c->name, &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	expect_right_filter(c);
	assert_int_equal(count_entries(c, NULL), 1);
}

static void test_other_profiles_miss(void **state)
{
	static const char *const others[] = {
		" " PROFILE,
		"\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{"
		"\"names\":[\"read\",\"write\",\"exit_group\",\"clone\"],"
		"\"action\":\"SCMP_ACT_ALLOW\"}]",
		"\"flags\":[]," PROFILE,
	};
	struct cache *c = *state;

	fill(c);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		auto_arena struct arena arena = { 0 };

		assert_false(hits(c, profile_of(&arena, others[i])));
	}
}

/* The same name, another profile's content: what an equal hash would do. */
static void test_equal_hash_is_no_hit(void **state)
{
	auto_arena struct arena arena = { 0 };
	const struct spec_seccomp *other = profile_of(
		&arena, "\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[]");
	struct seccomp_prog prog = { 0 };
	char name[NAME_MAX + 1];
	struct cache *c = *state;
	struct err err = { 0 };

	fill(c);
	assert_int_equal(unlinkat(c->fd, c->name, 0), 0);
	assert_int_equal(seccomp_prepare(c->fd, other, &prog, &err), 0);
	seccomp_prog_release(&prog);
	assert_int_equal(count_entries(c, name), 1);
	assert_int_equal(renameat(c->fd, name, c->fd, c->name), 0);
	assert_false(hits(c, c->profile));
	expect_right_filter(c);
	assert_true(hits(c, c->profile)); /* it was replaced */
}

/* Every single damaged byte, and every length. */
static void test_corruption(void **state)
{
	struct cache *c = *state;
	auto_free char *data = NULL;
	size_t len, good = 0;
	int fd;

	fill(c);
	fd = openat(c->fd, c->name, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(io_load(fd, 1 << 20, &data, &len), 0);
	for (size_t i = 0; i < len; i++) {
		char bad = (char)(data[i] ^ 0x10);

		assert_int_equal(pwrite(fd, &bad, 1, (off_t)i), 1);
		good += hits(c, c->profile);
		assert_int_equal(pwrite(fd, &data[i], 1, (off_t)i), 1);
	}
	assert_int_equal(good, 0);
	assert_true(hits(c, c->profile));
	for (size_t i = 0; i < len; i++) {
		assert_int_equal(ftruncate(fd, (off_t)(len - 1 - i)), 0);
		assert_false(hits(c, c->profile));
	}
	assert_int_equal(pwrite(fd, data, len, 0), (ssize_t)len);
	assert_true(hits(c, c->profile));
	assert_int_equal(pwrite(fd, data, 8, (off_t)len), 8);
	assert_false(hits(c, c->profile));
	close(fd);
	expect_right_filter(c);
}

static void test_foreign_entries(void **state)
{
	struct cache *c = *state;
	struct stat st;

	fill(c);
	assert_int_equal(fchmodat(c->fd, c->name, 0606, 0), 0);
	assert_false(hits(c, c->profile));
	assert_int_equal(fchmodat(c->fd, c->name, 0660, 0), 0);
	assert_false(hits(c, c->profile));
	assert_int_equal(fchmodat(c->fd, c->name, 0600, 0), 0);
	assert_true(hits(c, c->profile));
	assert_int_equal(linkat(c->fd, c->name, c->fd, "second", 0), 0);
	assert_false(hits(c, c->profile));
	assert_int_equal(unlinkat(c->fd, "second", 0), 0);
	if (!fchownat(c->fd, c->name, 12345, (gid_t)-1, 0)) {
		assert_false(hits(c, c->profile));
		expect_right_filter(c); /* replaced by one of our own */
		assert_int_equal(fstatat(c->fd, c->name, &st, 0), 0);
		assert_int_equal(st.st_uid, geteuid());
	}
	assert_true(hits(c, c->profile));
}

static void test_no_file_at_all(void **state)
{
	struct cache *c = *state;

	fill(c);
	assert_int_equal(renameat(c->fd, c->name, c->fd, "real"), 0);
	assert_int_equal(symlinkat("real", c->fd, c->name), 0);
	assert_false(hits(c, c->profile));
	assert_int_equal(unlinkat(c->fd, c->name, 0), 0);
	assert_int_equal(mkfifoat(c->fd, c->name, 0600), 0);
	assert_false(hits(c, c->profile));
	expect_right_filter(c);
	assert_true(hits(c, c->profile));
	assert_int_equal(unlinkat(c->fd, c->name, 0), 0);
	assert_int_equal(mkdirat(c->fd, c->name, 0700), 0);
	assert_false(hits(c, c->profile));
	expect_right_filter(c); /* nothing can be stored, and nobody minds */
}

static void test_without_cache(void **state)
{
	struct seccomp_prog prog = { 0 }, plain = { 0 };
	struct spec_seccomp profile;
	struct cache *c = *state;
	struct err err = { 0 };

	profile = *c->profile;
	profile.raw = NULL;
	assert_int_equal(seccomp_prepare(c->fd, &profile, &prog, &err), 0);
	assert_int_equal(seccomp_prepare(-1, c->profile, &plain, &err), 0);
	assert_int_equal(prog.count, plain.count);
	assert_memory_equal(prog.insns, plain.insns, plain.map_len);
	seccomp_prog_release(&prog);
	seccomp_prog_release(&plain);
	assert_int_equal(count_entries(c, NULL), 0);
}

/* 64 entries stay; the oldest go first, and what a killed writer left. */
static void test_at_most_64(void **state)
{
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct cache *c = *state;
	int fd;

	fill(c);
	assert_int_equal(utimensat(c->fd, c->name, old, 0), 0);
	fd = openat(c->fd, ".left.1.0", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(futimens(fd, old), 0);
	close(fd);
	for (int i = 0; i < 70; i++) {
		auto_arena struct arena arena = { 0 };
		struct seccomp_prog prog = { 0 };
		char members[128];
		struct err err = { 0 };

		snprintf(members, sizeof(members),
			 "\"defaultAction\":\"SCMP_ACT_ERRNO\","
			 "\"defaultErrnoRet\":%d,\"syscalls\":[]",
			 i + 1);
		assert_int_equal(seccomp_prepare(c->fd,
						 profile_of(&arena, members),
						 &prog, &err),
				 0);
		seccomp_prog_release(&prog);
	}
	assert_int_equal(count_entries(c, NULL), 64);
	assert_false(hits(c, c->profile));
	assert_int_equal(faccessat(c->fd, ".left.1.0", F_OK, 0), -1);
}

int main(void)
{
#define CACHE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CACHE_TEST(test_miss_then_hit),
		CACHE_TEST(test_other_profiles_miss),
		CACHE_TEST(test_equal_hash_is_no_hit),
		CACHE_TEST(test_corruption),
		CACHE_TEST(test_foreign_entries),
		CACHE_TEST(test_no_file_at_all),
		CACHE_TEST(test_without_cache),
		CACHE_TEST(test_at_most_64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
