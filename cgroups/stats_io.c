/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/json/json.h"
#include "base/num.h"
#include "cgroups/internal.h"
#include "cgroups/stats.h"

/**
 * struct table - one array of the blkio object, begun with its first entry:
 * an empty one is left out.
 */
struct table {
	struct json_gen *gen;
	const char *key;
	bool begun;
};

struct entry {
	unsigned major, minor;
	const char *op;
	uint64_t value;
};

static void table_add(struct table *t, const struct entry *e)
{
	if (!t->begun)
		json_gen_array(t->gen, t->key);
	t->begun = true;
	json_gen_object(t->gen, NULL);
	cg_gen_nonzero(t->gen, "major", e->major);
	cg_gen_nonzero(t->gen, "minor", e->minor);
	if (*e->op)
		json_gen_str(t->gen, "op", e->op);
	cg_gen_nonzero(t->gen, "value", e->value);
	json_gen_end_object(t->gen);
}

static void table_end(struct table *t)
{
	if (t->begun)
		json_gen_end_array(t->gen);
}

/* ---- io.stat: "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0" */

/* clang-format off */
static const struct io_member {
	const char *table;
	const char *member;
	const char *op;
} io_members[] = {
	{ "ioServiceBytesRecursive", "rbytes=", "Read" },
	{ "ioServiceBytesRecursive", "wbytes=", "Write" },
	{ "ioServicedRecursive",     "rios=",   "Read" },
	{ "ioServicedRecursive",     "wios=",   "Write" },
};
/* clang-format on */

static bool io_value(const char *line, size_t len, const char *member,
		     uint64_t *out)
{
	size_t name_len = strlen(member);

	for (size_t i = 0; i + name_len < len; i++) {
		char value[32];
		size_t n;

		if (line[i] != ' ' || strncmp(line + i + 1, member, name_len))
			continue;
		n = strcspn(line + i + 1 + name_len, " \n");
		if (n >= sizeof(value))
			return false;
		memcpy(value, line + i + 1 + name_len, n);
		value[n] = '\0';
		return !num_u64(value, out);
	}
	return false;
}

static void io_line(struct table *t, const char *line, size_t len)
{
	struct entry e;

	if (sscanf(line, "%u:%u", &e.major, &e.minor) != 2)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(io_members); i++) {
		if (strcmp(io_members[i].table, t->key))
			continue;
		e.op = io_members[i].op;
		if (io_value(line, len, io_members[i].member, &e.value))
			table_add(t, &e);
	}
}

static void io_table(struct json_gen *gen, const char *key, const char *text)
{
	struct table t = { .gen = gen, .key = key };

	while (*text) {
		size_t len = strcspn(text, "\n");

		io_line(&t, text, len);
		text += len;
		text += *text == '\n';
	}
	table_end(&t);
}

void cg_gen_io_stat(struct json_gen *gen, const char *text)
{
	io_table(gen, "ioServiceBytesRecursive", text);
	io_table(gen, "ioServicedRecursive", text);
}

/* ---- v1: "8:0 Read 123", or "8:0 123" */

/* clang-format off */
static const struct blkio_file {
	const char *table;
	const char *files[4]; /* the first that exists */
} blkio_files[] = {
	{ "ioServiceBytesRecursive", { "blkio.bfq.io_service_bytes_recursive",
				       "blkio.io_service_bytes_recursive",
				       "blkio.throttle.io_service_bytes_recursive",
				       "blkio.throttle.io_service_bytes" } },
	{ "ioServicedRecursive",     { "blkio.bfq.io_serviced_recursive",
				       "blkio.io_serviced_recursive",
				       "blkio.throttle.io_serviced_recursive",
				       "blkio.throttle.io_serviced" } },
	{ "ioQueueRecursive",        { "blkio.bfq.io_queued_recursive",
				       "blkio.io_queued_recursive" } },
	{ "ioServiceTimeRecursive",  { "blkio.bfq.io_service_time_recursive",
				       "blkio.io_service_time_recursive" } },
	{ "ioWaitTimeRecursive",     { "blkio.bfq.io_wait_time_recursive",
				       "blkio.io_wait_time_recursive" } },
	{ "ioMergedRecursive",       { "blkio.bfq.io_merged_recursive",
				       "blkio.io_merged_recursive" } },
	{ "ioTimeRecursive",         { "blkio.bfq.time_recursive",
				       "blkio.time_recursive" } },
	{ "sectorsRecursive",        { "blkio.bfq.sectors_recursive",
				       "blkio.sectors_recursive" } },
};
/* clang-format on */

static void blkio_line(struct table *t, const char *line)
{
	struct entry e;
	char op[16] = "", value[32];

	if (sscanf(line, "%u:%u %15[A-Za-z] %31[0-9]", &e.major, &e.minor, op,
		   value) != 4) {
		*op = '\0';
		if (sscanf(line, "%u:%u %31[0-9]", &e.major, &e.minor, value) !=
		    3)
			return; /* "Total 0" */
	}
	e.op = op;
	if (!num_u64(value, &e.value))
		table_add(t, &e);
}

static void blkio_table(struct json_gen *gen, const char *key, char *text)
{
	struct table t = { .gen = gen, .key = key };
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		blkio_line(&t, line);
	table_end(&t);
}

void cg_gen_blkio_v1(struct json_gen *gen, int dir_fd)
{
	for (size_t i = 0; i < ARRAY_SIZE(blkio_files); i++) {
		const struct blkio_file *row = &blkio_files[i];

		for (size_t f = 0; f < 4 && row->files[f]; f++) {
			auto_free char *text = NULL;

			if (cg_read_all(dir_fd, row->files[f], &text) < 0)
				continue;
			blkio_table(gen, row->table, text);
			/* an empty BFQ table: another scheduler counts */
			if (strchr(text, ':'))
				break;
		}
	}
}
