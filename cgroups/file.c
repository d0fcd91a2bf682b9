/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/num.h"
#include "base/path.h"
#include "cgroups/internal.h"

#define FILE_MAX (16u << 20)

bool cg_has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	while (*list) {
		size_t n = strcspn(list, " \n");

		if (n == len && !memcmp(list, word, len))
			return true;
		list += n;
		list += *list != '\0';
	}
	return false;
}

int cg_key_u64(const char *text, const char *key, uint64_t *out)
{
	size_t len = strlen(key);
	char value[32];

	while (*text) {
		size_t n = strcspn(text, "\n");

		if (n > len && !memcmp(text, key, len) && text[len] == ' ') {
			if (n - len - 1 >= sizeof(value))
				return -EINVAL;
			memcpy(value, text + len + 1, n - len - 1);
			value[n - len - 1] = '\0';
			return num_u64(value, out);
		}
		text += n;
		text += *text == '\n';
	}
	return -ENOENT;
}

int cg_read_u64(int dir_fd, const char *name, uint64_t *out)
{
	char text[64];
	ssize_t n = io_read_text(dir_fd, name, text, sizeof(text));

	if (n < 0)
		return (int)n;
	if (!strcmp(text, "max")) {
		*out = UINT64_MAX;
		return 0;
	}
	return num_u64(text, out);
}

int cg_read_all(int dir_fd, const char *name, char **text)
{
	auto_fd int fd = path_open_beneath(dir_fd, name, O_RDONLY, 0);
	size_t len;

	if (fd < 0)
		return fd;
	return io_load(fd, FILE_MAX, text, &len);
}

int64_t cg_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
