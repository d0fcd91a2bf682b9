/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "cgroups/plan.h"
#include "spec/spec.h"

/* linux.resources.unified: files of the cgroup2 directory, named by the user.
 * A value of several lines is several writes (io.max takes one device each). */

static bool is_plain_name(const char *file)
{
	return *file && !strchr(file, '/') && strcmp(file, ".") &&
	       strcmp(file, "..");
}

static void plan_lines(struct cg_plan *plan, const char *field,
		       const char *file, const char *value)
{
	while (*value) {
		size_t len = strcspn(value, "\n");

		cg_plan_add(plan, CG_CTRLS, 0, field, file, "%.*s", (int)len,
			    value);
		value += len;
		value += *value == '\n';
	}
}

int cg_unified_plan(struct cg_plan *plan, const struct spec_resources *res,
		    struct err *err)
{
	for (size_t i = 0; i < res->unified_count; i++) {
		const struct spec_unified *u = &res->unified[i];
		const char *field = cg_plan_text(
			plan, "linux.resources.unified[\"%s\"]", u->file);

		if (!is_plain_name(u->file))
			return err_at(err, -EINVAL, field,
				      "must be a file name (no slashes)");
		if (!strchr(u->file, '.'))
			return err_at(err, -EINVAL, field,
				      "must be in the form "
				      "CONTROLLER.PARAMETER");
		if (!strcmp(u->file, "cpu.weight"))
			cg_cpu_end_idle(plan, field);
		/* as pids.limit: nothing can be cloned into 0 */
		plan_lines(plan, field, u->file,
			   !strcmp(u->file, "pids.max") &&
					   !strcmp(u->value, "0")
				   ? "1"
				   : u->value);
		if (!*u->value) /* an empty value clears, e.g. cpuset.cpus */
			cg_plan_add(plan, CG_CTRLS, 0, field, u->file, "\n");
	}
	return cg_plan_status(plan, err);
}
