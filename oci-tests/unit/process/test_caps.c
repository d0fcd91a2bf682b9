/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/process/child.h"

#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/proc.h"
#include "libcontainer/process/steps.h"

#define BIT(cap) (1ULL << (cap))
#define ALLOW_ALL "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\"},"

static const char *const keys[] = { "Uid",    "Gid",    "Groups",
				    "CapInh", "CapPrm", "CapEff",
				    "CapBnd", "CapAmb", "NoNewPrivs" };

/*
 * The sets of a config, the user, and what a program then has. With runc the
 * same config must give the same answer: that is the second half of the test.
 */
static const struct sample {
	const char *name;
	const char *caps; /* of process.capabilities; NULL: not in the config */
	uid_t uid;
	bool no_new_privs;
	bool filter;
	uint64_t want_permitted, want_inheritable, want_bounding, want_ambient;
} samples[] = {
	{ "runc spec",
	  "\"bounding\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\"],"
	  "\"effective\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\"],"
	  "\"permitted\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\"],"
	  "\"ambient\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\"]",
	  0, true, false, BIT(CAP_AUDIT_WRITE) | BIT(CAP_KILL), 0,
	  BIT(CAP_AUDIT_WRITE) | BIT(CAP_KILL), 0 },
	{ "the same as a user",
	  "\"bounding\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\"],"
	  "\"effective\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\"],"
	  "\"permitted\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\"],"
	  "\"ambient\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\"]",
	  1000, true, false, 0, 0, BIT(CAP_AUDIT_WRITE) | BIT(CAP_KILL), 0 },
	{ "none", "", 0, false, false, 0, 0, 0, 0 },
	{ "none, with a filter", "", 0, false, true, 0, 0, 0, 0 },
	{ "none, a user, with a filter", "", 1000, false, true, 0, 0, 0, 0 },
	{ "filter, no privileges",
	  "\"bounding\":[\"CAP_KILL\"],\"effective\":[\"CAP_KILL\"],"
	  "\"permitted\":[\"CAP_KILL\"]",
	  0, true, true, BIT(CAP_KILL), 0, BIT(CAP_KILL), 0 },
	{ "filter by CAP_SYS_ADMIN, which goes",
	  "\"bounding\":[\"CAP_KILL\"],\"effective\":[\"CAP_KILL\"],"
	  "\"permitted\":[\"CAP_KILL\"]",
	  0, false, true, BIT(CAP_KILL), 0, BIT(CAP_KILL), 0 },
	{ "filter, ambient for a user",
	  "\"bounding\":[\"CAP_KILL\",\"CAP_CHOWN\"],"
	  "\"effective\":[\"CAP_KILL\"],\"permitted\":[\"CAP_KILL\"],"
	  "\"inheritable\":[\"CAP_KILL\"],\"ambient\":[\"CAP_KILL\"]",
	  1000, false, true, BIT(CAP_KILL), BIT(CAP_KILL),
	  BIT(CAP_KILL) | BIT(CAP_CHOWN), BIT(CAP_KILL) },
	{ "inheritable without ambient",
	  "\"bounding\":[\"CAP_KILL\"],\"effective\":[\"CAP_KILL\"],"
	  "\"permitted\":[\"CAP_KILL\"],\"inheritable\":[\"CAP_KILL\"]",
	  1000, false, false, 0, BIT(CAP_KILL), BIT(CAP_KILL), 0 },
	{ "bounding is more than permitted: root gets it by execve",
	  "\"bounding\":[\"CAP_KILL\",\"CAP_NET_RAW\"],"
	  "\"effective\":[\"CAP_KILL\"],\"permitted\":[\"CAP_KILL\"]",
	  0, false, true, BIT(CAP_KILL) | BIT(CAP_NET_RAW), 0,
	  BIT(CAP_KILL) | BIT(CAP_NET_RAW), 0 },
	{ "unless it must not gain privileges",
	  "\"bounding\":[\"CAP_KILL\",\"CAP_NET_RAW\"],"
	  "\"effective\":[\"CAP_KILL\"],\"permitted\":[\"CAP_KILL\"]",
	  0, true, true, BIT(CAP_KILL), 0, BIT(CAP_KILL) | BIT(CAP_NET_RAW),
	  0 },
};

static const struct spec *sample_spec(struct arena *arena,
				      const struct sample *s)
{
	auto_free char *process = NULL;

	assert_true(asprintf(&process,
			     "\"noNewPrivileges\":%s,\"capabilities\":{%s},",
			     s->no_new_privs ? "true" : "false", s->caps) > 0);
	return doc_parse(arena, process, s->filter ? ALLOW_ALL : "");
}

