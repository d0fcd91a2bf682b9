/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/libcontainer/lab.h"
#include "spec/spec.h"

static void fill(struct ct *ct)
{
	static char version[] = "1.3.0", bundle[] = "/b \"x\"\\\n\xc3\xa4";
	static char rootfs[] = "/r", key[] = "k", value[] = "v\n", empty[] = "";
	static char *pairs[] = { key, value, empty, empty, NULL };
	struct ct_state *st = &ct->st;

	st->oci_version = version;
	st->bundle = bundle;
	st->rootfs = rootfs;
	st->created_ns = INT64_MAX;
	st->started_ns = -1;
	st->owner = 4294967294u;
	st->pid = 4194304;
	st->start_time = UINT64_MAX;
	st->ns_flags = CLONE_NEWPID | CLONE_NEWTIME | CLONE_NEWUSER;
	st->started = true;
	st->cgroup.manager = CG_MANAGER_CGROUPFS;
	st->cgroup.mode = CG_MODE_HYBRID;
	st->cgroup.v1_mask = CG_V1_CPU | CG_V1_HUGETLB;
	snprintf(st->cgroup.path, sizeof(st->cgroup.path), "/a/b c/k1");
	st->exit = (struct hull_exit){
		.recorded = true,
		.status_known = true,
		.status = 0xff7f,
		.oom_known = true,
		.oom = true,
		.peak_known = true,
		.memory_peak_bytes = UINT64_MAX,
		.end_exact = true,
		.end_ns = 17,
	};
	st->annotations = pairs;
}

static void test_round_trip(void **state)
{
	const struct lab *lab = *state;
	auto_ct struct ct a = CT_INIT;
	auto_ct struct ct b = CT_INIT;

	assert_int_equal(ct_new(&lab->ctx, "k1", &a, NULL), 0);
	fill(&a);
	assert_int_equal(ct_save(&a, NULL), 0);
	ct_unlock(&a);
	assert_int_equal(ct_open(&lab->ctx, "k1", true, &b, NULL), 0);
	assert_string_equal(b.st.id, "k1");
	assert_string_equal(b.st.oci_version, a.st.oci_version);
	assert_string_equal(b.st.bundle, a.st.bundle);
	assert_string_equal(b.st.rootfs, a.st.rootfs);
	assert_true(b.st.created_ns == a.st.created_ns);
	assert_true(b.st.started_ns == a.st.started_ns);
	assert_int_equal(b.st.owner, a.st.owner);
	assert_int_equal(b.st.pid, a.st.pid);
	assert_true(b.st.start_time == a.st.start_time);
	assert_int_equal(b.st.ns_flags, a.st.ns_flags);
	assert_true(b.st.started);
	assert_int_equal(b.st.cgroup.manager, a.st.cgroup.manager);
	assert_int_equal(b.st.cgroup.mode, a.st.cgroup.mode);
	assert_int_equal(b.st.cgroup.v1_mask, a.st.cgroup.v1_mask);
	assert_string_equal(b.st.cgroup.path, a.st.cgroup.path);
	assert_true(b.st.exit.recorded && b.st.exit.status_known);
	assert_int_equal(b.st.exit.status, 0xff7f);
	assert_true(b.st.exit.oom_known && b.st.exit.oom);
	assert_true(b.st.exit.memory_peak_bytes == UINT64_MAX);
	assert_true(b.st.exit.end_exact && b.st.exit.end_ns == 17);
	assert_string_equal(b.st.annotations[1], "v\n");
	assert_string_equal(b.st.annotations[2], "");
	assert_null(b.st.annotations[4]);
	/* not destroyed: it is no cgroup of ours */
	b.st.cgroup.manager = CG_MANAGER_DISABLED;
	assert_int_equal(ct_remove(&b, NULL), 0);
}

static void test_annotations_of_spec(void **state)
{
	const struct lab *lab = *state;
	const struct spec_pair pairs[] = { { "a", "1" }, { "b", "2" } };
	const struct spec spec = { .annotations = pairs,
				   .annotation_count = 2 };
	auto_ct struct ct ct = CT_INIT;
	struct hull_state got;

	assert_int_equal(ct_new(&lab->ctx, "k1", &ct, NULL), 0);
	ct.spec = &spec;
	ct.st.cgroup.manager = CG_MANAGER_DISABLED;
	assert_int_equal(ct_save(&ct, NULL), 0);
	assert_int_equal(hull_state_get(&lab->ctx, "k1", &got, NULL), 0);
	assert_string_equal(got.annotations[2], "b");
	assert_string_equal(got.annotations[3], "2");
	assert_null(got.annotations[4]);
	assert_string_equal(got.isolation, "process");
	hull_state_release(&got);
	assert_int_equal(ct_remove(&ct, NULL), 0);
}

