/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "spec/spec.h"

static int absolute(struct arena *arena, const char *path, const char **out,
		    struct err *err)
{
	char cwd[PATH_MAX], clean[PATH_MAX], joined[2 * PATH_MAX];
	int n;

	if (path[0] == '/') {
		n = snprintf(joined, sizeof(joined), "%s", path);
	} else {
		if (!getcwd(cwd, sizeof(cwd)))
			return err_sys(err,
				       "cannot find the present directory");
		n = snprintf(joined, sizeof(joined), "%s/%s", cwd, path);
	}
	if (n >= (int)sizeof(joined) ||
	    path_clean(joined, clean, sizeof(clean)))
		return err_set(err, -ENAMETOOLONG, "path too long: '%s'", path);
	*out = arena_strndup(arena, clean, strlen(clean));
	return *out ? 0 : err_set(err, -ENOMEM, "out of memory");
}

static int read_config(struct arena *arena, const char *path,
		       struct bundle *out, struct err *err)
{
	auto_free char *data = NULL;
	auto_fd int fd = -1;
	size_t len = 0;
	int ret;

	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "cannot open '%s'", path);
	ret = io_load(fd, BUNDLE_CONFIG_MAX, &data, &len);
	if (ret == -EFBIG)
		return err_set(err, ret, "'%s' is larger than %d MiB", path,
			       BUNDLE_CONFIG_MAX >> 20);
	if (ret == -EINVAL)
		return err_set(err, ret, "'%s' is not a regular file", path);
	if (ret)
		return err_code(err, ret, "cannot read '%s'", path);
	out->text = arena_strndup(arena, data, len);
	out->len = len;
	return out->text ? 0 : err_set(err, -ENOMEM, "out of memory");
}

static int find_root(struct arena *arena, struct bundle *out, struct err *err)
{
	const char *root = out->spec->root_path;
	const char *path = root;

	if (root[0] != '/')
		path = arena_printf(arena, "%s/%s", out->path, root);
	if (!path)
		return err_set(err, -ENOMEM, "out of memory");
	return absolute(arena, path, &out->root_path, err);
}

void bundle_warnings(const struct spec_warning *warn)
{
	for (; warn; warn = warn->next) {
		if (warn->demanded)
			log_warn("%s: %s", warn->field, warn->text);
		else
			log_debug("%s: %s", warn->field, warn->text);
	}
}

int bundle_load(struct arena *arena, const char *dir, const char *config,
		struct bundle *out, struct err *err)
{
	const struct spec_warning *warn = NULL;
	const char *file = config;
	int ret;

	ret = absolute(arena, dir && *dir ? dir : ".", &out->path, err);
	if (ret)
		return ret;
	if (!file)
		file = arena_printf(arena, "%s/config.json", out->path);
	if (!file)
		return err_set(err, -ENOMEM, "out of memory");
	ret = read_config(arena, file, out, err);
	if (ret)
		return ret;
	out->spec = spec_parse(arena, out->text, out->len, &warn, err);
	bundle_warnings(warn);
	if (!out->spec)
		return err && err->code ? err->code : -EINVAL;
	return find_root(arena, out, err);
}
