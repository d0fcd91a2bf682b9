/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json/json.h"
#include "cmd/hull-agent/net.h"
#include "cmd/hull-agent/netval.h"
#include "cmd/hull-agent/route.h"

#define SKIPPED 77

/* Two interfaces whose names have to change places. */
static const char making[] =
	"ip link add eth1 address 02:00:00:00:00:01 type veth peer name x0 && "
	"ip link add eth0 address 02:00:00:00:00:02 type veth peer name x1 && "
	"ip link set x0 up && ip link set x1 up && ip link set lo up";

static const char network[] =
	"[{\"name\":\"eth0\",\"mac\":\"02:00:00:00:00:01\",\"mtu\":1400,"
	"\"addresses\":[{\"address\":\"10.7.0.2\",\"prefix\":24,"
	"\"broadcast\":\"10.7.0.255\"},"
	"{\"address\":\"10.5.0.2\",\"prefix\":24},"
	"{\"address\":\"fd07::2\",\"prefix\":64}],"
	/* as a dump may have them: in no helpful order, the kernel's own too */
	"\"routes\":[{\"dst\":\"default\",\"gateway\":\"10.7.0.1\"},"
	"{\"dst\":\"10.9.0.0/16\",\"gateway\":\"10.8.0.1\",\"metric\":5},"
	"{\"dst\":\"10.7.0.0/24\",\"scope\":\"link\",\"src\":\"10.7.0.2\"},"
	"{\"dst\":\"10.8.0.0/24\",\"scope\":253,\"metrics\":["
	"{\"index\":1,\"value\":4},{\"index\":2,\"value\":1300},"
	"{\"index\":8,\"value\":1200},{\"index\":11,\"value\":20}]},"
	"{\"dst\":\"10.8.0.0/24\",\"scope\":253,\"tos\":16},"
	/* in the place of those that come with the addresses */
	"{\"dst\":\"10.5.0.0/24\",\"scope\":253,\"metrics\":["
	"{\"index\":2,\"value\":1290}]},"
	"{\"dst\":\"fd07::/64\",\"metric\":256,\"metrics\":["
	"{\"index\":2,\"value\":1280}]},"
	"{\"dst\":\"default\",\"gateway\":\"fd07::1\",\"family\":6}],"
	"\"neighbours\":[{\"address\":\"10.7.0.1\","
	"\"mac\":\"02:00:00:00:00:99\"}]},"
	"{\"name\":\"eth1\",\"mac\":\"02:00:00:00:00:02\",\"up\":false,"
	"\"noarp\":true,"
	"\"addresses\":[{\"address\":\"10.6.0.2\",\"prefix\":32,"
	"\"peer\":\"10.6.0.1\",\"scope\":\"link\"}]}]";

static int apply(const char *text, struct err *err)
{
	auto_arena struct arena arena = { 0 };
	const struct json *v = json_parse(&arena, text, strlen(text), err);

	return v ? net_apply(v, err) : -EBADMSG;
}

