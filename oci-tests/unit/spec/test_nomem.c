/* SPDX-License-Identifier: Apache-2.0 */
#include "spec_test.h"

/*
 * Every allocation fails once: the answer is -ENOMEM, never a crash, above all
 * not inside yajl, which does not check what it is given. Sanitizers bring
 * their own allocator, so there the test has nothing to hold on to.
 */

#if defined(__SANITIZE_ADDRESS__)
#define OWN_MALLOC 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define OWN_MALLOC 0
#endif
#endif
#ifndef OWN_MALLOC
#define OWN_MALLOC 1
#endif

#if OWN_MALLOC
/* glibc's names for its own; ours take their place in this program. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);

static long left = -1; /* calls that still succeed; -1: all */

static bool out_of_memory(void)
{
	if (left < 0)
		return false;
	if (!left)
		return true;
	left--;
	return false;
}

void *malloc(size_t size)
{
	return out_of_memory() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return out_of_memory() ? NULL : __libc_calloc(count, size);
}

static void check(const char *text, size_t len)
{
	long n = 0;

	for (bool done = false; !done; n++) {
		auto_arena struct arena arena = { 0 };
		struct err err = { 0 };
		const struct spec *spec;

		left = n;
		spec = spec_parse(&arena, text, len, NULL, &err);
		left = -1;
		done = spec;
		if (!spec)
			assert_int_equal(err.code, -ENOMEM);
		assert_true(n < 1000);
	}
	assert_true(n > 3);
}

static void test_no_memory(void **state)
{
	auto_strbuf struct strbuf wide = STRBUF_INIT;
	auto_free char *docker = NULL, *text = NULL;
	size_t len;

	(void)state;
	read_file("oci-tests/data/docker-run.json", &docker, &len);
	check(docker, len);
	/* large lists and texts, each an allocation of its own */
	strbuf_add(&wide, "\"process\":{\"cwd\":\"/\",\"args\":[\"a\"");
	for (int i = 0; i < 3000; i++)
		strbuf_add(&wide, ",\"\\t\"");
	strbuf_add(&wide, "]},\"annotations\":{\"x\":\"");
	for (int i = 0; i < 9000; i++)
		strbuf_add(&wide, "\\n");
	strbuf_add(&wide, "\"");
	for (int i = 0; i < 1000; i++)
		strbuf_addf(&wide, ",\"k%d\":\"\"", i);
	strbuf_add(&wide, "}");
	text = document(wide.s);
	check(text, strlen(text));
}
#else
static void test_no_memory(void **state)
{
	(void)state;
	print_message("# built with a sanitizer's allocator\n");
	skip();
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
