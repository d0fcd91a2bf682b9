/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroups/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/proc.h"
#include "cgroups/driver.h"
#include "cgroups/plan.h"
#include "spec/spec.h"

/* ---- which manager */

/* Root of a user namespace only: that of an ordinary user, most likely. */
static bool wants_user(void)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	const char *bus = getenv("DBUS_SESSION_BUS_ADDRESS");

	return geteuid() != 0 ||
	       (proc_in_userns() && ((xdg && *xdg) || (bus && *bus)));
}

static int place(struct cg_place *p, const char *cgroups_path, const char *id,
		 struct err *err)
{
	char root[SD_ANSWER_MAX] = "";
	int rc = 0;

	/* an engine that gives a path has a cgroup of its own delegated to it
	 * (Podman's --cgroups=split): the unit exists already */
	if (cgroups_path && *cgroups_path == '/') {
		p->manager = CG_MANAGER_CGROUPFS;
		return cg_driver_cgroupfs.place(p, cgroups_path, id, err);
	}
	if (p->mode != CG_MODE_UNIFIED)
		return err_set(err, -ENOTSUP,
			       "the systemd cgroup driver needs a host with "
			       "cgroup v2 alone");
	if (!cg_roots_are_fake() && wants_user()) {
		p->manager = CG_MANAGER_SYSTEMD_USER;
		rc = sd_ask(p->manager, "root", NULL, NULL, NULL, root, err);
	}
	return rc < 0 ? rc : sd_place(p, cgroups_path, id, root, err);
}

/* ---- start */

static int make_props(struct sd_props *props, const struct cg_place *p,
		      const struct cg_start *start, struct err *err)
{
	struct cg_plan plan;
	int rc;

	sd_props_base(props, p, start->id);
	cg_plan_init(&plan, -1);
	rc = cg_plan_all(&plan, &start->spec->linux_.resources, 0, err);
	if (!rc)
		sd_props_plan(props, &plan);
	cg_plan_release(&plan);
	if (!rc)
		rc = sd_props_annotations(props, start->spec, err);
	return rc < 0 ? rc : sd_props_status(props, err);
}

static int open_scope(const struct cg_place *p, const char *where,
		      struct err *err)
{
	int fd;

	if (strcmp(where, p->path) != 0)
		return err_set(err, -EIO,
			       "systemd has made cgroup '%s', not '%s'", where,
			       p->path);
	fd = cg_open(p);
	return fd < 0 ? err_code(err, fd, "cannot open cgroup '%s'", p->path)
		      : fd;
}

static int make(const struct cg_place *p, const struct cg_start *start,
		struct cg_hold *hold, struct err *err)
{
	char where[SD_ANSWER_MAX] = "";
	struct sd_props props;
	int rc;

	sd_props_init(&props);
	rc = make_props(&props, p, start, err);
	if (!rc)
		rc = sd_ask_start(hold, p->manager, "start", sd_unit_of(p),
				  NULL, &props, err);
	sd_props_release(&props);
	if (!rc)
		rc = sd_ask_answer(hold, where, err);
	if (!rc)
		rc = open_scope(p, where, err);
	if (rc < 0)
		cg_hold_release(hold); /* and the scope goes with it */
	return rc;
}

/* A unit that systemd is to put a process into by itself: it alone may move one
 * between two branches that are not both the user's. */
static int settle(const struct cg_place *p, struct cg_hold *hold, pid_t pid,
		  struct err *err)
{
	char text[32];
	int rc;

	snprintf(text, sizeof(text), "%d", (int)pid);
	if (hold->fd < 0)
		return pid ? sd_ask(p->manager, "attach", sd_unit_of(p), text,
				    NULL, NULL, err)
			   : 0;
	snprintf(text, sizeof(text), "go %d", (int)pid);
	rc = sd_ask_send(hold, text, err);
	if (!rc)
		rc = sd_ask_answer(hold, NULL, err);
	cg_hold_release(hold);
	return rc;
}

/* ---- change and end */

static int set(const struct cg_place *p, const struct cg_plan *plan,
	       struct err *err)
{
	struct sd_props props;
	int rc;

	sd_props_init(&props);
	sd_props_plan(&props, plan);
	rc = sd_props_status(&props, err);
	if (!rc && props.first)
		rc = sd_ask(p->manager, "set", sd_unit_of(p), NULL, &props,
			    NULL, err);
	sd_props_release(&props);
	return rc;
}

/*
 * An empty scope ends by itself; asked for it ends now, and its name is free
 * when `delete` returns. Without systemd there is nothing to wait for.
 */
static void end(const struct cg_place *p)
{
	struct err why = { 0 };

	if (sd_ask(p->manager, "stop", sd_unit_of(p), NULL, NULL, NULL, &why))
		log_warn("%s", why.msg);
}

const struct cg_driver cg_driver_systemd = {
	.name = "systemd",
	.place = place,
	.make = make,
	.settle = settle,
	.set = set,
	.end = end,
};
