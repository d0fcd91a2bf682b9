/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/json/json.h"
#include "base/num.h"
#include "cmd/hull-agent/agent.h"
#include "microvm/proto/proto.h"

#define STATUS_MAX 8192
#define CMDLINE_MAX 4096

/* The value of a line "Key:\tvalue" of /proc/PID/status; @text is cut there. */
static char *status_value(char *text, const char *key)
{
	size_t len = strlen(key);

	for (char *line = text; line && *line;) {
		char *end = strchr(line, '\n');

		if (!strncmp(line, key, len) && line[len] == ':') {
			if (end)
				*end = '\0';
			line += len + 1;
			return line + strspn(line, "\t ");
		}
		line = end ? end + 1 : NULL;
	}
	return NULL;
}

static uint64_t status_number(const char *text, const char *key, bool last)
{
	char copy[STATUS_MAX], *value, *tab;

	snprintf(copy, sizeof(copy), "%s", text);
	value = status_value(copy, key);
	if (!value)
		return 0;
	tab = last ? strrchr(value, '\t') : NULL;
	return strtoull(tab ? tab + 1 : value, NULL, 10);
}

/* Words are separated by NUL bytes there; a process may write what it likes. */
static void add_cmdline(struct json_gen *g, int proc_fd, pid_t pid)
{
	char path[32], text[CMDLINE_MAX + 1];
	auto_fd int fd = -1;
	ssize_t n = 0;

	snprintf(path, sizeof(path), "%d/cmdline", (int)pid);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		n = io_read_full(fd, text, CMDLINE_MAX);
	text[n > 0 ? n : 0] = '\0';
	json_gen_array(g, "args");
	for (char *s = text; s < text + n; s += strlen(s) + 1)
		json_gen_str(g, NULL, s);
	json_gen_end_array(g);
}

static void add_process(struct json_gen *g, int proc_fd, pid_t pid, bool args)
{
	char path[32], text[STATUS_MAX], copy[STATUS_MAX], *value;

	snprintf(path, sizeof(path), "%d/status", (int)pid);
	if (io_read_text(proc_fd, path, text, sizeof(text)) < 0)
		return; /* it has ended meanwhile */
	json_gen_object(g, NULL);
	json_gen_u64(g, "pid", status_number(text, "NSpid", true));
	json_gen_i64(g, "guestPid", pid);
	json_gen_u64(g, "guestPpid", status_number(text, "PPid", false));
	json_gen_u64(g, "uid", status_number(text, "Uid", false));
	memcpy(copy, text, sizeof(copy));
	value = status_value(copy, "State");
	if (value)
		value[strcspn(value, " ")] = '\0';
	json_gen_str(g, "state", value ? value : "?");
	memcpy(copy, text, sizeof(copy));
	value = status_value(copy, "Name");
	json_gen_str(g, "comm", value ? value : "");
	if (args)
		add_cmdline(g, proc_fd, pid);
	json_gen_end_object(g);
}

static int list_processes(const pid_t *pids, size_t count, bool args,
			  struct strbuf *out)
{
	auto_fd int proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct json_gen g;

	if (proc_fd < 0)
		return -errno;
	json_gen_init(&g, out, false);
	json_gen_array(&g, NULL);
	for (size_t i = 0; i < count; i++)
		add_process(&g, proc_fd, pids[i], args);
	json_gen_end_array(&g);
	return strbuf_ok(out) ? 0 : -ENOMEM;
}

static int ps(const struct hull_context *ctx, const char *id, char **json,
	      struct err *err)
{
	auto_free pid_t *pids = NULL;
	auto_strbuf struct strbuf out = STRBUF_INIT;
	size_t count = 0;
	int ret;

	ret = hull_pids(ctx, id, &pids, &count, err);
	if (ret)
		return ret;
	ret = list_processes(pids, count, true, &out);
	/* thousands of processes: their names have to do */
	if (!ret && out.len > PROTO_MAX_REPLY / 2) {
		strbuf_release(&out);
		out = (struct strbuf)STRBUF_INIT;
		ret = list_processes(pids, count, false, &out);
	}
	if (ret)
		return err_code(err, ret, "cannot list the processes");
	*json = take_ptr(&out.s);
	return 0;
}

/* Kills in the guest are no events of the host's cgroup. */
static int stats(const struct hull_context *ctx, const char *id, char **json,
		 struct err *err)
{
	auto_free char *own = NULL;
	char *all = NULL;
	uint64_t kills = 0;
	int ret = hull_stats(ctx, id, &own, err);

	if (ret)
		return ret;
	if (hull_oom_kills(ctx, id, &kills, NULL) || own[0] != '{' ||
	    own[1] != '"') {
		*json = take_ptr(&own);
		return 0;
	}
	if (asprintf(&all, "{\"oom_kills\":%" PRIu64 ",%s", kills, own + 1) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	*json = all;
	return 0;
}

static int query(const struct agent *a, const struct proto_msg *msg,
		 char **json, struct err *err)
{
	struct hull_guest g = session_guest(a);
	struct hull_context ctx = session_context(a, &g);
	auto_free char *id = NULL;
	int ret;

	ret = session_find(a, &id, err);
	if (ret)
		return ret;
	switch (msg->type) {
	case PROTO_PS:
		return ps(&ctx, id, json, err);
	case PROTO_STATS:
		return stats(&ctx, id, json, err);
	default:
		ret = hull_update(&ctx, id, msg->data, msg->len, err);
		if (!ret)
			*json = strdup("{}");
		return ret;
	}
}

int query_serve(const struct agent *a, int fd, const struct proto_msg *msg)
{
	auto_free char *json = NULL;
	struct proto_reply reply = { 0 };
	struct err err = { 0 };
	const char *text;

	reply.code = query(a, msg, &json, &err);
	text = reply.code ? err.msg : json ? json : "{}";
	return proto_send(fd, PROTO_REPLY, &reply, sizeof(reply), text,
			  strlen(text));
}
