/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "cgroups/driver.h"
#include "cgroups/plan.h"
#include "cgroups/undo.h"
#include "cgroups/v1.h"
#include "spec/spec.h"

#define UNDO_TEXT_MAX 4096
#define AGAIN 1

struct undo {
	struct undo *next; /* the write before this one */
	const struct cg_write *write;
	const char *text;
};

/* A placeholder that still is in the cgroup must not count: see driver.h. */
enum apply_part {
	PART_ALL,
	PART_EARLY,
	PART_LATE,
};

/**
 * struct apply - one run over a plan.
 * @v1_fds: twins, opened when first needed, or -1
 */
struct apply {
	int cg_fd;
	const struct cg_place *place;
	bool remember;
	bool told; /* the driver has the new values */
	enum apply_part part;
	struct cg_plan plan;
	struct undo *undo;
	int v1_fds[CG_CTRLS];
};

static bool is_v1(const struct apply *a, enum cg_ctrl ctrl)
{
	return ctrl < CG_CTRLS &&
	       (cg_ctrl_rows[ctrl].v1_bit & a->place->v1_mask);
}

/* The directory in which a controller's files are. */
static int dir_of(struct apply *a, enum cg_ctrl ctrl)
{
	if (!is_v1(a, ctrl))
		return a->cg_fd;
	if (a->v1_fds[ctrl] < 0)
		a->v1_fds[ctrl] = cg_v1_open(a->place, ctrl);
	return a->v1_fds[ctrl];
}

/* Keep what a file holds, so that rollback() can put it back. */
static void remember(struct apply *a, const struct cg_write *w)
{
	auto_free char *old = NULL;
	char text[UNDO_TEXT_MAX];
	struct undo *u;
	int dir_fd = dir_of(a, w->ctrl);

	if (dir_fd < 0 || cg_read_all(dir_fd, w->file, &old) < 0 ||
	    !cg_undo_text(w->file, w->value, old, text, sizeof(text)))
		return;
	u = arena_alloc(&a->plan.arena, sizeof(*u));
	if (!u)
		return;
	u->write = w;
	u->text = cg_plan_text(&a->plan, "%s", text);
	u->next = a->undo;
	a->undo = u;
}

/* Its values would be in force again at its next opportunity. */
static void tell_back(struct apply *a)
{
	struct err why = { 0 };
	struct cg_plan back;

	cg_plan_init(&back, a->cg_fd);
	for (const struct undo *u = a->undo; u; u = u->next)
		cg_plan_add(&back, u->write->ctrl, 0, u->write->field,
			    u->write->file, "%s", u->text);
	if (cg_plan_status(&back, &why) < 0 ||
	    cg_driver(a->place->manager)->set(a->place, &back, &why) < 0)
		log_warn("cannot take the limits back: %s", why.msg);
	cg_plan_release(&back);
}

static void rollback(struct apply *a)
{
	if (a->told)
		tell_back(a);
	for (const struct undo *u = a->undo; u; u = u->next) {
		int dir_fd = dir_of(a, u->write->ctrl);
		int rc = io_write_text(dir_fd, u->write->file, u->text);

		if (rc < 0)
			log_warn("cannot put '%s' back to '%s': %s",
				 u->write->file, u->text, err_text(rc));
	}
	a->undo = NULL;
}

static int write_once(struct apply *a, const struct cg_write *w)
{
	struct undo *before = a->undo;
	int rc = dir_of(a, w->ctrl);

	if (rc < 0)
		return rc;
	if (a->remember)
		remember(a, w);
	if (is_v1(a, w->ctrl))
		rc = cg_v1_write(a->place, w->ctrl, rc, w->file, w->value);
	else
		rc = io_write_text(rc, w->file, w->value);
	if (rc < 0)
		a->undo = before;
	return rc;
}

/*
 * The file is missing: is it the controller that is missing, and can it be
 * had?
 *
 * Return: 1 (it can be written now), 0 (the file does not exist on this
 * kernel), or -errno with @err filled in.
 */
