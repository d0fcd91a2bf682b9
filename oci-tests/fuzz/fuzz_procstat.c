/* SPDX-License-Identifier: Apache-2.0 */
#include "base/proc.h"
#include "oci-tests/fuzz/parse.h"

/*
 * /proc/PID/stat: any text, then one as the kernel writes it with the input as
 * the name of the process, which is the process's own to choose.
 */

#define FMT                                                                   \
	"77 (%s) S 12 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654321 9 " \
	"8 7 6 5 4 3 2 1 0 2147483647 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 9\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = fuzz_string(data, size), *line = NULL;
	struct proc_stat st = { 0 };
	int ret;

	if (asprintf(&line, FMT, text) < 0)
		abort();
	ret = proc_parse_stat(text, &st);
	fuzz_check(ret == 0 || (ret == -EIO && !st.state && !st.start_time));
	memset(&st, 0, sizeof(st));
	fuzz_check(!proc_parse_stat(line, &st));
	fuzz_check(st.state == 'S' && st.ppid == 12);
	fuzz_check(st.start_time == 987654321 && st.exit_code == 9);
	return 0;
}
