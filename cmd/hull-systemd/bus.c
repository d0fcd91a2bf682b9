/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull-systemd/bus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* org.freedesktop.systemd1(5). Each call has a limit of its own, and the whole
 * program an alarm: see main.c. */

#define DEST "org.freedesktop.systemd1"
#define PATH "/org/freedesktop/systemd1"
#define MANAGER DEST ".Manager"
#define CALL_USEC (10 * 1000000ull)
#define JOB_USEC (20 * 1000000ull)
#define EXISTS_TRIES 20 /* of 100 ms: the unit before is being unloaded */

#define auto_error __attribute__((cleanup(sd_bus_error_free)))
#define auto_message __attribute__((cleanup(sd_bus_message_unrefp)))

static int fail(struct manager *m, int rc, const char *what,
		const sd_bus_error *error)
{
	const char *why =
		error && error->message ? error->message : strerror(-rc);

	snprintf(m->text, sizeof(m->text), "%s: %s", what, why);
	return rc;
}

/* Where no message bus runs systemd still has a socket of its own. */
static int open_private(sd_bus **bus, bool user)
{
	const char *dir = user ? getenv("XDG_RUNTIME_DIR") : "/run";
	char address[512];
	int len, rc;

	if (!dir || !*dir)
		return -ENOENT;
	len = snprintf(address, sizeof(address), "unix:path=%s/systemd/private",
		       dir);
	if (len < 0 || (size_t)len >= sizeof(address))
		return -ENAMETOOLONG;
	rc = sd_bus_new(bus);
	if (rc >= 0)
		rc = sd_bus_set_address(*bus, address);
	if (rc >= 0)
		rc = sd_bus_start(*bus);
	if (rc < 0)
		*bus = sd_bus_unref(*bus);
	return rc;
}

int manager_open(struct manager *m, bool user)
{
	auto_error sd_bus_error error = SD_BUS_ERROR_NULL;
	char *version = NULL;
	int rc;

	rc = user ? sd_bus_open_user(&m->bus) : sd_bus_open_system(&m->bus);
	if (rc < 0 && open_private(&m->bus, user) < 0)
		return fail(m, rc,
			    user ? "cannot connect to the user's systemd"
				 : "cannot connect to systemd",
			    NULL);
	sd_bus_set_method_call_timeout(m->bus, CALL_USEC);
	rc = sd_bus_get_property_string(m->bus, DEST, PATH, MANAGER, "Version",
					&error, &version);
	if (rc < 0)
		return fail(m, rc, "systemd does not answer", &error);
	m->version = (unsigned)strtoul(version + strcspn(version, "0123456789"),
				       NULL, 10);
	free(version);
	return 0;
}

void manager_close(struct manager *m)
{
	m->bus = sd_bus_flush_close_unref(m->bus);
}

int manager_root(struct manager *m, char *buf, size_t size)
{
	auto_error sd_bus_error error = SD_BUS_ERROR_NULL;
	char *root = NULL;
	int rc;

	rc = sd_bus_get_property_string(m->bus, DEST, PATH, MANAGER,
					"ControlGroup", &error, &root);
	if (rc < 0)
		return fail(m, rc, "cannot ask for systemd's cgroup", &error);
	snprintf(buf, size, "%s", root);
	free(root);
	return 0;
}

static int append_props(struct manager *m, sd_bus_message *msg,
			const struct prop *props, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int rc;

		if (m->version < props[i].since)
			continue; /* its file is written by hull all the same */
		rc = prop_append(msg, &props[i]);
		if (rc < 0)
			return fail(m, rc, props[i].name, NULL);
	}
	return 0;
}

/* ---- jobs */

struct job {
	const char *path;
	char result[32];
};

static int on_removed(sd_bus_message *msg, void *data, sd_bus_error *error)
{
	const char *path, *result;
	struct job *job = data;

	(void)error;
	if (sd_bus_message_read(msg, "uoss", NULL, &path, NULL, &result) < 0 ||
	    !job->path || strcmp(path, job->path) != 0)
		return 0;
	snprintf(job->result, sizeof(job->result), "%s", result);
	return 0;
}

