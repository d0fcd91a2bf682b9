/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cmd/hull-mkinitrd/mkinitrd.h"

#define HEAD_BYTES 110
#define ALIGN 4

static void pad(FILE *out, size_t written)
{
	while (written++ % ALIGN)
		putc(0, out);
}

void newc_entry(FILE *out, const char *name, unsigned int mode, uint64_t rdev,
		const char *data, size_t len)
{
	static unsigned int ino;
	size_t name_len = strlen(name) + 1;

	/* magic, ino, mode, uid, gid, nlink, mtime, filesize, devmajor,
	 * devminor, rdevmajor, rdevminor, namesize, check */
	fprintf(out,
		"070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X",
		++ino, mode, 0, 0, S_ISDIR(mode) ? 2 : 1, 0, len, 0, 0,
		major(rdev), minor(rdev), name_len, 0);
	fwrite(name, 1, name_len, out);
	pad(out, HEAD_BYTES + name_len);
	if (len)
		fwrite(data, 1, len, out);
	pad(out, len);
}

void newc_end(FILE *out)
{
	newc_entry(out, "TRAILER!!!", 0, 0, NULL, 0);
}

char *load_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *data = NULL;
	struct stat st;

	if (f && !fstat(fileno(f), &st))
		data = malloc((size_t)st.st_size + 1);
	if (data) {
		*len = fread(data, 1, (size_t)st.st_size, f);
		data[*len] = '\0';
		if (*len != (size_t)st.st_size || ferror(f)) {
			free(data);
			data = NULL;
		}
	}
	if (f)
		fclose(f);
	if (!data)
		fprintf(stderr, "hull-mkinitrd: cannot read '%s'\n", path);
	return data;
}