/* In a network namespace of its own. Return: what is not as it should be. */
static int child(void)
{
	static const char *const checks[] = {
		"ip -o link show eth0 | grep -q 'UP.*mtu 1400.*00:01'",
		"ip -o link show eth0 | grep -vq NOARP",
		"ip -o link show eth1 | grep 00:02 | grep -vq 'UP'",
		"ip -o link show eth1 | grep -q NOARP",
		"ip -o -4 addr show eth0 | grep -q "
		"'10.7.0.2/24 brd 10.7.0.255 scope global'",
		"ip -o -6 addr show eth0 | grep fd07::2/64 | "
		"grep -vq tentative",
		"ip -o -4 addr show eth1 | grep -q "
		"'10.6.0.2 peer 10.6.0.1/32 scope link'",
		"ip route show default | grep -q 'via 10.7.0.1 dev eth0'",
		"ip route show 10.9.0.0/16 | grep -q "
		"'via 10.8.0.1 dev eth0 .*metric 5'",
		"ip route show 10.8.0.0/24 | grep -q 'dev eth0 .*scope link "
		"mtu lock 1300 advmss 1200 initcwnd 20'",
		"ip route show 10.8.0.0/24 | grep -q 'tos 0x10 dev eth0'",
		"ip route show 10.5.0.0/24 | grep -q 'mtu 1290'",
		"test $(ip route show 10.5.0.0/24 | wc -l) = 1",
		"ip -6 route show fd07::/64 | grep -q 'mtu 1280'",
		"test $(ip -6 route show fd07::/64 | wc -l) = 1",
		"test $(ip route show 10.7.0.0/24 | wc -l) = 1",
		"ip -6 route show default | grep -q 'via fd07::1 dev eth0'",
		"ip neigh show dev eth0 | grep -q "
		"'10.7.0.1 lladdr 02:00:00:00:00:99 PERMANENT'",
	};
	struct err err = { 0 };

	if (unshare(CLONE_NEWNET) || system(making))
		return SKIPPED;
	if (apply(network, &err)) {
		printf("%s\n", err.msg);
		return 1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		if (system(checks[i])) {
			printf("not so: %s\n", checks[i]);
			return 2;
		}
	}
	/* again: all of it is there */
	if (apply(network, &err)) {
		printf("%s\n", err.msg);
		return 3;
	}
	return 0;
}

static void test_apply(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	if (geteuid() != 0)
		skip();
	fflush(NULL);
	pid = fork();
	if (!pid) {
		int rc = child();

		fflush(NULL);
		_exit(rc);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == SKIPPED)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_refused(void **state)
{
	static const struct {
		const char *json;
		const char *field;
	} cases[] = {
		{ "[{\"name\":\"e\"}]", "network[0].mac" },
		{ "[{\"name\":\"e\",\"mac\":\"x\"}]", "network[0].mac" },
		{ "[{\"name\":\"e\",\"mac\":\"02:ff:00:ff:00:f7\"}]",
		  "network[0].mac" },
		{ "[{\"slot\":-1,\"mac\":\"x\"}]", "network[0].slot" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = { 0 };

		assert_true(apply(cases[i].json, &err) < 0);
		assert_string_equal(err.field, cases[i].field);
	}
	assert_int_equal(apply("[]", NULL), 0);
}

/* Before the kernel is asked: there is no socket. */
static void test_route_refused(void **state)
{
	static const struct {
		const char *json;
		const char *field;
	} cases[] = {
		{ "{\"tos\":256}", "network[0].tos" },
		{ "{\"tos\":\"x\"}", "network[0].tos" },
		{ "{\"metrics\":2}", "network[0].metrics" },
		{ "{\"metrics\":[2]}", "network[0].metrics" },
		{ "{\"metrics\":[{}]}", "network[0].metrics" },
		{ "{\"metrics\":[{\"index\":2}]}", "network[0].metrics" },
		{ "{\"metrics\":[{\"value\":2}]}", "network[0].metrics" },
		{ "{\"metrics\":[{\"index\":0,\"value\":2}]}",
		  "network[0].metrics" },
		{ "{\"metrics\":[{\"index\":16,\"value\":2}]}",
		  "network[0].metrics" },
		{ "{\"metrics\":[{\"index\":1000,\"value\":2}]}",
		  "network[0].index" },
		{ "{\"metrics\":[{\"index\":-1,\"value\":2}]}",
		  "network[0].index" },
		{ "{\"metrics\":[{\"index\":2,\"value\":4294967296}]}",
		  "network[0].value" },
		{ "{\"metrics\":[{\"index\":2,\"value\":\"bbr\"}]}",
		  "network[0].value" },
	};
	const struct netval_at at = { .list = "network" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_arena struct arena arena = { 0 };
		struct err err = { 0 };
		const struct json *v = json_parse(&arena, cases[i].json,
						  strlen(cases[i].json), &err);

		assert_non_null(v);
		assert_int_equal(route_add(-1, 1, v, false, &at, &err),
				 -EINVAL);
		assert_string_equal(err.field, cases[i].field);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_apply),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_route_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
