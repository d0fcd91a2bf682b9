/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/mman.h>
#include <unistd.h>

#include "base/num.h"
#include "libcontainer/process/steps.h"
#include "oci-tests/fuzz/parse.h"

/*
 * An image's /etc/passwd. The input is a uid in one byte and the file; what is
 * found is what a simple reader of whole lines finds, as long as lines are no
 * longer than those that count.
 */

#define LINE_MAX_BYTES 4096

/* The home in a line, or NULL; field by field, nothing is written. */
static const char *model_line(const char *line, uid_t uid, size_t *len)
{
	char number[16] = "";
	const char *at = line;
	uint32_t id;
	size_t n;

	for (int field = 0; field < 5; field++) {
		n = strcspn(at, ":");
		if (!at[n])
			return NULL;
		if (field == 2 && n < sizeof(number))
			memcpy(number, at, n);
		at += n + 1;
	}
	*len = strcspn(at, ":");
	return num_u32(number, &id) || id != uid ? NULL : at;
}

static int model(char *text, uid_t uid, char *home, size_t size)
{
	char *cursor = text, *line;
	size_t len;

	while (fuzz_line(&cursor, &line)) {
		const char *found;

		if (strlen(line) >= LINE_MAX_BYTES)
			continue;
		found = model_line(line, uid, &len);
		if (!found)
			continue;
		if (!len)
			return -ENOENT;
		if (len >= size)
			return -ENAMETOOLONG;
		memcpy(home, found, len);
		home[len] = '\0';
		return 0;
	}
	return -ENOENT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char home[64] = "", want[64] = "";
	auto_free char *text = NULL;
	uid_t uid = size ? data[0] : 0;
	static int fd = -1;
	int ret;

	if (!size)
		return 0;
	if (fd < 0)
		fd = memfd_create("passwd", MFD_CLOEXEC);
	text = fuzz_string(data + 1, size - 1);
	if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0 ||
	    pwrite(fd, text, size - 1, 0) != (ssize_t)size - 1)
		abort();
	ret = passwd_find_home(fd, uid, home, sizeof(home));
	fuzz_check(ret == 0 || ret == -ENOENT || ret == -ENAMETOOLONG);
	fuzz_check((ret == 0) == (home[0] != '\0'));
	fuzz_check(strnlen(home, sizeof(home)) < sizeof(home));
	if (strlen(text) != size - 1)
		return 0; /* a string's reader stops at the NUL */
	fuzz_check(model(text, uid, want, sizeof(want)) == ret);
	fuzz_check(!strcmp(home, want));
	return 0;
}