static uint64_t now_usec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static int wait_job(struct manager *m, struct job *job)
{
	uint64_t end = now_usec() + JOB_USEC;

	while (!job->result[0]) {
		uint64_t now = now_usec();
		int rc = sd_bus_process(m->bus, NULL);

		if (!rc && now >= end)
			return fail(m, -ETIMEDOUT, "systemd's job", NULL);
		if (!rc)
			rc = sd_bus_wait(m->bus, end - now);
		if (rc < 0 && rc != -EINTR)
			return fail(m, rc, "systemd's job", NULL);
	}
	if (strcmp(job->result, "done") != 0) {
		snprintf(m->text, sizeof(m->text), "systemd's job: %s",
			 job->result);
		return -EIO;
	}
	return 0;
}

/* The job's end is a signal: who asks for it must listen before. */
static int listen_jobs(struct manager *m, struct job *job, sd_bus_slot **slot)
{
	auto_error sd_bus_error error = SD_BUS_ERROR_NULL;
	int rc;

	rc = sd_bus_match_signal(m->bus, slot, DEST, PATH, MANAGER,
				 "JobRemoved", on_removed, job);
	if (rc >= 0)
		rc = sd_bus_call_method(m->bus, DEST, PATH, MANAGER,
					"Subscribe", &error, NULL, "");
	return rc < 0 ? fail(m, rc, "cannot listen to systemd", &error) : 0;
}

/* ---- start */

static int start_message(struct manager *m, sd_bus_message **msg,
			 const struct scope *scope)
{
	int rc;

	rc = sd_bus_message_new_method_call(m->bus, msg, DEST, PATH, MANAGER,
					    "StartTransientUnit");
	if (rc >= 0)
		rc = sd_bus_message_append(*msg, "ss", scope->unit, "fail");
	if (rc >= 0)
		rc = sd_bus_message_open_container(*msg, 'a', "(sv)");
	if (rc >= 0)
		rc = sd_bus_message_append(*msg, "(sv)", "PIDs", "au", 1,
					   (uint32_t)scope->pid);
	if (rc < 0)
		return fail(m, rc, "StartTransientUnit", NULL);
	rc = append_props(m, *msg, scope->props, scope->count);
	if (rc < 0)
		return rc;
	rc = sd_bus_message_close_container(*msg);
	if (rc >= 0)
		rc = sd_bus_message_append(*msg, "a(sa(sv))", 0);
	return rc < 0 ? fail(m, rc, "StartTransientUnit", NULL) : 0;
}

static void reset_failed(struct manager *m, const char *unit)
{
	sd_bus_call_method(m->bus, DEST, PATH, MANAGER, "ResetFailedUnit", NULL,
			   NULL, "s", unit);
}

/* Return: 0 with the job's path in @reply, -EEXIST, or -errno. */
static int try_start(struct manager *m, const struct scope *scope,
		     sd_bus_message **reply)
{
	auto_error sd_bus_error error = SD_BUS_ERROR_NULL;
	auto_message sd_bus_message *msg = NULL;
	int rc;

	rc = start_message(m, &msg, scope);
	if (rc < 0)
		return rc;
	rc = sd_bus_call(m->bus, msg, 0, &error, reply);
	if (rc >= 0)
		return 0;
	fail(m, rc, "cannot start the scope", &error);
	return sd_bus_error_has_name(&error, DEST ".UnitExists") ? -EEXIST : rc;
}

static int get_cgroup(struct manager *m, const char *unit, char *buf,
		      size_t size)
{
	auto_error sd_bus_error error = SD_BUS_ERROR_NULL;
	char *path = NULL, *cgroup = NULL;
	int rc;

	rc = sd_bus_path_encode(PATH "/unit", unit, &path);
	if (rc >= 0)
		rc = sd_bus_get_property_string(m->bus, DEST, path,
						DEST ".Scope", "ControlGroup",
						&error, &cgroup);
	free(path);
	if (rc < 0)
		return fail(m, rc, "cannot ask for the scope's cgroup", &error);
	snprintf(buf, size, "%s", cgroup);
	free(cgroup);
	return 0;
}

