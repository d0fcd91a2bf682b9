/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/process/child.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/json/json.h"
#include "namespaces/ns.h"

/*
 * The test runs in BUILD/unit/namespaces, so BUILD/unit/libexec/hull is where
 * an installed hull would look from there.
 */
static char libexec[PATH_MAX], helper[PATH_MAX + 32];

static int setup(void **state)
{
	char exe[PATH_MAX], build[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	(void)state;
	if (n < 0)
		return -1;
	exe[n] = '\0';
	for (int i = 0; i < 2; i++)
		*strrchr(exe, '/') = '\0';
	snprintf(libexec, sizeof(libexec), "%.*s/libexec", PATH_MAX - 16, exe);
	snprintf(helper, sizeof(helper), "%s/hull/hull-net", libexec);
	*strrchr(exe, '/') = '\0';
	snprintf(build, sizeof(build), "%.*s/hull-net", PATH_MAX - 16, exe);
	if (access(build, X_OK))
		return 0; /* the tests skip themselves */
	mkdir(libexec, 0755);
	*strrchr(helper, '/') = '\0';
	mkdir(helper, 0755);
	snprintf(helper, sizeof(helper), "%s/hull/hull-net", libexec);
	if (symlink(build, helper) && errno != EEXIST)
		print_message("cannot make %s\n", helper);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(helper);
	*strrchr(helper, '/') = '\0';
	rmdir(helper);
	rmdir(libexec);
	return 0;
}

static pid_t holder(const char *command)
{
	int fds[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		c = unshare(CLONE_NEWNET) || system(command) ? 'n' : 'y';
		if (write(fds[1], &c, 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	assert_int_equal(read(fds[0], &c, 1), 1);
	close(fds[0]);
	close(fds[1]);
	if (c == 'y')
		return pid;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return -1;
}

static void release(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static int ask(pid_t pid, struct strbuf *out, struct err *err)
{
	struct json_gen gen;
	int ret;

	json_gen_init(&gen, out, false);
	json_gen_object(&gen, NULL);
	ret = ns_net_stats(pid, &gen, err);
	json_gen_end_object(&gen);
	return ret;
}

static uint64_t number(const struct json *link, const char *key)
{
	const struct json *v = json_get(link, key);
	uint64_t n;

	assert_non_null(v);
	assert_int_equal(json_u64(v, &n), 0);
	return n;
}

static void test_counters(void **state)
{
	static const char *const zero[] = { "RxBytes",   "RxErrors",
					    "RxDropped", "RxPackets",
					    "TxErrors",  "TxDropped" };
	auto_strbuf struct strbuf out = STRBUF_INIT;
	auto_arena struct arena arena = { 0 };
	const struct json *list, *link;
	struct err err = { 0 };
	pid_t pid;

	(void)state;
	NEED_ROOT();
	if (access(helper, X_OK))
		SKIP("build/hull-net is not built");
	/* a byte that JSON has to escape, and a packet that goes out */
	pid = holder("{ ip link add 'e\"0' type dummy || "
		     "ip tuntap add 'e\"0' mode tap; } 2>/dev/null && "
		     "ip link set lo up && ip link set 'e\"0' up");
	if (pid < 0)
		SKIP("no kind of interface can be made here");
	assert_int_equal(ask(pid, &out, &err), 0);
	list = json_get(json_parse(&arena, out.s, out.len, &err),
			"network_interfaces");
	assert_non_null(list);
	assert_int_equal(list->count, 1); /* "lo" is not among them */
	link = list->child;
	assert_string_equal(json_get(link, "Name")->text, "e\"0");
	for (size_t i = 0; i < ARRAY_SIZE(zero); i++)
		number(link, zero[i]);
	assert_int_equal(number(link, "RxBytes"), 0);
	number(link, "TxBytes");
	number(link, "TxPackets");
	assert_int_equal(link->count, 9);
	release(pid);
}

static void test_no_interfaces(void **state)
{
	auto_strbuf struct strbuf out = STRBUF_INIT;
	struct err err = { 0 };
	int before = dup(0), after;
	pid_t pid;

	(void)state;
	NEED_ROOT();
	if (access(helper, X_OK))
		SKIP("build/hull-net is not built");
	close(before);
	pid = holder("true");
	assert_true(pid > 0);
	assert_int_equal(ask(pid, &out, &err), 0);
	assert_string_equal(out.s, "{\"network_interfaces\":[]}");
	release(pid);
	after = dup(0);
	close(after);
	assert_int_equal(before, after);
}

static void test_gone(void **state)
{
	auto_strbuf struct strbuf out = STRBUF_INIT;
	struct err err = { 0 };

	(void)state;
	NEED_ROOT();
	if (access(helper, X_OK))
		SKIP("build/hull-net is not built");
	assert_int_equal(ask(0x3fffff, &out, &err), -ENOENT);
}

static void test_no_helper(void **state)
{
	auto_strbuf struct strbuf out = STRBUF_INIT;
	struct err err = { 0 };
	char away[sizeof(helper) + 8];

	(void)state;
	snprintf(away, sizeof(away), "%s.away", helper);
	rename(helper, away);
	assert_int_equal(ask(getpid(), &out, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "hull-net"));
	rename(away, helper);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_no_interfaces),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_no_helper),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
