/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/json/json.h"
#include "base/log.h"
#include "base/str.h"
#include "cmd/hull/cmd.h"
#include "cmd/hull/print.h"

struct list_args {
	uint32_t format;
	bool quiet;
};

/* clang-format off */
static const struct opt rows[] = {
	{ "format", 'f', OPT_WORD, FORMAT_WORDS, "format of the list",
	  offsetof(struct list_args, format) },
	{ "quiet", 'q', OPT_SWITCH, NULL, "print ids only",
	  offsetof(struct list_args, quiet) },
};
/* clang-format on */

enum { COL_ID, COL_PID, COL_STATUS, COL_BUNDLE, COL_CREATED, COL_OWNER, COLS };

/* The texts of one row that are not in struct hull_state already. */
struct row_texts {
	char pid[16];
	char created[TIME_TEXT_MAX];
	char owner[OWNER_TEXT_MAX];
};

static void add_ids(struct strbuf *out, const struct hull_state *states,
		    size_t count)
{
	for (size_t i = 0; i < count; i++)
		strbuf_addf(out, "%s\n", states[i].id);
}

static void add_json(struct strbuf *out, const struct hull_state *states,
		     size_t count)
{
	struct json_gen g;

	json_gen_init(&g, out, false);
	if (!count) {
		json_gen_null(&g, NULL); /* what Go makes of an empty list */
	} else {
		json_gen_array(&g, NULL);
		for (size_t i = 0; i < count; i++) {
			json_gen_object(&g, NULL);
			print_state(&g, &states[i]);
			json_gen_end_object(&g);
		}
		json_gen_end_array(&g);
	}
	strbuf_add(out, "\n");
}

static void add_table(struct strbuf *out, const struct hull_state *states,
		      size_t count)
{
	static const char *const titles[COLS] = {
		"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"
	};
	auto_free const char **cells =
		calloc((count + 1) * COLS, sizeof(*cells));
	auto_free struct row_texts *texts = calloc(count + 1, sizeof(*texts));

	if (!cells || !texts) {
		out->failed = true;
		return;
	}
	for (size_t i = 0; i < COLS; i++)
		cells[i] = titles[i];
	for (size_t i = 0; i < count; i++) {
		const struct hull_state *s = &states[i];
		const char **row = cells + (i + 1) * COLS;

		snprintf(texts[i].pid, sizeof(texts[i].pid), "%d", s->pid);
		print_time(texts[i].created, s->created_ns);
		print_owner(texts[i].owner, s->owner);
		row[COL_ID] = s->id;
		row[COL_PID] = texts[i].pid;
		row[COL_STATUS] = hull_status_name(s->status);
		row[COL_BUNDLE] = s->bundle;
		row[COL_CREATED] = texts[i].created;
		row[COL_OWNER] = texts[i].owner;
	}
	print_table(out, cells, COLS, count + 1);
}

/*
 * Broken ones are no rows: callers parse this document. They stay visible to
 * `state` and `delete`.
 */
static size_t drop_broken(struct hull_state *states, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (states[i].problem) {
			log_debug("%s: %s", states[i].id, states[i].problem);
			hull_state_release(&states[i]);
		} else {
			states[kept++] = states[i];
		}
	}
	return kept;
}

/* A mistyped --root is an error; the default one may not exist yet. */
static int check_root(const struct call *call, struct err *err)
{
	auto_dir DIR *dir = NULL;

	if (!call->ctx.root)
		return 0;
	dir = opendir(call->ctx.root);
	return dir ? 0 : err_sys(err, "open %s", call->ctx.root);
}

static int run_list(const struct call *call, const void *values,
		    struct err *err)
{
	const struct list_args *args = values;
	auto_strbuf struct strbuf out = STRBUF_INIT;
	struct hull_state *states = NULL;
	size_t count = 0;
	int rc;

	rc = check_root(call, err);
	if (rc < 0)
		return rc;
	rc = hull_list(&call->ctx, &states, &count, err);
	if (rc < 0)
		return rc;
	count = drop_broken(states, count);
	if (args->quiet)
		add_ids(&out, states, count);
	else if (args->format == FORMAT_JSON)
		add_json(&out, states, count);
	else
		add_table(&out, states, count);
	for (size_t i = 0; i < count; i++)
		hull_state_release(&states[i]);
	free(states);
	return print_out(&out, err);
}

const struct cmd cmd_list = {
	.name = "list",
	.args = "",
	.summary = "list the containers of a state directory (--root)",
	.opts = { OPT_SET(rows) },
	.values_size = sizeof(struct list_args),
	.run = run_list,
};
