/* SPDX-License-Identifier: Apache-2.0 */
/*
 * newc INIT >initrd.cpio: the guest's initial ramfs, with INIT as /init and a
 * /dev/console that the kernel opens for it (Documentation/driver-api/
 * early-userspace/buffer-format.rst). Needs no privilege, and the same program
 * gives the same bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define ALIGN 4

static void pad(size_t written)
{
	while (written++ % ALIGN)
		putchar(0);
}

static void entry(const char *name, unsigned int mode, dev_t rdev,
		  const char *data, size_t len)
{
	static unsigned int ino;
	size_t name_len = strlen(name) + 1;

	/* magic, ino, mode, uid, gid, nlink, mtime, filesize, devmajor,
	 * devminor, rdevmajor, rdevminor, namesize, check */
	printf("070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X",
	       ++ino, mode, 0, 0, S_ISDIR(mode) ? 2 : 1, 0, len, 0, 0,
	       major(rdev), minor(rdev), name_len, 0);
	fwrite(name, 1, name_len, stdout);
	pad(110 + name_len);
	if (len)
		fwrite(data, 1, len, stdout);
	pad(len);
}

/* Return: the file's bytes, or NULL. */
static char *load(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *data = NULL;
	struct stat st;

	if (!f)
		return NULL;
	if (!fstat(fileno(f), &st))
		data = malloc((size_t)st.st_size + 1);
	if (data)
		*len = fread(data, 1, (size_t)st.st_size, f);
	if (data && *len != (size_t)st.st_size) {
		free(data);
		data = NULL;
	}
	fclose(f);
	return data;
}

int main(int argc, char *argv[])
{
	size_t len = 0;
	char *data = argc == 2 ? load(argv[1], &len) : NULL;

	if (!data) {
		fprintf(stderr, "newc: cannot read the program for /init\n");
		return 1;
	}
	entry("dev", S_IFDIR | 0755, 0, NULL, 0);
	entry("dev/console", S_IFCHR | 0600, makedev(5, 1), NULL, 0);
	entry("init", S_IFREG | 0755, 0, data, len);
	entry("TRAILER!!!", 0, 0, NULL, 0);
	free(data);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "newc: cannot write\n");
		return 1;
	}
	return 0;
}
