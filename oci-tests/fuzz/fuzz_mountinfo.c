/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/fuzz/parse.h"
#include "rootfs/mountinfo.h"

/* Lines of /proc/PID/mountinfo; mount points are named by whoever mounts. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = fuzz_string(data, size);
	char *cursor = text, *line;

	while (fuzz_line(&cursor, &line)) {
		const char *end = line + strlen(line);
		struct mountinfo m = { 0 };

		if (!mountinfo_parse(line, &m)) {
			fuzz_check(!m.root && !m.path && !m.type);
			continue;
		}
		fuzz_check(m.root > line && m.root < m.path);
		fuzz_check(m.path < m.type && m.type < end);
		fuzz_check(m.root + strlen(m.root) < m.path);
		fuzz_check(m.path + strlen(m.path) < m.type);
		fuzz_check(m.type[0] && !strchr(m.type, ' '));
	}
	return 0;
}
