/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "rig.h"

/*
 * System calls of rootfs_*() for the default config.json, counted by strace:
 * start-up time is a promise. The image has the usual directories, as images
 * do. "test_count drive" is what runs under strace.
 */

#define BUDGET 150

static int drive(void)
{
	struct rig_run run = { .terminal = true, .mark = true };
	void *state;
	struct rig *rig;
	char *json;
	int ret;

	if (rig_group_setup(NULL) || rig_setup(&state))
		return 1;
	rig = state;
	rig_sh("cd %s && mkdir -p proc sys dev", rig->root);
	if (spec_template(false, 0, 0, &json))
		return 1;
	ret = rig_run_json(rig, &run, json);
	if (ret)
		fprintf(stderr, "%s\n", rig->out->err.msg);
	free(json);
	rig_teardown(&state);
	return ret != 0;
}

static int count_marked(FILE *f, char *calls, size_t size)
{
	char line[4096];
	bool on = false;
	size_t len = 0;
	int count = 0;

	calls[0] = '\0';
	while (fgets(line, sizeof(line), f)) {
		if (strstr(line, "\"mark:begin\"")) {
			on = true;
		} else if (strstr(line, "\"mark:end\"")) {
			on = false;
		} else if (on && !strstr(line, "resumed>")) {
			char *name = line + strcspn(line, " ") + 1;

			name += strspn(name, " ");
			name[strcspn(name, "(")] = '\0';
			count++;
			if (len < size - 64)
				len += (size_t)snprintf(calls + len, size - len,
							"%s ", name);
		}
	}
	return count;
}

static void test_default_config(void **state)
{
	const char *tmp = getenv("TMPDIR");
	char log[PATH_MAX], self[PATH_MAX], calls[8192];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int count;
	FILE *f;

	(void)state;
	if (!rig_is_root() || system("strace -V >/dev/null 2>&1")) {
		print_message("needs root and strace\n");
		skip();
	}
	assert_true(n > 0);
	self[n] = '\0';
	snprintf(log, sizeof(log), "%s/hull-strace.%d",
		 tmp && *tmp ? tmp : "/tmp", getpid());
	rig_sh("ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o %s %s drive", log,
	       self);
	f = fopen(log, "re");
	assert_non_null(f);
	count = count_marked(f, calls, sizeof(calls));
	fclose(f);
	unlink(log);
	print_message("rootfs: %d system calls\n", count);
	if (count > BUDGET || count < 50)
		fail_msg("%d system calls: %s", count, calls);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default_config),
	};

	if (argc > 1 && !strcmp(argv[1], "drive"))
		return drive();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
