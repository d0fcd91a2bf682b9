/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroups/plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"

void cg_plan_init(struct cg_plan *plan, int cg_fd)
{
	*plan = (struct cg_plan){ .cg_fd = cg_fd };
	plan->tail = &plan->first;
}

void cg_plan_release(struct cg_plan *plan)
{
	arena_release(&plan->arena);
	plan->first = NULL;
	plan->tail = &plan->first;
}

static const char *__attribute__((format(printf, 2, 0)))
plan_vtext(struct cg_plan *plan, const char *fmt, va_list ap)
{
	auto_free char *text = NULL;
	const char *copy = NULL;
	int len = vasprintf(&text, fmt, ap);

	if (len < 0)
		text = NULL;
	else
		copy = arena_strndup(&plan->arena, text, (size_t)len);
	if (!copy)
		plan->failed = true;
	return copy ? copy : "";
}

const char *cg_plan_text(struct cg_plan *plan, const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = plan_vtext(plan, fmt, ap);
	va_end(ap);
	return text;
}

void cg_plan_add(struct cg_plan *plan, enum cg_ctrl ctrl, unsigned flags,
		 const char *field, const char *file, const char *fmt, ...)
{
	struct cg_write *w = arena_alloc(&plan->arena, sizeof(*w));
	va_list ap;

	if (!w) {
		plan->failed = true;
		return;
	}
	w->ctrl = ctrl;
	w->flags = flags;
	w->field = field;
	w->file = file;
	va_start(ap, fmt);
	w->value = plan_vtext(plan, fmt, ap);
	va_end(ap);
	*plan->tail = w;
	plan->tail = &w->next;
}

int cg_plan_status(const struct cg_plan *plan, struct err *err)
{
	if (plan->failed)
		return err_code(err, -ENOMEM, "cannot plan the cgroup limits");
	return 0;
}

/* The kernel refuses a weight while a cgroup is idle, and forgets the one it
 * had: of both only idle can be had. */
static void idle_has_no_weight(struct cg_plan *plan)
{
	static const char *const weights[] = { "cpu.weight", "cpu.weight.nice",
					       "cpu.shares" };
	struct cg_write **link = &plan->first;
	bool idle = false;

	for (const struct cg_write *w = plan->first; w; w = w->next)
		if (!strcmp(w->file, "cpu.idle"))
			idle = !strcmp(w->value, "1");
	while (idle && *link) {
		struct cg_write *w = *link;
		bool drop = false;

		for (size_t i = 0; i < ARRAY_SIZE(weights); i++)
			drop = drop || !strcmp(w->file, weights[i]);
		if (!drop) {
			link = &w->next;
			continue;
		}
		plan->weightless = w->field;
		*link = w->next;
	}
	if (idle)
		plan->tail = link;
}

int cg_plan_all(struct cg_plan *plan, const struct spec_resources *res,
		uint32_t v1_mask, struct err *err)
{
	int rc;

	for (size_t i = 0; i < CG_CTRLS; i++) {
		const struct cg_ctrl_row *row = &cg_ctrl_rows[i];

		if (row->v1_bit & v1_mask)
			rc = row->plan_v1(plan, res, err);
		else
			rc = row->plan_v2(plan, res, err);
		if (rc < 0)
			return rc;
	}
	rc = cg_unified_plan(plan, res, err);
	if (!rc)
		idle_has_no_weight(plan);
	return rc;
}