static void test_state_json(void **state)
{
	const struct lab *lab = *state;
	auto_ct struct ct ct = CT_INIT;
	auto_free char *json = NULL;

	lab_make(lab, "k1", 0, false);
	assert_int_equal(ct_open(&lab->ctx, "k1", true, &ct, NULL), 0);
	ct.st.owner = 1000;
	assert_int_equal(ct_state_json(&ct, HULL_CREATING, 77, &json), 0);
	assert_string_equal(
		json, "{\"ociVersion\":\"1.0.2\",\"id\":\"k1\","
		      "\"status\":\"creating\",\"pid\":77,\"bundle\":\"/b\","
		      "\"rootfs\":\"/b/r\","
		      "\"created\":\"2023-11-14T22:13:20.123456789Z\","
		      "\"owner\":\"1000\",\"annotations\":{}}");
	assert_int_equal(ct_remove(&ct, NULL), 0);
}

static void test_exists(void **state)
{
	const struct lab *lab = *state;
	auto_ct struct ct ct = CT_INIT;
	struct err err = { 0 };

	assert_int_equal(ct_open(&lab->ctx, "k1", true, &ct, &err), -ENOENT);
	assert_string_equal(err.msg, "container does not exist");
	ct_close(&ct);
	lab_make(lab, "k1", 0, false);
	assert_int_equal(ct_new(&lab->ctx, "k1", &ct, &err), -EEXIST);
	assert_string_equal(err.msg, "container with given ID already exists");
	lab_delete(lab, "k1");
	lab_delete(lab, "k1");
	assert_int_equal(hull_delete(&lab->ctx, "k1", false, &err), -ENOENT);
	assert_string_equal(err.msg, "container does not exist");
}

