/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/libcontainer/lab.h"

#include "base/arena.h"
#include "base/json/json.h"
#include "spec/spec.h"

static void test_empty(void **state)
{
	const struct lab *lab = *state;
	struct hull_context nowhere = { .root = "/nonexistent/hull" };
	struct hull_state *list;
	size_t count = 7;

	assert_int_equal(hull_list(&lab->ctx, &list, &count, NULL), 0);
	assert_int_equal(count, 0);
	assert_null(list);
	assert_int_equal(hull_list(&nowhere, &list, &count, NULL), 0);
	assert_int_equal(count, 0);
}

/* Good ones, broken ones, and what is none: by name, and never a failure. */
static void test_neighbours(void **state)
{
	static const struct {
		const char *id;
		bool broken;
	} want[] = {
		{ "a", false },        { "b-empty", true }, { "c-cut", true },
		{ "d-fifo", true },    { "e", false },      { "f-dir", true },
		{ "g-foreign", true },
	};
	const struct lab *lab = *state;
	char path[PATH_MAX];
	struct hull_state *list;
	size_t count;

	lab_make(lab, "e", 0, false);
	lab_make(lab, "a", 0, false);
	lab_make(lab, "c-cut", 0, false);
	lab_path(lab, "c-cut", "state.json", path);
	assert_int_equal(truncate(path, 20), 0);
	lab_path(lab, "b-empty", NULL, path);
	assert_int_equal(mkdir(path, 0), 0);
	lab_path(lab, "d-fifo", NULL, path);
	assert_int_equal(mkdir(path, 0700), 0);
	lab_path(lab, "d-fifo", "state.json", path);
	assert_int_equal(mkfifo(path, 0600), 0);
	lab_path(lab, "f-dir", NULL, path);
	assert_int_equal(mkdir(path, 0700), 0);
	lab_path(lab, "f-dir", "state.json", path);
	assert_int_equal(mkdir(path, 0700), 0);
	lab_make(lab, "g-foreign", 0, false);
	lab_path(lab, "g-foreign", NULL, path);
	assert_int_equal(chown(path, 77, 77), geteuid() ? -1 : 0);
	/* none of ours */
	lab_path(lab, ".cache", NULL, path);
	assert_int_equal(mkdir(path, 0700), 0);
	lab_write(lab, ".", "a-file", "x", 1);
	lab_path(lab, "a link", NULL, path);
	assert_int_equal(symlink("a", path), 0);
	lab_path(lab, "link", NULL, path);
	assert_int_equal(symlink("a", path), 0);
	lab_path(lab, "runc", NULL, path);
	assert_int_equal(mkdir(path, 0700), 0);
	lab_write(lab, "runc", "exec.fifo", "", 0);

	assert_int_equal(hull_list(&lab->ctx, &list, &count, NULL), 0);
	assert_int_equal(count, ARRAY_SIZE(want));
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(list[i].id, want[i].id);
		if (geteuid() == 0)
			assert_int_equal(!!list[i].problem, want[i].broken);
		assert_non_null(list[i].bundle);
		hull_state_release(&list[i]);
	}
	free(list);
	assert_int_equal(hull_kill(&lab->ctx, "link", 9, false, NULL), -ENOENT);
	assert_int_equal(hull_delete(&lab->ctx, "link", true, NULL), 0);
	assert_true(lab_exists(lab, "link", NULL));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		lab_delete(lab, want[i].id);
	assert_true(lab_exists(lab, "runc", "exec.fifo"));
	snprintf(path, sizeof(path),
		 "rm -r '%s'/*link %s/.cache %s/a-file "
		 "%s/runc",
		 lab->root, lab->root, lab->root, lab->root);
	assert_int_equal(system(path), 0);
}

static void test_many(void **state)
{
	enum { MANY = 300 };
	const struct lab *lab = *state;
	struct timespec t0, t1;
	pid_t pid = lab_sleeper();
	struct hull_state *list;
	char id[16];
	size_t count;

	for (int i = 0; i < MANY; i++) {
		snprintf(id, sizeof(id), "c%03d", i);
		lab_make(lab, id, pid, true);
	}
	clock_gettime(CLOCK_MONOTONIC, &t0);
	assert_int_equal(hull_list(&lab->ctx, &list, &count, NULL), 0);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	print_message("list: %.1f us each\n",
		      ((double)(t1.tv_sec - t0.tv_sec) * 1e6 +
		       (double)(t1.tv_nsec - t0.tv_nsec) / 1e3) /
			      MANY);
	assert_int_equal(count, MANY);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(list[i].status, HULL_RUNNING);
		hull_state_release(&list[i]);
	}
	free(list);
	lab_end(pid);
	for (int i = 0; i < MANY; i++) {
		snprintf(id, sizeof(id), "c%03d", i);
		lab_delete(lab, id);
	}
}

static bool has(const struct json *list, const char *word)
{
	assert_non_null(list);
	assert_int_equal(list->type, JSON_ARRAY);
	for (const struct json *v = list->child; v; v = v->next)
		if (!strcmp(v->text, word))
			return true;
	return false;
}

static void test_features(void **state)
{
	struct arena arena = { 0 };
	struct err err = { 0 };
	const struct json *doc, *lin, *seccomp;
	char *text;

	(void)state;
	assert_int_equal(hull_features(&text, NULL), 0);
	doc = json_parse(&arena, text, strlen(text), &err);
	if (!doc)
		fail_msg("%s", err.msg);
	assert_string_equal(json_get(doc, "ociVersionMin")->text, "1.0.0");
	assert_string_equal(json_get(doc, "ociVersionMax")->text, "1.3.0");
	assert_int_equal(json_get(doc, "hooks")->count, SPEC_HOOK_KINDS);
	assert_true(has(json_get(doc, "mountOptions"), "rro"));
	lin = json_get(doc, "linux");
	assert_true(has(json_get(lin, "namespaces"), "user"));
	assert_true(has(json_get(lin, "capabilities"), "CAP_CHOWN"));
	seccomp = json_get(lin, "seccomp");
	assert_true(has(json_get(seccomp, "actions"), "SCMP_ACT_ERRNO"));
	assert_true(has(json_get(seccomp, "actions"), "SCMP_ACT_NOTIFY"));
	assert_true(has(json_get(seccomp, "supportedFlags"),
			"SECCOMP_FILTER_FLAG_LOG"));
	assert_true(json_get(json_get(lin, "intelRdt"), "enabled")->boolean);
	assert_int_equal(
		json_get(doc, "potentiallyUnsafeConfigAnnotations")->count, 1);
	arena_release(&arena);
	free(text);
}

static void test_small_api(void **state)
{
	struct err *err = hull_err_new();
	struct arena arena = { 0 };
	char *text;

	(void)state;
	assert_non_null(err);
	assert_string_equal(hull_err_message(err), "");
	assert_int_equal(hull_kill(NULL, "a/b", 9, false, err), -EINVAL);
	assert_non_null(strstr(hull_err_message(err), "invalid container id"));
	assert_string_equal(hull_err_field(err), "");
	assert_string_equal(hull_err_stage(err), "");
	hull_err_free(err);
	for (int rootless = 0; rootless < 2; rootless++) {
		struct err why = { 0 };

		assert_int_equal(hull_spec(rootless, &text), 0);
		if (!spec_parse(&arena, text, strlen(text), NULL, &why))
			fail_msg("%s", why.msg);
		free(text);
	}
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_empty),     LAB_TEST(test_neighbours),
		LAB_TEST(test_many),      LAB_TEST(test_features),
		LAB_TEST(test_small_api),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
