/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull/exec_cgroup.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"

static bool is_taken(const struct opt_list *paths, const char *controller,
		     size_t len)
{
	for (size_t i = 0; i < paths->count; i++)
		if (!strncmp(paths->texts[i], controller, len) &&
		    paths->texts[i][len] == ':')
			return true;
	return false;
}

static int add(struct exec_cgroups *out, const char *text)
{
	return text ? opt_list_add(&out->paths, text) : -ENOMEM;
}

/* One value, "CTRL[,CTRL...]:PATH"; @colon points into it. */
static int split(const char *value, const char *colon, struct exec_cgroups *out,
		 struct err *err)
{
	const char *controller = value;

	for (;;) {
		size_t len = strcspn(controller, ",:");
		char *text;

		if (!len)
			return err_set(err, -EINVAL,
				       "invalid --cgroup argument: %s (empty "
				       "<controller> prefix)",
				       value);
		if (is_taken(&out->paths, controller, len))
			return err_set(err, -EINVAL,
				       "invalid --cgroup argument(s): "
				       "controller %.*s specified multiple "
				       "times",
				       (int)len, controller);
		text = arena_printf(&out->arena, "%.*s%s", (int)len, controller,
				    colon);
		if (add(out, text) < 0)
			return err_code(err, -ENOMEM, "--cgroup");
		if (controller + len == colon)
			return 0;
		controller += len + 1;
	}
}

static int parse(const struct opt_list *given, struct exec_cgroups *out,
		 struct err *err)
{
	for (size_t i = 0; i < given->count; i++) {
		const char *value = given->texts[i];
		const char *colon = strchr(value, ':');
		int rc = 0;

		if (colon)
			rc = split(value, colon, out, err);
		else if (given->count > 1)
			rc = err_set(err, -EINVAL,
				     "invalid --cgroup argument: %s (missing "
				     "<controller>: prefix)",
				     value);
		else if (add(out, value) < 0)
			rc = err_code(err, -ENOMEM, "--cgroup");
		if (rc < 0)
			return rc;
	}
	return 0;
}

int exec_cgroups_parse(const struct opt_list *given, struct exec_cgroups *out,
		       struct err *err)
{
	int rc = parse(given, out, err);

	if (rc < 0)
		exec_cgroups_release(out);
	return rc;
}

void exec_cgroups_release(struct exec_cgroups *cgroups)
{
	opt_list_release(&cgroups->paths);
	arena_release(&cgroups->arena);
}