struct run {
	const struct sample *sample;
	const struct spec *spec;
	struct seccomp_prog prog;
	bool ambient_before;
};

/* The whole way: apply, filter, execute something that shows its status. */
static void apply_and_show(void *arg)
{
	static const char *const args[] = { "/bin/cat", "/proc/self/status",
					    NULL };
	char *const env[] = { NULL };
	struct run *run = arg;
	struct spec_process process = run->spec->process;
	struct process_ctx ctx = { .process = &process };
	struct err err = { 0 };

	process.args = args;
	process.user.uid = run->sample->uid;
	process.user.gid = run->sample->uid;
	ctx.proc_fd = proc_root_open();
	ctx.filter = run->sample->filter ? &run->prog : NULL;
	if (run->ambient_before) {
		uint64_t e, p, i;

		CHECK(!sys_capget(&e, &p, &i));
		CHECK(!sys_capset(e, p, p));
		CHECK(!prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0,
			     0));
		CHECK(!prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE,
			     CAP_SYS_ADMIN, 0, 0));
	}
	CHECK_OK(process_apply(&ctx, &err), &err);
	CHECK_OK(process_exec(&ctx, args[0], env, &err), &err);
}

static void expect_hex(const char *status, const char *key, uint64_t want,
		       const char *name)
{
	char value[64];
	uint64_t have;

	status_field(status, key, value, sizeof(value));
	have = strtoull(value, NULL, 16);
	if (have != want)
		print_message("%s: %s is %llx\n", name, key,
			      (unsigned long long)have);
	assert_int_equal(have, want);
}

static void expect_sample(const struct sample *s, const char *status)
{
	char value[256], want[64];

	expect_hex(status, "CapInh", s->want_inheritable, s->name);
	expect_hex(status, "CapPrm", s->want_permitted, s->name);
	expect_hex(status, "CapEff", s->want_permitted, s->name);
	expect_hex(status, "CapBnd", s->want_bounding, s->name);
	expect_hex(status, "CapAmb", s->want_ambient, s->name);
	status_field(status, "NoNewPrivs", value, sizeof(value));
	assert_string_equal(value, s->no_new_privs ? "1" : "0");
	status_field(status, "Seccomp", value, sizeof(value));
	assert_string_equal(value, s->filter ? "2" : "0");
	status_field(status, "Groups", value, sizeof(value));
	assert_string_equal(value, "");
	snprintf(want, sizeof(want), "%u\t%u\t%u\t%u", s->uid, s->uid, s->uid,
		 s->uid);
	status_field(status, "Uid", value, sizeof(value));
	assert_string_equal(value, want);
}

static void run_sample(const struct sample *s, bool ambient_before, char *out,
		       size_t size)
{
	auto_arena struct arena arena = { 0 };
	struct run run = { .sample = s, .ambient_before = ambient_before };
	struct err err = { 0 };

	run.spec = sample_spec(&arena, s);
	if (s->filter)
		assert_int_equal(seccomp_prepare(-1, &run.spec->linux_.seccomp,
						 &run.prog, &err),
				 0);
	child_output(apply_and_show, &run, out, size);
	seccomp_prog_release(&run.prog);
}

static void test_sets_after_execve(void **state)
{
	(void)state;
	NEED_ROOT();
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		char status[8192];

		run_sample(&samples[i], false, status, sizeof(status));
		expect_sample(&samples[i], status);
		run_sample(&samples[i], true, status, sizeof(status));
		expect_sample(&samples[i], status);
	}
}

