/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull/ps_vm.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json/json.h"
#include "base/str.h"
#include "cmd/hull/print.h"

/* The guest's text goes to somebody's terminal: printable characters only. */

enum { COL_PID, COL_UID, COL_STATE, COL_COMMAND, COLS };

static void clean(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || (unsigned char)*s >= 0x7f)
			*s = '?';
}

static const char *number(struct arena *arena, const struct json *v)
{
	return v && v->type == JSON_NUMBER
		       ? arena_printf(arena, "%.20s", v->text)
		       : "?";
}

static const char *text(struct arena *arena, const struct json *v)
{
	char *s;

	if (!v || v->type != JSON_STRING)
		return "?";
	s = arena_strndup(arena, v->text, strlen(v->text));
	if (s)
		clean(s);
	return s;
}

/* What it was called with; a kernel thread has its name alone. */
static const char *command(struct arena *arena, const struct json *p)
{
	auto_strbuf struct strbuf all = STRBUF_INIT;
	const struct json *args = json_get(p, "args");
	const struct json *v = args ? args->child : NULL;

	if (!v)
		return text(arena, json_get(p, "comm"));
	for (; v; v = v->next) {
		if (all.len)
			strbuf_add(&all, " ");
		strbuf_add(&all, v->type == JSON_STRING ? v->text : "?");
	}
	if (!strbuf_ok(&all))
		return NULL;
	if (all.s)
		clean(all.s);
	return arena_strndup(arena, all.s ? all.s : "", all.len);
}

int ps_vm_print(const char *json, struct err *err)
{
	static const char *const titles[COLS] = { "PID", "UID", "STATE",
						  "COMMAND" };
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf out = STRBUF_INIT;
	const struct json *list = json_parse(&arena, json, strlen(json), err);
	const char **row, **cells;

	if (!list)
		return -EINVAL;
	cells = arena_array(&arena, (list->count + 1) * COLS, sizeof(*cells));
	if (!cells)
		return err_set(err, -ENOMEM, "out of memory");
	memcpy(cells, titles, sizeof(titles));
	row = cells + COLS;
	for (const struct json *p = list->child; p; p = p->next, row += COLS) {
		row[COL_PID] = number(&arena, json_get(p, "pid"));
		row[COL_UID] = number(&arena, json_get(p, "uid"));
		row[COL_STATE] = text(&arena, json_get(p, "state"));
		row[COL_COMMAND] = command(&arena, p);
		for (int i = 0; i < COLS; i++)
			if (!row[i])
				return err_set(err, -ENOMEM, "out of memory");
	}
	print_table(&out, cells, COLS, list->count + 1);
	return print_out(&out, err);
}