static int bring_controller(struct apply *a, const struct cg_write *w,
			    struct err *err)
{
	char name[64];
	int rc;

	if (is_v1(a, w->ctrl))
		return 0;
	if (w->ctrl < CG_CTRLS)
		snprintf(name, sizeof(name), "%s", cg_ctrl_rows[w->ctrl].name);
	else
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(w->file, "."),
			 w->file);
	if (!strcmp(name, "cgroup"))
		return 0;
	rc = cg_enable(a->place, a->cg_fd, name, w->field, err);
	return rc < 0 ? rc : !rc;
}

static int explain(const struct cg_write *w, int rc, struct err *err)
{
	if (rc == -ENOENT)
		return err_at(err, rc, w->field, "this host has no '%s'",
			      w->file);
	return err_at(err, rc, w->field, "cannot write '%s' to '%s': %s",
		      w->value, w->file, err_text(rc));
}

/*
 * Return: 0, AGAIN (refused, and it may be tried again), -ENOENT (the file does
 * not exist; @err untouched), or another -errno with @err filled in.
 */
static int write_one(struct apply *a, const struct cg_write *w, bool last_try,
		     struct err *err)
{
	int rc = write_once(a, w);

	if (rc == -ENOENT) {
		rc = bring_controller(a, w, err);
		if (rc < 0)
			return rc == -ENOENT ? -EIO : rc;
		rc = rc ? write_once(a, w) : -ENOENT;
	}
	if (!rc || rc == -ENOENT)
		return rc;
	if (!last_try && (w->flags & CGW_RETRY))
		return AGAIN;
	return explain(w, rc, err);
}

