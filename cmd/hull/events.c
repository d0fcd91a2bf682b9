/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/json/json.h"
#include "base/log.h"
#include "base/str.h"
#include "cmd/hull/cmd.h"
#include "cmd/hull/print.h"

#define WAIT_MAX_MS (1000 * 1000)

/* The notice may come before the kernel has counted what it is about. */
#define OOM_LOOKS 10
#define OOM_LOOK_MS 50

struct events_args {
	uint64_t interval_ms;
	bool stats;
};

static const struct events_args defaults = { .interval_ms = 5000 };

/* clang-format off */
static const struct opt rows[] = {
	{ "interval", 0, OPT_MS, "DURATION",
	  "time between two lines of statistics (default: 5s)",
	  offsetof(struct events_args, interval_ms) },
	{ "stats", 0, OPT_SWITCH, NULL, "print the statistics once",
	  offsetof(struct events_args, stats) },
};
/* clang-format on */

struct watch {
	const struct call *call;
	const char *id;
	int oom_fd;
	int exit_fd;
	uint64_t oom_count;
	unsigned int oom_looks; /* yet to be taken at the counters */
	bool is_vm;
	uint64_t interval_ms;
	uint64_t next_ms; /* of the monotonic clock */
};

static int print_event(const char *type, const char *id, const char *data,
		       struct err *err)
{
	auto_strbuf struct strbuf out = STRBUF_INIT;
	struct json_gen g;

	json_gen_init(&g, &out, false);
	json_gen_object(&g, NULL);
	json_gen_str(&g, "type", type);
	json_gen_str(&g, "id", id);
	if (data)
		json_gen_raw(&g, "data", data, strlen(data));
	json_gen_end_object(&g);
	strbuf_add(&out, "\n");
	return print_out(&out, err);
}

static int print_stats(const struct call *call, const char *id, struct err *err)
{
	auto_free char *json = NULL;
	int rc = hull_stats(&call->ctx, id, &json, err);

	return rc < 0 ? rc : print_event("stats", id, json, err);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static bool has_ended(const struct watch *w)
{
	struct pollfd fd = { .fd = w->exit_fd, .events = POLLIN };

	return poll(&fd, 1, 0) > 0 && fd.revents;
}

/* One event for each look at counters that have grown. */
static int look_for_oom(struct watch *w, struct err *err)
{
	uint64_t count = 0;

	if (w->oom_looks)
		w->oom_looks--;
	if (hull_oom_kills(&w->call->ctx, w->id, &count, NULL) < 0 ||
	    count <= w->oom_count)
		return 0;
	w->oom_count = count;
	w->oom_looks = 0;
	return print_event("oom", w->id, NULL, err);
}

/*
 * The next line of statistics is due. A container that ends meanwhile is no
 * error: the loop sees that next.
 */
static int tick(struct watch *w, struct err *err)
{
	auto_free char *json = NULL;
	struct err why = { 0 };
	uint64_t now = now_ms();

	if (w->is_vm)
		w->oom_looks = 1; /* nobody sends a notice of a guest's */
	w->next_ms += w->interval_ms;
	if (w->next_ms <= now) /* stopped or suspended for a while */
		w->next_ms = now + w->interval_ms;
	if (hull_stats(&w->call->ctx, w->id, &json, &why) == 0)
		return print_event("stats", w->id, json, err);
	if (!has_ended(w))
		log_warn("statistics of %s: %s", w->id, why.msg);
	return 0;
}

static void drain(int fd)
{
	char buf[4096];

	if (read(fd, buf, sizeof(buf)) < 0 && errno != EAGAIN)
		log_debug("read of OOM events: %s", err_text(errno));
}

static int wait_ms(const struct watch *w)
{
	uint64_t now = now_ms(), ms = 0;

	if (w->next_ms > now)
		ms = w->next_ms - now;
	if (w->oom_looks && ms > OOM_LOOK_MS)
		ms = OOM_LOOK_MS;
	return ms < WAIT_MAX_MS ? (int)ms : WAIT_MAX_MS;
}

static int loop(struct watch *w, struct err *err)
{
	struct pollfd fds[] = {
		{ .fd = w->exit_fd, .events = POLLIN },
		{ .fd = w->oom_fd, .events = POLLIN },
	};
	int rc = 0;

	w->next_ms = now_ms() + w->interval_ms;
	while (rc == 0) {
		if (poll(fds, ARRAY_SIZE(fds), wait_ms(w)) < 0) {
			if (errno == EINTR)
				continue;
			return err_sys(err, "cannot wait for events");
		}
		if (fds[1].revents & POLLIN) {
			drain(w->oom_fd);
			w->oom_looks = OOM_LOOKS;
		} else if (fds[1].revents) {
			fds[1].fd = -1; /* the cgroup is gone */
		}
		if (fds[0].revents || w->oom_looks)
			rc = look_for_oom(w, err);
		if (rc == 0 && fds[0].revents)
			return 0;
		if (rc == 0 && now_ms() >= w->next_ms)
			rc = tick(w, err);
	}
	return rc;
}

static int follow(const struct call *call, const char *id, bool is_vm,
		  uint64_t interval_ms, struct err *err)
{
	struct watch w = {
		.call = call,
		.id = id,
		.is_vm = is_vm,
		.oom_fd = -1,
		.exit_fd = -1,
		.interval_ms = interval_ms,
	};
	auto_fd int oom_fd = -1, exit_fd = -1;
	int rc;

	rc = hull_watch(&call->ctx, id, &oom_fd, &exit_fd, err);
	if (rc < 0)
		return rc;
	w.oom_fd = oom_fd;
	w.exit_fd = exit_fd;
	/* kills before now are no events */
	if (hull_oom_kills(&call->ctx, id, &w.oom_count, NULL) < 0)
		w.oom_count = 0;
	return loop(&w, err);
}

static int run_events(const struct call *call, const void *values,
		      struct err *err)
{
	const struct events_args *args = values;
	const char *id = call->args[0];
	struct hull_state state = { 0 };
	bool stopped, is_vm;
	int rc;

	if (!args->interval_ms)
		return err_set(err, -EINVAL,
			       "duration interval must be greater than 0");
	rc = hull_state_get(&call->ctx, id, &state, err);
	if (rc < 0)
		return rc;
	stopped = state.status == HULL_STOPPED;
	is_vm = !strcmp(state.isolation, "vm");
	hull_state_release(&state);
	if (stopped)
		return err_set(err, -ESRCH,
			       "container with id %s is not running", id);
	if (args->stats)
		return print_stats(call, id, err);
	return follow(call, id, is_vm, args->interval_ms, err);
}

const struct cmd cmd_events = {
	.name = "events",
	.args = "<container-id>",
	.summary = "print statistics and OOM kills of a container as they come",
	.about = "One JSON object in a line. Ends when the container ends.\n",
	.opts = { OPT_SET(rows) },
	.values_size = sizeof(struct events_args),
	.defaults = &defaults,
	.min_args = 1,
	.max_args = 1,
	.run = run_events,
};
