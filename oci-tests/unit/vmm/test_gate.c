/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull-vmm/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "microvm/vmm.h"

struct wire {
	struct vm_go go;
	char json[8];
};

static struct gate make(struct wire *w)
{
	struct gate g = { .payload = (char *)w,
			  .len = sizeof(w->go) + 2,
			  .conn = -1 };

	memset(w, 0, sizeof(*w));
	w->go.magic = VM_CONFIG_MAGIC;
	w->go.json_len = 2;
	strcpy(w->json, "[]");
	for (size_t i = 0; i < ARRAY_SIZE(g.taps); i++)
		g.taps[i] = -1;
	return g;
}

static void test_networks(void **state)
{
	const struct vm_config c = { .net_slots = 2 };
	const struct vm_net *nets;
	const char *json;
	struct err err = { 0 };
	struct wire w;
	struct gate g = make(&w);

	(void)state;
	assert_int_equal(gate_check(&g, &c, &nets, &json, &err), 0);
	assert_string_equal(json, "[]");
	w.go.net_count = 1;
	assert_int_equal(gate_check(&g, &c, &nets, &json, &err), -EPROTO);
	assert_non_null(strstr(err.msg, "tap"));
	g.taps[0] = 7;
	assert_int_equal(gate_check(&g, &c, &nets, &json, &err), 1);
	assert_ptr_equal(nets, w.go.net);
	g.taps[1] = g.taps[2] = 7;
	for (uint32_t n = 3; n < 1U << 31; n *= 2) {
		w.go.net_count = n;
		assert_int_equal(gate_check(&g, &c, &nets, &json, &err),
				 -EPROTO);
	}
	g.len = 0;
	assert_int_equal(gate_check(&g, &c, &nets, &json, &err), 0);
	assert_string_equal(json, "[]");
}

static void test_garbled(void **state)
{
	const struct vm_config c = { .net_slots = 2 };
	const struct vm_net *nets;
	const char *json;
	struct err err = { 0 };
	struct wire w;

	(void)state;
	for (size_t len = 1; len < sizeof(w) - 1; len++) {
		struct gate g = make(&w);

		g.len = len;
		assert_int_equal(gate_check(&g, &c, &nets, &json, &err),
				 len == sizeof(w.go) + 2 ? 0 : -EPROTO);
	}
	for (uint32_t n = 3; n < 1U << 31; n *= 2) {
		struct gate g = make(&w);

		w.go.json_len = n;
		assert_int_equal(gate_check(&g, &c, &nets, &json, &err),
				 -EPROTO);
	}
}

static void test_answer(void **state)
{
	const struct err why = { .code = -ENOENT, .msg = "no such program" };
	struct err told = { 0 };
	struct gate g = { .conn = -1 };
	int ends[2];

	(void)state;
	gate_answer(&g, &why); /* nobody is there */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	g.conn = ends[0];
	gate_answer(&g, &why);
	gate_answer(&g, NULL); /* said once */
	assert_int_equal(report_read(ends[1], &told), -ENOENT);
	assert_string_equal(told.msg, "no such program");
	assert_int_equal(report_read(ends[1], &told), 0);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_garbled),
		cmocka_unit_test(test_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