/* One process holds the lock for a while; another waits for it. */
static void test_lock(void **state)
{
	const struct lab *lab = *state;
	auto_ct struct ct ct = CT_INIT;
	int pipe_fd[2];
	char c;
	pid_t pid;

	lab_make(lab, "k1", 0, false);
	assert_int_equal(pipe2(pipe_fd, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		struct ct mine = CT_INIT;

		if (ct_open(&lab->ctx, "k1", true, &mine, NULL))
			_exit(1);
		if (write(pipe_fd[1], "x", 1) != 1)
			_exit(1);
		lab_sleep_ms(100);
		mine.st.started_ns = 5;
		ct_save(&mine, NULL);
		_exit(0);
	}
	assert_int_equal(read(pipe_fd[0], &c, 1), 1);
	assert_int_equal(lab_status(lab, "k1"), HULL_CREATING);
	assert_int_equal(ct_open(&lab->ctx, "k1", true, &ct, NULL), 0);
	assert_true(ct.st.started_ns == 5);
	waitpid(pid, NULL, 0);
	ct_unlock(&ct);
	assert_int_equal(lab_status(lab, "k1"), HULL_STOPPED);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	lab_delete(lab, "k1");
}

/* A child that keeps the descriptor does not keep the lock. */
static void test_lock_and_child(void **state)
{
	const struct lab *lab = *state;
	struct ct ct = CT_INIT;
	pid_t pid;

	lab_make(lab, "k1", 0, false);
	assert_int_equal(ct_open(&lab->ctx, "k1", true, &ct, NULL), 0);
	pid = lab_sleeper();
	ct_close(&ct);
	lab_delete(lab, "k1");
	lab_end(pid);
}

/* Deleted by somebody and made anew: the old handle must not touch it. */
static void test_lock_of_a_ghost(void **state)
{
	const struct lab *lab = *state;
	auto_ct struct ct ct = CT_INIT;
	struct err err = { 0 };

	lab_make(lab, "k1", 0, false);
	assert_int_equal(ct_open(&lab->ctx, "k1", true, &ct, NULL), 0);
	ct_unlock(&ct);
	lab_delete(lab, "k1");
	lab_make(lab, "k1", 0, false);
	assert_int_equal(ct_remove(&ct, &err), 0);
	assert_int_equal(ct_lock(&ct, &err), -ENOENT);
	assert_string_equal(err.msg, "container does not exist");
	assert_int_equal(ct_remove(&ct, NULL), 0);
	assert_int_equal(ct_save(&ct, NULL), -ENOENT);
	assert_true(lab_exists(lab, "k1", "state.json"));
	lab_delete(lab, "k1");
}

static void test_remove_needs_lock(void **state)
{
	const struct lab *lab = *state;
	auto_ct struct ct ct = CT_INIT;

	lab_make(lab, "k1", 0, false);
	assert_int_equal(ct_open(&lab->ctx, "k1", false, &ct, NULL), 0);
	assert_int_equal(ct_remove(&ct, NULL), -ENOLCK);
	assert_true(lab_exists(lab, "k1", "state.json"));
	lab_delete(lab, "k1");
}

/* Two dozen processes create and delete the same container. */
static void storm_child(const struct lab *lab)
{
	for (int i = 0; i < 100; i++) {
		struct ct ct = CT_INIT;
		int ret = ct_new(&lab->ctx, "k1", &ct, NULL);

		if (ret && ret != -EEXIST)
			_exit(1);
		ct.st.cgroup.manager = CG_MANAGER_DISABLED;
		if (!ret && i % 3 && ct_save(&ct, NULL))
			_exit(2);
		ct_close(&ct);
		if (hull_delete(&lab->ctx, "k1", true, NULL))
			_exit(3);
	}
	_exit(0);
}

static void test_storm(void **state)
{
	const struct lab *lab = *state;
	enum { WORKERS = 8 };
	int status;

	for (int i = 0; i < WORKERS; i++)
		if (!fork())
			storm_child(lab);
	for (int i = 0; i < WORKERS; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	lab_delete(lab, "k1");
}

/* What hull leaves when it is killed at any point of create and delete. */
static void test_leftovers(void **state)
{
	const struct lab *lab = *state;
	static const char *const names[] = { NULL, ".state.json.1.0",
					     "config.json", "gate.sock" };
	char path[PATH_MAX];
	struct hull_state *list;
	size_t count;

	for (unsigned int set = 0; set < 1u << ARRAY_SIZE(names); set++) {
		struct err err = { 0 };

		lab_path(lab, "k1", NULL, path);
		assert_int_equal(mkdir(path, 0700), 0);
		for (size_t i = 1; i < ARRAY_SIZE(names); i++)
			if (set & (1u << i))
				lab_write(lab, "k1", names[i], "{", 1);
		assert_int_equal(hull_list(&lab->ctx, &list, &count, NULL), 0);
		assert_int_equal(count, 1);
		assert_non_null(strstr(list[0].problem, "is missing"));
		hull_state_release(&list[0]);
		free(list);
		assert_int_equal(hull_kill(&lab->ctx, "k1", 9, false, &err),
				 -ESRCH);
		assert_string_equal(err.msg, "container not running");
		assert_int_equal(hull_start(&lab->ctx, "k1", NULL), -EBADMSG);
		assert_int_equal(hull_delete(&lab->ctx, "k1", set & 1, &err),
				 0);
	}
}

/* Directories of other runtimes in the same root. */
static void test_foreign(void **state)
{
	const struct lab *lab = *state;
	static const struct {
		const char *name, *text, *other;
	} cases[] = {
		{ "runc", "{\"id\":\"runc\",\"init_process_pid\":1}", NULL },
		{ "runc2", "{\"id\":\"runc\"}", "exec.fifo" },
		{ "crun", NULL, "status" },
		{ "youki", "{\"id\":\"youki\"}", "youki_config.json" },
		{ "odd", "garbage", "something" },
	};
	struct hull_state *list;
	size_t count;
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *id = cases[i].name;
		struct err err = { 0 };
		struct ct ct = CT_INIT;

		lab_path(lab, id, NULL, path);
		assert_int_equal(mkdir(path, 0711), 0);
		if (cases[i].text)
			lab_write(lab, id, "state.json", cases[i].text,
				  strlen(cases[i].text));
		if (cases[i].other)
			lab_write(lab, id, cases[i].other, "", 0);
		assert_int_equal(hull_list(&lab->ctx, &list, &count, NULL), 0);
		assert_int_equal(count, 0);
		free(list);
		assert_int_equal(hull_kill(&lab->ctx, id, 9, false, &err),
				 -ENOENT);
		assert_string_equal(err.msg, "container does not exist");
		assert_int_equal(hull_delete(&lab->ctx, id, true, NULL), 0);
		assert_int_equal(hull_delete(&lab->ctx, id, false, NULL),
				 -ENOENT);
		assert_int_equal(ct_new(&lab->ctx, id, &ct, NULL), -EEXIST);
		ct_close(&ct);
		if (cases[i].text)
			assert_true(lab_exists(lab, id, "state.json"));
		for (int k = 0; k < 2; k++) {
			const char *name = k ? "state.json" : cases[i].other;

			if (!name)
				continue;
			lab_path(lab, id, name, path);
			unlink(path);
		}
		lab_path(lab, id, NULL, path);
		assert_int_equal(rmdir(path), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_round_trip),
		LAB_TEST(test_annotations_of_spec),
		LAB_TEST(test_state_json),
		LAB_TEST(test_exists),
		LAB_TEST(test_lock),
		LAB_TEST(test_lock_and_child),
		LAB_TEST(test_lock_of_a_ghost),
		LAB_TEST(test_remove_needs_lock),
		LAB_TEST(test_storm),
		LAB_TEST(test_leftovers),
		LAB_TEST(test_foreign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
