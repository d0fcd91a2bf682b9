/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/auto.h"
#include "base/json/json.h"
#include "base/proc.h"
#include "base/sabotage.h"
#include "base/str.h"
#include "libcontainer/gate.h"
#include "libcontainer/record.h"
#include "libcontainer/statedir.h"
#include "spec/spec.h"

static const char *const status_names[] = {
	[HULL_CREATING] = "creating", [HULL_CREATED] = "created",
	[HULL_RUNNING] = "running",   [HULL_PAUSED] = "paused",
	[HULL_STOPPED] = "stopped",
};

const char *hull_status_name(enum hull_status status)
{
	unsigned int i = status;

	return i < ARRAY_SIZE(status_names) ? status_names[i] : "unknown";
}

/*
 * A zombie is dead unless it is a thread group's leader that has left before
 * the other threads: only the pidfd knows.
 */
static bool is_alive(const struct ct_state *st)
{
	auto_fd int pidfd = -1;
	struct proc_stat stat;

	if (st->pid <= 0 || proc_read_stat(st->pid, &stat) < 0 ||
	    (stat.start_time != st->start_time &&
	     !SABOTAGED("status_start_time")))
		return false;
	if (stat.state != 'Z' && stat.state != 'X')
		return true;
	pidfd = proc_open(st->pid, st->start_time);
	return pidfd >= 0 && !proc_is_dead(pidfd);
}

static bool is_frozen(const struct cg_place *place)
{
	auto_fd int cg_fd = -1;

	if (place->manager == CG_MANAGER_DISABLED || !place->path[0])
		return false;
	cg_fd = cg_open(place);
	return cg_fd >= 0 && cg_is_frozen(cg_fd) == 1;
}

/*
 * "started" is saved before the gate is opened, so a gate where somebody waits
 * outweighs it: then `start` was killed in between. Before that, whoever holds
 * the lock is `create` or `run` at work; nobody: it was killed.
 */
static enum hull_status living_status(const struct ct *ct)
{
	bool waiting = gate_is_waiting(ct->dir_fd);

	if (!ct->st.started && (!waiting || statedir_is_held(ct)))
		return HULL_CREATING;
	if (is_frozen(&ct->st.cgroup))
		return HULL_PAUSED;
	return waiting ? HULL_CREATED : HULL_RUNNING;
}

enum hull_status ct_status(struct ct *ct)
{
	if (!ct->st.pid)
		return statedir_is_held(ct) ? HULL_CREATING : HULL_STOPPED;
	if (is_alive(&ct->st))
		return living_status(ct);
	record_end(ct, NULL, false);
	return HULL_STOPPED;
}

int ct_pidfd(const struct ct *ct)
{
	auto_fd int pidfd = -1;

	if (ct->st.pid <= 0)
		return -ESRCH;
	pidfd = proc_open(ct->st.pid, ct->st.start_time);
	if (pidfd < 0)
		return pidfd;
	return proc_is_dead(pidfd) ? -ESRCH : take_fd(&pidfd);
}

static void gen_time(struct json_gen *g, const char *key, int64_t ns)
{
	time_t secs = (time_t)(ns / 1000000000);
	char text[64], full[96];
	struct tm tm;

	if (ns < 0 || !gmtime_r(&secs, &tm))
		return;
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(full, sizeof(full), "%s.%09dZ", text, (int)(ns % 1000000000));
	json_gen_str(g, key, full);
}

static void gen_annotations(struct json_gen *g, const struct ct *ct)
{
	char *const *pair = ct->st.annotations;

	json_gen_object(g, "annotations");
	for (; pair && pair[0]; pair += 2)
		json_gen_str(g, pair[0], pair[1]);
	for (size_t i = 0;
	     !ct->st.annotations && ct->spec && i < ct->spec->annotation_count;
	     i++)
		json_gen_str(g, ct->spec->annotations[i].key,
			     ct->spec->annotations[i].value);
	json_gen_end_object(g);
}

int ct_state_json(const struct ct *ct, enum hull_status status, pid_t pid,
		  char **out)
{
	auto_strbuf struct strbuf text = STRBUF_INIT;
	const struct ct_state *st = &ct->st;
	char owner[16] = "root";
	struct json_gen g;

	if (st->owner)
		snprintf(owner, sizeof(owner), "%u", st->owner);
	json_gen_init(&g, &text, false);
	json_gen_object(&g, NULL);
	json_gen_str(&g, "ociVersion", st->oci_version ? st->oci_version : "");
	json_gen_str(&g, "id", st->id);
	json_gen_str(&g, "status", hull_status_name(status));
	json_gen_i64(&g, "pid", pid);
	json_gen_str(&g, "bundle", st->bundle ? st->bundle : "");
	json_gen_str(&g, "rootfs", st->rootfs ? st->rootfs : "");
	gen_time(&g, "created", st->created_ns);
	json_gen_str(&g, "owner", owner);
	gen_annotations(&g, ct);
	json_gen_end_object(&g);
	if (!strbuf_ok(&text))
		return -ENOMEM;
	*out = take_ptr(&text.s);
	return 0;
}
