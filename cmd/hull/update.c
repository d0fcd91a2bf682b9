/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/json/json.h"
#include "base/num.h"
#include "base/str.h"
#include "cmd/hull/cmd.h"
#include "cmd/hull/file.h"

enum limit {
	BLKIO_WEIGHT,
	CPU_SHARE,
	CPU_QUOTA,
	CPU_PERIOD,
	CPU_BURST,
	CPU_IDLE,
	CPU_RT_RUNTIME,
	CPU_RT_PERIOD,
	CPUSET_CPUS,
	CPUSET_MEMS,
	MEMORY,
	MEMORY_RESERVATION,
	MEMORY_SWAP,
	PIDS_LIMIT,
	LIMITS
};

struct update_args {
	const char *resources;
	const char *limits[LIMITS]; /* as given; NULL or "": leave as it is */
};

#define AT(member) offsetof(struct update_args, member)

/* clang-format off */
static const struct opt rows[] = {
	{ "resources", 'r', OPT_TEXT, "FILE",
	  "take the limits from FILE (-: standard input), a JSON object as "
	  "config.json's linux.resources, and ignore the other options",
	  AT(resources) },
	{ "blkio-weight", 0, OPT_TEXT, "N",
	  "weight among others for block devices, 10 to 1000",
	  AT(limits[BLKIO_WEIGHT]) },
	{ "cpu-share", 0, OPT_TEXT, "N", "weight among others for CPU time",
	  AT(limits[CPU_SHARE]) },
	{ "cpu-quota", 0, OPT_TEXT, "USEC",
	  "CPU time allowed in a period; -1: no limit",
	  AT(limits[CPU_QUOTA]) },
	{ "cpu-period", 0, OPT_TEXT, "USEC", "length of that period",
	  AT(limits[CPU_PERIOD]) },
	{ "cpu-burst", 0, OPT_TEXT, "USEC",
	  "unused CPU time that may be saved up for later periods",
	  AT(limits[CPU_BURST]) },
	{ "cpu-idle", 0, OPT_TEXT, "0|1",
	  "1: run only when nothing else wants the CPU",
	  AT(limits[CPU_IDLE]) },
	{ "cpu-rt-runtime", 0, OPT_TEXT, "USEC",
	  "realtime CPU time allowed in a period",
	  AT(limits[CPU_RT_RUNTIME]) },
	{ "cpu-rt-period", 0, OPT_TEXT, "USEC", "length of that period",
	  AT(limits[CPU_RT_PERIOD]) },
	{ "cpuset-cpus", 0, OPT_TEXT, "LIST", "CPUs to run on, as in 0-2,4",
	  AT(limits[CPUSET_CPUS]) },
	{ "cpuset-mems", 0, OPT_TEXT, "LIST", "memory nodes to use",
	  AT(limits[CPUSET_MEMS]) },
	{ "memory", 0, OPT_TEXT, "SIZE",
	  "memory limit in bytes, or with suffix k, m, g; -1: no limit",
	  AT(limits[MEMORY]) },
	{ "memory-reservation", 0, OPT_TEXT, "SIZE",
	  "memory that is spared when the host runs short",
	  AT(limits[MEMORY_RESERVATION]) },
	{ "memory-swap", 0, OPT_TEXT, "SIZE",
	  "limit of memory and swap together; -1: no limit",
	  AT(limits[MEMORY_SWAP]) },
	{ "pids-limit", 0, OPT_TEXT, "N",
	  "number of processes and threads; -1: no limit",
	  AT(limits[PIDS_LIMIT]) },
};

/* One row for --resources, then one for each limit in the order of the enum. */
#define FLAG(limit) (rows[1 + (limit)].name)
_Static_assert(ARRAY_SIZE(rows) == 1 + LIMITS, "a row for each limit");

