/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroups/undo.h"

#include <stdio.h>
#include <string.h>

#include "base/auto.h"

/* clang-format off */
static const struct undo_row {
	const char *file;
	const char *neutral; /* of a device without a line */
} undo_rows[] = {
	{ "io.max",                           "rbps=max wbps=max riops=max wiops=max" },
	{ "io.weight",                        "default" },
	{ "io.bfq.weight",                    "default" },
	{ "io.latency",                       "target=0" },
	{ "rdma.max",                         "hca_handle=max hca_object=max" },
	{ "misc.max",                         "max" },
	{ "blkio.weight_device",              "0" },
	{ "blkio.bfq.weight_device",          "0" },
	{ "blkio.throttle.read_bps_device",   "0" },
	{ "blkio.throttle.write_bps_device",  "0" },
	{ "blkio.throttle.read_iops_device",  "0" },
	{ "blkio.throttle.write_iops_device", "0" },
};
/* clang-format on */

static const struct undo_row *find_row(const char *file)
{
	for (size_t i = 0; i < ARRAY_SIZE(undo_rows); i++)
		if (!strcmp(undo_rows[i].file, file))
			return &undo_rows[i];
	return NULL;
}

/* The line that begins with the word key[0..len), without its newline. */
static const char *find_line(const char *text, const char *key, size_t len,
			     size_t *line_len)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		if (n > len && !memcmp(text, key, len) && text[len] == ' ') {
			*line_len = n;
			return text;
		}
		text += n;
		text += *text == '\n';
	}
	return NULL;
}

static bool fits(int len, size_t size)
{
	return len >= 0 && (size_t)len < size;
}

static bool undo_keyed(const struct undo_row *row, const char *value,
		       const char *old, char *out, size_t size)
{
	size_t key_len = strcspn(value, " "), n = 0;
	const char *key = value, *line;

	if (!value[key_len]) { /* "100" is "default 100" */
		key = "default";
		key_len = strlen(key);
	}
	line = find_line(old, key, key_len, &n);
	if (line)
		return fits(snprintf(out, size, "%.*s", (int)n, line), size);
	if (*old && !strchr(old, ' ')) /* an old kernel's bare number */
		return fits(snprintf(out, size, "%.*s", (int)strcspn(old, "\n"),
				     old),
			    size);
	return fits(
		snprintf(out, size, "%.*s %s", (int)key_len, key, row->neutral),
		size);
}

bool cg_undo_text(const char *file, const char *value, const char *old,
		  char *out, size_t size)
{
	const struct undo_row *row = find_row(file);
	size_t len = strlen(old);

	if (row)
		return undo_keyed(row, value, old, out, size);
	while (len && old[len - 1] == '\n')
		len--;
	if (memchr(old, '\n', len))
		return false;
	if (!len) /* an empty cpuset is written as an empty line */
		return fits(snprintf(out, size, "\n"), size);
	return fits(snprintf(out, size, "%.*s", (int)len, old), size);
}
