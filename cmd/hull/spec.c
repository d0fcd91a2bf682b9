/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "cmd/hull/cmd.h"

struct spec_args {
	const char *bundle;
	const char *file;
	bool rootless;
};

/* clang-format off */
static const struct opt rows[] = {
	{ "bundle", 'b', OPT_TEXT, "DIR",
	  "directory of the bundle (default: the current one)",
	  offsetof(struct spec_args, bundle) },
	{ "file", 'f', OPT_TEXT, "FILE",
	  "write FILE in place of the bundle's config.json",
	  offsetof(struct spec_args, file) },
	{ "rootless", 0, OPT_SWITCH, NULL,
	  "a configuration with a user namespace of the caller's own",
	  offsetof(struct spec_args, rootless) },
};
/* clang-format on */

/* A file that was not written whole would be taken for a configuration. */
static int write_new(int dir_fd, const char *name, const char *text,
		     struct err *err)
{
	auto_fd int fd = openat(dir_fd, name,
				O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	int rc;

	if (fd < 0 && errno == EEXIST)
		return err_set(err, -EEXIST, "File %s exists. Remove it first",
			       name);
	if (fd < 0)
		return err_sys(err, "cannot create '%s'", name);
	rc = io_write_full(fd, text, strlen(text));
	if (rc < 0) {
		unlinkat(dir_fd, name, 0);
		return err_code(err, rc, "cannot write '%s'", name);
	}
	return 0;
}

static int run_spec(const struct call *call, const void *values,
		    struct err *err)
{
	const struct spec_args *args = values;
	const char *dir = args->bundle && args->bundle[0] ? args->bundle : ".";
	auto_fd int dir_fd = -1;
	auto_free char *json = NULL;
	int rc;

	(void)call;
	dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return err_sys(err, "cannot open '%s'", dir);
	rc = hull_spec(args->rootless, &json);
	if (rc < 0)
		return err_code(err, rc, "cannot make a configuration");
	return write_new(dir_fd, args->file ? args->file : "config.json", json,
			 err);
}

const struct cmd cmd_spec = {
	.name = "spec",
	.args = "",
	.summary = "write a config.json to start from",
	.about = "It runs a shell in the bundle's directory rootfs, on a "
		 "terminal.\n",
	.opts = { OPT_SET(rows) },
	.values_size = sizeof(struct spec_args),
	.run = run_spec,
};
