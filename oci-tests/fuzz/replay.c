/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/fuzz/fuzz.h"

#define MAX_BYTES (1UL << 20)

/* Run the target once for each file named; 0 when all of them were survived. */
int main(int argc, char **argv)
{
	uint8_t *data = malloc(MAX_BYTES);

	if (!data || argc < 2)
		return 2;
	for (int i = 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "re");
		uint8_t *exact;
		size_t len;

		if (!f) {
			perror(argv[i]);
			return 2;
		}
		len = fread(data, 1, MAX_BYTES, f);
		fclose(f);
		/* of exactly its size, so that a sanitizer sees its end */
		exact = malloc(len ? len : 1);
		if (!exact)
			return 2;
		memcpy(exact, data, len);
		LLVMFuzzerTestOneInput(exact, len);
		free(exact);
	}
	free(data);
	return 0;
}
