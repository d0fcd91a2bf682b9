/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_OCI_TESTS_UNIT_SPEC_ROWS_H
#define HULL_OCI_TESTS_UNIT_SPEC_ROWS_H

#include "spec_test.h"

/*
 * One row per rule: members that are added to a small good document, and the
 * whole answer.
 */

struct row {
	const char *members;
	const char *msg;
};

/* Namespaces that rows about something else need. */
#define NS(types) "\"linux\":{\"namespaces\":[" types "]"
#define NS_ALL                                                           \
	NS("{\"type\":\"mount\"},{\"type\":\"ipc\"},{\"type\":\"uts\"}," \
	   "{\"type\":\"network\"}")
#define PROC(members) "\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"]" members "}"
#define RES(members) "\"linux\":{\"resources\":{" members "}}"
#define SCMP(members)                                                          \
	"\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\"" members \
	"}}"
#define V2 "cgroup v2 has no such control"

static inline void check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		auto_arena struct arena arena = { 0 };
		auto_free char *text = document(rows[i].members);
		struct err err = { 0 };
		char field[sizeof(err.field)];

		if (spec_parse(&arena, text, strlen(text), NULL, &err))
			fail_msg("taken: %s", rows[i].members);
		if (strcmp(err.msg, rows[i].msg) != 0)
			fail_msg("%s\n got: %s\nwant: %s", rows[i].members,
				 err.msg, rows[i].msg);
		assert_int_equal(err.code, -EINVAL);
		snprintf(field, sizeof(field), "%.*s",
			 (int)(strstr(err.msg, ": ") - err.msg), err.msg);
		assert_string_equal(err.field, field);
		assert_null(spec_parse(&arena, text, strlen(text), NULL, NULL));
	}
}

#define GROUP(name_)                                                \
	static void test_##name_(void **state)                      \
	{                                                           \
		(void)state;                                        \
		check_rows(name_##_rows, ARRAY_SIZE(name_##_rows)); \
	}

#endif