/* ---- the same by runc */
static void write_file(const char *dir, const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void write_bundle(const char *dir, const struct sample *s)
{
	auto_free char *text = NULL;
	char sub[PATH_MAX];

	assert_true(
		asprintf(&text,
			 "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":"
			 "\"rootfs\"},\"process\":{\"args\":[\"/busybox\","
			 "\"cat\",\"/proc/self/status\"],\"user\":{\"uid\":%u,"
			 "\"gid\":%u},\"cwd\":\"/\",\"noNewPrivileges\":%s,"
			 "\"capabilities\":{%s}},\"mounts\":[{\"destination\":"
			 "\"/proc\",\"type\":\"proc\",\"source\":\"proc\"}],"
			 "\"linux\":{%s\"namespaces\":[{\"type\":\"pid\"},"
			 "{\"type\":\"mount\"}]}}",
			 s->uid, s->uid, s->no_new_privs ? "true" : "false",
			 s->caps, s->filter ? ALLOW_ALL : "") > 0);
	write_file(dir, "config.json", text);
	snprintf(sub, sizeof(sub), "%s/rootfs", dir);
	mkdir(sub, 0755);
	snprintf(sub, sizeof(sub), "%s/rootfs/proc", dir);
	mkdir(sub, 0755);
	snprintf(sub, sizeof(sub), "cp -f /bin/busybox %s/rootfs/busybox", dir);
	assert_int_equal(system(sub), 0);
}

static void run_runc(void *arg)
{
	const char *dir = arg;
	char root[PATH_MAX], id[32];

	snprintf(root, sizeof(root), "%s/state", dir);
	snprintf(id, sizeof(id), "hull-unit-%d", (int)getpid());
	execlp("runc", "runc", "--root", root, "run", "-b", dir, id, NULL);
	CHECK(!"runc cannot be executed");
}

static void test_same_as_runc(void **state)
{
	const char *dir = *state;

	NEED_ROOT();
	if (access("/bin/busybox", X_OK) || system("runc --version >/dev/null"))
		SKIP("needs runc and busybox-static");
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		char ours[8192], theirs[8192] = "";

		write_bundle(dir, &samples[i]);
		child_output(run_runc, *state, theirs, sizeof(theirs));
		run_sample(&samples[i], false, ours, sizeof(ours));
		for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
			char a[256], b[256];

			assert_string_equal(
				status_field(ours, keys[k], a, sizeof(a)),
				status_field(theirs, keys[k], b, sizeof(b)));
		}
	}
}

/* ---- what is refused before anything is made */
static int check(const char *process, struct err *err)
{
	auto_arena struct arena arena = { 0 };
	const struct spec *spec = doc_parse(&arena, process, "");
	const struct process_ctx ctx = { .process = &spec->process };

	return process_check(&ctx, err);
}

static void test_contradicting_sets(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_int_equal(
		check("\"capabilities\":{\"effective\":[\"CAP_KILL\"]},", &err),
		-EPERM);
	assert_string_equal(err.field, "process.capabilities.effective");
	assert_string_equal(err.msg, "process.capabilities.effective: CAP_KILL "
				     "is not in the permitted set");
	err = (struct err){ 0 };
	assert_int_equal(
		check("\"capabilities\":{\"inheritable\":[\"CAP_KILL\"]},",
		      &err),
		-EPERM);
	assert_string_equal(err.field, "process.capabilities.inheritable");
}

static void check_without_caps(void *arg)
{
	struct err err = { 0 };

	(void)arg;
	CHECK(!prctl(PR_CAPBSET_DROP, CAP_CHOWN, 0, 0, 0));
	CHECK(!sys_capset(BIT(CAP_KILL), BIT(CAP_KILL), 0));
	CHECK(check("\"capabilities\":{\"bounding\":[\"CAP_CHOWN\","
		    "\"CAP_KILL\"],\"permitted\":[\"CAP_KILL\","
		    "\"CAP_NET_RAW\",\"CAP_SETUID\"]},",
		    &err) == -EPERM);
	CHECK(!strcmp(err.msg,
		      "process.capabilities.bounding: CAP_CHOWN is not "
		      "available to hull here\n"
		      "process.capabilities.permitted: CAP_SETUID, CAP_NET_RAW "
		      "is not available to hull here"));
	CHECK(!strcmp(err.field, "process.capabilities.bounding"));
}

static void test_what_hull_lacks(void **state)
{
	(void)state;
	NEED_ROOT();
	child_ok(check_without_caps, NULL);
}

static void test_userns_has_all(void **state)
{
	static const struct spec_process process = {
		.caps = { .set = true,
			  .bounding = BIT(CAP_SYS_RESOURCE),
			  .permitted = BIT(CAP_SYS_RESOURCE) },
	};
	struct process_ctx ctx = { .process = &process, .userns = true };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(process_check(&ctx, &err), 0);
}

static void test_last_cap(void **state)
{
	auto_file FILE *f = fopen("/proc/sys/kernel/cap_last_cap", "re");
	int last = -1;

	(void)state;
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &last), 1);
	assert_int_equal(process_last_cap(), last);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sets_after_execve),
		cmocka_unit_test_setup_teardown(test_same_as_runc, dir_setup,
						dir_teardown),
		cmocka_unit_test(test_contradicting_sets),
		cmocka_unit_test(test_what_hull_lacks),
		cmocka_unit_test(test_userns_has_all),
		cmocka_unit_test(test_last_cap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