/* The writes of one controller that others had to precede. */
static int write_again(struct apply *a, const struct cg_write *const *list,
		       size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		int rc = write_one(a, list[i], true, err);

		if (rc == -ENOENT)
			rc = explain(list[i], rc, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* One controller's writes, from @w on; @end receives the next one's first. */
static int write_group(struct apply *a, const struct cg_write *w,
		       const struct cg_write **end, struct err *err)
{
	const struct cg_write *again[8];
	enum cg_ctrl ctrl = w->ctrl;
	size_t count = 0;
	bool skip = false;

	for (; w && w->ctrl == ctrl; w = w->next) {
		bool retry_room = count < ARRAY_SIZE(again);
		int rc;

		if (skip) {
			skip = false;
			continue;
		}
		rc = write_one(a, w, !retry_room, err);
		skip = !rc && (w->flags & CGW_ELSE);
		if (rc == AGAIN) {
			again[count++] = w;
			continue;
		}
		if (rc == -ENOENT && (w->flags & (CGW_OPTIONAL | CGW_ELSE)))
			continue;
		if (rc == -ENOENT)
			rc = explain(w, rc, err);
		if (rc < 0)
			return rc;
	}
	*end = w;
	return write_again(a, again, count, err);
}

static bool is_late(const struct cg_write *w)
{
	return !strcmp(w->file, "pids.max");
}

/* Leave the writes of the other part out of the plan. */
static void keep_part(struct apply *a)
{
	struct cg_write **link = &a->plan.first;

	if (a->part == PART_ALL)
		return;
	while (*link) {
		if (is_late(*link) == (a->part == PART_LATE))
			link = &(*link)->next;
		else
			*link = (*link)->next;
	}
	a->plan.tail = link;
}

static int write_all(struct apply *a, struct err *err)
{
	const struct cg_write *w = a->plan.first;

	while (w) {
		int rc = write_group(a, w, &w, err);

		if (rc < 0)
			return rc;
	}
	return 0;
}

static int check_memory(struct apply *a, const struct spec_resources *res,
			struct err *err)
{
	const char *file = is_v1(a, CG_MEMORY) ? "memory.usage_in_bytes"
					       : "memory.current";
	uint64_t usage;
	int dir_fd;

	if (!res->memory.check_before_update)
		return 0;
	dir_fd = dir_of(a, CG_MEMORY);
	if (dir_fd < 0 || cg_read_u64(dir_fd, file, &usage) < 0)
		return 0; /* nothing counts yet */
	return cg_memory_check(res, usage, err);
}

/* What the driver writes by itself may be rounded: hull's own come last. */
static int tell_driver(struct apply *a, struct err *err)
{
	const struct cg_driver *driver = cg_driver(a->place->manager);
	int rc;

	if (!driver || !driver->set || !a->plan.first)
		return 0;
	rc = driver->set(a->place, &a->plan, err);
	if (rc < 0)
		return rc;
	a->told = true;
	a->remember = false;
	rc = write_all(a, err);
	a->remember = true;
	return rc;
}

static int apply_run(struct apply *a, const struct spec_resources *res,
		     bool update, struct err *err)
{
	int rc = cg_plan_all(&a->plan, res, a->place->v1_mask, err);

	keep_part(a);
	if (a->plan.weightless && a->part != PART_LATE)
		log_warn("%s: unable to apply both a weight and cpu.idle: an "
			 "idle cgroup has no weight",
			 a->plan.weightless);
	if (!rc)
		rc = check_memory(a, res, err);
	if (!rc)
		rc = write_all(a, err);
	if (!rc && update)
		rc = tell_driver(a, err);
	if (!rc && update && res->devices_set)
		rc = cg_devices_apply(a->cg_fd, res, err);
	if (rc < 0 && a->remember)
		rollback(a);
	return rc;
}

static void apply_begin(struct apply *a, bool update)
{
	cg_plan_init(&a->plan, update ? a->cg_fd : -1);
	for (size_t i = 0; i < CG_CTRLS; i++)
		a->v1_fds[i] = -1;
}

static void apply_end(struct apply *a)
{
	for (size_t i = 0; i < CG_CTRLS; i++)
		auto_close_fd(&a->v1_fds[i]);
	cg_plan_release(&a->plan);
}

static int apply(struct apply *a, const struct spec_resources *res, bool update,
		 struct err *err)
{
	static const struct spec_resources none;
	int rc;

	apply_begin(a, update);
	rc = apply_run(a, res ? res : &none, update, err);
	apply_end(a);
	return rc;
}

struct cg_update {
	struct apply apply;
};

int cg_update_begin(int cg_fd, const struct cg_place *place,
		    const struct spec_resources *res, struct cg_update **out,
		    struct err *err)
{
	struct cg_update *u = malloc(sizeof(*u));
	int rc;

	if (!u)
		return err_set(err, -ENOMEM, "out of memory");
	u->apply = (struct apply){
		.cg_fd = cg_fd,
		.place = place,
		.remember = true,
		.part = PART_ALL,
	};
	apply_begin(&u->apply, true);
	rc = apply_run(&u->apply, res, true, err);
	if (rc < 0)
		cg_update_end(u, true);
	else
		*out = u;
	return rc;
}

void cg_update_end(struct cg_update *update, bool keep)
{
	if (!keep)
		rollback(&update->apply);
	apply_end(&update->apply);
	free(update);
}

int cg_apply(int cg_fd, const struct cg_place *place,
	     const struct spec_resources *res, bool update, struct err *err)
{
	const struct cg_driver *driver = cg_driver(place->manager);
	struct apply a = {
		.cg_fd = cg_fd,
		.place = place,
		.remember = update,
		.part = !update && driver && driver->settle ? PART_EARLY
							    : PART_ALL,
	};

	return apply(&a, res, update, err);
}

int cg_apply_late(int cg_fd, const struct cg_place *place,
		  const struct spec_resources *res, struct err *err)
{
	struct apply a = {
		.cg_fd = cg_fd,
		.place = place,
		.part = PART_LATE,
	};

	return apply(&a, res, false, err);
}
