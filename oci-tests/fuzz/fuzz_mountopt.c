/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/fuzz/parse.h"
#include "rootfs/mount_opt.h"

/* Mount options: a line of the input is one entry of the list. */

#define MOST_OPTIONS 32

static void each_token(const char *option)
{
	auto_free char *token = malloc(MOUNT_TOKEN_MAX);
	const char *cursor = option;
	size_t room = strlen(option);
	int ret;

	while ((ret = mount_opt_next(&cursor, token)) > 0) {
		struct mount_opts one = { 0 };
		int what = mount_opt_apply(&one, token);

		fuzz_check(cursor >= option && cursor <= option + room);
		fuzz_check(strnlen(token, MOUNT_TOKEN_MAX) < MOUNT_TOKEN_MAX);
		fuzz_check(strlen(token) <= room);
		fuzz_check(what == 0 || what == -ENOENT || what == -E2BIG);
		fuzz_check(mount_opt_known(token) == (what != -ENOENT));
		/* of the same bit it is one or the other */
		fuzz_check(!(one.sb_set & one.sb_clr));
	}
	fuzz_check(ret == 0 || (ret == -E2BIG && room >= MOUNT_TOKEN_MAX));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = fuzz_string(data, size);
	const char *options[MOST_OPTIONS + 1] = { 0 };
	struct mount_opts opts = { 0 }, again = { 0 };
	char *cursor = text, *line;
	size_t count = 0;
	int ret;

	while (count < MOST_OPTIONS && fuzz_line(&cursor, &line)) {
		each_token(line);
		options[count++] = line;
	}
	ret = mount_opts_parse(options, &opts);
	fuzz_check(ret == 0 || ret == -E2BIG);
	fuzz_check(mount_opts_parse(options, &again) == ret);
	fuzz_check(!memcmp(&opts, &again, sizeof(opts)));
	fuzz_check(opts.prop_count <= MOUNT_PROP_MAX);
	fuzz_check(!(opts.sb_set & opts.sb_clr));
	fuzz_check(mount_opts_parse(NULL, &again) == 0);
	return 0;
}