/* Where each limit stands in linux.resources; members of one object together. */
static const struct member {
	const char *object;
	const char *key;
	enum { KIND_TEXT, KIND_SIGNED, KIND_UNSIGNED, KIND_SIZE } kind;
} members[LIMITS] = {
	[BLKIO_WEIGHT] = { "blockIO", "weight", KIND_UNSIGNED },
	[CPU_SHARE] = { "cpu", "shares", KIND_UNSIGNED },
	[CPU_QUOTA] = { "cpu", "quota", KIND_SIGNED },
	[CPU_PERIOD] = { "cpu", "period", KIND_UNSIGNED },
	[CPU_BURST] = { "cpu", "burst", KIND_UNSIGNED },
	[CPU_IDLE] = { "cpu", "idle", KIND_SIGNED },
	[CPU_RT_RUNTIME] = { "cpu", "realtimeRuntime", KIND_SIGNED },
	[CPU_RT_PERIOD] = { "cpu", "realtimePeriod", KIND_UNSIGNED },
	[CPUSET_CPUS] = { "cpu", "cpus", KIND_TEXT },
	[CPUSET_MEMS] = { "cpu", "mems", KIND_TEXT },
	[MEMORY] = { "memory", "limit", KIND_SIZE },
	[MEMORY_RESERVATION] = { "memory", "reservation", KIND_SIZE },
	[MEMORY_SWAP] = { "memory", "swap", KIND_SIZE },
	[PIDS_LIMIT] = { "pids", "limit", KIND_SIGNED },
};
/* clang-format on */

static int add_member(struct json_gen *g, enum limit limit, const char *text,
		      struct err *err)
{
	const struct member *m = &members[limit];
	uint64_t u = 0;
	int64_t i = 0;
	int rc = 0;

	if (m->kind == KIND_UNSIGNED)
		rc = num_u64(text, &u);
	else if (m->kind == KIND_SIGNED)
		rc = num_i64(text, &i);
	else if (m->kind == KIND_SIZE)
		rc = num_size(text, &i);
	if (rc < 0)
		return err_set(err, rc, "invalid value for %s: '%s' is %s",
			       FLAG(limit), text,
			       rc == -ERANGE          ? "out of range"
			       : m->kind == KIND_SIZE ? "no size"
						      : "no whole number");
	if (m->kind == KIND_TEXT)
		json_gen_str(g, m->key, text);
	else if (m->kind == KIND_UNSIGNED)
		json_gen_u64(g, m->key, u);
	else
		json_gen_i64(g, m->key, i);
	return 0;
}

/* Only what was given: a member that is there is a limit to be set. */
static int make_resources(const struct update_args *args, struct strbuf *out,
			  struct err *err)
{
	const char *open = NULL;
	struct json_gen g;
	int rc;

	json_gen_init(&g, out, false);
	json_gen_object(&g, NULL);
	for (enum limit i = 0; i < LIMITS; i++) {
		const char *object = members[i].object;

		if (!args->limits[i] || !args->limits[i][0])
			continue;
		if (open && strcmp(open, object)) {
			json_gen_end_object(&g);
			open = NULL;
		}
		if (!open) {
			json_gen_object(&g, object);
			open = object;
		}
		rc = add_member(&g, i, args->limits[i], err);
		if (rc < 0)
			return rc;
	}
	if (open)
		json_gen_end_object(&g);
	json_gen_end_object(&g);
	return strbuf_ok(out) ? 0 : err_code(err, -ENOMEM, "limits");
}

static int run_update(const struct call *call, const void *values,
		      struct err *err)
{
	const struct update_args *args = values;
	auto_strbuf struct strbuf made = STRBUF_INIT;
	auto_free char *read = NULL;
	size_t len = 0;
	int rc;

	if (args->resources && args->resources[0]) {
		rc = file_read(args->resources, true, &read, &len, err);
	} else {
		rc = make_resources(args, &made, err);
		len = made.len;
	}
	if (rc < 0)
		return rc;
	return hull_update(&call->ctx, call->args[0], read ? read : made.s, len,
			   err);
}

const struct cmd cmd_update = {
	.name = "update",
	.args = "<container-id>",
	.summary = "change the limits of a container",
	.about = "What is not given stays as it is. When one limit cannot be "
		 "set, none is changed.\n",
	.opts = { OPT_SET(rows) },
	.values_size = sizeof(struct update_args),
	.min_args = 1,
	.max_args = 1,
	.run = run_update,
};
