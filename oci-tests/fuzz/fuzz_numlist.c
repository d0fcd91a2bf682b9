/* SPDX-License-Identifier: Apache-2.0 */
#include "base/num.h"
#include "libcontainer/process/steps.h"
#include "oci-tests/fuzz/parse.h"

/* Lists of CPUs, and the strict numbers of the command line. */

#define BITS 200
#define LONG_BITS (8 * sizeof(unsigned long))

/* What was understood, written out and read again, is the same. */
static void check_list(const char *text)
{
	unsigned long bits[BITS / LONG_BITS + 1], back[BITS / LONG_BITS + 1];
	char out[BITS * 5] = "";
	int ret = numlist_parse(text, bits, BITS);
	size_t len = 0;

	fuzz_check(ret == 0 || ret == -EINVAL || ret == -ERANGE);
	if (ret)
		return;
	for (size_t i = 0; i < (BITS / LONG_BITS + 1) * LONG_BITS; i++) {
		if (!(bits[i / LONG_BITS] >> i % LONG_BITS & 1))
			continue;
		fuzz_check(i < BITS);
		len += (size_t)snprintf(out + len, sizeof(out) - len, "%s%zu",
					len ? "," : "", i);
	}
	fuzz_check(len);
	fuzz_check(!numlist_parse(out, back, BITS));
	fuzz_check(!memcmp(bits, back, sizeof(bits)));
}

static void check_numbers(const char *text)
{
	int64_t size = 0, i64 = 0;
	uint64_t u64 = 0, ms = 0;
	uint32_t u32 = 0;
	char back[32];

	if (!num_u64(text, &u64)) {
		snprintf(back, sizeof(back), "%llu", (unsigned long long)u64);
		fuzz_check(!strcmp(text, back));
		fuzz_check((num_u32(text, &u32) == 0) == (u64 <= UINT32_MAX));
	}
	if (!num_i64(text, &i64)) {
		snprintf(back, sizeof(back), "%lld", (long long)i64);
		fuzz_check(!strcmp(text, back));
	}
	if (!num_size(text, &size))
		fuzz_check(size >= -1);
	if (!num_duration_ms(text, &ms))
		fuzz_check(ms <= INT64_MAX / 1000000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = fuzz_string(data, size);
	char *cursor = text, *line;

	while (fuzz_line(&cursor, &line)) {
		check_list(line);
		check_numbers(line);
	}
	return 0;
}
