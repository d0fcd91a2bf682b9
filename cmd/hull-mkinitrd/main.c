/* SPDX-License-Identifier: Apache-2.0 */
/* hull-mkinitrd - the guest's initial ramfs; see hull-mkinitrd(8). */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cmd/hull-mkinitrd/mkinitrd.h"

#define MAX_MODULES 64

/**
 * struct args
 * @init: program that becomes /init; NULL: what @initrd begins with
 * @dir: the kernel's modules, or NULL: none
 */
struct args {
	const char *init;
	const char *initrd;
	const char *dir;
	const char *modules[MAX_MODULES + 1];
	const char *output;
};

static int usage(FILE *to)
{
	fputs("usage: hull-mkinitrd [--kernel VERSION | --modules DIR] "
	      "[--module NAME]...\n"
	      "                     [--init PROGRAM | --initrd FILE] OUTPUT\n",
	      to);
	return to == stdout ? 0 : 2;
}

/* Return: -1 to go on, else the exit status. */
static int parse(int argc, char **argv, struct args *args)
{
	static const struct option options[] = {
		{ "kernel", required_argument, NULL, 'k' },
		{ "modules", required_argument, NULL, 'd' },
		{ "module", required_argument, NULL, 'm' },
		{ "init", required_argument, NULL, 'i' },
		{ "initrd", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static char dir[512];
	size_t count = 0;
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'k') {
			if (strchr(optarg, '/') ||
			    (size_t)snprintf(dir, sizeof(dir),
					     "/lib/modules/%s",
					     optarg) >= sizeof(dir))
				return usage(stderr);
			args->dir = dir;
		} else if (c == 'd') {
			args->dir = optarg;
		} else if (c == 'm' && count < MAX_MODULES) {
			args->modules[count++] = optarg;
		} else if (c == 'i') {
			args->init = optarg;
		} else if (c == 'r') {
			args->initrd = optarg;
		} else {
			return usage(c == 'h' ? stdout : stderr);
		}
	}
	if (optind != argc - 1 || (args->init && args->initrd) ||
	    (count && !args->dir))
		return usage(stderr);
	args->output = argv[optind];
	return -1;
}

/* With a /dev/console, which the kernel opens for /init. */
static void put_init(FILE *out, const char *data, size_t len)
{
	newc_entry(out, "dev", S_IFDIR | 0755, 0, NULL, 0);
	newc_entry(out, "dev/console", S_IFCHR | 0600, makedev(5, 1), NULL, 0);
	newc_entry(out, "init", S_IFREG | 0755, 0, data, len);
	newc_end(out);
}

/* A kernel unpacks one archive after another. */
static bool put_all(FILE *out, const struct args *args)
{
	size_t len;
	char *base = load_file(args->init ? args->init : args->initrd, &len);

	if (!base)
		return false;
	if (args->init)
		put_init(out, base, len);
	else
		fwrite(base, 1, len, out);
	free(base);
	return !args->dir || put_modules(out, args->dir, args->modules);
}

int main(int argc, char **argv)
{
	struct args args = { 0 };
	int rc = parse(argc, argv, &args);
	bool ok;
	FILE *out;

	if (rc >= 0)
		return rc;
	if (!args.init && !args.initrd)
		args.initrd = HULL_LIBDIR "/initrd.cpio";
	out = fopen(args.output, "wb");
	ok = out && put_all(out, &args);
	if (out && (fflush(out) || ferror(out) || fclose(out)))
		out = NULL;
	if (!out)
		fprintf(stderr, "hull-mkinitrd: cannot write '%s'\n",
			args.output);
	if (ok && out)
		return 0;
	unlink(args.output);
	return 1;
}