int unit_start(struct manager *m, const struct scope *scope, char *cgroup,
	       size_t size)
{
	const struct timespec step = { .tv_nsec = 100 * 1000000 };
	auto_message sd_bus_message *reply = NULL;
	struct job job = { 0 };
	sd_bus_slot *slot = NULL;
	int rc = listen_jobs(m, &job, &slot);

	if (rc < 0)
		return rc;
	rc = try_start(m, scope, &reply);
	for (int i = 0; rc == -EEXIST && i < EXISTS_TRIES; i++) {
		reset_failed(m, scope->unit);
		nanosleep(&step, NULL);
		rc = try_start(m, scope, &reply);
	}
	if (!rc && sd_bus_message_read(reply, "o", &job.path) < 0)
		rc = fail(m, -EBADMSG, "StartTransientUnit", NULL);
	if (!rc)
		rc = wait_job(m, &job);
	if (!rc)
		rc = get_cgroup(m, scope->unit, cgroup, size);
	sd_bus_slot_unref(slot);
	return rc;
}

/* ---- change and end */

int unit_set(struct manager *m, const char *unit, const struct prop *props,
	     size_t count)
{
	auto_error sd_bus_error error = SD_BUS_ERROR_NULL;
	auto_message sd_bus_message *msg = NULL;
	char cgroup[1024];
	int rc;

	if (!count)
		return 0;
	rc = sd_bus_message_new_method_call(m->bus, &msg, DEST, PATH, MANAGER,
					    "SetUnitProperties");
	if (rc >= 0)
		rc = sd_bus_message_append(msg, "sb", unit, 1);
	if (rc >= 0)
		rc = sd_bus_message_open_container(msg, 'a', "(sv)");
	if (rc < 0)
		return fail(m, rc, "SetUnitProperties", NULL);
	rc = append_props(m, msg, props, count);
	if (rc < 0)
		return rc;
	rc = sd_bus_message_close_container(msg);
	if (rc >= 0)
		rc = sd_bus_call(m->bus, msg, 0, &error, NULL);
	if (rc < 0)
		return fail(m, rc, "cannot change the scope", &error);
	/* cgroup files are written between two messages: once the next one is
	 * answered they have the values, and hull's own writes come last */
	return get_cgroup(m, unit, cgroup, sizeof(cgroup));
}

int unit_attach(struct manager *m, const char *unit, pid_t pid)
{
	auto_error sd_bus_error error = SD_BUS_ERROR_NULL;
	int rc;

	rc = sd_bus_call_method(m->bus, DEST, PATH, MANAGER,
				"AttachProcessesToUnit", &error, NULL, "ssau",
				unit, "", 1, (uint32_t)pid);
	return rc < 0 ? fail(m, rc, "cannot put the process into the scope",
			     &error)
		      : 0;
}

int unit_stop(struct manager *m, const char *unit)
{
	auto_error sd_bus_error error = SD_BUS_ERROR_NULL;
	auto_message sd_bus_message *reply = NULL;
	struct job job = { 0 };
	sd_bus_slot *slot = NULL;
	int rc = listen_jobs(m, &job, &slot);

	if (rc < 0)
		return rc;
	rc = sd_bus_call_method(m->bus, DEST, PATH, MANAGER, "StopUnit", &error,
				&reply, "ss", unit, "replace");
	if (rc < 0 && sd_bus_error_has_name(&error, DEST ".NoSuchUnit"))
		rc = 0;
	else if (rc < 0)
		rc = fail(m, rc, "cannot stop the scope", &error);
	else if (sd_bus_message_read(reply, "o", &job.path) < 0)
		rc = fail(m, -EBADMSG, "StopUnit", NULL);
	else
		rc = wait_job(m, &job);
	reset_failed(m, unit);
	sd_bus_slot_unref(slot);
	return rc;
}
