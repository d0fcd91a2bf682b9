/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "cmd/hull-net/hull-net.h"

#define SKIPPED 77
#define NOT_MADE 78

static const char making[] =
	"ip link add e0 address 02:00:00:00:00:01 type veth peer name e1 && "
	"ip link set e1 address 02:00:00:00:00:02 && "
	"ip link set e0 up && ip link set e1 up && "
	"ip address add 10.1.0.1/24 dev e0 && "
	"ip address add fd01::1/64 dev e0 nodad";

/* What the guest is told, or the error, into @out. */
static void describe(struct strbuf *out)
{
	struct iface list[4];
	struct err err = { 0 };
	static struct nl nl;
	int count;

	if (nl_open(&nl))
		exit(SKIPPED);
	count = ifaces_list(&nl, list, 4, &err);
	if (count < 0 || ifaces_json(&nl, list, count, 0, out, &err)) {
		strbuf_release(out);
		*out = (struct strbuf)STRBUF_INIT;
		strbuf_add(out, err.msg);
	}
	mnl_socket_close(nl.sock);
}

static int child(const char *command, const char *const *parts)
{
	auto_strbuf struct strbuf out = STRBUF_INIT;

	if (unshare(CLONE_NEWNET) || system(making))
		return SKIPPED;
	if (system(command))
		return NOT_MADE;
	describe(&out);
	for (size_t i = 0; parts[i]; i++) {
		if (!strstr(out.s, parts[i])) {
			printf("%s: no '%s' in: %s\n", command, parts[i],
			       out.s);
			return 1;
		}
	}
	return 0;
}

/* Return: its exit status. */
static int in_namespace(const char *command, const char *const *parts)
{
	pid_t pid;
	int status;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		int rc = child(command, parts);

		fflush(NULL);
		_exit(rc);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_told(void **state)
{
	static const char command[] =
		"ip route add 10.2.0.0/16 via 10.1.0.2 mtu lock 1400 "
		"advmss 1300 && "
		"ip route add 10.3.0.0/16 via 10.1.0.2 tos 0x10 && "
		"ip -6 route add fd09::/64 via fd01::2 mtu 1300 && "
		"ip link set e1 arp off";
	static const char *const parts[] = {
		"\"dst\":\"10.2.0.0/16\",\"gateway\":\"10.1.0.2\",\"metrics\":["
		"{\"index\":1,\"value\":4},{\"index\":2,\"value\":1400},"
		"{\"index\":8,\"value\":1300}],\"scope\":0,\"family\":4},{",
		"\"dst\":\"10.3.0.0/16\",\"gateway\":\"10.1.0.2\",\"tos\":16,"
		"\"scope\":0,\"family\":4}",
		"\"dst\":\"fd09::/64\",\"gateway\":\"fd01::2\",\"metric\":1024,"
		"\"metrics\":[{\"index\":2,\"value\":1300}],",
		"\"name\":\"e1\",\"mac\":\"02:00:00:00:00:02\",\"mtu\":1500,"
		"\"up\":true,\"noarp\":true,",
		"\"mac\":\"02:00:00:00:00:01\",\"mtu\":1500,\"up\":true,"
		"\"addresses\"",
		NULL,
	};
	int status;

	(void)state;
	if (geteuid() != 0)
		skip();
	status = in_namespace(command, parts);
	if (status == SKIPPED)
		skip();
	assert_int_equal(status, 0);
}

static void test_refused(void **state)
{
	static const struct {
		const char *command;
		const char *parts[2];
	} cases[] = {
		{ "ip rule add tos 4 table main",
		  { "rule of priority 32765" } },
		{ "ip rule add pref 7 to 10.0.0.0/8 table main",
		  { "rule of priority 7 is" } },
		{ "ip rule add pref 32766 fwmark 1 table main",
		  { "rule of priority 32766" } },
		{ "ip rule add pref 0 iif e0 table local",
		  { "rule of priority 0 is" } },
		{ "ip rule add pref 0 table main",
		  { "rule of priority 0 is" } },
		{ "ip rule add pref 32766 not from all table main",
		  { "rule of priority 32766" } },
		{ "ip rule add pref 32766 table main suppress_prefixlength 0",
		  { "rule of priority 32766" } },
		{ "ip rule add pref 32766 prohibit",
		  { "rule of priority 32766" } },
		{ "ip -6 rule add pref 9 table main",
		  { "rule of priority 9" } },
		{ "ip rule add pref 32766 table main protocol 99", { "[{" } },
		{ "ip route add 10.2.0.0/16 via 10.1.0.2 congctl cubic",
		  { "with a congestion control algorithm of its own" } },
		{ "ip -6 route add fd09::/64 from fd01::/64 dev e0",
		  { "a route for some sources only" } },
		{ "ip tuntap add t0 mode tun && ip link set t0 up",
		  { "'t0' is not an Ethernet interface" } },
	};

	(void)state;
	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int status = in_namespace(cases[i].command, cases[i].parts);

		if (status == SKIPPED)
			skip();
		if (status != NOT_MADE) /* not every kernel has all of them */
			assert_int_equal(status, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
